"""Text of any bytes can be printed and written."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.media.text import is_text, printable, utf8


@given(st.binary().map(os.fsdecode) | st.text())
def test_anything_is_printable_on_one_line_and_can_be_encoded(text: str) -> None:
    assert printable(text).isprintable() and len(printable(text).splitlines()) <= 1
    assert utf8(text).encode().decode() == utf8(text)


@given(st.text(st.characters(categories=("L", "N"))))
def test_what_can_be_printed_stays(text: str) -> None:
    assert printable(text) == utf8(text) == text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"root:x:0:0:root\n", True),
        ("käse\t€\r\n".encode(), True),
        ("käse".encode("utf-16"), True),
        ("é".encode() * 4096, True),
        (b"a" + "é".encode() * 4096, True),  # the read bytes end within a letter
        (b"", False),
        (b"\x00\x00\x00\x20ftypisom", False),
        (b"text until\x00here", False),
        (b"caf\xe9 au lait", False),
    ],
)
def test_text_is_recognised_by_its_beginning(content: bytes, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert is_text(tmp_path / "file") is expected
    assert not is_text(tmp_path / "missing") and not is_text(tmp_path)
