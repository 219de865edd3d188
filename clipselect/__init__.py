"""Only the clips worth watching: rank the clips of a video by how discriminable they are for a base network.

>>> from clipselect import load_scorer, open_source, score_video, top_k
>>> scores = score_video(open_source("video.mp4"), load_scorer())       # doctest: +SKIP
>>> [scores.clips[i].start for i in top_k(scores.scores, 5).ordered]    # doctest: +SKIP
"""

__version__ = "0.1.0"

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clipselect.aggregation import aggregate, rescale, weights
from clipselect.ddnet import DDNet, DDNetConfig
from clipselect.discriminability import (
    CentroidAccumulator,
    class_centroids,
    d_scores,
    discriminability,
    normalisation,
)
from clipselect.errors import ClipselectError, ClipselectWarning, VideoError
from clipselect.grid import Clip, candidate_clips
from clipselect.scorer import ClipScorer, VideoScores, load_scorer, score_video
from clipselect.selection import Selection, above, ranking, top_k
from clipselect.sources import open_source
from clipselect.video_aggregator import VideoAggregator, VideoAnswers

if TYPE_CHECKING:
    from clipselect.ddl import DDLClipSampler, register_clip_sampler
    from clipselect.frame_sampler import FaceFrameSampler, FrameSelection, ReIDFrameSampler
    from clipselect.frame_scorer import FrameScorer, load_frame_scorer
    from clipselect.index import ScoreIndex
    from clipselect.samplers import DenseClips, RandomClips, UniformClips

_SLOW_TO_IMPORT = {
    "DDLClipSampler": "clipselect.ddl",
    "DenseClips": "clipselect.samplers",
    "FaceFrameSampler": "clipselect.frame_sampler",
    "FrameScorer": "clipselect.frame_scorer",
    "FrameSelection": "clipselect.frame_sampler",
    "RandomClips": "clipselect.samplers",
    "ReIDFrameSampler": "clipselect.frame_sampler",
    "ScoreIndex": "clipselect.index",
    "UniformClips": "clipselect.samplers",
    "load_frame_scorer": "clipselect.frame_scorer",
    "register_clip_sampler": "clipselect.ddl",
}
"""What needs PyTorchVideo, pyarrow or OpenCV, imported when it is first used."""


def __getattr__(name: str) -> Any:
    if name in _SLOW_TO_IMPORT:
        return getattr(import_module(_SLOW_TO_IMPORT[name]), name)
    raise AttributeError(f"module 'clipselect' has no attribute {name!r}")


__all__ = [
    "CentroidAccumulator",
    "Clip",
    "ClipScorer",
    "ClipselectError",
    "ClipselectWarning",
    "DDLClipSampler",
    "DDNet",
    "DDNetConfig",
    "DenseClips",
    "FaceFrameSampler",
    "FrameScorer",
    "FrameSelection",
    "RandomClips",
    "ReIDFrameSampler",
    "ScoreIndex",
    "Selection",
    "UniformClips",
    "VideoAggregator",
    "VideoAnswers",
    "VideoError",
    "VideoScores",
    "above",
    "aggregate",
    "candidate_clips",
    "class_centroids",
    "d_scores",
    "discriminability",
    "load_frame_scorer",
    "load_scorer",
    "normalisation",
    "open_source",
    "ranking",
    "register_clip_sampler",
    "rescale",
    "score_video",
    "top_k",
    "weights",
]
