"""Where a training runs: devices, precisions, processes."""

from pathlib import Path

import pytest

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.training.runtime import is_first_process, launch


def test_an_unknown_precision_or_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"^precision must be one of auto, 32, bf16, got 16"):
        launch("cpu", "16", tmp_path / "logs")
    with pytest.raises(ClipselectError, match=r"device must be .* got 'abacus'"):
        launch("abacus", "32", tmp_path / "logs")


def test_one_device_for_several_processes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ArgumentError, match=r"^device cuda:1 is for one process; with torchrun give cuda"):
        launch("cuda:1", "32", tmp_path / "logs")


def test_variables_of_other_launchers_start_no_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")  # it would wait for the other one for ever
    assert launch("cpu", "32", tmp_path / "logs").world_size == 1


def test_the_first_process_of_a_run_is_known_before_it_is_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert is_first_process()  # RANK is another launcher's
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    assert not is_first_process()
    monkeypatch.setenv("RANK", "0")
    assert is_first_process()
