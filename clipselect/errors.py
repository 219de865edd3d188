"""The exceptions that callers may want to catch, and the warning they may want to filter."""


class ClipselectError(Exception):
    """Something the user can put right: one sentence that names the file or argument and the remedy."""


class VideoError(ClipselectError):
    """A video that cannot be read; other videos of the same batch are not affected."""


class ImageError(ClipselectError):
    """An image that cannot be read; other images of the same group are not affected."""


class NetworkError(ClipselectError):
    """A base or a DDNet that fails, whatever the video: every other video would meet the same."""


class ClipselectWarning(UserWarning):
    """Something that the user should know and that did not stop the work: one sentence that names the file."""
