"""The best clips of a video as torchcodec decodes them.

    clips = clips_at_regular_timestamps(decoder, seconds_between_clip_starts=4, num_frames_per_clip=16)
    clips = clips_by_score(decoder, "video.mp4", k=5, num_frames_per_clip=16)

torchcodec is imported when it is used. It loads FFmpeg's libraries from the system.
"""

import math
import re
from dataclasses import replace
from fractions import Fraction
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from clipselect.errors import ArgumentError, VideoError, check_argument, whole_number
from clipselect.media.candidate_clips import exact_seconds
from clipselect.media.container import open_container, video_stream
from clipselect.media.optional import broken, innermost_cause, require
from clipselect.method import selection
from clipselect.method.selection import check_limits
from clipselect.samplers.arguments import one_of
from clipselect.samplers.clip_selector import DEFAULT_K, select
from clipselect.samplers.picks import Picks
from clipselect.scoring.percentiles import Threshold, threshold_score
from clipselect.scoring.scorer import load_scorer

if TYPE_CHECKING:
    from torchcodec import FrameBatch
    from torchcodec.decoders import VideoDecoder

Policy = Literal["repeat_last", "wrap", "error"]

PURPOSE = "clips_by_score()"
REMEDY = "convert it into an .mp4 file"

MAX_NUDGE = Fraction(1, 2000)
"""Seconds, at most half a tick, added to a time: containers round the times of frames, Matroska's to milliseconds."""
MAX_DIFFERENCE = 0.5
"""Seconds between what torchcodec and clipselect read from one healthy file: its duration, its first frame's time."""
MAX_LATE = 0.1
"""Seconds by which a frame may come after the time that was asked for."""
MIN_RATE = 1e-3
"""Frames per second; torchcodec computes smaller ones from files with nonsensical clocks."""


