"""Entry point of the command line."""

import os
import sys


def main() -> None:
    # Otherwise threads use a core while they wait: on a busy machine scoring took several times as long
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when PyTorch is imported
    try:  # importing takes a second or two
        from clipselect.commands import app
        from clipselect.commands.exit_codes import run_command
    except KeyboardInterrupt:  # nothing has begun, so there is nothing to report
        sys.exit(130)
    run_command(app)


if __name__ == "__main__":
    main()
