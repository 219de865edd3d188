"""Which clips of a long video are worth decoding: a look at its key frames says so.

A key frame decodes by itself, and all of them take a small part of the time that the video takes. The DDNet scores each
as a clip without motion. A clip promises as much as the better one of the key frames around it, and only the
groups of pictures that the most promising clips need are decoded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clipselect.media.candidate_clips import Clip, frames_to_score
from clipselect.media.clip_decoding import BATCH, Cut, prefetch
from clipselect.media.key_frames import Part, gops_of
from clipselect.media.packet_sizes import PacketSizes
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.media.read_again import ReadAgain
from clipselect.media.sources import DecordFile, Source
from clipselect.media.text import count
from clipselect.media.video import VideoFile
from clipselect.scoring.input_spec import batches

DAMAGED = "it cannot be decoded in parts"
MIN_GOPS = 50
"""Groups of pictures of a video of which some are left out: a choice among a few is a gamble."""
MAX_KEY_FRAMES = 0.5
"""Of the budget: where a look at the key frames takes more of it, the whole video is decoded."""


@dataclass(frozen=True)
class Promising:
    """The clips of a video that are worth decoding.

    Attributes:
        source: the video, of which only what they need is decoded.
        clips: in the order of the candidates.
        candidates: how many clips the video has.
        decoded: share of its frames that is decoded, key frames included.
        every: cuts all candidates, for a video that must be decoded whole after all.
    """

    source: VideoFile
    clips: list[Clip]
    candidates: int
    decoded: float
    every: Cut

    def cut(self, now: Source) -> list[Clip]:
        """A `Cut`: these clips of the `source`, or all candidates of what is read where that part does not decode."""
        return self.clips if now is self.source else self.every(now)


def promising_clips(
    network: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    source: Source,
    cut: Cut,
    size: int,
    frames: int,
    budget: float,
    progress: ProgressCallback = no_progress,
) -> Promising | str:
    """The clips that promise most by the key frames of a video.

    Args:
        network: clips [b, T, size, size, 3] uint8 RGB -> scores [b].
        cut, size, frames: as for `clipselect.media.clip_decoding.map_clips`.
        budget: share of the frames of the video to decode at most, in (0, 1), key frames included; the most promising
            clip is decoded in any case.
        progress: gets the batches of key frames that were looked at.

    Returns:
        Where the video must be decoded whole, why: half of a sentence.
    """
    if not isinstance(source, VideoFile) or isinstance(source, DecordFile):
        return "it is no video file that PyAV decodes"
    packets = source.packets
    keys, total = np.flatnonzero(packets.is_key), len(packets.is_key)
    if why := _unfit_key_frames(source, len(keys), budget):
        return why
    try:
        images = (image for _, image in replace(source, part=Part()).frames(keys, size))
        stills = (np.stack(batch)[:, np.newaxis] for batch in prefetch(batches(images, BATCH)))
        looked = tracked(stills, "looking at key frames", -(-len(keys) // BATCH), progress)
        scores = np.concatenate([network(np.repeat(still, frames, axis=1)) for still in looked])
    except ReadAgain:
        return DAMAGED
    if scores.min() == scores.max():
        return "its key frames all have the same score"
    clips = cut(source)
    shown = [frames_to_score(source.timeline, clip, frames) for clip in clips]
    gops = chosen_gops(packets, shown, promise(scores, keys, shown), round(budget * total) - len(keys))
    within = [clip for clip, wanted in zip(clips, shown, strict=True) if gops_of(packets, wanted) <= gops]
    decoded = packets.is_key | np.isin(packets.gop, [*gops])
    if decoded.all():
        return "its most promising clips need all of it"
    return Promising(replace(source, part=Part(gops)), within, len(clips), float(decoded.mean()), cut)


def _unfit_key_frames(video: VideoFile, keys: int, budget: float) -> str:
    """Why so many key frames are none to choose by; empty if they are."""
    if not video.seekable or (video.packets.gop < 0).any():
        return "its container does not say which frame is which; convert it to MP4"
    if keys < MIN_GOPS:
        return f"it has {count(keys, 'key frame')}, and {MIN_GOPS} are needed to choose by"
    share = keys / len(video.packets.is_key)
    return (
        f"its key frames alone are {100 * share:.2g} % of it; give a larger budget"
        if share > MAX_KEY_FRAMES * budget
        else ""
    )


def promise(
    scores: NDArray[np.float32], keys: NDArray[np.int64], shown: Sequence[NDArray[np.int64]]
) -> NDArray[np.float32]:
    """[n] what clips promise: the best score of a key frame from the last one before their frames to the first after.

    >>> promise(np.float32([0.1, 0.9, 0.3]), np.array([0, 10, 20]), [np.array([2, 4]), np.array([12]), np.array([22])])
    array([0.9, 0.9, 0.3], dtype=float32)

    Args:
        scores: [keys] of key frames.
        keys: [keys] which frames these are, ascending.
        shown: the frames of each of n clips, ascending.
    """
    first = np.searchsorted(keys, [frames[0] for frames in shown], side="right") - 1
    last = np.searchsorted(keys, [frames[-1] for frames in shown])
    return np.array([scores[max(i, 0) : j + 1].max() for i, j in zip(first, last, strict=True)], np.float32)


def chosen_gops(
    packets: PacketSizes, shown: Sequence[NDArray[np.int64]], promised: NDArray[np.float32], budget: int
) -> frozenset[int]:
    """The groups of pictures of the most promising clips: the best clip's, and those of the next ones while they fit.

    Args:
        shown: the frames of each of n clips.
        promised: [n], see `promise`.
        budget: frames to decode at most.

    >>> from fractions import Fraction
    >>> from clipselect.media.candidate_clips import Timeline
    >>> timeline, is_key = Timeline(np.arange(8), end=8, time_base=Fraction(1)), np.arange(8) % 2 == 0
    >>> packets = PacketSizes(timeline, Fraction(0), np.ones(8, np.int64), is_key, np.cumsum(is_key) - 1)
    >>> sorted(chosen_gops(packets, [np.array([i]) for i in range(8)], np.arange(8), budget=4))
    [2, 3]
    """
    lengths = np.bincount(packets.gop)
    chosen: set[int] = set()
    left = budget
    for n in np.argsort(-promised, kind="stable").tolist():
        more = gops_of(packets, shown[n]) - chosen
        cost = int(lengths[[*more]].sum())
        if cost <= left or not chosen:
            chosen |= more
            left -= cost
    return frozenset(chosen)
