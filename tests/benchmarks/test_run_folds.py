"""Every video is judged once, by networks that have not seen it."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_folds import check_folds, joined, labels, main, split, without

from clipselect.commands.exit_codes import run_command
from clipselect.errors import ArgumentError
from clipselect.evaluation.clip_data import ClipDataSet
from clipselect.evaluation.clip_tables import ClipGrid
from clipselect.evaluation.outcomes import ClipTable, Group


def annotations(*shown: str) -> dict[str, Any]:
    """A video for each word, whose letters are its classes."""
    videos = {
        f"v{number}": {"subset": "training", "annotations": [{"label": c, "segment": [0, 1]} for c in word]}
        for number, word in enumerate(shown)
    }
    return {"database": videos}


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_every_video_is_held_out_once(folds: int) -> None:
    document = annotations("a", "b", "ab", "a", "b", "a", "b")
    held_out = []
    for number in range(folds):
        videos = split(document, folds, number)["database"]
        assert videos.keys() == document["database"].keys()
        held_out += [name for name, video in videos.items() if video["subset"] == "validation"]
    assert sorted(held_out) == sorted(document["database"])


def test_a_class_that_a_fold_cannot_learn_is_named() -> None:
    document = annotations("a", "b", "a", "b", "a")
    with pytest.raises(ArgumentError, match="all videos of a lie in one of 2"):
        check_folds(document, 2)
    check_folds(document, 3)
    with pytest.raises(ArgumentError, match="must be at most the number of videos, 5, got 6"):
        check_folds(document, 6)
    assert labels(document, "training") == {"a", "b"} and labels(document, "validation") == set()


def test_labels_are_left_out_with_the_videos_that_show_nothing_else() -> None:
    document = annotations("a", "ab", "b", "")
    kept = without(document, ["b"])["database"]
    assert [*kept] == ["v0", "v1"] and labels({"database": kept}, "training") == {"a"}
    document["database"]["v1"]["annotations"][1]["label"] = " b "  # which the package reads as b
    assert without(document, ["b"])["database"]["v1"]["annotations"] == document["database"]["v1"]["annotations"][:1]


BAD = {
    "cut.json": ('{"database": {', "cut.json: is not JSON"),
    "list.json": ("[]", "list.json: is not ActivityNet's JSON"),
    "text.json": (json.dumps({"database": {"v": {"annotations": "a"}}}), "video v has no list of annotations"),
    "list.csv": ("path,label\n", "--activitynet must be ActivityNet's .json, got "),
}


@pytest.mark.parametrize("name", BAD)
def test_annotations_that_cannot_be_used_are_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(BAD[name][0])
    assert BAD[name][1] in refusal(monkeypatch, capsys, "--activitynet", tmp_path / name, "--out", tmp_path / "out")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--folds", 1), ("--pieces", 0), ("--base-steps", 0), ("--steps", 0), ("--seed", -1), ("--k", 0)],
)
def test_numbers_out_of_range_are_named(
    option: str, value: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--activitynet", tmp_path / "a.json", "--out", tmp_path / "out", option, value)
    assert f"{option} must be" in refusal(monkeypatch, capsys, *given)


def test_labels_that_nothing_shows_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(annotations("a", "b")))
    given = ("--activitynet", file, "--out", tmp_path / "out", "--without")
    assert "--without names c, which nothing shows; there are a, b" in refusal(monkeypatch, capsys, *given, "c")
    assert "--without leaves no video" in refusal(monkeypatch, capsys, *given, "a", "b")


def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *given: object) -> str:
    monkeypatch.setattr(sys, "argv", ["run_folds.py", *map(str, given)])
    with pytest.raises(SystemExit) as ended:
        run_command(main)
    assert ended.value.code == 2
    return capsys.readouterr().err


def data_set(name: str, scores: list[float], missing: int) -> ClipDataSet:
    table = ClipTable(np.array(scores, np.float32), np.eye(2, dtype=np.float32)[[0] * len(scores)])
    group = Group(name, (0,), np.arange(len(scores)), np.array([True] + [False] * (len(scores) - 1)))
    errors = {f"{name}.bad": "broken"}
    return ClipDataSet("d", [group], table, missing, 0, errors, ClipGrid(1), lambda _: [], rarest=[group], unlabelled=1)  # type: ignore[arg-type]


def test_what_all_folds_say_becomes_one_table() -> None:
    one, other = data_set("x", [0.1, 0.2], missing=1), data_set("y", [0.3, 0.4, 0.5], missing=2)
    whole = joined([one, replace(other, unlabelled=3)])
    assert whole.table.scores.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert whole.table.motion is None and whole.table.probabilities.shape == (5, 2)
    assert [group.rows.tolist() for group in whole.groups] == [[0, 1], [2, 3, 4]]
    assert whole.rarest[1].rows.tolist() == [2, 3, 4] and whole.groups[1].name == "y"
    assert (whole.missing, whole.unlabelled) == (3, 4) and set(whole.errors) == {"x.bad", "y.bad"}
