"""Qualities that need neither base nor DDNet choose frames beside them, where they are asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.face_evaluation import evaluated_faces, made_people, rows
from helpers.frame_fixtures import write
from helpers.set_networks import tiny_base

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.evaluation.sets.quality_scores import load_qualities, quality_scores

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore::UserWarning")]


@pytest.fixture
def same(tmp_path: Path) -> str:
    """A scorer for which all frames are equally good."""
    (tmp_path / "mine.py").write_text("def same(frames):\n    return [0.5] * len(frames)\n")
    return f"{tmp_path / 'mine.py'}:same"


@pytest.fixture
def call(tmp_path: Path) -> Any:
    folder = made_people(tmp_path)
    return lambda **options: evaluated_faces(folder, base=tiny_base(), k=[1, 2], blur=[9], **options)


def test_they_stand_in_the_table_beside_ddl(call: Any, same: str) -> None:
    document = call(quality=["sharpness", "jpeg-bytes", same])
    assert document["settings"]["quality"] == ["sharpness", "jpeg-bytes", same]
    for method in ("sharpness", "jpeg_bytes", "own_scorer"):
        assert len(rows(document, method)) == len(rows(document, "first")) > 2
        than = {(d["than"], d["than_k"]) for d in document["differences"] if (d["method"], d["k"]) == (method, 2)}
        assert than == {("average", None), ("ddl", 2)}
    for one, first in zip(rows(document, "own_scorer"), rows(document, "first"), strict=True):
        keys = ("data", "k", "clips", "tar_at_far_1e-1")
        assert {key: one[key] for key in keys} == {key: first[key] for key in keys}
        assert one["seconds_decode"] == pytest.approx(4 / one["k"] * first["seconds_decode"])  # all frames are opened
    assert not rows(call(), "sharpness")


def test_blurred_frames_are_the_less_sharp_ones(tmp_path: Path) -> None:
    checks = np.indices((32, 32)).sum(axis=0) % 2 * 255
    for number, step in enumerate((1, 2, 4)):
        grey = np.kron(checks[: 32 // step, : 32 // step], np.ones((step, step), np.uint8))
        write(tmp_path / f"{number}.png", grey[..., None].repeat(3, -1).astype(np.uint8))
    paths = [str(tmp_path / f"{number}.png") for number in range(3)]
    found = quality_scores(load_qualities("sharpness"), paths, np.array([2, 0]), None, cache=tmp_path, stage="frames")
    blurred, sharp = found["sharpness"].scores.tolist()
    assert blurred < sharp and found["sharpness"].seconds > 0


def test_their_own_cost_counts(call: Any, same: str) -> None:
    document = call(quality=["sharpness", same])
    for one, own, first in zip(*(rows(document, name) for name in ("sharpness", "own_scorer", "first")), strict=True):
        assert one["gflops"] == first["gflops"] and "gflops" not in own  # no network; and nobody counted
        assert first["seconds_ddnet"] == 0 < min(one["seconds_ddnet"], own["seconds_ddnet"])
        assert one["seconds"] == pytest.approx(sum(one[f"seconds_{part}"] for part in ("decode", "ddnet", "base")))


def test_scores_are_kept_until_the_scorer_is_another(call: Any, same: str, tmp_path: Path) -> None:
    before = call(quality=same)
    known = sorted((tmp_path / "out" / "cache").iterdir())
    assert call(quality=same)["rows"] == before["rows"]
    assert sorted((tmp_path / "out" / "cache").iterdir()) == known
    (tmp_path / "mine.py").write_text("def same(frames):\n    return [*range(len(frames))]\n")
    assert rows(call(quality=same), "own_scorer") != rows(before, "own_scorer")
    assert len([*(tmp_path / "out" / "cache").iterdir()]) > len(known)


def test_what_is_no_scorer_of_frames_is_refused(same: str, tmp_path: Path) -> None:
    for wrong in ("nonsense", "motion", [same, same], ["sharpness", "sharpness"]):
        with pytest.raises(ArgumentError, match=r"quality|scorer"):
            load_qualities(wrong)
    with pytest.raises(ClipselectError, match=r"gone\.pb"):
        load_qualities(f"lightqnet:{tmp_path / 'gone.pb'}")
