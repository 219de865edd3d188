"""The command line within the test's process."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from clipselect.__main__ import main
from clipselect.commands.progress import ProgressDisplay
from clipselect.index.score_index import ScoreIndex
from clipselect.media.progress import Progress


class Run:
    """`clipselect ARGUMENTS` within this process; `code`, `out` and `err` as a shell would see them."""

    def __init__(self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capfd, self.monkeypatch = capfd, monkeypatch

    def __call__(self, *arguments: object) -> "Run":
        self.monkeypatch.setattr(sys, "argv", ["clipselect", *map(str, arguments)])
        self.capfd.readouterr()
        try:
            main()
            self.code = 0
        except SystemExit as e:
            self.code = int(e.code or 0)
        self.out, self.err = self.capfd.readouterr()
        return self

    @property
    def problems(self) -> list[str]:
        """Lines on standard error, without doubts about the order, which the shipped DDNet has of the tests' videos."""
        return [line for line in self.err.splitlines() if "is a guess" not in line and "are a guess" not in line]


def stop_at(patch: pytest.MonkeyPatch, stage: str, done: int, number: int) -> None:
    """Send this process a signal when a command shows that so much of a stage is done."""
    show = ProgressDisplay.__call__

    def show_and_stop(display: ProgressDisplay, progress: Progress) -> None:
        show(display, progress)
        if (progress.stage, progress.done) == (stage, done):
            os.kill(os.getpid(), number)

    patch.setattr(ProgressDisplay, "__call__", show_and_stop)


def assert_refused(run: Run, *says: str) -> None:
    """Exit code 2, one sentence on standard error, nothing on standard output."""
    assert run.code == 2
    assert run.out == ""
    assert len(run.err.strip().splitlines()) == 1 and run.err.startswith("Error: ")
    for text in says:
        assert text in run.err


def only_video(document: dict[str, Any]) -> dict[str, Any]:
    assert document["version"] == 1 and len(document["videos"]) == 1
    return document["videos"][0]


def assert_alike(one: Path, other: Path) -> None:
    """Two score indexes with the same rows, bit for bit."""
    assert [*ScoreIndex(one).rows()] == [*ScoreIndex(other).rows()]
