"""One input after the other: what is kept, what is printed, and how the command ends."""

from collections.abc import Iterator

import numpy as np
import pytest
import typer

from clipselect.commands.batch import finish, run_batch
from clipselect.commands.frame_outputs import FrameOutputs
from clipselect.commands.output.records import Failed, Result, Scored, failed_group


def scored(error: str | None = None) -> Scored:
    return Scored("a", {"error": error}, [], np.empty(0, np.float32))


def failed(name: str = "b") -> Failed:
    return failed_group(name, "", "tiny", f"{name}: broken")


def test_failures_are_results_and_are_printed(capfd: pytest.CaptureFixture[str]) -> None:
    results, undone = run_batch(["a", "b"], lambda name: [failed(name)], FrameOutputs(quiet=True), "input")
    assert [result.error for result in results] == ["a: broken", "b: broken"] and undone == 0
    assert capfd.readouterr().err.splitlines() == ["Error: a: broken", "Error: b: broken"]


def test_an_interrupt_keeps_what_is_done_even_within_an_input(capfd: pytest.CaptureFixture[str]) -> None:
    def score(name: str) -> Iterator[Result]:
        yield failed(name)
        if name == "b":
            raise KeyboardInterrupt

    results, undone = run_batch(["a", "b", "c"], score, FrameOutputs(quiet=True), "input")
    assert [result.title for result in results] == ["a", "b"] and undone == 2
    assert "interrupted: 1 of 3 inputs" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("results", "undone", "skipped", "code", "says"),
    [
        ([scored(), scored()], 0, 0, 0, ""),
        ([scored(), failed()], 0, 0, 1, "1 of 2 videos scored, 1 failed"),
        ([failed(), failed()], 0, 0, 2, "0 of 2 videos scored, 2 failed"),
        ([failed()], 0, 0, 2, ""),
        ([scored("disk full")], 0, 0, 2, ""),
        ([scored(), scored("disk full")], 0, 0, 1, "1 of 2 videos scored, 1 failed"),
        ([scored()], 0, 3, 1, "1 of 1 video scored, 3 names could not be read"),
        ([], 0, 3, 2, "0 of 0 videos scored, 3 names could not be read"),
        ([scored()], 1, 0, 130, ""),
        ([scored(), failed()], 1, 0, 130, "1 of 3 videos scored, 1 failed"),
    ],
)
def test_the_exit_code_says_how_much_was_scored(
    results: list[Result], undone: int, skipped: int, code: int, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        finish(results, undone, "video", skipped)
        ended = 0
    except typer.Exit as e:
        ended = e.exit_code
    assert (ended, capfd.readouterr().err.strip()) == (code, says)
