"""Runs a command and turns its errors into one sentence on standard error and an exit code."""

import io
import os
import sys
from collections.abc import Callable
from typing import Any

from clipselect.commands.common import option_problem, print_error
from clipselect.errors import ArgumentError, ClipselectError

READER_STOPPED = 128 + 13
"""What a shell shows of a program that SIGPIPE has ended."""


def run_command(command: Callable[[], Any]) -> None:
    """Run a command line; any `ClipselectError` becomes one sentence and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ✔ shows ?
    problem = ""
    try:
        command()
        return
    except ArgumentError as e:
        problem = option_problem(e)
    except ClipselectError as e:
        problem = str(e)
    except BrokenPipeError:
        pass
    except SystemExit as e:
        if not isinstance(e.__context__, BrokenPipeError):  # which click turns into an exit code 1
            raise
    except _system_errors() as e:
        file = getattr(e, "filename", None)
        problem = f"{getattr(e, 'strerror', None) or e}; check the disk and the permissions"
        problem = f"{file}: {problem}" if file else problem
    if not problem:  # whoever reads standard output, such as head, has stopped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_STOPPED)
    print_error(problem)
    sys.exit(2)


def _system_errors() -> tuple[type[Exception], ...]:
    """Errors of the operating system, and those of FFmpeg, which are not there before a video is read."""
    return OSError, *((av.FFmpegError,) if (av := sys.modules.get("av")) else ())
