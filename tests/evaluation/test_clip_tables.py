"""What both networks say about clips: the tables of the accuracy benchmark, what is kept of them, what is timed."""

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import data_sets
import numpy as np
import pytest
import synthetic
import table_cache
import torch
from clip_tables import BATCH, Cut, Networks, Watch, base_by_seeking, base_pass, crops, video_table
from clipselect.zoo.loading import load_base
from composed_files import write_composition
from helpers.benchmark_fixtures import made, networks, one_thread
from helpers.videos import make_video, write_display_matrix
from numpy.typing import NDArray
from table_cache import Cache
from timed import Method, add_seconds, methods, timed

from clipselect.commands.stages import Stage
from clipselect.data.composition import ACTION_CLIPS
from clipselect.data.datasets import read_background, read_dataset
from clipselect.errors import VideoError
from clipselect.evaluation.outcomes import Cost
from clipselect.media.candidates import Timeline, candidate_clips
from clipselect.media.orientation import orientation
from clipselect.media.sources import open_source
from clipselect.method.aggregation import aggregate, weights
from clipselect.method.selection import top_k, uniform
from clipselect.scoring.scorer import load_scorer

__all__ = ["made", "networks", "one_thread"]

COST = Cost(1.0, 0.1, views=1)
CPU = torch.device("cpu")


@pytest.mark.parametrize("views", [1, 3])
def test_what_is_timed_answers_as_the_tables_do(made: synthetic.Synthetic, networks: Networks, views: int) -> None:
    path, cut = str(made.data.parent / "00.mp4"), Cut(Fraction(1, 2))
    networks = Networks(networks.scorer, networks.base, views)
    table = video_table(open_source(path), cut, networks)
    answers = {
        key: method(path)[0] for key, method in methods([3], cut, networks, replace(COST, views=views), 30).items()
    }
    kept = top_k(table.scores, 3).ordered
    assert answers["dense", None] == pytest.approx(table.probabilities.mean(axis=0), abs=1e-6)
    expected = aggregate(torch.from_numpy(table.probabilities[kept]), weights(table.scores, kept)).numpy()
    assert answers["ddl", 3] == pytest.approx(expected, abs=1e-6)
    more = uniform(len(table.scores), 3 + math.ceil(len(table.scores) * COST.ddnet / views))
    assert answers["uniform_equal_cost", 3] == pytest.approx(table.probabilities[more].mean(axis=0), abs=1e-6)


def test_both_networks_see_the_same_windows_whatever_their_geometry(
    made: synthetic.Synthetic, networks: Networks
) -> None:
    path, cut = made.data.parent / "01.mp4", Cut(Fraction(1, 2))
    shared_pass = video_table(open_source(path), cut, networks)
    default = Networks(load_scorer(device="cpu"), networks.base)
    two_passes = video_table(open_source(path), cut, default)
    assert two_passes.spans.tolist() == shared_pass.spans.tolist()
    assert np.allclose(two_passes.probabilities, shared_pass.probabilities, atol=1e-6)
    assert not np.allclose(two_passes.scores, shared_pass.scores)


@pytest.mark.parametrize("views", [1, 3])
def test_clips_found_by_seeking_are_those_of_one_pass(
    made: synthetic.Synthetic, networks: Networks, views: int
) -> None:
    source = open_source(made.data.parent / "02.mp4")
    clips = candidate_clips(source.timeline, Fraction(1, 2), Fraction(1, 3))
    assert len(clips) > BATCH
    networks = Networks(networks.scorer, networks.base, views)
    passed, sought = (of(source, clips, networks, Watch()) for of in (base_pass, base_by_seeking))
    assert np.allclose(passed, sought, atol=1e-6)


def test_three_views_of_a_square_video_say_what_one_says(networks: Networks, tmp_path: Path) -> None:
    source = open_source(make_video(tmp_path / "square.mp4", 50, size=(64, 64)))
    clips = candidate_clips(source.timeline, Fraction(1, 2))
    one, three = (
        base_pass(source, clips, Networks(networks.scorer, networks.base, views), Watch()) for views in (1, 3)
    )
    assert np.ptp(one) > 1e-3
    assert np.allclose(one, three, atol=1e-6)