def clips_by_score(
    decoder: "VideoDecoder | Path | str",
    video: Picks | Path | str | None = None,
    *,
    num_frames_per_clip: int = 1,
    seconds_between_frames: float | None = None,
    sampling_range_start: float | None = None,
    sampling_range_end: float | None = None,
    policy: Policy = "repeat_last",
    k: int | None = None,
    threshold: Threshold | None = None,
    min_gap: float | None = 0,
    **options: Any,
) -> "FrameBatch":
    """Sample the clips of a video that are most discriminable, in time order, as torchcodec's samplers sample others.

        decoder = VideoDecoder("video.mp4")
        clips = clips_by_score(decoder, "video.mp4", k=5, num_frames_per_clip=16, seconds_between_frames=1 / 8)
        clips.data.shape     # [5, 16, 3, height, width]

    Every clip begins with the first frame of its pick. The picks are those of `clipselect.select`, whatever
    `transforms` and device the decoder has: scores come from clipselect's own decoder. For the weights of the clips,
    select first:

        picks = clipselect.select("video.mp4", k=5)
        clips = clips_by_score(decoder, picks, num_frames_per_clip=16, seconds_between_frames=1 / 16)
        answer = clipselect.aggregate(network(clips.data), picks.weights)

    Args:
        decoder: a `torchcodec.decoders.VideoDecoder`, or the path of a video, opened with torchcodec's defaults.
        video: the file that the decoder reads, which a decoder does not know; or its picks, which `select` has made.
        num_frames_per_clip: T, frames of a clip.
        seconds_between_frames: between the times at which frames are taken; by default those of neighbouring frames.
        sampling_range_start, sampling_range_end: only clips that start in [start, end) are sampled; in seconds of the
            decoder's clock, which starts at `decoder.metadata.begin_stream_seconds`.
        policy: what takes the place of frames after the end of the video: "repeat_last", the clip's last frame; "wrap",
            its frames from the first on; "error", an error.
        k, threshold, min_gap: which candidates are sampled, as for `select`.
        options: others of `select`: clip_duration, stride, candidates, scorer, index, device, ... By default candidates
            are as long as the frames of a clip, and no shorter than what the DDNet was distilled with.

    Returns:
        A `torchcodec.FrameBatch`: data [clips, T, C, H, W] or [clips, T, H, W, C], as the decoder yields them, and
        pts_seconds and duration_seconds [clips, T]. There are fewer than `k` clips where the video has fewer.

    Raises:
        MissingLibraryError: torchcodec or its FFmpeg is missing or broken.
        ArgumentError: an argument that makes no sense, or a decoder that reads another video.
        VideoError: the video cannot be read, was changed since its clips were picked, or is too short for the policy.
        ClipselectError: as for `select`.
    """
    count = whole_number(num_frames_per_clip, "num_frames_per_clip", least=1)
    one_of(policy, "policy", get_args(Policy))
    check_limits(k=k, min_gap=min_gap)
    low = _seconds(sampling_range_start, "sampling_range_start", -math.inf)
    high = _seconds(sampling_range_end, "sampling_range_end", math.inf)
    check_argument(low < high, "sampling_range_end", f"must be later than sampling_range_start, got {high}")
    if isinstance(decoder, str | Path):
        video = decoder if video is None else video
        decoder = _open(decoder)
    usable = hasattr(decoder, "get_frames_played_at")
    check_argument(usable, "decoder", f"must be a VideoDecoder of torchcodec or the path of a video, got {decoder!r}")
    if not isinstance(video, Picks | Path | str):
        raise ArgumentError("video", f"must be the file that the decoder reads, or its picks, got {video!r}")
    step = _step(decoder, seconds_between_frames)
    if isinstance(video, Picks):
        for name, value in {"k": k, "threshold": threshold, **options}.items():
            check_argument(value is None, name, "cannot be given with picks, which are selected already")
        check_argument(min_gap == 0, "min_gap", "cannot be given with picks, which are selected already")
        picks = video
        picks.check_unchanged()
    else:
        options = _with_clip_duration(_with_scorer(options), count * step)
        least = None if threshold is None else threshold_score(threshold, options["scorer"])
        picks = select(video, **options)

    path, timeline = picks.scores.source.path, picks.scores.source.timeline
    begin, end = _begin(decoder, picks), Fraction(decoder.metadata.end_stream_seconds)
    starts = [begin + int(timeline.pts[clip.first]) * timeline.time_base for clip in picks.scores.clips]
    chosen = np.flatnonzero([low <= float(start) < high for start in starts])
    if isinstance(video, Picks):
        chosen = np.intersect1d(chosen, picks.picked.ordered)
    elif len(chosen):
        most = DEFAULT_K if k is None and threshold is None else k
        scores, spans = picks.scores.scores[chosen], picks.scores.spans[chosen]
        best = selection.select(scores, spans, k=most, threshold=least, min_gap=min_gap)
        chosen = chosen[best.ordered]
    found = f"clips start from {float(min(starts)):.2f} to {float(max(starts)):.2f} s"
    check_argument(len(chosen) > 0, "sampling_range_start", f"and sampling_range_end leave no clip; {found}")

    nudge = min(timeline.time_base / 2, MAX_NUDGE)
    clips = ([starts[i] + j * step for j in range(count)] for i in chosen)
    times = [time for clip in clips for time in _before(end, clip, nudge, policy, path)]
    frames = _frames(decoder, times, path)
    shape = (len(chosen), count)
    return replace(
        frames, data=frames.data.unflatten(0, shape), pts_seconds=frames.pts_seconds.view(shape),
        duration_seconds=frames.duration_seconds.view(shape),
    )  # fmt: skip


def _open(path: Path | str) -> "VideoDecoder":
    """A decoder of the stream that clipselect scores."""
    torchcodec: Any = require("torchcodec", PURPOSE)
    index = _stream_index(Path(path))
    try:
        return torchcodec.decoders.VideoDecoder(Path(path).absolute(), stream_index=index)
    except Exception as e:  # torchcodec's errors have no common base
        if getattr(torchcodec, "ffmpeg_major_version", 0) is None:
            raise broken("torchcodec", PURPOSE, e) from e
        raise VideoError(f"{path}: torchcodec cannot open it ({_reason(e)}); {REMEDY}") from e


def _reason(error: Exception) -> str:
    """The first line of an error of torchcodec, without the place in its source."""
    return re.sub(r"^.*\.cpp:\d+, ", "", innermost_cause(error))


def _stream_index(path: Path) -> int:
    with open_container(path) as container:
        return int(video_stream(container, path).index)


