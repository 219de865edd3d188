"""What networks say about frames, kept on disk, and the rows that benchmarks of sets make of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import frame_tables
import numpy as np
import pytest
from frame_tables import FrameTable, frame_table, of_oracle, set_rows, stacked
from helpers.evaluation_fixtures import one_thread
from helpers.frame_fixtures import blocks, cut, noise, people, tiny_ddnet, write
from numpy.typing import NDArray

from clipselect.commands.stages import Failures, stage
from clipselect.errors import ClipselectError
from clipselect.evaluation.metrics import BootstrapResult
from clipselect.evaluation.sets import Method, methods
from clipselect.media.images import Image, read_image
from clipselect.scoring.scorer import load_scorer

__all__ = ["one_thread"]

Spoil = Callable[[Image, int], Image]


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Eight images, in files of three."""
    monkeypatch.setattr(frame_tables, "FRAMES_PER_FILE", 3)
    return sorted(map(str, people(tmp_path / "people", identities=2, each=4).glob("*/*.png")))


def tabled(
    paths: list[str], cache: Path, spoil: Spoil | None = None, spoilt: str = "", seed: int = 0
) -> tuple[FrameTable, int, Failures, int]:
    """The table, how many images the base saw for it, what failed, and how much was told to be done."""
    base, net = blocks()
    scorer = load_scorer(tiny_ddnet(cache.parent / f"tiny{seed}.safetensors", seed), "cpu", elements="frames")
    failures = Failures(what="images", quiet=True)
    with stage("frames", len(paths), quiet=True) as step:
        table = frame_table(paths, spoil, spoilt, base, scorer, cache, failures, step)
    return table, net.seen, failures, step.done


def test_frames_are_embedded_and_scored_in_their_order(paths: list[str], tmp_path: Path) -> None:
    table, _, failures, done = tabled(paths, tmp_path / "cache")
    images = [read_image(path) for path in paths]
    features = blocks()[0].embed(images)
    assert table.features == pytest.approx(features / np.linalg.norm(features, axis=1, keepdims=True), abs=1e-6)
    scorer = load_scorer(tmp_path / "tiny0.safetensors", "cpu", elements="frames")
    assert table.scores == pytest.approx(scorer.score_images(images), abs=1e-6)
    assert table.frames.tolist() == [*range(8)] and done == 8 and failures.count == 0
    assert min(table.seconds_read, table.seconds_base, table.seconds_ddnet) > 0


