"""The outputs of both networks for frames, cached on disk."""

from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from clipselect.zoo.dropout_agreement import dropout_agreement
from helpers.frame_fixtures import blocks, cut, noise, people, tiny_ddnet, write

from clipselect.errors import ClipselectError
from clipselect.evaluation.sets import frame_table as module
from clipselect.evaluation.sets.frame_networks import FrameNetworks
from clipselect.evaluation.sets.frame_table import (
    FrameChange,
    FrameTable,
    flip_agreement,
    frame_table,
    mirrored,
    stacked,
)
from clipselect.media.images import Image, read_image
from clipselect.scoring.scorer import Scorer, load_scorer


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Eight images, in files of three."""
    monkeypatch.setattr(module, "FRAMES_PER_FILE", 3)
    return sorted(map(str, people(tmp_path / "people", identities=2, each=4).glob("*/*.png")))


def tabled(
    paths: list[str], cache: Path, change: FrameChange | None = None, seed: int = 0
) -> tuple[FrameTable, int, list[str], list[int]]:
    """The table, how many images the base saw for it, the paths that were left out, and the progress."""
    base, net = blocks()
    scorer = load_scorer(tiny_ddnet(cache.parent / f"tiny{seed}.safetensors", seed), "cpu", elements="frames")
    left_out: list[str] = []
    done: list[int] = []
    table = frame_table(
        paths, FrameNetworks(base, scorer), change, cache=cache, progress=lambda p: done.append(p.done),
        on_error=lambda path, error: left_out.append(path),
    )  # fmt: skip
    return table, net.seen, left_out, done


def test_frames_are_embedded_and_scored_in_their_order(paths: list[str], tmp_path: Path) -> None:
    table, _, left_out, done = tabled(paths, tmp_path / "cache")
    images = [read_image(path) for path in paths]
    features = blocks()[0].embed(images)
    assert table.features == pytest.approx(features / np.linalg.norm(features, axis=1, keepdims=True), abs=1e-6)
    scorer = load_scorer(tmp_path / "tiny0.safetensors", "cpu", elements="frames")
    assert table.norms == pytest.approx(np.linalg.norm(features, axis=1), rel=1e-5)
    assert table.scores == pytest.approx(scorer.score_images(images), abs=1e-6)
    assert table.frames.tolist() == [*range(8)] and done == [0, 3, 6, 8] and not left_out
    assert min(table.seconds_read, table.seconds_base, table.seconds_ddnet) > 0


def test_what_is_done_is_not_done_again_and_what_changed_is(paths: list[str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first, seen, _, _ = tabled(paths, cache)
    again, none, _, done = tabled(paths, cache)
    assert (seen, none, done) == (8, 0, [0, 3, 6, 8])
    assert (again.features == first.features).all() and again.seconds_base == first.seconds_base
    write(Path(paths[4]), noise())
    changed, some, _, _ = tabled(paths, cache)
    assert some == 3  # the file that it stands in
    assert [i for i in range(8) if (changed.features[i] != first.features[i]).any()] == [4]
    assert tabled(paths, cache, seed=1)[1] == 8  # another DDNet


def test_changed_frames_are_cached_apart(paths: list[str], tmp_path: Path) -> None:
    def black(image: Image, place: int) -> Image:
        return image * 0 if place == 5 else image

    clean = tabled(paths, tmp_path / "cache")[0]
    changed, seen, _, _ = tabled(paths, tmp_path / "cache", FrameChange(black, "5 is black"))
    assert seen == 8 and [i for i in range(8) if (clean.features[i] != changed.features[i]).any()] == [5]
    assert (tabled(paths, tmp_path / "cache")[0].features == clean.features).all()


def test_mirror_images_agree_where_a_picture_is_its_own(paths: list[str], tmp_path: Path) -> None:
    picture = noise(24, 12)
    write(Path(paths[2]), np.concatenate([picture, picture[:, ::-1]], axis=1))
    table = tabled(paths, tmp_path / "cache")[0]
    flipped, seen, _, _ = tabled(paths, tmp_path / "cache", mirrored(None))
    found = flip_agreement(table, flipped)
    features = [blocks()[0].embed([view]) for view in (read_image(paths[0]), read_image(paths[0])[:, ::-1])]
    one, other = (row[0] / np.linalg.norm(row[0]) for row in features)
    assert seen == 8 and found[0] == pytest.approx(one @ other, abs=1e-5)
    assert found[2] == pytest.approx(1, abs=1e-3) and found.argmax() == 2
    lacking = replace(flipped, frames=np.delete(flipped.frames, 1), features=np.delete(flipped.features, 1, axis=0))
    assert flip_agreement(table, lacking).tolist() == [found[0], 0, *found[2:]]


def test_qualities_with_dropout_and_mirror_images_stand_in_the_rows_of_the_frames(
    paths: list[str], tmp_path: Path
) -> None:
    scorer = load_scorer(tiny_ddnet(tmp_path / "tiny.safetensors"), "cpu", elements="frames")
    networks = FrameNetworks(blocks()[0], scorer)
    cut(Path(paths[1]), 0.5)
    with mock.patch.object(Scorer, "score_images", autospec=True, side_effect=Scorer.score_images) as scored:
        table = frame_table(paths, networks, flips=True, dropout=True, cache=tmp_path / "cache")
    assert sum(len(call.args[1]) for call in scored.mock_calls) == 7  # mirror images and dropout are the base's alone
    images = [read_image(path) for i, path in enumerate(paths) if i != 1]
    quality = dropout_agreement(blocks()[0]).embed(images)[:, 0]
    assert table.dropout == pytest.approx(quality, abs=1e-5) and table.seconds_dropout > 0
    assert table.mirrored is not None and len(table.mirrored) == 7
    assert {*table.known} == {"features", "norms", "mirrored", "dropout"}
    both = stacked([table, table], len(paths))
    assert both.dropout == pytest.approx(np.tile(quality, 2)) and both.seconds_dropout == table.seconds_dropout
    plain = frame_table(paths, networks, cache=tmp_path / "cache")
    assert {*plain.known} == {"features", "norms"} == {*stacked([table, plain], len(paths)).known}


def test_images_that_cannot_be_read_are_left_out_and_named_every_time(paths: list[str], tmp_path: Path) -> None:
    for i in (1, 6, 7):  # the last two are a whole file
        cut(Path(paths[i]), 0.5)
    for _ in range(2):
        table, _, left_out, _ = tabled(paths, tmp_path / "cache")
        assert table.frames.tolist() == [0, 2, 3, 4, 5] and table.frames.dtype == np.int64
        assert left_out == [*table.errors] == [paths[1], paths[6], paths[7]]
        assert [g.tolist() for g in table.groups([[0, 1, 2], [6, 7], [5, 3]])] == [[0, 1], [], [4, 2]]
    write(Path(paths[1]), noise())
    assert len(tabled(paths, tmp_path / "cache")[0].frames) == 6


def test_not_one_image_that_can_be_read(paths: list[str], tmp_path: Path) -> None:
    for path in paths:
        cut(Path(path), 0.5)
    with pytest.raises(ClipselectError, match=r"not one of the 8 images can be read; the first: .*0.png"):
        tabled(paths, tmp_path / "cache")


def test_tables_one_after_the_other() -> None:
    def of(frames: list[int], seconds: float) -> FrameTable:
        numbers = np.array(frames, np.float32)
        return FrameTable(np.array(frames), numbers[:, None], numbers, seconds, 2 * seconds, 3 * seconds)

    both = stacked([of([0, 2], 1), of([1, 2], 3)], count=4)
    assert both.frames.tolist() == [0, 2, 5, 6] and both.scores.tolist() == [0, 2, 1, 2]
    assert (both.seconds_base, both.seconds_ddnet, both.seconds_read) == (2, 4, 6)
    assert [g.tolist() for g in both.groups([[0, 1, 2], [4, 5, 6]])] == [[0, 1], [2, 3]]


def test_a_damaged_cache_file_is_computed_again(paths: list[str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = tabled(paths, cache)[0]
    damaged = sorted(cache.iterdir())[0]
    damaged.write_bytes(damaged.read_bytes()[:50])
    again, seen, _, _ = tabled(paths, cache)
    assert 0 < seen <= 3 and (again.features == first.features).all()


def test_without_a_cache_nothing_is_written(paths: list[str], tmp_path: Path) -> None:
    scorer = load_scorer(tiny_ddnet(tmp_path / "tiny.safetensors"), "cpu", elements="frames")
    before = sorted(tmp_path.rglob("*"))
    assert len(frame_table(paths, FrameNetworks(blocks()[0], scorer)).frames) == 8
    assert sorted(tmp_path.rglob("*")) == before
