"""Scoring a long video from a part of its frames."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.video.frame import PictureType
from helpers.videos import make_damaged_video
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipselect import select
from clipselect.errors import ArgumentError
from clipselect.media.candidate_clips import Timeline
from clipselect.media.clip_decoding import clip_grid
from clipselect.media.packet_sizes import PacketSizes
from clipselect.media.progress import Progress
from clipselect.media.read_again import ReadAgain
from clipselect.media.scaling import Convert
from clipselect.media.sources import open_source
from clipselect.media.video import VideoFile
from clipselect.scoring import video_scores
from clipselect.scoring.promising_clips import chosen_gops, promising_clips
from clipselect.scoring.video_scores import VideoScores, score_video

BRIGHT = {17: 200, 18: 220, 42: 180}
"""Of 60 seconds, how bright some are; the others have 40."""


def brightness(clips: NDArray[np.uint8]) -> NDArray[np.float64]:
    return clips.mean(axis=(1, 2, 3, 4))


def constant(clips: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.ones(len(clips))


def by_the_second(
    path: Path, levels: Sequence[int], gop: int, codec: str = "libx264", keys: Collection[int] = ()
) -> Path:
    """25 frames of every level of grey; a key frame after `gop` frames, and at the beginning of some seconds."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options={"g": str(gop), "keyint_min": str(gop), "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for second, level in enumerate(levels):
            for i in range(25):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), level, np.uint8), format="rgb24")
                if i == 0 and second in keys:
                    frame.pict_type = PictureType.I
                out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    levels = [BRIGHT.get(second, 40) for second in range(60)]
    return by_the_second(tmp_path_factory.mktemp("long") / "minute.mp4", levels, gop=25)


def starts(scores: VideoScores) -> list[float]:
    return [float(clip.start) for clip in scores.clips]


def test_the_best_clips_are_found_in_a_tenth_of_the_frames(minute: Path) -> None:
    everything, part = score_video(minute, brightness), score_video(minute, brightness, budget=0.15)
    assert 0.04 < part.decoded <= 0.15 and part.skipped == 60 - len(part.clips) and everything.decoded == 1
    assert {17, 18, 42} <= {*starts(part)} and len(part.clips) < 10
    exact = dict(zip(starts(everything), everything.scores.tolist(), strict=True))
    assert [exact[start] for start in starts(part)] == part.scores.tolist()
    assert starts(part) == sorted(starts(part))
    [warning] = part.warnings
    assert (
        f"{part.skipped} of 60 candidate clips were left out" in warning
        and f"{100 * part.decoded:.0f} % of the video" in warning
    )
    assert everything.warnings == ()


def test_doubts_about_the_order_go_by_whole_videos(minute: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_scores, "doubts", lambda *_: ("a guess",))
    assert score_video(minute, brightness).doubts == ("a guess",)
    assert score_video(minute, brightness, budget=0.15).doubts == ()


def test_picks_of_a_part_decode_like_any_others(minute: Path) -> None:
    whole, part = select(minute, 3, scorer=brightness), select(minute, 3, scorer=brightness, budget=0.2)
    assert [pick.start for pick in part] == [pick.start for pick in whole] == [17, 18, 42]
    for one, other in zip(whole.decode(num_frames=4, size=32), part.decode(num_frames=4, size=32), strict=True):
        assert (one == other).all()
    assert part.warnings and not whole.warnings
    assert part.scores.source.frames(np.arange(3), 8) is not None


def test_the_budget_may_not_even_suffice_for_one_clip(tmp_path: Path) -> None:
    """A group of a minute, which begins brightly, then fifty of a second."""
    video = by_the_second(tmp_path / "a.mp4", [200] + [40] * 109, gop=9999, keys=range(60, 110))
    part = score_video(video, brightness, budget=0.04)
    assert starts(part) == [*range(60)] and part.decoded == pytest.approx((1500 + 50) / 2750)
    assert "56 % of the video was decoded, more than 0.04" in part.warnings[0]


@pytest.mark.parametrize("gop", [250, 25])
def test_of_few_groups_of_pictures_none_is_left_out(tmp_path: Path, gop: int) -> None:
    video = by_the_second(tmp_path / "a.mp4", [40, 200, 40], gop)
    part = score_video(video, brightness, budget=0.3)
    assert (len(part.clips), part.decoded, part.skipped) == (3, 1, 0)
    assert "decoded whole" in part.warnings[0]
    why = promising_clips(brightness, open_source(video), clip_grid(1), 8, 4, budget=0.3)
    assert isinstance(why, str) and "key frame" in why and "50 are needed" in why  # without a look at the clips


@pytest.mark.parametrize("scorer", ["motion", constant])
def test_scores_that_say_nothing_of_still_frames_leave_nothing_out(minute: Path, scorer: Any) -> None:
    part, everything = score_video(minute, scorer, budget=0.3), score_video(minute, scorer)
    assert part.clips == everything.clips and part.decoded == 1
    assert part.warnings == ("decoded whole, not 0.3 of it: its key frames all have the same score",)


