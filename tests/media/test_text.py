"""Text of any bytes can be printed and written."""

import os

from hypothesis import given
from hypothesis import strategies as st

from clipselect.media.text import printable, utf8


@given(st.binary().map(os.fsdecode) | st.text())
def test_anything_is_printable_on_one_line_and_can_be_encoded(text: str) -> None:
    assert printable(text).isprintable() and len(printable(text).splitlines()) <= 1
    assert utf8(text).encode().decode() == utf8(text)


@given(st.text(st.characters(categories=("L", "N"))))
def test_what_can_be_printed_stays(text: str) -> None:
    assert printable(text) == utf8(text) == text
