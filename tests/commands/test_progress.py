"""What commands show while they work: a bar on a terminal, lines elsewhere, and the files that were left out."""

import os
import signal
from pathlib import Path

import pytest
import typer

from clipselect.commands import progress as module
from clipselect.commands.progress import MAX_LISTED, Failures, ProgressDisplay, stoppable
from clipselect.errors import MissingFileError, VideoError
from clipselect.media.progress import Progress, tracked


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that displays see, in seconds."""
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_a_stage_is_a_line_every_half_minute_and_one_at_its_end(
    clock: list[float], capfd: pytest.CaptureFixture[str]
) -> None:
    with ProgressDisplay() as display:
        for done in range(5):
            clock[0] = 20.0 * done
            display(Progress("reading", done, 4))
        display(Progress("training", 10, 20))  # goes on where an earlier run stopped
        clock[0] += 40
        display(Progress("training", 12, 20, "loss 0.5000"))
    out, err = capfd.readouterr()
    assert out == "" and err.splitlines() == [
        "reading: 2 of 4, 20.0 s each, 0:00:40 left",
        "reading: 4 of 4",
        "training: 12 of 20  loss 0.5000, 20.0 s each, 0:02:40 left",
    ]


def test_an_empty_stage_and_one_that_is_reported_twice_add_no_lines(capfd: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay() as display:
        assert list(tracked([], "nothing", 0, display)) == []
        assert list(tracked("ab", "letters", 2, display)) == ["a", "b"]
        display(Progress("letters", 2, 2))
    assert capfd.readouterr().err == "letters: 2 of 2\n"


@pytest.mark.parametrize("how", [{"quiet": True}, {"lines": False}])
def test_nothing_is_shown_if_quiet_or_if_lines_are_not_wanted(
    how: dict[str, bool], capfd: pytest.CaptureFixture[str]
) -> None:
    with ProgressDisplay(**how) as display:
        display(Progress("letters", 2, 2))
    assert capfd.readouterr() == ("", "")


def test_on_a_terminal_a_stage_is_a_bar_that_goes_when_all_is_done(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    failures = Failures()
    with ProgressDisplay() as display:
        display(Progress("[one]", 1, 3, "loss [2]"))
        display.bar.refresh()
        failures.add("a.mp4", VideoError("a.mp4: not a video"))
        display(Progress("two", 0, 7))
        display.bar.refresh()
        assert [task.description for task in display.bar.tasks] == ["two"]
    err = capfd.readouterr().err
    assert "[one]" in err and "loss [2]" in err and "1/3" in err and "0/7" in err and "a.mp4: not a video" in err
    assert "1 of 3" not in err and err.endswith("\x1b[2K")  # the last thing done: clear the bar's line


def test_files_left_out_are_listed_up_to_a_limit_and_counted(capfd: pytest.CaptureFixture[str]) -> None:
    failures = Failures("image")
    for i in range(MAX_LISTED + 5):
        failures.add(f"{i}.jpg", VideoError(f"{i}.jpg: broken"))
    failures.add("0.jpg", VideoError("0.jpg: broken again"))
    for i in range(4):
        failures.add(f"gone{i}", MissingFileError(f"gone{i}: not there"))
    listed = capfd.readouterr().err.splitlines()
    assert listed == [f"Error: {i}.jpg: broken" for i in range(MAX_LISTED)]
    failures.report()
    assert len(failures.errors) + len(failures.missing) == MAX_LISTED + 9
    assert capfd.readouterr().err.splitlines() == [
        "listed but not there: 4 images (gone0, gone1, gone2, ...)",
        f"left out: {MAX_LISTED + 5} images that could not be read",
    ]


def test_another_process_of_a_run_collects_failures_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    failures = Failures(quiet=True)
    failures.add("a", VideoError("a: broken"))
    failures.add("b", MissingFileError("b: not there"))
    failures.report()
    assert len(failures.errors) + len(failures.missing) == 2 and capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_command_says_how_to_continue(
    number: signal.Signals, code: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before, kept = signal.getsignal(number), tmp_path / "out.work"
    for says in ("nothing was finished yet", f"what is finished is kept in {kept}; give the same command again"):
        with pytest.raises(typer.Exit) as stopped, stoppable(kept):
            os.kill(os.getpid(), number)
            signal.pause()
        assert stopped.value.exit_code == code and signal.getsignal(number) is before
        assert f"stopped: {says}" in capfd.readouterr().err
        kept.touch()
