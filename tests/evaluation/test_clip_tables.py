"""The outputs of both networks for the clips of a video, whatever their input and the way they are decoded."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.videos import make_video, write_display_matrix
from numpy.typing import NDArray

from clipselect.evaluation.clip_tables import (
    ClipGrid,
    Networks,
    Stopwatch,
    base_by_seeking,
    base_pass,
    crops,
    video_table,
)
from clipselect.evaluation.synthetic import SyntheticData
from clipselect.media.candidate_clips import Timeline, candidate_clips
from clipselect.media.clip_decoding import BATCH
from clipselect.media.scaling import upright
from clipselect.media.sources import open_source
from clipselect.scoring.scorer import load_scorer


def test_both_networks_see_the_same_windows_whatever_their_geometry(made: SyntheticData, networks: Networks) -> None:
    path, cut = made.data.parent / "01.mp4", ClipGrid(Fraction(1, 2))
    shared_pass = video_table(open_source(path), cut, networks)
    default = Networks(load_scorer(device="cpu"), networks.base)
    two_passes = video_table(open_source(path), cut, default)
    assert two_passes.spans.tolist() == shared_pass.spans.tolist()
    assert np.allclose(two_passes.probabilities, shared_pass.probabilities, atol=1e-6)
    assert not np.allclose(two_passes.scores, shared_pass.scores)


@pytest.mark.parametrize("views", [1, 3])
def test_clips_found_by_seeking_are_those_of_one_pass(made: SyntheticData, networks: Networks, views: int) -> None:
    source = open_source(made.data.parent / "02.mp4")
    clips = candidate_clips(source.timeline, Fraction(1, 2), Fraction(1, 3))
    assert len(clips) > BATCH
    networks = Networks(networks.scorer, networks.base, views)
    passed, sought = (of(source, clips, networks, Stopwatch()) for of in (base_pass, base_by_seeking))
    assert np.allclose(passed, sought, atol=1e-6)


def test_three_views_of_a_square_video_say_what_one_says(networks: Networks, tmp_path: Path) -> None:
    source = open_source(make_video(tmp_path / "square.mp4", 50, size=(64, 64)))
    clips = candidate_clips(source.timeline, Fraction(1, 2))
    one, three = (
        base_pass(source, clips, Networks(networks.scorer, networks.base, views), Stopwatch()) for views in (1, 3)
    )
    assert np.ptp(one) > 1e-3
    assert np.allclose(one, three, atol=1e-6)


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
    shown = upright(picture)
    assert shown.shape[0] > shown.shape[1]
    assert np.allclose(crops(picture, source.aspect, 32), crops(still(shown), 1 / 3, 32), atol=12)
    square = crops(still(wide[:, 20:60].copy()), 1.0, 20)
    assert (square[0] == square[1]).all() and (square[1] == square[2]).all()


def timeline(frames: int) -> Timeline:
    return Timeline(np.arange(frames), frames, Fraction(1, 25))


def test_dense_candidates_are_at_most_as_many_and_reach_both_ends() -> None:
    second = Fraction(1)
    for frames in (10, 26, 60, 250, 2500):
        clips = ClipGrid(second, dense=9).clips(timeline(frames))
        assert 1 <= len(clips) <= 9
        assert clips[0].start == 0 and clips[-1].last == frames - 1
        assert len({(c.first, c.last) for c in clips}) == len(clips)
    assert len(ClipGrid(second, dense=9).clips(timeline(250))) == 9
    few = ClipGrid(second, stride=Fraction(5), dense=9).clips(timeline(250))
    assert few == candidate_clips(timeline(250), second, Fraction(5))  # a stride that makes do with fewer
    assert len(ClipGrid(second, stride=Fraction(1, 10), dense=9).clips(timeline(250))) == 9
