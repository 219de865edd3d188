"""The exceptions that callers may want to catch, and the warning they may want to filter."""


class ClipselectError(Exception):
    """Something the user can put right: one sentence that names the file or argument and the remedy."""


class ArgumentError(ClipselectError):
    """An argument that makes no sense. The command line shows its option instead of the argument's name.

    Attributes:
        argument: its name, such as "clip_duration".
        problem: what is wrong and the remedy, such as "must be a positive number of seconds, got -1".
    """

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(argument, problem)
        self.argument, self.problem = argument, problem

    def __str__(self) -> str:
        return f"{self.argument} {self.problem}"


def check_argument(condition: bool, argument: str, problem: str) -> None:
    """Raise an `ArgumentError` unless the condition holds."""
    if not condition:
        raise ArgumentError(argument, problem)


class VideoError(ClipselectError):
    """A video that cannot be read; other videos of the same batch are not affected."""


class ImageError(ClipselectError):
    """An image that cannot be read; other images of the same group are not affected."""


class MissingFileError(VideoError):
    """A file that a list names and that is not there."""


class NetworkError(ClipselectError):
    """A base or a DDNet that fails, whatever the video: every other video would meet the same."""


class MissingLibraryError(ClipselectError):
    """An optional library that is not installed, too old or broken: the sentence says how to install it."""


class ClipselectWarning(UserWarning):
    """Something that the user should know and that did not stop the work: one sentence that names the file."""
