"""The frames that a network looks at, clip by clip: of a whole video in one forward pass and constant memory, or of a
few clips by seeking."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import VideoError
from clipselect.media.candidate_clips import Clip, Seconds, TooManyClips, Windows, candidate_clips, frames_to_score
from clipselect.media.images import Image
from clipselect.media.read_again import settled
from clipselect.media.scaling import Convert, squash
from clipselect.media.sources import Source
from clipselect.media.video import VideoFile

T = TypeVar("T")

BATCH = 8
"""Clips decoded, and on a CPU scored, at a time: 2.4 MB of 8 frames of 112 x 112. More do not fit the CPU's caches and
take longer each."""

Cut = Callable[[Source], list[Clip]]
"""The clips of a video to look at, at least one; called again if the video is read again. In the order of their ends
the fewest frames are held."""


@dataclass(frozen=True)
class ClipBatch:
    """The frames of some neighbouring clips of a video.

    Attributes:
        source: the video, as far as is known when the batch is decoded.
        clips: all clips of the video.
        first: index of the batch's first clip. 0 begins a pass: batches of the same video before it are void.
        frames: [b, T, size, size, 3] uint8 RGB, or [b, T, ...] as they were converted.
    """

    source: Source
    clips: list[Clip]
    first: int
    frames: NDArray[np.uint8]

    @property
    def done(self) -> int:
        """Clips decoded up to the end of this batch."""
        return self.first + len(self.frames)


@dataclass(frozen=True)
class MappedClips(Generic[T]):
    """What a network returned for the clips of a video, as it really decodes: one result for every batch, in order."""

    source: Source
    clips: list[Clip]
    results: list[T]


def map_clips(
    network: Callable[[ClipBatch], T],
    source: Source,
    cut: Cut,
    size: int | Convert,
    frames: int,
    *,
    batch_size: int = BATCH,
    fast: bool = False,
) -> MappedClips[T]:
    """Call a network for every batch of clips of a video while a thread decodes the next one.

    A video that has to be read again does not concern the caller: results of a void pass are dropped here.

    >>> from clipselect import open_source
    >>> brightness = lambda batch: batch.frames.mean((1, 2, 3, 4))
    >>> mapped = map_clips(brightness, open_source("video.mp4"), clip_grid(clip_duration=1), size=112, frames=8)
    >>> len(mapped.clips), np.concatenate(mapped.results).shape
    (3, (3,))

    Args:
        network: what to do with a batch; it must not keep anything from batch to batch.
        cut: which clips, such as `clip_grid(clip_duration, stride)`.
        size: frames are squashed to size x size; or what else is made of them, such as `InputSpec.view_of`.
        frames: T, frames per clip.
        fast: see `clipselect.media.fast`.

    Raises:
        VideoError: not one frame decodes, or the video changed while it was read.
    """
    results: list[T] = []
    batch: ClipBatch | None = None
    for batch in prefetch(clip_batches(source, cut, size, frames, batch_size=batch_size, fast=fast)):
        if batch.first == 0:
            results.clear()
        results.append(network(batch))
    if batch is None or batch.done < len(batch.clips):
        raise changed(source)
    return MappedClips(batch.source, batch.clips, results)


def clip_batches(
    source: Source, cut: Cut, size: int | Convert, frames: int, *, batch_size: int = BATCH, fast: bool = False
) -> Iterator[ClipBatch]:
    """The frames of all clips of a video in one forward pass over it, in time order and constant memory.

    A batch whose `first` is 0 makes earlier ones void; `map_clips`, with the same arguments and errors, drops them.
    """
    return settled(source, lambda settling: _pass(settling, cut(settling), size, frames, batch_size, fast))


def clip_grid(clip_duration: Seconds, stride: Seconds | None = None) -> Cut:
    """All candidate clips of a video, by `clips_of`."""
    return partial(clips_of, clip_duration=clip_duration, stride=stride)


def own_windows(windows: Windows) -> Cut:
    """The caller's own windows, in the order of their ends: a long one must not hold up those within it."""
    return lambda source: sorted(windows.clips(source.timeline), key=lambda clip: clip.end)


