"""Entry point of the command line: runs a command and turns its errors into one sentence and an exit code."""

import io
import os
import sys
from collections.abc import Callable
from typing import Any


def main(run: Callable[[], Any] | None = None) -> None:
    """Run the command line; any `ClipselectError` becomes one sentence on standard error and exit code 2.

    Args:
        run: something else that should show its errors like this.
    """
    try:  # importing takes a second or two
        import av

        from clipselect.commands import app
        from clipselect.commands.common import print_error
        from clipselect.errors import ArgumentError, ClipselectError
    except KeyboardInterrupt:  # nothing has begun, so there is nothing to report
        sys.exit(130)
    except ModuleNotFoundError as e:
        if e.name != "clipselect.zoo":
            raise
        print("Error: clipselect is not installed; run pip install -e . in its checkout", file=sys.stderr)
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ✔ shows ?
    try:
        (run or app)()
        return
    except ArgumentError as e:
        problem = f"--{e.argument.lstrip('-').replace('_', '-')} {e.problem}"
    except ClipselectError as e:
        problem = str(e)
    except BrokenPipeError:  # whoever reads standard output, such as head, has stopped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (OSError, av.FFmpegError) as e:
        problem = f"{e.strerror or e}; check the disk and the permissions"
    print_error(problem)
    sys.exit(2)


if __name__ == "__main__":
    main()
