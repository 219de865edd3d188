"""A study of networks of sets neither repeats what is finished nor takes it for what other options would make."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.identity_pictures import data_set
from helpers.set_networks import tiny_base_file
from set_studies import fewer, parser, study

from clipselect.errors import ArgumentError
from clipselect.training import set_training

pytestmark = pytest.mark.usefixtures("one_thread")

Study = Callable[..., list[dict[str, str]]]


@pytest.fixture
def run(tmp_path: Path) -> Study:
    data = data_set(tmp_path / "faces", each=6, val=3)
    arguments = ["--data", str(data), "--base", tiny_base_file(tmp_path), "--out", str(tmp_path / "out")]

    def of_fan(**common: Any) -> list[dict[str, str]]:
        given = parser("", ["seed_0", "seed_1", "of_two"], steps=3).parse_args(
            [*arguments, "--only", "seed_0", "of_two"]
        )
        common = {"steps": given.steps, "batch": 2, "width": 2, "images_per_set": 2, "device": "cpu", **common}
        study(
            given, "fan", {"seed_0": {"seed": 0}, "seed_1": {"seed": 1}}, common=common, segments={"of_two": 2},
            methods=("average", "fan"), set_size=[3], k=[1], far=[0.1], draws=20, device="cpu",
        )  # fmt: skip
        with (tmp_path / "out" / "fan.csv").open(newline="") as file:
            return [*csv.DictReader(file)]

    return of_fan


def measured(row: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if "seconds" not in name}


@pytest.mark.slow
def test_what_is_finished_is_kept_unless_other_options_made_it(
    run: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = run()
    assert {(row["run"], row["method"]) for row in rows} == {
        (name, method) for name in ("seed_0", "of_two") for method in ("average", "fan")
    }
    of_three, of_two = (row for row in rows if row["method"] == "fan")
    assert of_three["gflops"] != of_two["gflops"]  # two images are made and embedded, not one
    with monkeypatch.context() as patch:
        patch.setattr(set_training.FANRecipe, "train", lambda *_: pytest.fail("trained again"))
        shutil.rmtree(tmp_path / "out" / "seed_0.work")
        again = run()
    assert [measured(row) for row in again] == [measured(row) for row in rows]
    with pytest.raises(ArgumentError, match=r"to replace .*seed_0\.safetensors, finished weights of another run"):
        run(steps=4)


@pytest.mark.slow
def test_results_of_other_weights_are_not_taken_for_those_of_these(run: Study, tmp_path: Path) -> None:
    run()
    for made in (tmp_path / "out").glob("seed_0.*"):
        shutil.rmtree(made) if made.is_dir() else made.unlink()
    with pytest.raises(ArgumentError, match="of another evaluation"):
        run(steps=4)


def test_an_unknown_run_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser("", ["seed_0"], steps=3).parse_args(["--data", "d", "--base", "b", "--out", "o", "--only", "seed_9"])
    assert "identities_60" in capsys.readouterr().err


def test_a_copy_of_fewer_identities_that_was_stopped_is_made_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, copied = data_set(tmp_path / "faces", identities=4), list[str]()

    def stop(*paths: Path, copy: Callable[..., Any] = shutil.copytree) -> None:
        if len(copied) == 1:
            raise KeyboardInterrupt
        copied.append(str(copy(*paths)))

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", stop)
        with pytest.raises(KeyboardInterrupt):
            fewer(data, tmp_path, 3)
    assert len([*(fewer(data, tmp_path, 3) / "train").iterdir()]) == 3
