"""The outputs of both networks for the clips of a video, whatever their input and the way they are decoded."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.videos import make_video

from clipselect.evaluation.clip_tables import (
    ClipGrid,
    Networks,
    Stopwatch,
    base_by_seeking,
    base_pass,
    motion_pass,
    video_table,
)
from clipselect.evaluation.synthetic import SyntheticData
from clipselect.media.candidate_clips import Timeline, candidate_clips
from clipselect.media.clip_decoding import BATCH, read_clip
from clipselect.media.sources import open_source
from clipselect.scoring.cheap_scores import motion
from clipselect.scoring.scorer import load_scorer


def test_both_networks_see_the_same_windows_whatever_their_geometry(made: SyntheticData, networks: Networks) -> None:
    path, cut = made.data.parent / "01.mp4", ClipGrid(Fraction(1, 2))
    shared_pass = video_table(open_source(path), cut, networks)
    default = Networks(load_scorer(device="cpu"), networks.base)
    two_passes = video_table(open_source(path), cut, default)
    assert two_passes.spans.tolist() == shared_pass.spans.tolist()
    assert np.allclose(two_passes.probabilities, shared_pass.probabilities, atol=1e-6)
    assert not np.allclose(two_passes.scores, shared_pass.scores)
    assert two_passes.packets.tolist() == shared_pass.packets.tolist()


def test_the_table_holds_the_motion_of_the_frames_that_the_ddnet_sees(made: SyntheticData, networks: Networks) -> None:
    source, cut = open_source(made.data.parent / "01.mp4"), ClipGrid(Fraction(1, 2))
    for own in (networks, Networks(load_scorer(device="cpu"), networks.base)):
        _, clips, moved = motion_pass(source, cut, own)
        spec = own.scorer.input_spec
        by_seeking = [motion(read_clip(source, clip, spec.size, spec.clip_frames)[None]) for clip in clips]
        assert video_table(source, cut, own).motion.tolist() == moved.tolist() == np.concatenate(by_seeking).tolist()


@pytest.mark.parametrize("geometry", ["squash", "short_side", "three_crops:40", "resize:40x64"])
def test_clips_found_by_seeking_are_those_of_one_pass(made: SyntheticData, networks: Networks, geometry: str) -> None:
    source = open_source(made.data.parent / "02.mp4")
    clips = candidate_clips(source.timeline, Fraction(1, 2), Fraction(1, 3))
    assert len(clips) > BATCH
    networks = seeing(networks, geometry)
    passed, sought = (of(source, clips, networks, Stopwatch()) for of in (base_pass, base_by_seeking))
    assert np.allclose(passed, sought, atol=1e-6)
    if geometry != "squash":
        assert not np.allclose(passed, base_pass(source, clips, seeing(networks, "squash"), Stopwatch()), atol=1e-4)


def test_all_geometries_of_a_square_video_say_the_same(networks: Networks, tmp_path: Path) -> None:
    source = open_source(make_video(tmp_path / "square.mp4", 50, size=(64, 64)))
    clips = candidate_clips(source.timeline, Fraction(1, 2))
    one, *others = (
        base_pass(source, clips, seeing(networks, geometry), Stopwatch())
        for geometry in ("squash", "short_side", "three_crops")
    )
    assert np.ptp(one) > 1e-3
    assert all(np.allclose(one, other, atol=1e-6) for other in others)


def seeing(networks: Networks, geometry: str) -> Networks:
    return replace(networks, base=networks.base.with_geometry(geometry))


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
