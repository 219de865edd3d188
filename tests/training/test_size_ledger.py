"""Sizes of files that several processes write: counted at once, once each, whatever is left of a killed process."""

from pathlib import Path

import pytest

from clipselect.training.size_ledger import SizeLedger


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def test_files_are_reserved_while_they_fit(file: Path) -> None:
    ledger = SizeLedger(file)
    assert ledger.reserve("a", 60, 100) and not ledger.reserve("b", 41, 100) and ledger.reserve("b", 40, 100)
    assert not ledger.reserve("c", 1, 100) and ledger.reserve("c", 1, 101)


def test_a_file_counts_once_with_its_last_size(file: Path) -> None:
    ledger = SizeLedger(file)
    for size in (60, 60, 90, 50):
        assert ledger.reserve("a", size, 100)
    assert ledger.reserve("b", 50, 100) and not ledger.reserve("a", 51, 100)
    assert not ledger.reserve("a", 50, 99)  # the limit was lowered


def test_other_processes_see_it_at_once_and_a_later_run_counts_it(file: Path) -> None:
    one, other = SizeLedger(file), SizeLedger(file)
    assert one.reserve("a", 60, 100) and not other.reserve("b", 41, 100)
    assert other.reserve("b", 40, 100) and not one.reserve("c", 1, 100) and one.reserve("b", 40, 100)
    assert not SizeLedger(file).reserve("c", 1, 100)


def test_a_line_that_is_not_whole_yet_is_read_when_it_is(file: Path) -> None:
    ledger = SizeLedger(file)
    file.write_bytes(b"a 6")
    assert ledger.reserve("b", 100, 100)
    file.write_bytes(b"a 60\n")
    assert not ledger.reserve("b", 41, 100) and ledger.reserve("b", 40, 100)


@pytest.mark.parametrize("damage", [b"\n", b"a\n", b"a x\n", b"\xff\xfe 7 8\n", b"\0\0\0\n"])
def test_a_damaged_line_costs_no_more_than_itself(file: Path, damage: bytes) -> None:
    file.write_bytes(b"a 60\n" + damage + b"b 30\n")
    assert not SizeLedger(file).reserve("c", 11, 100)
    assert SizeLedger(file).reserve("c", 2, 100)


def test_a_ledger_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="ledger"):
        SizeLedger(tmp_path / "nowhere" / "ledger").reserve("a", 1, 100)
