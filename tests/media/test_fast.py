"""Fast scoring: the nearest decoded frame stands in for a skipped one, and all else stays as it is."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.videos import SHARED, expected_levels, make_video
from scipy.stats import spearmanr

from clipselect.media.fast import MAX_SKIPPED_FRAMES
from clipselect.media.read_again import ReadAgain
from clipselect.media.sources import Source, open_source
from clipselect.media.video import VideoFile
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.video_scores import score_video

B_FRAMES = {"bf": "2", "x264-params": "b-adapt=0:b-pyramid=none:scenecut=0", "g": "24", "crf": "12"}
"""Every third frame is a reference frame."""
HEVC = {"x265-params": "log-level=none:bframes=3:keyint=24:b-adapt=0:b-pyramid=0:scenecut=0", "crf": "8"}


@pytest.fixture
def grouped(tmp_path: Path) -> Path:
    return make_video(tmp_path / "grouped.mp4", 96, options=B_FRAMES)


def levels(source: Source, wanted: np.ndarray[Any, Any], size: int = 32) -> list[int]:
    """Grey of the top right corner: which frame stands for every wanted one."""
    found = [*source.frames(wanted, size, fast=True)]
    assert [i for i, _ in found] == wanted.tolist()
    assert all(frame.shape == (size, size, 3) and frame.dtype == np.uint8 for _, frame in found)
    return [int(frame[5, -5, 0]) for _, frame in found]


def decoded_indices(path: Path) -> list[int]:
    source = VideoFile.open(path)
    return [source.timeline.pts.tolist().index(frame.pts) for frame in source.decode(fast=True)]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("h264.mp4", {"options": B_FRAMES}),
        ("h264.mkv", {"options": B_FRAMES}),
        ("late.ts", {"options": B_FRAMES, "ticks": range(250, 346)}),
        ("hevc.mp4", {"codec": "libx265", "options": HEVC}),
        ("mpeg4.mp4", {"codec": "mpeg4", "options": {"bf": "2", "g": "24", "qmax": "4", "sc_threshold": "1000000000"}}),
        ("only_reference_frames.mp4", {"options": {"bf": "0", "crf": "12"}}),
        (
            "uneven.mkv",
            {"options": B_FRAMES, "ticks": [i * i + 40 * i for i in range(96)], "time_base": Fraction(1, 1000)},
        ),
    ],
)
def test_every_wanted_frame_is_the_nearest_in_time_that_was_decoded(
    tmp_path: Path, name: str, settings: dict[str, Any]
) -> None:
    path = make_video(tmp_path / name, **{"ticks": 96, **settings})
    source = open_source(path)
    pts, kept = source.timeline.pts, decoded_indices(path)
    assert len(pts) == 96 and (len(kept) == 96) == (name in ("only_reference_frames.mp4",))
    wanted = np.unique(np.random.default_rng(0).choice(96, 60))
    nearest = [min(kept, key=lambda k, i=i: (abs(int(pts[k] - pts[i])), -k)) for i in wanted]
    expected = np.array(expected_levels(96))[nearest]
    assert np.abs(np.subtract(levels(source, wanted), expected)).max() <= 6


@pytest.mark.parametrize("settings", [{"pix_fmt": "yuvj420p"}, {"pix_fmt": "yuv444p"}, {"pix_fmt": "yuv420p10le"}])
def test_colours_and_ranges_are_those_of_exact_reading(tmp_path: Path, settings: dict[str, Any]) -> None:
    source = open_source(
        make_video(tmp_path / "a.mkv", 8, options={"bf": "0", "crf": "8"}, size=(256, 192), **settings)
    )
    wanted = np.arange(8)
    for (_, fast), (_, exact) in zip(source.frames(wanted, 33, fast=True), source.frames(wanted, 33), strict=True):
        apart = np.abs(fast.astype(int) - exact)
        assert np.median(apart) <= 2 and np.quantile(apart, 0.9) <= 8


def test_what_a_fast_pass_does_not_suit_is_read_exactly(tmp_path: Path) -> None:
    scorer = load_scorer(device="cpu")
    runs = make_video(tmp_path / "runs.mp4", 96, options={**B_FRAMES, "bf": "16"})
    assert max(np.diff(decoded_indices(runs))) > MAX_SKIPPED_FRAMES + 1
    hole = make_video(tmp_path / "hole.mp4", 100, options={"g": "10", "bf": "0"}, size=(128, 96))
    data = bytearray(hole.read_bytes())
    start = data.index(b"mdat") + 4
    data[start + 2000 : start + 3500] = b"\xff" * 1500
    hole.write_bytes(data)
    cut = make_video(tmp_path / "cut.mkv", 100, options={"g": "10", "bf": "0"}, size=(128, 96))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    for path in (runs, hole, cut):
        fast, exact = (score_video(open_source(path), scorer, stride=0.2, fast=fast) for fast in (True, False))
        assert fast.clips == exact.clips and fast.source.warnings == exact.source.warnings
        if path is not cut:  # of which all decodes that is promised
            with pytest.raises(ReadAgain):
                [*open_source(path).frames(np.arange(90), 16, fast=True)]
            assert fast.scores.tolist() == exact.scores.tolist()


def test_folders_and_files_without_a_clean_clock_are_read_exactly(tmp_path: Path) -> None:
    raw = open_source(make_video(tmp_path / "raw.h264", 96, options=B_FRAMES))
    assert isinstance(raw, VideoFile) and not raw.seekable
    wanted = np.arange(0, 96, 5)
    pairs = zip(raw.frames(wanted, 16, fast=True), raw.frames(wanted, 16), strict=True)
    assert all(i == j and np.array_equal(a, b) for (i, a), (j, b) in pairs)


def test_clips_are_exact_and_scores_only_estimates(grouped: Path) -> None:
    scorer = load_scorer(device="cpu")
    fast, exact = (score_video(open_source(grouped), scorer, stride=0.3, fast=fast) for fast in (True, False))
    assert fast.clips == exact.clips and ((fast.scores > 0) & (fast.scores < 1)).all()
    assert fast.scores.tolist() != exact.scores.tolist()
    pictures = [[frame.to_ndarray() for frame in s.source.pictures(10, 12)] for s in (fast, exact)]
    assert np.array_equal(*pictures)


def test_ranks_of_real_videos_stay(shared: Path) -> None:
    scorer = load_scorer(device="cpu")
    paths = sorted((SHARED / "untrimmed" / "urfall").glob("*.mp4"))[:6]
    pairs = [[score_video(open_source(p), scorer, stride=0.5, fast=f).scores for f in (True, False)] for p in paths]
    fast, exact = (np.concatenate(scores) for scores in zip(*pairs, strict=True))
    assert spearmanr(fast, exact)[0] >= 0.95
