"""Text that terminals can print and files can hold, whatever bytes a file name has."""


def printable(text: object) -> str:
    """Text that any terminal prints on one line: what it cannot print becomes a question mark."""
    return "".join(c if c.isprintable() else "?" for c in str(text).encode("utf-8", "replace").decode())


def utf8(text: str) -> str:
    """Text that may hold a file name, with bytes that are not UTF-8 as \\xHH."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
