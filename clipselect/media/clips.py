"""The frames that the DDNet looks at, clip by clip, in one forward pass over the video and constant memory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import VideoError
from clipselect.media.candidates import Clip, Seconds, TooManyClips, candidate_clips, frames_to_score
from clipselect.media.fast import TooFewDecoded, fast_frames
from clipselect.media.video import Frame, Source, TimelineChanged, squash

T = TypeVar("T")

BATCH = 8
"""Clips decoded, and on a CPU scored, at a time: 2.4 MB of 8 frames of 112 x 112. More do not fit the CPU's caches and
take longer each."""


@dataclass(frozen=True)
class Pass:
    """The start of a pass over a video: everything before it is void, its candidates' frames follow."""

    source: Source
    clips: list[Clip]


def decoded(
    source: Source, clip_duration: Seconds, stride: Seconds | None, size: int, frames: int, fast: bool = False
) -> Iterator[Pass | NDArray[np.uint8]]:
    """A `Pass`, then the frames [b, T, size, size, 3] uint8 of all its clips in batches, in time order.

    A file that decodes otherwise than its index promised starts over, once, with another `Pass`; so does one that a
    `fast` pass does not suit.

    Raises:
        VideoError, ClipselectError: as for `score_video`.
    """
    for _ in range(3):
        clips = clips_of(source, clip_duration, stride)
        yield Pass(source, clips)
        try:
            yield from clip_batches(source, clips, size, frames, fast=fast)
        except TooFewDecoded:
            fast = False
        except TimelineChanged as changed:
            source = source.retime(changed.timeline)
        else:
            return
    raise VideoError(f"{source.path}: decodes differently every time; convert it, say to H.264")


def clips_of(source: Source, clip_duration: Seconds, stride: Seconds | None) -> list[Clip]:
    """The candidate clips of a video; a VideoError, not an error of the stride alone, if there are too many."""
    try:
        return candidate_clips(source.timeline, clip_duration, stride)
    except TooManyClips as e:
        length = float(source.timeline.duration)
        raise VideoError(f"{source.path}: lasts {length:.0f} s by its own clock, and {e}, or repair the file") from e


def prefetch(items: Iterator[T]) -> Iterator[T]:
    """The same items, the next one made by a thread while the caller works on the last: FFmpeg runs without the GIL."""
    end = object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = thread.submit(next, items, end)
            yield item  # type: ignore[misc]


def clip_batches(
    source: Source, clips: list[Clip], size: int, frames: int, batch: int = BATCH, *, fast: bool = False
) -> Iterator[NDArray[np.uint8]]:
    """The frames of all clips in one forward pass: [b, T, size, size, 3] uint8 per batch, in time order.

    Overlapping clips share their frames. Only the frames from the earliest unfinished clip on are held.
    """
    needed = [frames_to_score(source.timeline, clip, frames) for clip in clips]
    held: dict[int, Frame] = {}
    ready: list[NDArray[np.uint8]] = []
    done = 0
    wanted = np.unique(np.concatenate(needed))
    for index, frame in fast_frames(source, wanted, size) if fast else source.frames(wanted, size):
        held[index] = frame
        while done < len(needed) and needed[done][-1] <= index:
            ready.append(np.stack([held[i] for i in needed[done].tolist()]))
            done += 1
            if len(ready) == batch:
                yield np.stack(ready)
                ready = []
        keep_from = needed[done][0] if done < len(needed) else index + 1
        while held and (oldest := next(iter(held))) < keep_from:
            del held[oldest]
    if ready:
        yield np.stack(ready)


def read_clip(source: Source, clip: Clip, size: int, frames: int) -> NDArray[np.uint8]:
    """[T, size, size, 3]: the frames of one clip that scoring would look at, decoded by seeking.

    Raises:
        VideoError: the video is not what it was when it was opened.
    """
    return read_frames(source, frames_to_score(source.timeline, clip, frames), size)


def read_frames(source: Source, wanted: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    """[T, size, size, 3]: the frames of these indices [T], which never fall, decoded by seeking.

    Raises:
        VideoError: the video is not what it was when it was opened.
    """
    first, last = int(wanted[0]), int(wanted[-1])
    shown = set(wanted.tolist())
    found = {i: squash(frame, size) for i, frame in enumerate(source.pictures(first, last), start=first) if i in shown}
    if len(found) < len(shown):
        raise VideoError(f"{source.path}: changed while it was read; try again")
    return np.stack([found[i] for i in wanted.tolist()])
