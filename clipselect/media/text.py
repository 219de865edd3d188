"""Text that terminals can print and files can hold, whatever bytes a file name has."""


def printable(text: object) -> str:
    """Text that any terminal prints on one line: what it cannot print becomes a question mark.

    >>> printable("two\\nlines")
    'two?lines'
    """
    return "".join(c if c.isprintable() else "?" for c in str(text).encode("utf-8", "replace").decode())


def utf8(text: str) -> str:
    """Text that may hold a file name, with bytes that are not UTF-8 as \\xHH.

    >>> print(utf8("caf\\udce9.mp4"))     # as Python reads a file name of Latin-1
    caf\\xe9.mp4
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
