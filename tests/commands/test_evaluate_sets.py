"""`clipselect evaluate faces` and `persons`: options in, results file and tables out."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.command_line import Run, assert_refused
from helpers.frame_fixtures import EMBEDDER, pattern, people, textured, tiny_ddnet, write

from clipselect.evaluation.results import read_results

pytestmark = pytest.mark.usefixtures("one_thread")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def networks(tmp_path: Path) -> list[object]:
    (tmp_path / "base.py").write_text(EMBEDDER)
    model = tiny_ddnet(tmp_path / "model.safetensors")
    return ["--base", f"{tmp_path / 'base.py'}:base", "--model", model, "--device", "cpu"]


def test_faces(run: Run, networks: list[object], tmp_path: Path) -> None:
    data = people(tmp_path / "people", 4, 4, draw=textured)
    people(data, 1, 1, first=9)
    (data / "p00/9.png").write_bytes(b"no image")
    run("evaluate", "faces", "--data", data, *networks, "--set-size", 2, "--seeds", 0, 1, "--far", 0.1, "--k", 1, 2,
        "--blur", 9, "--domains", "p0", "--draws", 20, "--name", "made", "--out", tmp_path / "out")  # fmt: skip
    assert run.code == 0, run.err
    results = read_results(tmp_path / "out")
    assert [one.name for one in results.data] == ["made", "made, p0", "made, blur 9", "made, blur 9, p0"]
    assert results.settings is not None and results.settings["seeds"] == [0, 1] and results.settings["k"] == [1, 2]
    assert run.out == (tmp_path / "out/results.md").read_text()
    assert "warning: p09: left out" in run.err and "left out: 1 image that could not be read" in run.err


def test_persons(run: Run, networks: list[object], tmp_path: Path) -> None:
    for folder in ("one", "two"):
        for identity in (1, 2, 3):
            for camera in (1, 2):
                name = f"{identity:04d}/{identity:04d}C{camera}T0001F001.png"
                write(tmp_path / folder / name, pattern(identity, camera))
    run("evaluate", "persons", "--data", tmp_path / "one", tmp_path / "two", "--pool", *networks, "--degrade", 0.5,
        "--metric", "cosine", "--out", tmp_path / "out", "--seeds", 0, "--k", 1, 2, "-q")  # fmt: skip
    assert run.code == 0 and run.out == "", run.err
    results = read_results(tmp_path / "out")
    assert [one.name.split(",")[0] for one in results.data] == ["one", "one", "two", "two", "pooled", "pooled"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["faces", "--set-size", "0"], "--set-size must be at least 1"),
        (["faces", "--far", "0"], "--far must lie in"),
        (["faces", "--list", "none.txt"], "none"),
        (["persons", "--pool"], "--pool needs at least two folders"),
        (["persons", "--layout", "own"], "--layout must be one of"),
        (["persons", "--base", "nothing"], "nothing"),
    ],
)
def test_wrong_options_are_one_sentence(
    run: Run, networks: list[object], tmp_path: Path, options: list[str], says: str
) -> None:
    (tmp_path / "data").mkdir()
    name, *more = options
    assert_refused(
        run("evaluate", name, "--data", tmp_path / "data", *networks, *more, "--out", tmp_path / "out"), says
    )


@pytest.mark.processes
@pytest.mark.parametrize("name", ["run_faces.py", "run_reid.py"])
def test_the_benchmarks_are_the_commands(tmp_path: Path, name: str) -> None:
    options = ["--data", tmp_path / "none", "--base", "x.onnx", "--k", 1, 3, "--out", tmp_path / "out"]
    command = [sys.executable, str(BENCHMARKS / name), *map(str, options)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2 and ended.stderr.startswith("Error: ") and "Traceback" not in ended.stderr
