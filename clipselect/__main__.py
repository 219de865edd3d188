"""The command line. It takes a second or two to import, so that happens here, where Ctrl-C ends it quietly."""

import sys


def main() -> None:
    try:
        from clipselect.commands import main as run
    except KeyboardInterrupt:  # nothing has begun, so there is nothing to report
        sys.exit(130)
    except ModuleNotFoundError as e:
        if e.name != "clipselect.zoo":
            raise
        print("Error: clipselect is not installed; run pip install -e . in its checkout", file=sys.stderr)
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
