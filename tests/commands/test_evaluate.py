"""`clipselect evaluate`: options in, results file and tables out."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.command_line import Run, assert_refused
from helpers.evaluation_fixtures import made

from clipselect.commands.evaluate import spread_values
from clipselect.evaluation.results import read_results
from clipselect.evaluation.synthetic import SyntheticData

__all__ = ["made"]

pytestmark = pytest.mark.usefixtures("one_thread")

SCRIPT = Path(__file__).parents[2] / "benchmarks/run_kinetics.py"


@pytest.mark.slow
def test_the_command_writes_results_and_prints_their_tables(run: Run, made: SyntheticData, tmp_path: Path) -> None:
    networks = ("--base", made.base, "--model", made.model, "--device", "cpu")
    files = ("--background", made.background, "--domains", made.domains, "--out", tmp_path)
    run("evaluate", "clips", "--data", made.data, *networks, *files,
        "--compose", "mixed", "hard", "--k", 1, 3, "--seeds", 0, 1, "--per-video", 1, "--timed", 0)  # fmt: skip
    assert run.code == 0, run.err
    results = read_results(tmp_path)
    assert results.settings is not None
    assert results.settings["k"] == [1, 3] and results.settings["seeds"] == [0, 1]
    assert [data.name for data in results.data] == ["mixed", "hard"]
    assert run.out == (tmp_path / "results.md").read_text() and run.out.startswith("#")
    assert run("report", tmp_path, "--out", tmp_path / "report").code == 0


@pytest.mark.slow
def test_warnings_and_videos_left_out_are_one_line_each(run: Run, made: SyntheticData, tmp_path: Path) -> None:
    data = tmp_path / "with_missing.csv"
    data.write_text(made.data.read_text() + "gone.mp4,moving,0,1,val\n")
    networks = ("--base", made.base, "--model", made.model)
    few = ("--limit", 2, "--dense", 4, "--timed", 0)
    run(
        "evaluate", "clips", "--data", data, "--prefix", made.data.parent, *networks, *few, "--out", tmp_path, "--quiet"
    )
    assert run.code == 0 and run.out == ""
    warned, missing = run.err.strip().splitlines()
    assert warned.startswith("warning: ") and "K = 5, 9" in warned
    assert "listed but not there: 1 video (" in missing and "gone.mp4" in missing


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--data", "x", "--k", "0"], "--k must be at least 1"),
        (["--data", "x", "--per-video", "0"], "--per-video must be at least 1"),
        (["--data", "x", "--compose", "mixed"], "--background must be given"),
        (["--data", "x", "--synthetic"], "one of --data"),
        ([], "one of --data"),
        (["--synthetic", "--base", "x"], "leave out --base"),
        (["--data", "[red]none"], "[red]none"),
        (["--data", "x", "--base", "nothing"], "nothing"),
        (["--data", "x", "--device", "cuda:99"], "cuda:99"),
    ],
)
def test_wrong_options_are_one_sentence(run: Run, tmp_path: Path, options: list[str], says: str) -> None:
    assert_refused(run("evaluate", "clips", *options, "--out", tmp_path / "out"), says)


@pytest.mark.parametrize(
    ("words", "spread"),
    [
        (["--k", "1", "2", "-q"], ["--k", "1", "--k", "2", "-q"]),
        (["-q", "--seeds", "0", "-h"], ["-q", "--seeds", "0", "-h"]),
        (["--blur", "7", "-8", "--quiet"], ["--blur", "7", "--blur", "-8", "--quiet"]),
    ],
)
def test_any_option_ends_a_list_of_values_and_a_negative_number_does_not(words: list[str], spread: list[str]) -> None:
    assert spread_values(words, {"--k", "--seeds", "--blur"}) == spread


def test_each_kind_of_evaluation_has_one_line_of_help(run: Run) -> None:
    run("evaluate", "--help")
    for line in (
        "clips    Clips of videos: ",
        "faces    Frames of sets of faces: ",
        "persons  Frames of tracklets of ",
    ):
        (found,) = [one for one in run.out.splitlines() if line in one]
        assert found.rstrip(" │").endswith(".")


@pytest.mark.processes
def test_the_benchmark_is_the_command(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--data", str(tmp_path / "none"), "--k", "1", "3", "--out", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2 and ended.stderr.startswith("Error: ") and "none: no such file" in ended.stderr


@pytest.mark.processes
def test_the_help_of_the_benchmark_shows_a_command_that_works() -> None:
    ended = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True)
    assert "Usage: clipselect evaluate clips [OPTIONS]" in ended.stdout