def test_groups_of_compositions_point_at_the_clips_they_hold(
    made: synthetic.Synthetic, networks: Networks, tmp_path: Path
) -> None:
    dataset = read_dataset(made.data, "val", classes=networks.base.classes)
    background = read_background(made.background, "val")
    cache = Cache(tmp_path / "cache", networks, Cut(Fraction(1, 2), exactly=ACTION_CLIPS), 30)
    (mixed,) = data_sets.composed(dataset, background, ["mixed"], {}, 1, [0], cache, tmp_path)
    for group in mixed.groups:
        assert group.action is not None
        own = cache.table(group.name)
        assert mixed.table.scores[group.rows[group.action]].tolist() == own.scores.tolist()
        assert mixed.table.probabilities[group.rows[group.action]].tolist() == own.probabilities.tolist()
    assert {row for group in mixed.groups for row in group.rows} <= {*range(len(mixed.table.scores))}


def still(pixels: NDArray[np.uint8]) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(pixels, "rgb24")


def test_three_views_are_squares_along_the_longer_side_as_shown(tmp_path: Path) -> None:
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, :40], wide[:, 40:80], wide[:, 80:] = 50, 150, 250
    for pixels in (wide, wide.swapaxes(0, 1).copy()):
        found = crops(still(pixels), pixels.shape[1] / pixels.shape[0], 20)
        assert found.shape == (3, 20, 20, 3)
        assert [round(float(crop[5:15, 5:15].mean())) for crop in found] == pytest.approx([50, 150, 250], abs=3)
    turned = make_video(tmp_path / "turned.mp4", 1, size=(96, 32))
    write_display_matrix(turned, 0, 1, -1, 0)
    source = open_source(turned)
    (picture,) = source.pictures(0, 0)
    upright = orientation(picture).apply(picture.to_ndarray(format="rgb24")).copy()
    assert upright.shape[0] > upright.shape[1]
    assert np.allclose(crops(picture, source.aspect, 32), crops(still(upright), 1 / 3, 32), atol=12)
    square = crops(still(wide[:, 20:60].copy()), 1.0, 20)
    assert (square[0] == square[1]).all() and (square[1] == square[2]).all()


def timeline(frames: int) -> Timeline:
    return Timeline(np.arange(frames), frames, Fraction(1, 25))


def test_dense_candidates_are_at_most_as_many_and_reach_both_ends() -> None:
    second = Fraction(1)
    for frames in (10, 26, 60, 250, 2500):
        clips = Cut(second, dense=9).clips(timeline(frames))
        assert 1 <= len(clips) <= 9
        assert clips[0].start == 0 and clips[-1].last == frames - 1
        assert len({(c.first, c.last) for c in clips}) == len(clips)
    assert len(Cut(second, dense=9).clips(timeline(250))) == 9
    few = Cut(second, stride=Fraction(5), dense=9).clips(timeline(250))
    assert few == candidate_clips(timeline(250), second, Fraction(5))  # a stride that makes do with fewer
    assert len(Cut(second, stride=Fraction(1, 10), dense=9).clips(timeline(250))) == 9


def test_a_composed_file_holds_its_clips_in_order(tmp_path: Path) -> None:
    long = open_source(make_video(tmp_path / "long.mp4", 50))
    short = open_source(make_video(tmp_path / "short.mp4", 10))
    clips = [(long, candidate_clips(long.timeline, 1)[0]), (short, candidate_clips(short.timeline, 1)[0])]
    write_composition(clips, Fraction(64, 60), tmp_path / "out.mp4")
    out = open_source(tmp_path / "out.mp4")
    assert len(out.timeline.pts) == round(2 * 25 * 64 / 60)
    grey = [int(f[2, -2, 0]) for _, f in out.frames(np.arange(len(out.timeline.pts)), 16)]
    expected = [40 + (min(i, 24) * 13) % 160 for i in range(27)]
    assert np.allclose(grey[:27], expected, atol=12)
    assert np.allclose(grey[37:], 40 + (9 * 13) % 160, atol=12)  # the last frame stays


