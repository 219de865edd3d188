"""Scoring in one pass equals scoring the slow way, and holds little at a time."""

import gc
import warnings
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from helpers.videos import make_video

from clipselect.errors import ClipselectError
from clipselect.media.candidates import candidate_clips, frames_to_score
from clipselect.media.clips import candidates, clip_batches
from clipselect.media.progress import Progress
from clipselect.media.sources import open_source
from clipselect.media.video import VideoFile
from clipselect.scoring import scorer as scorer_module
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.video_scores import score_video


@pytest.fixture(scope="module")
def many_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames at uneven times, so that sampling by time and by number differ."""
    ticks = np.cumsum(np.random.default_rng(0).integers(1, 90, 150)).tolist()
    return make_video(tmp_path_factory.mktemp("video") / "uneven.mkv", ticks, time_base=Fraction(1, 1000))


@pytest.mark.parametrize(("clip_duration", "stride"), [(1, None), (0.7, 0.13), (100, None), (0.2, 0.5)])
def test_one_pass_equals_decoding_everything_first(
    many_clips: Path, clip_duration: float, stride: float | None
) -> None:
    scorer = load_scorer(device="cpu")
    source = open_source(many_clips)
    streamed = score_video(source, scorer, clip_duration=clip_duration, stride=stride)

    frames = np.stack([f for _, f in source.frames(np.arange(len(source.timeline.pts)), scorer.input_spec.size)])
    clips = candidate_clips(source.timeline, clip_duration, stride)
    pixels = np.stack([frames[frames_to_score(source.timeline, c, scorer.input_spec.frames)] for c in clips])
    x = (torch.from_numpy(pixels).float() / 255 - torch.tensor(scorer.input_spec.mean)) / torch.tensor(
        scorer.input_spec.std
    )
    with torch.inference_mode():
        slow = scorer.net(x.permute(0, 4, 1, 2, 3))
    assert streamed.clips == clips
    assert streamed.scores == pytest.approx(slow.numpy(), abs=1e-5)


def test_batches_are_bounded_and_complete(many_clips: Path) -> None:
    source, input_spec = open_source(many_clips), load_scorer(device="cpu").input_spec
    sizes = []
    for batch in clip_batches(source, candidates(0.5, 0.05), input_spec.size, input_spec.clip_frames, batch_size=4):
        assert batch.first == sum(sizes)
        sizes.append(len(batch.frames))
        assert batch.frames.shape[1:] == (input_spec.frames, input_spec.size, input_spec.size, 3)
    assert max(sizes) == 4 and sum(sizes) == batch.done == len(candidate_clips(source.timeline, 0.5, 0.05))


def test_a_video_that_changes_between_passes_is_scored_again(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 100)
    source = open_source(path)
    make_video(path, 50)
    scored = score_video(source, load_scorer(device="cpu"))
    assert float(scored.duration) == pytest.approx(2.0)
    assert len(scored.clips) == 2


def test_progress_reaches_one_and_never_steps_back(many_clips: Path) -> None:
    reports: list[Progress] = []
    scored = score_video(open_source(many_clips), load_scorer(device="cpu"), stride=0.1, progress=reports.append)
    done = [report.done for report in reports]
    assert done == sorted(done) and done[-1] == len(scored.clips)
    assert {(report.stage, report.total) for report in reports} == {("scoring", len(scored.clips))}


def test_clip_duration_defaults_to_what_the_ddnet_was_distilled_with(many_clips: Path) -> None:
    scorer = load_scorer(device="cpu")
    first = score_video(open_source(many_clips), scorer).clips[0]
    assert float(first.end - first.start) == scorer.clip_duration
    with pytest.raises(ClipselectError, match="clip_duration"):
        score_video(open_source(many_clips), scorer, clip_duration=0)


def test_no_clip_is_nan_even_if_black_or_white(tmp_path: Path) -> None:
    scorer = load_scorer(device="cpu")
    for value in (0, 255):
        clips = np.full(
            (2, scorer.input_spec.frames, scorer.input_spec.size, scorer.input_spec.size, 3), value, np.uint8
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            scores = scorer.score(clips)
        assert ((scores > 0) & (scores < 1)).all()


def test_absent_devices_are_named() -> None:
    for name in ("cuda:99", "meta", "toaster"):
        with pytest.raises(ClipselectError, match=name):
            scorer_module.pick_device(name)


def test_frames_are_let_go_of_as_soon_as_they_are_seen(many_clips: Path) -> None:
    """Without waiting for Python's search for circles: the frames of an hour would wait as well."""
    source = open_source(many_clips)
    assert isinstance(source, VideoFile)
    gc.collect()
    gc.disable()
    try:
        for read in (source.frames, partial(source.frames, fast=True)):
            for _ in read(np.arange(len(source.timeline.pts)), 16):
                pass
            assert sum(isinstance(o, av.VideoFrame) for o in gc.get_objects()) < 5
    finally:
        gc.enable()
