"""Scores of clips without a network: how much moves in them, and how many bytes their packets hold.

Baselines of a DDNet that cost no multiply-adds: motion costs decoding, packets not even that. Higher is better; neither
lies in [0, 1], and neither can be compared between videos of different encoders or cameras.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipselect.media.candidate_clips import Clip
from clipselect.media.clip_decoding import Cut, MappedClips, map_clips
from clipselect.media.sources import Source


def motion(clips: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[b] mean absolute difference of neighbouring frames of clips [b, T, H, W, 3], in [0, 255]; 0 where T is 1.

    >>> still = np.zeros((1, 3, 2, 2, 3), np.uint8)
    >>> blinks = still.copy()
    >>> blinks[:, 1] = 10
    >>> motion(np.concatenate([still, blinks])).tolist()
    [0.0, 10.0]
    """
    before, after = clips[:, :-1], clips[:, 1:]
    difference = np.maximum(before, after) - np.minimum(before, after)  # of uint8, so it cannot overflow
    if difference.shape[1] == 0:
        return np.zeros(len(clips), np.float32)
    return difference.mean(axis=(1, 2, 3, 4), dtype=np.float64).astype(np.float32)


def motion_scores(source: Source, cut: Cut, *, size: int, frames: int) -> MappedClips[NDArray[np.float32]]:
    """The `motion` of the clips of a video, one array per batch of clips, in one pass over the video.

    >>> from clipselect import open_source
    >>> from clipselect.media.clip_decoding import clip_grid
    >>> moved = motion_scores(open_source("video.mp4"), clip_grid(clip_duration=1), size=80, frames=4)
    >>> len(moved.clips), np.concatenate(moved.results).shape
    (3, (3,))

    Args:
        cut: which clips, see `clipselect.media.clip_decoding.map_clips`.
        size, frames: each clip is looked at in so many frames, squashed to size x size.

    Raises:
        VideoError: not one frame decodes, or the video changed while it was read.
    """
    return map_clips(lambda batch: motion(batch.frames), source, cut, size, frames)


def packet_scores(source: Source, clips: Sequence[Clip]) -> NDArray[np.float32]:
    """[n] bytes per second of the frames of every clip, as they are stored; nothing is decoded.

    What a predicted frame takes is about what changes in it. A key frame counts as its neighbours do, see
    `clipselect.media.packet_sizes`. The images of a folder are all key frames, so there the size of their files counts,
    which is about detail rather than change.

    >>> from clipselect import open_source
    >>> from clipselect.media.candidate_clips import candidate_clips
    >>> source = open_source("video.mp4")
    >>> packet_scores(source, candidate_clips(source.timeline, 1)).shape
    (3,)

    Raises:
        ArgumentError: frames in memory, which have no packets.
    """
    packets = source.packets
    moved = source.start_time - packets.start_time  # the first frames of the file may not decode
    before = np.concatenate([[0.0], np.cumsum(packets.without_key_frames)])
    edges = np.array(
        [[packets.timeline.first_at_or_after(edge + moved) for edge in (clip.start, clip.end)] for clip in clips]
    )
    seconds = np.array([float(clip.end - clip.start) for clip in clips])
    return ((before[edges[:, 1]] - before[edges[:, 0]]) / seconds).astype(np.float32)