CODE = """
import torch
from clipselect.scoring.input_spec import InputSpec
from clipselect.zoo.base import Base

def make():
    def net(clips):
        features = clips.flatten(1)[:, :3]
        return features, features @ torch.tensor([[1.0, 0.0], [0.0, {weight}], [0.0, 0.0]])
    spec = InputSpec(32, 32, (0.5,) * 3, (0.5,) * 3, 4)
    return Base.from_module(net, spec, 0.5, name="mine", classes=("blinking", "moving"))
"""


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the videos that are opened for the tables from here on."""
    names: list[str] = []

    def noted(path: str, **how: float) -> object:
        names.append(Path(path).name)
        return open_source(path, **how)

    monkeypatch.setattr(table_cache, "open_source", noted)
    return names


def test_a_base_out_of_code_is_known_by_its_file(
    made: synthetic.Synthetic, networks: Networks, tmp_path: Path, looked: list[str]
) -> None:
    video, code = str(made.data.parent / "00.mp4"), tmp_path / "mine.py"
    (tmp_path / "cache").mkdir()

    def table(weight: float) -> NDArray[np.float32]:
        code.write_text(CODE.format(weight=weight))
        mine = replace(networks, base=load_base(f"{code}:make"))
        return Cache(tmp_path / "cache", mine, Cut(Fraction(1, 2)), 30).table(video).probabilities

    first = table(1.0)
    assert table(1.0).tolist() == first.tolist() and len(looked) == 1
    assert table(2.0).tolist() != first.tolist() and len(looked) == 2


def test_a_base_that_nothing_identifies_is_not_kept_and_said_so_once(
    made: synthetic.Synthetic,
    networks: Networks,
    tmp_path: Path,
    looked: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    code = tmp_path / "mine.py"
    code.write_text(CODE.format(weight=1.0))
    nameless = replace(load_base(f"{code}:make"), metadata={})
    cache = Cache(tmp_path, replace(networks, base=nameless), Cut(Fraction(1, 2)), 30)
    for _ in range(2):
        cache.table(str(made.data.parent / "00.mp4"))
    assert len(looked) == 2 and not [*tmp_path.glob("*.npz")]
    assert capfd.readouterr().err.count("nothing is kept") == 1


def test_another_version_of_the_cache_is_another_cache(
    made: synthetic.Synthetic, networks: Networks, tmp_path: Path, looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (1, 2):
        monkeypatch.setattr(table_cache, "VERSION", version)
        Cache(tmp_path, networks, Cut(Fraction(1, 2)), 30).table(str(made.data.parent / "00.mp4"))
    assert len(looked) == 2


def constant(name: str, called: list[tuple[str, str]], fails: str = "") -> Method:
    def method(path: str) -> tuple[NDArray[np.float64], dict[str, float]]:
        called.append((name, Path(path).name))
        if Path(path).name == fails:
            raise VideoError(f"{path}: torn")
        return np.zeros(2), {"total": 0.5, "decode": 0.3, "ddnet": 0.1, "base": 0.1}

    return method


def test_methods_take_turns_in_being_first_and_a_video_that_fails_is_left_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c", "d")]
    for path in paths[:3]:
        path.write_bytes(b"video")
    called: list[tuple[str, str]] = []
    every = {("ddl", 1): constant("ddl", called), ("uniform", 1): constant("uniform", called, fails="b")}
    found = timed([str(path) for path in paths], every, CPU, Stage("timing", 4, quiet=True))
    warm, counted = called[:2], called[2:]
    assert warm == [("ddl", "a"), ("uniform", "a")]
    assert counted == [("ddl", "a"), ("uniform", "a"), ("uniform", "b"), ("uniform", "c"), ("ddl", "c")]
    assert found["ddl", 1]["timed_videos"] == found["uniform", 1]["timed_videos"] == 2
    assert found["ddl", 1]["seconds"] == 0.5 and found["ddl", 1]["videos_per_second"] == 2
    told = capfd.readouterr().err
    assert "b: torn" in told and str(tmp_path / "d") in told.replace("\n", "")
    rows = [{"method": "ddl_average", "k": 1}, {"method": "random", "k": 1}]
    add_seconds(rows, found)
    assert rows[0]["seconds"] == 0.5 and "seconds" not in rows[1]
