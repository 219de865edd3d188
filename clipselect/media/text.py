"""Text that terminals can print and files can hold, whatever bytes a file name has; files that are text."""

import codecs
from collections.abc import Sequence
from pathlib import Path

READ_TO_RECOGNISE = 4096
"""Bytes at the beginning of a file by which text is recognised."""


def printable(text: object) -> str:
    """Text that any terminal prints on one line: what it cannot print becomes a question mark.

    >>> printable("two\\nlines")
    'two?lines'
    """
    return "".join(c if c.isprintable() else "?" for c in str(text).encode("utf-8", "replace").decode())


def count(number: int, noun: str) -> str:
    """
    >>> count(1, "candidate clip"), count(3600, "candidate clip")
    ('1 candidate clip', '3,600 candidate clips')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def enumerated(names: Sequence[str]) -> str:
    """
    >>> enumerated(["dense"]), enumerated(["dense", "motion", "packets"])
    ('dense', 'dense, motion and packets')
    """
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def utf8(text: str) -> str:
    """Text that may hold a file name, with bytes that are not UTF-8 as \\xHH.

    >>> print(utf8("caf\\udce9.mp4"))     # as Python reads a file name of Latin-1
    caf\\xe9.mp4
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_text(path: Path) -> bool:
    """Whether a file that is no video begins as UTF-8 or UTF-16 text does.

    >>> is_text(Path("video.mp4"))
    False
    """
    try:
        with path.open("rb") as file:
            head = file.read(READ_TO_RECOGNISE)
        wide = head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        text = codecs.getincrementaldecoder("utf-16" if wide else "utf-8")().decode(head)
    except (OSError, UnicodeError):
        return False
    return bool(text) and all(c.isprintable() or c.isspace() or c == "\ufeff" for c in text)
