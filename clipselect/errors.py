"""The exceptions that callers may want to catch, and the warning they may want to filter."""

from numbers import Integral


class ClipselectError(Exception):
    """Something the user can put right: one sentence that names the file or argument and the remedy.

    An error in a worker of a `DataLoader` arrives with the same sentence.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*map(self._without_traceback, args))

    @classmethod
    def _without_traceback(cls, text: object) -> object:
        """The sentence at the end of a worker's traceback, of which torch makes the worker's error again."""
        if isinstance(text, str) and text.startswith(f"Caught {cls.__name__} in "):
            return text.rpartition(f"{cls.__module__}.{cls.__qualname__}: ")[2].strip()
        return text


class ArgumentError(ClipselectError):
    """An argument that makes no sense. The command line shows its option instead of the argument's name.

    Attributes:
        argument: its name, such as "clip_duration".
        problem: what is wrong and the remedy, such as "must be a positive number of seconds, got -1".
    """

    def __init__(self, argument: str, problem: str | None = None) -> None:
        if problem is None:  # one text is both, as torch passes it
            argument, _, problem = str(self._without_traceback(argument)).partition(" ")
        super().__init__(argument, problem)
        self.argument, self.problem = argument, problem

    def __str__(self) -> str:
        return f"{self.argument} {self.problem}"


def check_argument(condition: bool, argument: str, problem: str) -> None:
    """Raise an `ArgumentError` unless the condition holds."""
    if not condition:
        raise ArgumentError(argument, problem)


def whole_number(value: int, argument: str, least: int) -> int:
    """An integer of at least `least`.

    >>> whole_number(5, "k", least=1)
    5
    >>> whole_number(0, "k", least=1)
    Traceback (most recent call last):
    clipselect.errors.ArgumentError: k must be a whole number of at least 1, got 0
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:  # NumPy's integers are Integral
        raise ArgumentError(argument, f"must be a whole number of at least {least}, got {value!r}")
    return int(value)


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


class ArgumentWarning(ClipselectWarning):
    """A warning with an argument for its remedy. The command line shows its option instead of the argument's name.

    Attributes:
        problem: what the user should know, such as "16 videos are left out".
        argument: its name, such as "all_videos".
        remedy: what it does, such as "takes them, too".
    """

    def __init__(self, problem: str, argument: str, remedy: str) -> None:
        super().__init__(problem, argument, remedy)
        self.problem, self.argument, self.remedy = problem, argument, remedy

    def __str__(self) -> str:
        return f"{self.problem}; {self.argument} {self.remedy}"
