"""Which video PyTorchVideo opened last, and where its clock puts our clips.

A clip sampler is called with neither the video nor its path. All encoded videos and frame folders of PyTorchVideo's
labelled datasets are opened by `VideoPathHandler.video_from_path`, right before the sampler's first call and in the
same thread; that method is wrapped once per process and notes what it opened.
"""

import functools
import gc
import os
import threading
import warnings
import weakref
from fractions import Fraction
from typing import Any

from pytorchvideo.data.video import Video, VideoPathHandler

from clipselect.errors import ClipselectError, ClipselectWarning
from clipselect.media.candidate_clips import Clip

_last = threading.local()
"""`opened`: path of the last video, and a weak reference to it, which is empty when the dataset has dropped it."""


def install_hook() -> None:
    """Note from now on what `VideoPathHandler` opens in this process; calling it again changes nothing.

    Two changes to the process, both needed before a dataset opens its first video or forks its workers:

    - `VideoPathHandler.video_from_path` is wrapped: a clip sampler cannot learn its video in any other way.
    - Forked workers do not garbage-collect what their parent made (`gc.freeze`). Frames that PyTorchVideo has read are
      kept in reference cycles with FFmpeg's scaler. Collecting them joins the scaler's threads, which do not exist in
      the forked process: the worker would wait for ever.
    """
    original = VideoPathHandler.video_from_path
    if getattr(original, "noted_by_clipselect", False):
        return

    @functools.wraps(original)
    def video_from_path(self: VideoPathHandler, filepath: Any, *args: Any, **kwargs: Any) -> Video:
        _last.opened = None
        try:
            video = original(self, filepath, *args, **kwargs)
        except Exception as e:  # PyTorchVideo passes over such a file and does not name it
            warnings.warn(f"{filepath}: PyTorchVideo cannot open it ({e})", ClipselectWarning, stacklevel=2)
            raise
        _last.opened = str(filepath), weakref.ref(video)
        return video

    video_from_path.noted_by_clipselect = True  # type: ignore[attr-defined]
    VideoPathHandler.video_from_path = video_from_path
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=gc.freeze)


def pop_opened_video(video_duration: Any, annotation: dict[str, Any]) -> tuple[str, Video | None]:
    """Path of the video whose first clip is asked for, and the video if the handler opened it. Each is given once.

    Args:
        video_duration: as the sampler was given it, which is another one if another dataset opened the video.
        annotation: its `video_path`, if there, comes first.

    Raises:
        ClipselectError: neither the handler nor the annotation gives the path.

    >>> pop_opened_video(2.5, {"video_path": "video.mp4"})
    ('video.mp4', None)
    """
    path, reference = getattr(_last, "opened", None) or (None, None)
    _last.opened = None
    video = reference() if reference else None
    if video is not None and video.duration != video_duration:
        video = None
    if annotation.get("video_path") is not None:
        return str(annotation["video_path"]), video
    if path is None or video is None:
        raise ClipselectError(
            "the clip sampler cannot learn which video it samples: it needs a dataset that opens videos through "
            "PyTorchVideo's VideoPathHandler (LabeledVideoDataset, Kinetics, Ucf101, Hmdb51), or the path as "
            "annotation['video_path']; SSv2 and Charades do neither, so use LabeledVideoDataset on their folders of "
            "frames, and clip_recognition_dataset samples within segments, so cut those into files first"
        )
    return path, video


def window(clip: Clip, start_time: Fraction, video: Video | None) -> tuple[Fraction, Fraction]:
    """The window [start, end) in the clock of a PyTorchVideo video that holds exactly the frames of a clip.

    Args:
        start_time: where the container's own clock has the first frame, in seconds.

    >>> window(Clip(Fraction(1), Fraction(2), first=25, last=49), Fraction(0), None)
    (Fraction(1, 1), Fraction(2, 1))
    """
    fps = getattr(video, "_fps", None)
    if video is not None and fps:
        # decord and frame folders count frames, i at i / fps whatever its real time; cut halfway between two of them
        last = min(clip.last, round(video.duration * fps) - 1)
        first = min(clip.first, last)
        rate = Fraction(fps)
        return max(Fraction(2 * first - 1, 2) / rate, Fraction(0)), Fraction(2 * last + 1, 2) / rate
    # PyAV counts from the start that the stream declares, which need not be its first frame
    time_base, declared = getattr(video, "_video_time_base", None), getattr(video, "_video_start_pts", None)
    if time_base is None or declared is None:
        return clip.start, clip.end
    shift = start_time - Fraction(declared) * time_base
    return clip.start + shift, clip.end + shift


def drop(video: Video) -> None:
    """Make PyTorchVideo pass over a video, as it does over those that hold no frames."""
    video.get_clip = lambda *_args, **_kwargs: {"video": None, "audio": None}


def warn_of_lost_frames(path: str, video: Video | None, frames: dict[tuple[Fraction, Fraction], int]) -> None:
    """From now on, warn once if PyTorchVideo reads fewer or more frames of a clip than it has.

    Its datasets do not notice, so `get_clip` of this one video is wrapped.

    Args:
        frames: how many every window holds.
    """
    if video is None:
        return
    get_clip, opened, warned = type(video).get_clip, weakref.ref(video), False

    def checked(start: Any, end: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal warned
        clip = get_clip(opened(), start, end, *args, **kwargs)
        expected = frames.get((start, end))
        where = f"from {float(start):.2f} to {float(end):.2f} s"
        problem = None
        if clip is None or clip["video"] is None:
            problem = f"cannot read it {where} and drops this clip and all later ones"
        elif expected not in (None, clip["video"].shape[1]):
            problem = f"reads {clip['video'].shape[1]} of the {expected} frames {where}"
        if problem and not warned:
            warnings.warn(f"{path}: PyTorchVideo {problem}; convert the file", ClipselectWarning, stacklevel=2)
            warned = True
        return clip

    video.get_clip = checked
