"""How a command starts: --help at once, without PyTorch, and Ctrl-C quietly."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest
import typer
from clipselect.zoo.embedder_loading import EMBEDDERS
from clipselect.zoo.networks import NETWORKS
from helpers.command_line import Run

from clipselect.commands import app
from clipselect.data.degradations import Kind
from clipselect.data.tracklets import LAYOUTS
from clipselect.samplers.clip_selector import DEFAULT_K
from clipselect.scoring.input_spec import NORMALISATIONS
from clipselect.sets.lfenet import ENDINGS
from clipselect.sets.transfer import RELATIONS
from clipselect.training.aggregator_training import LOSSES as AGGREGATOR_LOSSES
from clipselect.training.embedder_losses import LOSSES
from clipselect.training.lfenet_training import LOSSES as SET_LOSSES
from clipselect.training.set_training import RECIPES

IMPORTED = """
import sys
from clipselect.__main__ import main
sys.argv[0] = "clipselect"
try:
    main()
except SystemExit as e:
    print(e.code, *sorted({"torch", "numpy", "av", "pyarrow", "matplotlib", "cv2", "PIL"} & sys.modules.keys()))
"""


def command_words() -> list[str]:
    """Every command and subcommand."""
    found = []
    for name, command in typer.main.get_group(app).commands.items():
        found += [f"{name} {inner}" for inner in getattr(command, "commands", {})] or [name]
    return found


@pytest.mark.parametrize(
    ("words", "code"),
    [
        *(([*words.split(), "--help"], 0) for words in command_words()),
        (["--version"], 0),
        (["--help"], 0),
        (["score"], 2),
        (["score", "a.mp4", "--no-such-option"], 2),
        (["score", "a.mp4", "--k", "many"], 2),
        (["score", "a.mp4", "--json"], 2),
    ],
)
def test_help_and_mistakes_need_no_slow_library(words: list[str], code: int) -> None:
    out = subprocess.run([sys.executable, "-c", IMPORTED, *words], capture_output=True, text=True, check=False)
    assert out.stdout.splitlines()[-1:] == [str(code)], out.stderr


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["reid"], LAYOUTS),
        (["train-base"], NETWORKS),
        (["train-embedder"], [*EMBEDDERS, *LOSSES]),
        (["distill"], NORMALISATIONS),
        (["train-set-network", "lfenet"], [*SET_LOSSES, *RELATIONS, *ENDINGS]),
        (["train-set-network", "gfan"], [*AGGREGATOR_LOSSES, *get_args(Kind)]),
        (["train-set-network"], [*RECIPES]),
        (["score"], [f"(default: {DEFAULT_K}, or all"]),
    ],
)
def test_help_has_the_names_that_there_are(
    words: list[str], names: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    run(*words, "--help")
    assert [name for name in names if name not in run.out] == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("seconds", [0.15, 0.4, 0.8, 1.5])
def test_an_interrupt_while_libraries_are_imported_is_quiet(seconds: float, tmp_path: Path) -> None:
    """However early it comes once this package's code runs, which a line on standard output shows."""
    code = "import sys; from clipselect.__main__ import main; print(flush=True); main()"
    slow = subprocess.Popen(
        [sys.executable, "-c", code, "score", str(tmp_path / "missing.mp4")], stdout=-1, stderr=-1, text=True
    )
    assert slow.stdout is not None and slow.stdout.readline() == "\n"
    time.sleep(seconds)
    os.kill(slow.pid, signal.SIGINT)
    err = slow.communicate()[1]
    assert slow.returncode in (130, 2) and "Traceback" not in err
    assert slow.returncode == 2 or err == "" or err.startswith("interrupted")


def test_an_ignored_interrupt_stays_ignored(tmp_path: Path, run: Run) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as of a job in the background of a script
    try:
        run("score", tmp_path / "missing.mp4")
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