def test_what_is_done_is_not_done_again_and_what_changed_is(paths: list[str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first, seen, _, _ = tabled(paths, cache)
    again, none, _, done = tabled(paths, cache)
    assert (seen, none, done) == (8, 0, 8)
    assert (again.features == first.features).all() and again.seconds_base == first.seconds_base
    write(Path(paths[4]), noise())
    changed, some, _, _ = tabled(paths, cache)
    assert some == 3  # the file that it stands in
    assert [i for i in range(8) if (changed.features[i] != first.features[i]).any()] == [4]
    assert tabled(paths, cache, seed=1)[1] == 8  # another DDNet


def test_spoilt_frames_are_kept_apart(paths: list[str], tmp_path: Path) -> None:
    def black(image: Image, place: int) -> Image:
        return image * 0 if place == 5 else image

    clean = tabled(paths, tmp_path / "cache")[0]
    spoilt, seen, _, _ = tabled(paths, tmp_path / "cache", black, "5 is black")
    assert seen == 8 and [i for i in range(8) if (clean.features[i] != spoilt.features[i]).any()] == [5]
    assert (tabled(paths, tmp_path / "cache")[0].features == clean.features).all()


def test_images_that_cannot_be_read_are_left_out_and_named_every_time(paths: list[str], tmp_path: Path) -> None:
    for i in (1, 6, 7):  # the last two are a whole file
        cut(Path(paths[i]), 0.5)
    for _ in range(2):
        table, _, failures, _ = tabled(paths, tmp_path / "cache")
        assert table.frames.tolist() == [0, 2, 3, 4, 5] and table.frames.dtype == np.int64
        assert [*failures.errors] == [paths[1], paths[6], paths[7]]
        assert [g.tolist() for g in table.groups([[0, 1, 2], [6, 7], [5, 3]])] == [[0, 1], [], [4, 2]]
    write(Path(paths[1]), noise())
    assert len(tabled(paths, tmp_path / "cache")[0].frames) == 6


def test_not_one_image_that_can_be_read(paths: list[str], tmp_path: Path) -> None:
    for path in paths:
        cut(Path(path), 0.5)
    with pytest.raises(ClipselectError, match="not one of the 8 images can be read"):
        tabled(paths, tmp_path / "cache")


def test_tables_one_after_the_other() -> None:
    def of(frames: list[int], seconds: float) -> FrameTable:
        numbers = np.array(frames, np.float32)
        return FrameTable(np.array(frames), numbers[:, None], numbers, seconds, 2 * seconds, 3 * seconds)

    both = stacked([of([0, 2], 1), of([1, 2], 3)], paths=4)
    assert both.frames.tolist() == [0, 2, 5, 6] and both.scores.tolist() == [0, 2, 1, 2]
    assert (both.seconds_base, both.seconds_ddnet, both.seconds_read) == (2, 4, 6)
    assert [g.tolist() for g in both.groups([[0, 1, 2], [4, 5, 6]])] == [[0, 1], [2, 3]]


GROUPS = [np.array([0, 1, 2, 3]), np.array([4, 5])]
TABLE = FrameTable(np.arange(6), np.eye(6, dtype=np.float32), np.array([0.1, 0.9, 0.8, 0.2, 0.3, 0.7]), 2.0, 0.5, 0.25)


def measure(features: NDArray[np.float32]) -> dict[str, BootstrapResult]:
    """What the best frames of both groups weigh, and over the groups drawn again."""
    weights = features[[0, 1], [1, 5]].astype(np.float64)
    draws = np.array([weights[[0, 0]].mean(), weights.mean(), weights[[1, 1]].mean()])
    return {"share": BootstrapResult(float(weights.mean()), draws), "none": BootstrapResult(0.0, np.zeros(3))}


def rows_of(which: list[Method], gflops: float | None = 3.0) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    base = blocks()[0]
    object.__setattr__(base, "gflops", gflops)
    return set_rows("d", TABLE, GROUPS, which, measure, base, 0.5, sources=2, threshold=0.75, seeds=[0, 1, 2])


def test_rows_by_hand() -> None:
    average, top, threshold, half, even = rows_of(
        [Method("average"), Method("top1"), Method("ddl_threshold"), Method("ddl_half_average"), Method("even", 2)]
    )[0]
    assert (average["data"], average["method"], average["k"], average["videos"], average["sources"]) == (
        "d", "average", None, 2, 2,
    )  # fmt: skip
    assert average["share"] == pytest.approx(100 * (1 / 4 + 1 / 2) / 2) and average["clips"] == 3
    assert average["share_low"] <= average["share"] <= average["share_high"]
    assert [*average].index("share") < [*average].index("none") and average["none_high"] > 50  # of two sources
    assert (average["gflops"], average["gflops_base"], average["gflops_ddnet"]) == (9, 9, 0)
    assert (top["share"], top["clips"], top["gflops_base"], top["gflops_ddnet"]) == (100, 1, 3, 1.5)
    assert (average["seconds_decode"], average["seconds_base"], average["seconds_ddnet"]) == (0.75, 6, 0)
    assert (top["seconds_decode"], top["seconds_base"], top["seconds_ddnet"]) == (0.75, 2, 1.5)  # all must be opened
    assert (even["seconds_decode"], even["seconds"]) == (0.5, 4.5)
    assert threshold["clips"] == (2 + 1) / 2 == half["clips"] and half["share"] == pytest.approx(75)


def test_random_is_the_mean_over_the_seeds() -> None:
    (row,) = rows_of([Method("random", 1)])[0]
    assert row["clips"] == 1 and row["share"] in [100 * n / 6 for n in range(7)]
    assert rows_of([Method("random", 1)])[0] == [row]


def test_the_cost_of_a_base_that_cannot_be_counted_is_left_out() -> None:
    (row,) = rows_of([Method("average")], gflops=None)[0]
    assert not [key for key in row if "gflops" in key] and row["seconds"] > 0


def test_differences_are_paired_and_of_the_rivals_that_reports_look_for() -> None:
    rows, differences = rows_of(methods([1, 2]))
    value = {(r["method"], r["k"]): r["share"] for r in rows}
    of = {(d["method"], d["k"], d["than"], d["than_k"]): d["difference"] for d in differences if d["metric"] == "share"}
    for (method, k, than, than_k), difference in of.items():
        assert difference == pytest.approx(value[method, k] - value[than, than_k])
    assert {(m, k) for m, k, than, _ in of if than == "average"} == {*value} - {("average", None)}
    assert {("ddl", k, "even", other) for k in (1, 2) for other in (1, 2)} < of.keys()
    assert {("ddl", 2, "ddl", 1), ("ddl_half", None, "even_half", None), ("ddl_literal", 2, "even", 2)} < of.keys()
    assert not [pair for pair in of if pair[:2] == pair[2:]] and len(of) * 2 == len(differences)
    same = next(d for d in differences if d["method"] == "even_half" and d["metric"] == "none")
    assert same["low"] == same["difference"] == same["high"] == 0


def test_an_oracle_scores_nothing_and_opens_what_it_keeps() -> None:
    found = rows_of([Method("average"), Method("ddl_average", 1), Method("ddl_all")])
    (best, all_), differences = of_oracle("oracle", *found, TABLE)
    assert (best["method"], best["k"], best["clips"], all_["method"]) == ("oracle", 1, 1, "oracle_all")
    assert (best["gflops"], best["gflops_base"], best["gflops_ddnet"]) == (3, 3, 0)
    assert (best["seconds"], best["seconds_decode"], best["seconds_ddnet"]) == (2.25, 0.25, 0)
    assert {(d["method"], d["than"]) for d in differences} == {("oracle", "average"), ("oracle_all", "average")}


def test_features_that_cannot_be_pooled_by_media_are_one_sentence() -> None:
    def pooled(features: list[list[float]]) -> None:
        table = replace(TABLE, features=np.array(features, np.float32))
        which = {"sources": 2, "threshold": 0.5, "seeds": [0], "media": np.zeros(6, np.int64)}
        set_rows("d", table, GROUPS, [Method("average")], measure, blocks()[0], 0.5, **which)  # type: ignore[arg-type]

    with pytest.raises(ClipselectError, match="blocks gives features of length 0, which have no direction; take"):
        pooled([[0, 0]] * 6)
    with pytest.raises(ClipselectError, match="blocks: the features of the template cancel out or are 0"):
        pooled([[1, 0], [-1, 0]] * 3)
