"""The pixels of clips for networks other than the DDNet: at any size, all frames of a clip or a number of them."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import check_argument
from clipselect.media.candidate_clips import Clip, Timeline, frames_to_score
from clipselect.media.clip_decoding import changed
from clipselect.media.geometry import short_side_size
from clipselect.media.images import Size, height_and_width
from clipselect.media.scaling import scaled, upright
from clipselect.media.sources import Source

MAX_DECODED_SIDE, MAX_DECODED_FRAMES = 8192, 10_000


def clip_arrays(
    source: Source,
    clips: Sequence[Clip],
    num_frames: int | None = None,
    *,
    size: int | Size | None = None,
    short_side: int | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """One array [T, h, w, 3] uint8 RGB, upright, for every clip, in the order of `clips`.

    >>> from fractions import Fraction
    >>> from clipselect import open_source
    >>> clips = [Clip(Fraction(0), Fraction(1), 0, 24), Clip(Fraction(1), Fraction(2), 25, 49)]
    >>> [clip.shape for clip in clip_arrays(open_source("video.mp4"), clips, num_frames=8, short_side=48)]
    [(8, 48, 64, 3), (8, 48, 64, 3)]

    Clips that lie near each other are decoded in one forward pass, others by seeking. In memory are one clip and those
    that overlap it, so choose a size or `num_frames` where clips are long.

    Args:
        source: from `open_source`, or the `source` of `VideoScores`.
        clips: of this video; in time order they are decoded fastest.
        num_frames: T, the frames on screen in the middle of T equal parts of the clip; None for all of its frames.
        size: frames are squashed to size x size, or to (h, w).
        short_side: pixels of the shorter side; the aspect stays as shown, so non-square pixels become square ones.
            Without `size` and `short_side`, frames have the size at which they are stored.

    Raises:
        ArgumentError: a number or a size that makes no sense, when this is called.
        VideoError: fewer frames decode than the clips hold.
    """
    check_shape(num_frames, size, short_side)
    wanted = [frames_of_clip(source.timeline, clip, num_frames) for clip in clips]
    return (clip for run in _runs(wanted, source.seek_cost) for clip in _decoded(source, run, size, short_side))


def frames_of_clip(timeline: Timeline, clip: Clip, num_frames: int | None) -> NDArray[np.int64]:
    """Indices [T] of the frames of a clip: all of them, or `num_frames` by `frames_to_score`.

    >>> from fractions import Fraction
    >>> timeline = Timeline(np.arange(9), end=9, time_base=Fraction(1, 3))
    >>> frames_of_clip(timeline, Clip(Fraction(1), Fraction(2), 3, 5), None)
    array([3, 4, 5])
    """
    return np.arange(clip.first, clip.last + 1) if num_frames is None else frames_to_score(timeline, clip, num_frames)


def check_shape(num_frames: int | None, size: int | Size | None, short_side: int | None) -> None:
    """Raise an ArgumentError unless `clip_arrays` can make clips of this number and size of frames."""
    good = num_frames is None or _whole(num_frames, MAX_DECODED_FRAMES)
    check_argument(good, "num_frames", f"must be a whole number from 1 to {MAX_DECODED_FRAMES}, got {num_frames!r}")
    check_argument(size is None or short_side is None, "short_side", "cannot be given with size; leave one of them out")
    sides = () if size is None else height_and_width(size)
    good = size is None or (len(sides) == 2 and all(_whole(side, MAX_DECODED_SIDE) for side in sides))
    check_argument(
        good, "size", f"must be a number of pixels from 1 to {MAX_DECODED_SIDE} or (height, width), got {size!r}"
    )
    good = short_side is None or _whole(short_side, MAX_DECODED_SIDE)
    check_argument(good, "short_side", f"must be a number of pixels from 1 to {MAX_DECODED_SIDE}, got {short_side!r}")


def _whole(value: object, most: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and 1 <= int(value) <= most


def _runs(wanted: Sequence[NDArray[np.int64]], seek_cost: float) -> Iterator[list[NDArray[np.int64]]]:
    """The clips [T] of frame indices, in runs that are decoded in one forward pass each: runs end where decoding the
    frames up to the next clip costs more than seeking to it, and where the next clip lies further back."""
    run: list[NDArray[np.int64]] = []
    last = 0
    for clip in wanted:
        if run and not run[-1][0] <= clip[0] <= last + 1 + seek_cost:
            yield run
            run, last = [], 0
        run.append(clip)
        last = max(last, int(clip[-1]))
    if run:
        yield run


def _decoded(
    source: Source, run: list[NDArray[np.int64]], size: int | Size | None, short_side: int | None
) -> Iterator[NDArray[np.uint8]]:
    """The clips of a run, which begin one after the other and may overlap."""
    first, last = int(run[0][0]), max(int(clip[-1]) for clip in run)
    needed = {*np.concatenate(run).tolist()}
    shape = _shape(source, size, short_side)
    waiting = run[::-1]
    begun: list[tuple[NDArray[np.int64], NDArray[np.uint8]]] = []
    for index, frame in enumerate(source.pictures(first, last), start=first):
        if index not in needed:
            continue
        pixels = upright(frame) if shape is None else scaled(frame, shape[1], shape[0])
        if begun and pixels.shape != begun[0][1].shape[1:]:  # a stream may change its size
            pixels = scaled(frame, begun[0][1].shape[2], begun[0][1].shape[1])
        while waiting and waiting[-1][0] <= index:
            clip = waiting.pop()
            begun.append((clip, np.empty((len(clip), *pixels.shape), np.uint8)))
        for clip, array in begun:
            array[clip == index] = pixels
        while begun and begun[0][0][-1] <= index:
            yield begun.pop(0)[1]
    if waiting or begun:
        raise changed(source)


def _shape(source: Source, size: int | Size | None, short_side: int | None) -> Size | None:
    """Height and width of the frames; None for those at which they are stored."""
    if short_side is not None:
        return short_side_size(int(short_side), source.aspect)
    if size is None:
        return None
    height, width = height_and_width(size)
    return int(height), int(width)
