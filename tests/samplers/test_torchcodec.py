"""The best clips as torchcodec decodes them: the picks of `select` in the decoder's clock, with its policies."""

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.optional import import_or_skip
from helpers.sampling import tiny_ddnet
from helpers.videos import make_damaged_video, make_uneven_video, make_video, write_display_matrix

from clipselect import DDLClipSampler, select
from clipselect.errors import ArgumentError, VideoError
from clipselect.samplers.torchcodec import clips_by_score
from clipselect.scoring.scorer import Scorer, load_scorer

FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+delay_moov", "avoid_negative_ts": "disabled"}


@pytest.fixture(scope="module")
def ddnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_ddnet(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture(scope="module")
def scorer(ddnet: Path) -> Scorer:
    return load_scorer(ddnet, "cpu")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds at 25 frames per second."""
    return make_video(tmp_path_factory.mktemp("video") / "long.mp4", 250)


@pytest.fixture(scope="module")
def decoder() -> Callable[..., Any]:
    return import_or_skip("torchcodec").decoders.VideoDecoder


def starts(clips: Any) -> list[float]:
    return clips.pts_seconds[:, 0].tolist()


def test_the_clips_are_those_of_select(long: Path, scorer: Scorer, decoder: Any) -> None:
    clips = clips_by_score(decoder(long), long, k=3, num_frames_per_clip=4, seconds_between_frames=0.25, scorer=scorer)
    picks = select(long, k=3, scorer=scorer)
    assert clips.data.shape == (3, 4, 3, 48, 64) and clips.data.dtype == torch.uint8
    expected = [[pick.start + i / 4 for i in range(4)] for pick in picks]
    assert np.abs(clips.pts_seconds.numpy() - expected).max() < 0.04
    assert starts(clips) == [pick.start for pick in picks]
    assert clips.duration_seconds.shape == (3, 4)
    frames = decoder(long).get_frames_at([round(25 * t) for t in clips.pts_seconds.flatten().tolist()])
    assert torch.equal(clips.data.flatten(0, 1), frames.data)


def test_pytorchvideo_gets_the_same_clips(long: Path, ddnet: Path, decoder: Any) -> None:
    sampler = DDLClipSampler(1.6, k=3, scorer=ddnet)
    chosen = [float(one.clip.start) for one in sampler.choose(sampler.candidates_of(str(long), 25))]
    how: dict[str, Any] = {"num_frames_per_clip": 8, "seconds_between_frames": 0.2, "scorer": ddnet, "device": "cpu"}
    assert starts(clips_by_score(decoder(long), long, k=3, **how)) == chosen


def test_only_the_choice_of_clips_differs_from_torchcodecs_sampler(long: Path, scorer: Scorer, decoder: Any) -> None:
    regular = import_or_skip("torchcodec").samplers.clips_at_regular_timestamps
    same: dict[str, Any] = {"num_frames_per_clip": 5, "seconds_between_frames": 0.19}
    theirs = regular(decoder(long), seconds_between_clip_starts=1, **same)
    ours = clips_by_score(decoder(long), long, k=9, scorer=scorer, **same)
    assert type(ours) is type(theirs)
    among = [starts(theirs).index(start) for start in starts(ours)]
    for name in ("data", "pts_seconds", "duration_seconds"):
        assert torch.equal(getattr(ours, name), getattr(theirs, name)[among])


def test_a_path_picks_and_a_decoder_with_its_file_give_the_same(long: Path, scorer: Scorer, decoder: Any) -> None:
    how: dict[str, Any] = {"num_frames_per_clip": 2, "seconds_between_frames": 0.5}
    clips = clips_by_score(decoder(long), str(long), k=2, scorer=scorer, **how)
    for other in (
        clips_by_score(long, k=2, scorer=scorer, **how),
        clips_by_score(str(long), select(long, k=2, scorer=scorer), **how),
    ):
        assert torch.equal(other.data, clips.data) and torch.equal(other.pts_seconds, clips.pts_seconds)


def test_frames_come_as_the_decoder_yields_them(long: Path, scorer: Scorer, decoder: Any) -> None:
    last = decoder(long, dimension_order="NHWC")
    clips = clips_by_score(last, long, k=2, num_frames_per_clip=3, scorer=scorer)
    assert clips.data.shape == (2, 3, 48, 64, 3)
    assert starts(clips) == [pick.start for pick in select(long, k=2, scorer=scorer)]


@pytest.mark.parametrize(
    ("name", "first", "options"),
    [
        ("later.mp4", 100, {}),
        ("later.mkv", 100, {}),
        ("later.mov", 7, {"container_options": {"use_editlist": "0"}}),
        ("earlier.mp4", -10, {"container_options": FRAGMENTS, "options": {"g": "10", "bf": "0"}}),
        ("cut.mp4", -10, {"container_options": {"avoid_negative_ts": "disabled"}}),  # an edit list hides frames
    ],
)
def test_picks_count_from_the_first_frame_wherever_the_clock_starts(
    name: str, first: int, options: dict[str, Any], tmp_path: Path, scorer: Scorer, decoder: Any
) -> None:
    path = make_video(tmp_path / name, range(first, first + 110), **options)
    last = decoder(path)
    begin = last.metadata.begin_stream_seconds
    assert begin != 0 or name == "cut.mp4"
    clips = clips_by_score(last, path, k=2, num_frames_per_clip=3, seconds_between_frames=0.2, scorer=scorer)
    for clip, pick in zip(clips, select(path, k=2, scorer=scorer), strict=True):
        wanted = [pick.first_frame + 5 * i for i in range(3)]
        assert torch.equal(clip.data, decoder(path).get_frames_at(wanted).data)
        assert clip.pts_seconds.tolist() == pytest.approx([begin + pick.start + i / 5 for i in range(3)])
    low = begin + 2
    inside = clips_by_score(last, path, k=1, sampling_range_start=low, sampling_range_end=low + 1, scorer=scorer)
    assert starts(inside) == pytest.approx([low])


def test_frames_on_screen_are_taken_where_the_frame_rate_varies(tmp_path: Path, scorer: Scorer, decoder: Any) -> None:
    path = make_uneven_video(tmp_path / "uneven.mkv")
    picks = select(path, k=2, scorer=scorer)
    timeline = picks.scores.source.timeline
    seconds = timeline.pts * float(timeline.time_base)
    clips = clips_by_score(decoder(path), picks, num_frames_per_clip=6, seconds_between_frames=0.15)
    begin = float(picks.scores.source.start_time)
    for clip, pick in zip(clips, picks, strict=True):
        shown = [seconds[seconds <= seconds[pick.first_frame] + 0.15 * i + 1e-6][-1] for i in range(6)]
        assert (clip.pts_seconds - begin).tolist() == pytest.approx(shown)


def test_clips_begin_with_the_first_frame_of_their_pick(tmp_path: Path, scorer: Scorer, decoder: Any) -> None:
    """At 29.97 frames per second the frame on screen after one second belongs to the clip before."""
    path = make_video(tmp_path / "ntsc.mp4", [1001 * i for i in range(150)], time_base=Fraction(1, 30_000))
    picks = select(path, k=3, scorer=scorer)
    clips = clips_by_score(decoder(path), picks, num_frames_per_clip=1)
    assert any(pick.start > 0 for pick in picks)
    assert starts(clips) == pytest.approx([pick.first_frame * 1001 / 30_000 for pick in picks])


def test_neighbouring_frames_are_neither_repeated_nor_left_out(tmp_path: Path, scorer: Scorer, decoder: Any) -> None:
    """Matroska rounds the times of frames to milliseconds."""
    ticks = [round(i * 1001 / 30) for i in range(150)]
    path = make_video(tmp_path / "rounded.mkv", ticks, time_base=Fraction(1, 1000))
    clips = clips_by_score(decoder(path), path, k=1, num_frames_per_clip=30, scorer=scorer)
    [pick] = select(path, k=1, scorer=scorer, clip_duration=30 * 1.001 / 30)
    first = pick.first_frame
    assert torch.equal(clips.data[0], decoder(path).get_frames_in_range(first, first + 30).data)


def test_frames_of_phones_are_upright(tmp_path: Path, scorer: Scorer, decoder: Any) -> None:
    path = make_video(tmp_path / "turned.mp4", 63)
    write_display_matrix(path, 0, 1, -1, 0)
    clips = clips_by_score(decoder(path), path, k=1, num_frames_per_clip=2, scorer=scorer)
    [own] = select(path, k=1, scorer=scorer).decode()
    assert clips.data.shape == (1, 2, 3, 64, 48)
    assert (clips.data[0, 0].int() - own[0].int()).abs().float().mean() < 4


def test_the_same_stream_is_scored_and_read(tmp_path: Path, scorer: Scorer, decoder: Any) -> None:
    path = make_video(tmp_path / "two.mkv", 63, video_streams=2)
    assert len(clips_by_score(path, k=2, scorer=scorer)) == 2
    with pytest.raises(ArgumentError, match="stream_index=0") as e:
        clips_by_score(decoder(path, stream_index=1), path, scorer=scorer)
    assert e.value.argument == "decoder" and str(path) in str(e.value)


@pytest.mark.parametrize("policy", ["repeat_last", "wrap"])
def test_frames_after_the_end_are_replaced_as_torchcodec_does(
    policy: Any, video: Path, scorer: Scorer, decoder: Any
) -> None:
    regular = import_or_skip("torchcodec").samplers.clips_at_regular_timestamps
    same: dict[str, Any] = {"num_frames_per_clip": 6, "seconds_between_frames": 0.3, "policy": policy}
    theirs = regular(decoder(video), seconds_between_clip_starts=1, sampling_range_end=2.5, **same)
    ours = clips_by_score(
        decoder(video), video, k=3, clip_duration=0.5, stride=1, scorer=scorer, sampling_range_end=2.01, **same
    )
    assert ours.pts_seconds.tolist() == theirs.pts_seconds.tolist()
    assert torch.equal(ours.data, theirs.data)


def test_a_clip_beyond_the_end_can_be_an_error(video: Path, scorer: Scorer, decoder: Any) -> None:
    how: dict[str, Any] = {"seconds_between_frames": 0.5, "policy": "error", "scorer": scorer}
    assert len(clips_by_score(decoder(video), video, num_frames_per_clip=5, **how)) == 1
    with pytest.raises(VideoError, match="policy") as e:
        clips_by_score(decoder(video), video, num_frames_per_clip=7, **how)
    assert str(video) in str(e.value)


def test_candidates_are_as_long_as_what_is_read_and_as_the_ddnet_knows(
    long: Path, scorer: Scorer, decoder: Any
) -> None:
    clips = clips_by_score(decoder(long), long, k=9, num_frames_per_clip=8, seconds_between_frames=0.25, scorer=scorer)
    assert starts(clips) == [0, 2, 4, 6, 8]  # of 2 s: none overlap
    clips = clips_by_score(decoder(long), long, k=99, num_frames_per_clip=8, scorer=scorer)
    assert starts(clips) == [*range(10)]  # of 0.32 s, but the DDNet was distilled with 1 s
    clips = clips_by_score(decoder(long), long, k=99, num_frames_per_clip=8, clip_duration=5, scorer=scorer)
    assert starts(clips) == [0, 5]
    clips = clips_by_score(decoder(long), long, candidates=[(1, 2), (7.2, 9)], scorer=scorer)
    assert starts(clips) == pytest.approx([1, 7.2])


def test_the_best_within_the_range_are_sampled(long: Path, scorer: Scorer, decoder: Any) -> None:
    candidates = select(long, scorer=scorer).candidates
    best = sorted(
        sorted((c for c in candidates if 3 <= c.start < 8), key=lambda c: -c.score)[:2], key=lambda c: c.start
    )
    ranged: dict[str, Any] = {"sampling_range_start": 3, "sampling_range_end": 8}
    assert starts(clips_by_score(decoder(long), long, k=2, scorer=scorer, **ranged)) == [c.start for c in best]
    picks = select(long, k=6, scorer=scorer)
    assert starts(clips_by_score(decoder(long), picks, **ranged)) == [p.start for p in picks if 3 <= p.start < 8]
    with pytest.raises(ArgumentError, match=r"sampling_range_start.* 9\.00 s"):
        clips_by_score(decoder(long), long, sampling_range_start=9.5, scorer=scorer)


def test_thresholds_and_gaps_are_those_of_select(long: Path, scorer: Scorer, decoder: Any) -> None:
    middle = float(np.median([c.score for c in select(long, scorer=scorer).candidates]))
    for how in ({"threshold": middle}, {"k": 3, "min_gap": 2}, {"k": 4, "stride": 0.5, "min_gap": None}):
        expected = [pick.start for pick in select(long, scorer=scorer, **how)]
        assert starts(clips_by_score(decoder(long), long, scorer=scorer, **how)) == pytest.approx(expected, abs=0.04)


def test_videos_in_memory_are_sampled_by_their_picks(long: Path, scorer: Scorer, decoder: Any) -> None:
    last = decoder(long.read_bytes(), dimension_order="NHWC")
    picks = select(last.get_all_frames().data, k=2, fps=last.metadata.average_fps, scorer=scorer)
    assert starts(clips_by_score(last, picks, num_frames_per_clip=2)) == [pick.start for pick in picks]


def test_damaged_videos_are_sampled_by_the_clock(tmp_path: Path, scorer: Scorer, decoder: Any) -> None:
    path = make_damaged_video(tmp_path / "damaged.mp4")
    picks = select(path, k=2, scorer=scorer)
    assert picks.warnings
    assert starts(clips_by_score(decoder(path), picks)) == pytest.approx([pick.start for pick in picks], abs=0.04)


def test_frames_that_torchcodec_cannot_find_are_no_silent_error(tmp_path: Path, scorer: Scorer, decoder: Any) -> None:
    """It does not find the first key frame of an MPEG transport stream, and gives later frames."""
    path = make_video(tmp_path / "a.ts", 63)
    begin = decoder(path).metadata.begin_stream_seconds
    if decoder(path).get_frame_played_at(begin).pts_seconds < begin + 0.2:
        pytest.skip("this torchcodec finds it")
    with pytest.raises(VideoError, match="cannot seek") as e:
        clips_by_score(decoder(path), path, k=2, scorer=scorer)
    assert str(path) in str(e.value)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("num_frames_per_clip", 0), ("num_frames_per_clip", 2.5), ("seconds_between_frames", 0),
        ("seconds_between_frames", float("nan")), ("policy", "loop"), ("sampling_range_start", "0"),
        ("sampling_range_end", float("nan")), ("k", 0), ("threshold", 2), ("min_gap", -1), ("clip_duration", -1),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_named(
    argument: str, value: Any, video: Path, scorer: Scorer, decoder: Any
) -> None:
    with pytest.raises(ArgumentError) as e:
        clips_by_score(decoder(video), video, scorer=scorer, **{argument: value})
    assert e.value.argument == argument and "\n" not in str(e.value)


def test_arguments_that_do_not_belong_together_are_named(long: Path, video: Path, scorer: Scorer, decoder: Any) -> None:
    def argument(*given: Any, **options: Any) -> str:
        with pytest.raises(ArgumentError) as e:
            clips_by_score(*given, **options)
        return e.value.argument

    picks = select(long, k=1, scorer=scorer)
    assert argument(decoder(long)) == argument(decoder(long), 7) == "video"
    assert argument(decoder(video), long, scorer=scorer) == argument(decoder(video), picks) == "video"  # of another one
    assert argument(7, long) == argument(None, long) == "decoder"
    assert argument(decoder(long), picks, k=2) == "k" and argument(decoder(long), picks, stride=2) == "stride"
    assert argument(decoder(long), picks, min_gap=1) == "min_gap"
    assert argument(decoder(long), long, sampling_range_start=2, sampling_range_end=2) == "sampling_range_end"


def test_what_cannot_be_read_is_named(tmp_path: Path, video: Path, scorer: Scorer, decoder: Any) -> None:
    path = tmp_path / "a.mp4"
    with pytest.raises(VideoError, match=r"a\.mp4"):
        clips_by_score(path)
    path.write_bytes(b"no video")
    with pytest.raises(VideoError, match=r"a\.mp4"):
        clips_by_score(path)
    shutil.copy(video, path)
    picks = select(path, k=1, scorer=scorer)
    make_video(path, 70)
    with pytest.raises(VideoError, match=r"a\.mp4.*changed"):
        clips_by_score(decoder(path), picks)


def test_a_video_that_breaks_while_it_is_decoded_is_named(video: Path, scorer: Scorer, decoder: Any) -> None:
    last = decoder(video)

    def breaks(seconds: Any) -> None:
        raise RuntimeError("get_frames, /a/b.cpp:7, Invalid data\nlong story")

    last.get_frames_played_at = breaks
    with pytest.raises(VideoError, match="Invalid data") as e:
        clips_by_score(last, video, scorer=scorer)
    assert str(video) in str(e.value) and "\n" not in str(e.value) and ".cpp" not in str(e.value)
