"""Entry point of the command line."""

import atexit
import os
import signal


def main() -> None:
    # Otherwise threads use a core while they wait: on a busy machine scoring took several times as long
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when PyTorch is imported
    os.environ.setdefault(
        "OPENBLAS_NUM_THREADS", "1"
    )  # NumPy's; its arrays are small here, and decoders need the cores
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        # While libraries are imported, an exception can end up anywhere in them; `Command.invoke` restores it
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
        # An interrupt while Python takes itself down comes too late to change the exit code
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    try:
        from clipselect.commands import app
        from clipselect.commands.exit_codes import run_command

        run_command(app)
    finally:
        signal.signal(signal.SIGINT, before)


if __name__ == "__main__":
    main()
