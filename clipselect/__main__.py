"""The command line, from its first moment on: to import what it needs takes a second or two."""

import sys


def main() -> None:
    try:
        from clipselect.commands import main as run
    except KeyboardInterrupt:  # nothing is begun, so there is nothing to say
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
