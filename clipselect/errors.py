"""The two exceptions that callers may want to catch."""


class ClipselectError(Exception):
    """Something the user can put right: one sentence that names the file or argument and the remedy."""


class VideoError(ClipselectError):
    """A video that cannot be read; other videos of the same batch are not affected."""