def known_clips(source: Source, clips: list[Clip]) -> Cut:
    """These clips of a video that was read before; a VideoError, when it is read, if it is not what it was then."""

    def same(now: Source) -> list[Clip]:
        if not np.array_equal(now.timeline.pts, source.timeline.pts):
            raise changed(source)
        return clips

    return same


def changed(source: Source) -> VideoError:
    """The error for a video that is not what it was when it was opened."""
    return VideoError(f"{source.path}: changed while it was read; try again")


def clips_of(source: Source, clip_duration: Seconds, stride: Seconds | None) -> list[Clip]:
    """The candidate clips of a video; a VideoError, not an error of the stride alone, if there are too many."""
    try:
        return candidate_clips(source.timeline, clip_duration, stride)
    except TooManyClips as e:
        length = float(source.timeline.duration)
        raise VideoError(f"{source.path}: lasts {length:.0f} s by its own clock, and {e}, or repair the file") from e


def prefetch(items: Iterator[T]) -> Iterator[T]:
    """The same items; a thread makes the next one while the caller works on the last. FFmpeg runs without the GIL.

    >>> [*prefetch(iter("abc"))]
    ['a', 'b', 'c']
    """
    end = object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = thread.submit(next, items, end)
            yield item  # type: ignore[misc]


def _pass(
    source: Source, clips: list[Clip], size: int | Convert, frames: int, batch_size: int, fast: bool
) -> Iterator[ClipBatch]:
    """Overlapping clips share their frames; a frame is held until the last clip that needs it is complete."""
    needed = [frames_to_score(source.timeline, clip, frames) for clip in clips]
    clips_left = Counter(index for clip in needed for index in {*clip.tolist()})
    wanted = np.array(sorted(clips_left), np.int64)
    decoded = source.frames(wanted, size, fast) if isinstance(size, int) else source.converted(wanted, size)
    held: dict[int, Image] = {}
    ready: list[NDArray[np.uint8]] = []
    done = 0
    for index, frame in decoded:
        held[index] = frame
        while done < len(needed) and needed[done][-1] <= index:
            ready.append(np.stack([held[i] for i in needed[done].tolist()]))
            clips_left.subtract({*needed[done].tolist()})
            for i in {*needed[done].tolist()}:
                if not clips_left[i]:
                    del held[i]
            done += 1
            if len(ready) == batch_size:
                yield ClipBatch(source, clips, done - batch_size, np.stack(ready))
                ready = []
    if ready:
        yield ClipBatch(source, clips, done - len(ready), np.stack(ready))


def as_decoded(source: Source) -> Source:
    """The video as it really decodes, found out by decoding all of it.

    >>> from clipselect import open_source
    >>> len(as_decoded(open_source("video.mp4")).timeline.pts)
    63
    """

    def read(now: Source) -> Iterator[Source]:
        for _ in now.frames(np.empty(0, dtype=np.int64), 16):
            pass
        yield now

    [found] = settled(replace(source, can_skip=False) if isinstance(source, VideoFile) else source, read)
    return found


def read_clip(source: Source, clip: Clip, size: int | Convert, frames: int) -> NDArray[np.uint8]:
    """[T, size, size, 3], or as in `map_clips`: the frames of one clip that a network looks at; see `read_frames`."""
    convert = partial(squash, size=size) if isinstance(size, int) else size
    return read_frames(source, frames_to_score(source.timeline, clip, frames), convert)


def read_clips(source: Source, clips: Sequence[Clip], size: int | Convert, frames: int) -> Iterator[NDArray[np.uint8]]:
    """[b, T, size, size, 3], or as in `map_clips`: few clips in batches, each clip decoded by seeking to it."""
    for i in range(0, len(clips), BATCH):
        yield np.stack([read_clip(source, clip, size, frames) for clip in clips[i : i + BATCH]])


def read_frames(source: Source, wanted: NDArray[np.int64], convert: Convert) -> NDArray[np.uint8]:
    """[T, ...]: the converted frames of these indices [T], in ascending order with repetitions, decoded by seeking.

    A VideoError if the video is not what it was when it was opened.
    """
    first, last = int(wanted[0]), int(wanted[-1])
    shown = set(wanted.tolist())
    found = {i: convert(frame) for i, frame in enumerate(source.pictures(first, last), start=first) if i in shown}
    if len(found) < len(shown):
        raise changed(source)
    return np.stack([found[i] for i in wanted.tolist()])
