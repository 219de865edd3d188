"""Picks for Hugging Face's transformers: frames for its reader, and what its processors ask about loaded frames."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.media.clip_tensors import check_shape, frames_of_clip
from clipselect.samplers.picks import Picks

FPS_TOLERANCE = 0.05
"""A file whose header and frames differ by more of their rate is not shown at the times that the header gives."""


def frame_indices(picks: Picks, num_frames: int | None = None) -> list[NDArray[np.int64]]:
    """[T] numbers of the frames of every pick that `picks.decode(num_frames)` gives, counted from 0, in time order.

    >>> from clipselect import select
    >>> [indices.tolist() for indices in frame_indices(select("video.mp4", k=2), num_frames=4)]
    [[3, 9, 15, 21], [28, 34, 40, 46]]

    Args:
        num_frames: T, the frames on screen in the middle of T equal parts of the pick; None for all of its frames.

    Raises:
        ArgumentError: num_frames makes no sense.
    """
    check_shape(num_frames, None, None)
    clips = [picks.scores.clips[i] for i in picks.picked.ordered.tolist()]
    return [frames_of_clip(picks.scores.source.timeline, clip, num_frames) for clip in clips]


def frame_times(picks: Picks, num_frames: int | None = None) -> list[list[float]]:
    """Seconds from the first frame of the video at which the frames of `frame_indices` are shown, exact for variable
    frame rates as well."""
    timeline = picks.scores.source.timeline
    ticks = [timeline.pts[indices].tolist() for indices in frame_indices(picks, num_frames)]
    return [[float(tick * timeline.time_base) for tick in of_pick] for of_pick in ticks]


def sample_indices_fn(picks: Picks, num_frames: int | None = None) -> Callable[..., NDArray[np.int64]]:
    """For `transformers.video_utils.load_video(path, sample_indices_fn=...)`: it then loads the frames of the picks,
    pick after pick, K times T of them. One function serves one video, since the library does not say which it reads.

    >>> from clipselect import select
    >>> from transformers.video_utils import load_video
    >>> picks = select("video.mp4", k=2)
    >>> frames, metadata = load_video("video.mp4", sample_indices_fn=sample_indices_fn(picks, num_frames=4))
    >>> frames.shape, metadata.frames_indices.tolist()
    ((8, 96, 128, 3), [3, 9, 15, 21, 28, 34, 40, 46])

    Args:
        num_frames: T per pick, see `frame_indices`.

    Raises:
        ArgumentError: num_frames is more than the frames of the shortest pick, or picks overlap: the library loads
            every frame once.
        ClipselectError: from within `load_video`: the file has another number of frames or another frame rate than the
            one that was scored. Containers that give no number of frames, such as .mkv, are not checked for it.
        VideoError: likewise, the file has changed since.
    """
    indices = np.concatenate(frame_indices(picks, num_frames))
    if (np.diff(indices) <= 0).any():
        shortest = min(pick.last_frame - pick.first_frame + 1 for pick in picks)
        raise ArgumentError(
            "num_frames",
            f"must be at most {shortest}, the frames of the shortest pick, and picks must not overlap, since every "
            "frame is loaded once; select with min_gap=0",
        )
    return partial(_checked, picks, indices)


def _checked(picks: Picks, indices: NDArray[np.int64], metadata: Any, **_: Any) -> NDArray[np.int64]:
    """The indices, if the file that the library has opened is the one that was scored."""
    picks.check_unchanged()
    own = _facts(picks)
    pairs = [("frames", metadata.total_num_frames, 0.0), ("fps", metadata.fps, FPS_TOLERANCE)]
    for (what, read, tolerance), scored in zip(pairs, (own["total_num_frames"], own["fps"]), strict=True):
        if read and abs(read - scored) > tolerance * scored:  # 0 where the header does not say
            raise ClipselectError(
                f"{picks.scores.source.path}: has {scored:.6g} {what}, and transformers reads {read:.6g}; give it the "
                "same file, or take the frames from decode() of the picks if its header is wrong"
            )
    return indices


def video_metadata(picks: Picks, num_frames: int | None = None) -> list[dict[str, Any]]:
    """One dict per pick for `processor(clips, do_sample_frames=False, video_metadata=...)`, where the clips are those
    of `picks.decode(num_frames)`: which frames of the video they hold.

    >>> from clipselect import select
    >>> video_metadata(select("video.mp4", k=1), num_frames=4)
    [{'total_num_frames': 63, 'fps': 25.0, 'duration': 2.52, 'frames_indices': [3, 9, 15, 21]}]

    Processors take times to be index / fps; where the frame rate varies, `frame_times` has the exact ones.
    """
    return [{**_facts(picks), "frames_indices": indices.tolist()} for indices in frame_indices(picks, num_frames)]


def _facts(picks: Picks) -> Mapping[str, Any]:
    frames = len(picks.scores.source.timeline.pts)
    return {"total_num_frames": frames, "fps": frames / picks.duration, "duration": picks.duration}