def test_key_frames_that_are_far_apart_are_said(tmp_path: Path) -> None:
    levels = [40 + i % 100 for i in range(8 * 52)]
    part = score_video(by_the_second(tmp_path / "a.mp4", levels, gop=8 * 25), brightness, budget=Fraction(3, 10))
    assert part.skipped and part.warnings[1:] == (
        "its key frames are 8 s apart, so better clips may have been left out",
    )
    whole = score_video(tmp_path / "a.mp4", brightness, budget=Fraction(1, 200))
    assert (
        "decoded whole, not 0.005 of it: its key frames alone are 0.5 % of it; give a larger budget" in whole.warnings
    )


def test_windows_that_need_few_groups_are_all_scored(minute: Path) -> None:
    part = score_video(minute, brightness, budget=0.3, candidates=[(50, 51), (3, 5)])
    assert starts(part) == [3, 50] and part.decoded < 0.15 and (part.skipped, part.warnings) == (0, ())


def test_all_candidates_are_scored_where_only_the_whole_video_decodes(
    minute: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the threads of a decoder lose frames of a part, which a pass over the whole video gets back."""
    without_others = VideoFile._without_others

    def lossy(video: VideoFile, wanted: NDArray[np.int64], convert: Convert) -> Iterator[Any]:
        in_part = video.part is not None and video.part.gops is not None
        yield from without_others(video, wanted[:-1] if in_part else wanted, convert)
        if in_part:
            raise ReadAgain(replace(video, part=None))

    monkeypatch.setattr(VideoFile, "_without_others", lossy)
    part, everything = score_video(minute, brightness, budget=0.15), score_video(minute, brightness)
    assert part.clips == everything.clips and part.scores.tolist() == everything.scores.tolist()
    assert (part.decoded, part.skipped) == (1, 0) and "cannot be decoded in parts" in part.warnings[0]


def test_progress_counts_key_frames_and_then_clips(minute: Path) -> None:
    seen: list[Progress] = []
    part = score_video(minute, brightness, budget=0.15, progress=seen.append)
    keys = [progress for progress in seen if progress.stage == "looking at key frames"]
    assert keys == seen[: len(keys)] and 1 < keys[-1].done == keys[-1].total
    assert seen[-1] == Progress("scoring", len(part.clips), len(part.clips))


@pytest.mark.parametrize("budget", [1, None])
def test_all_of_the_frames_is_no_limit(minute: Path, budget: float | None) -> None:
    scores = score_video(minute, brightness, budget=budget)
    assert len(scores.clips) == 60 and scores.skipped == 0


def test_what_cannot_be_decoded_in_parts_is_decoded_whole(tmp_path: Path) -> None:
    intra = by_the_second(tmp_path / "intra.mkv", [40, 90, 200, 60], gop=1, codec="mjpeg")
    folder = tmp_path / "frames"
    folder.mkdir()
    for i in range(90):
        cv2.imwrite(str(folder / f"{i:03d}.png"), np.full((8, 8, 3), i, np.uint8))
    damaged = make_damaged_video(tmp_path / "bad.mp4")
    for video, budget in ((intra, 0.3), (folder, 0.3), (damaged, 0.99)):
        part, everything = score_video(video, constant, budget=budget), score_video(video, constant)
        assert part.clips == everything.clips and part.scores.tolist() == everything.scores.tolist()
        assert (part.decoded, part.skipped) == (1, 0)
        assert part.warnings[:-1] == everything.warnings and f"decoded whole, not {budget}" in part.warnings[-1]


def test_decord_decodes_all_of_a_video(minute: Path) -> None:
    pytest.importorskip("decord")
    scores = score_video(open_source(minute, decoder="decord"), constant, budget=0.3)
    assert scores.decoded == 1 and "decoded whole, not 0.3" in scores.warnings[-1]


def test_budgets_that_make_no_sense_are_refused(minute: Path) -> None:
    wrong: Any
    for wrong in (0, -1, 1.5, float("nan"), "half"):
        with pytest.raises(ArgumentError, match=r"budget must lie in \(0, 1\]"):
            select(minute, budget=wrong)
    for more in ({"fast": True}, {"decoder": "decord"}):
        with pytest.raises(ArgumentError, match="budget does not work with"):
            select(minute, budget=0.5, **more)  # type: ignore[arg-type]


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=20),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 10_000), st.integers(1, 40)), min_size=1, max_size=30),
    st.integers(0, 400),
)
def test_the_budget_is_kept_and_the_best_clip_is_in(
    lengths: list[int], clips: list[tuple[float, int, int]], budget: int
) -> None:
    gop = np.repeat(np.arange(len(lengths)), lengths)
    total = len(gop)
    is_key = np.diff(gop, prepend=-1) > 0
    timeline = Timeline(np.arange(total), total, Fraction(1, 25))
    packets = PacketSizes(timeline, Fraction(0), np.ones(total, np.int64), is_key, gop)
    shown = [np.arange(first % total, min(first % total + length, total)) for _, first, length in clips]
    promise = np.array([value for value, *_ in clips], np.float32)
    chosen = chosen_gops(packets, shown, promise, budget)
    best = {*gop[shown[int(promise.argmax())]].tolist()}
    assert best <= chosen <= {*range(len(lengths))}
    assert sum(lengths[i] for i in chosen) <= max(budget, sum(lengths[i] for i in best))
    if budget >= total:
        assert chosen == {*np.concatenate([gop[frames] for frames in shown]).tolist()}
