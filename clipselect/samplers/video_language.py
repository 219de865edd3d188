"""Picks as elements for video language models: plain dicts and arrays, for Qwen's utilities and for vLLM."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.media.images import Size
from clipselect.samplers.picks import Picks
from clipselect.samplers.transformers import video_metadata


def qwen_elements(picks: Picks, **settings: Any) -> list[dict[str, Any]]:
    """One element per pick for the content of a message that `qwen_vl_utils.process_vision_info` reads.

    >>> from clipselect import select
    >>> qwen_elements(select("video.mp4", k=1), nframes=4)
    [{'type': 'video', 'video': 'video.mp4', 'video_start': 0.0, 'video_end': 0.98, 'nframes': 4}]

    The utilities turn seconds into numbers of frames at the mean frame rate, and read the frame that an end falls on.
    So start and end lie half a frame before the first and after the last frame of the pick, and exactly its frames
    are read, whatever the rounding.

    Args:
        settings: added to every element, such as fps, nframes, min_pixels or max_pixels.

    Raises:
        ClipselectError: the picks are not those of a video file, or one has a single frame, of which the utilities make
            nothing.
        VideoError: the file has changed since.
    """
    if picks.path is None or picks.path.is_dir():
        raise ClipselectError(
            f"{picks.scores.source.path}: is no video file that Qwen's utilities could read; pass its frames instead"
        )
    picks.check_readable()
    fps = len(picks.scores.source.timeline.pts) / picks.duration
    elements = []
    for pick in picks:
        if pick.first_frame == pick.last_frame:
            raise ClipselectError(
                f"{picks.path}: the pick at {pick.start:.2f} s has a single frame, and Qwen's utilities take two or "
                "more; select with a longer clip_duration"
            )
        start, end = max(pick.first_frame - 0.5, 0) / fps, (pick.last_frame + 0.5) / fps
        elements.append({"type": "video", "video": str(picks.path), "video_start": start, "video_end": end, **settings})
    return elements


def vllm_videos(
    picks: Picks, num_frames: int = 8, *, size: int | Size | None = None, short_side: int | None = None
) -> list[tuple[NDArray[np.uint8], dict[str, Any]]]:
    """One video per pick for vLLM: `multi_modal_data={"video": vllm_videos(picks)}`, with as many placeholders in the
    prompt. Models that write times into the prompt, such as Qwen3-VL, get those of the whole video.

    >>> from clipselect import select
    >>> [(frames, metadata)] = vllm_videos(select("video.mp4", k=1), num_frames=4, short_side=48)
    >>> frames.shape, metadata["frames_indices"], metadata["do_sample_frames"]
    ((4, 48, 64, 3), [3, 9, 15, 21], False)

    Args:
        num_frames, size, short_side: see `Picks.decode`.

    Returns:
        Frames [T, h, w, 3] uint8 RGB and a dict with total_num_frames, fps, duration and frames_indices of the video,
        do_sample_frames=False, and the decoder's name.
    """
    clips = picks.decode(num_frames, size=size, short_side=short_side, layout="THWC")
    own = {"do_sample_frames": False, "video_backend": "pyav"}
    found = zip(clips, video_metadata(picks, num_frames), strict=True)
    return [(clip.numpy(), {**metadata, **own}) for clip, metadata in found]
