"""Only the clips worth watching: rank the clips of a video by how discriminable they are for a base network.

>>> from clipselect import load_scorer, open_source, score_video, top_k
>>> scores = score_video(open_source("video.mp4"), load_scorer())       # doctest: +SKIP
>>> [scores.clips[i].start for i in top_k(scores.scores, 5).ordered]    # doctest: +SKIP
"""

__version__ = "0.1.0"

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clipselect.errors import ClipselectError, ClipselectWarning, VideoError
from clipselect.grid import Clip, candidate_clips
from clipselect.selection import Selection, above, ranking, top_k
from clipselect.sources import open_source

if TYPE_CHECKING:
    from clipselect.aggregation import aggregate, rescale, weights
    from clipselect.ddl import DDLClipSampler, register_clip_sampler
    from clipselect.ddnet import DDNet, DDNetConfig
    from clipselect.discriminable import CentroidAccumulator, class_centroids, d_scores, discriminability, normalisation
    from clipselect.frame_sampler import FaceFrameSampler, FrameSelection, ReIDFrameSampler
    from clipselect.frame_scorer import FrameScorer, load_frame_scorer
    from clipselect.index import ScoreIndex
    from clipselect.samplers import DenseClips, RandomClips, UniformClips
    from clipselect.scorer import ClipScorer, VideoScores, load_scorer, score_video
    from clipselect.video_aggregator import VideoAggregator, VideoAnswers

_SLOW_TO_IMPORT = {
    "CentroidAccumulator": "clipselect.discriminable",
    "ClipScorer": "clipselect.scorer",
    "DDLClipSampler": "clipselect.ddl",
    "DDNet": "clipselect.ddnet",
    "DDNetConfig": "clipselect.ddnet",
    "DenseClips": "clipselect.samplers",
    "FaceFrameSampler": "clipselect.frame_sampler",
    "FrameScorer": "clipselect.frame_scorer",
    "FrameSelection": "clipselect.frame_sampler",
    "RandomClips": "clipselect.samplers",
    "ReIDFrameSampler": "clipselect.frame_sampler",
    "ScoreIndex": "clipselect.index",
    "UniformClips": "clipselect.samplers",
    "VideoAggregator": "clipselect.video_aggregator",
    "VideoAnswers": "clipselect.video_aggregator",
    "VideoScores": "clipselect.scorer",
    "aggregate": "clipselect.aggregation",
    "class_centroids": "clipselect.discriminable",
    "d_scores": "clipselect.discriminable",
    "discriminability": "clipselect.discriminable",
    "load_frame_scorer": "clipselect.frame_scorer",
    "load_scorer": "clipselect.scorer",
    "normalisation": "clipselect.discriminable",
    "register_clip_sampler": "clipselect.ddl",
    "rescale": "clipselect.aggregation",
    "score_video": "clipselect.scorer",
    "weights": "clipselect.aggregation",
}
"""What needs torch, PyTorchVideo, pyarrow or OpenCV, imported when it is first used: processes that only decode start
in a tenth of the time. No module may have such a name, or the one that is imported first hides the other."""


if not TYPE_CHECKING:  # or every misspelt name would be right

    def __getattr__(name: str) -> Any:
        if name in _SLOW_TO_IMPORT:
            return getattr(import_module(_SLOW_TO_IMPORT[name]), name)
        if f"clipselect.{name}" in _SLOW_TO_IMPORT.values():
            return import_module(f"clipselect.{name}")
        raise AttributeError(f"module 'clipselect' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


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