def _seconds(value: Any, argument: str, default: float) -> float:
    if value is None:
        return default
    is_number = isinstance(value, Real) and not math.isnan(value)
    check_argument(is_number, argument, f"must be a number of seconds, got {value!r}")
    return float(value)


def _step(decoder: "VideoDecoder", seconds_between_frames: float | None) -> Fraction:
    if seconds_between_frames is not None:
        return exact_seconds(seconds_between_frames, "seconds_between_frames")
    rate = decoder.metadata.average_fps
    if rate is None or not MIN_RATE < rate < math.inf:
        raise ArgumentError("seconds_between_frames", f"must be given, since torchcodec finds {rate} frames per second")
    return 1 / Fraction(rate).limit_denominator(100_000)  # 25.000000000000004 is 25


def _with_scorer(options: dict[str, Any]) -> dict[str, Any]:
    """The options of `select` with the scorer loaded."""
    scorer, device = options.get("scorer"), options.get("device", "auto")
    if isinstance(scorer, str | Path | None):  # else `select` refuses the device
        options = {name: value for name, value in options.items() if name != "device"}
    return {**options, "scorer": load_scorer(scorer, device, elements="clips")}


def _with_clip_duration(options: dict[str, Any], span: Fraction) -> dict[str, Any]:
    """The options of `select` with a clip duration: what the frames of a clip span, the scorer's own at least."""
    if any(options.get(name) is not None for name in ("clip_duration", "candidates", "index")):
        return options
    return {**options, "clip_duration": max(exact_seconds(options["scorer"].clip_duration, "clip_duration"), span)}


def _begin(decoder: "VideoDecoder", picks: Picks) -> Fraction:
    """When the first frame of the picks' video is shown, by the decoder's clock.

    Raises:
        ArgumentError: the decoder reads another video, or another stream of it.
    """
    source = picks.scores.source
    begin, end = decoder.metadata.begin_stream_seconds, decoder.metadata.end_stream_seconds
    if picks.path is not None and decoder.stream_index != (index := _stream_index(picks.path)):
        problem = f"reads stream {decoder.stream_index} of {picks.path}, whose stream {index} was scored"
        raise ArgumentError("decoder", f"{problem}; give VideoDecoder stream_index={index}")
    if source.warnings:  # torchcodec counts frames that do not decode
        return source.start_time
    own, other = float(source.timeline.duration), end - begin
    if len(decoder) != len(source.timeline.pts) and abs(own - other) > MAX_DIFFERENCE:
        problem = f"is {source.path}, {own:.2f} s long, but the decoder reads {other:.2f} s; give both the same video"
        raise ArgumentError("video", problem)
    agree = picks.path is None or abs(begin - source.start_time) <= MAX_DIFFERENCE
    return Fraction(begin) if agree else source.start_time


def _before(end: Fraction, times: list[Fraction], nudge: Fraction, policy: Policy, path: Path) -> list[float]:
    """As many times, none of them after the end of the video."""
    inside = [float(min(time + nudge, (time + end) / 2)) for time in times if time < end]
    missing = len(times) - len(inside)
    if missing and policy == "error":
        problem = f"a clip of {len(times)} frames goes beyond its end, and the policy is 'error'"
        raise VideoError(f"{path}: {problem}; take fewer frames, or another policy")
    if not inside:
        raise VideoError(f"{path}: ends before a clip begins, as torchcodec reads it; {REMEDY}")
    return (inside * len(times))[: len(times)] if policy == "wrap" else inside + inside[-1:] * missing


def _frames(decoder: "VideoDecoder", times: list[float], path: Path) -> "FrameBatch":
    """The frames on screen at these times; a VideoError if torchcodec cannot decode them, or gives others."""
    try:
        frames = decoder.get_frames_played_at(times)
    except Exception as e:  # torchcodec's errors have no common base
        raise VideoError(f"{path}: torchcodec cannot decode its clips ({_reason(e)}); {REMEDY}") from e
    late = (frames.pts_seconds - frames.pts_seconds.new_tensor(times)).max().item()
    if late > MAX_LATE:
        problem = f"torchcodec gives frames that come {late:.2f} s after those asked for, since it cannot seek there"
        raise VideoError(f"{path}: {problem}; use seek_mode='exact', or {REMEDY}")
    return frames
