"""Only the clips worth watching: rank the clips of a video by how discriminable they are for a base network.

>>> from clipselect import load_scorer, open_source, score_video, top_k
>>> scores = score_video(open_source("video.mp4"), load_scorer())       # doctest: +SKIP
>>> [scores.clips[i].start for i in top_k(scores.scores, 5).ordered]    # doctest: +SKIP
"""

__version__ = "0.1.0"

from clipselect.aggregation import aggregate, rescale, weights
from clipselect.ddnet import DDNet, DDNetConfig
from clipselect.discriminability import (
    CentroidAccumulator,
    class_centroids,
    d_scores,
    discriminability,
    normalisation,
)
from clipselect.errors import ClipselectError, VideoError
from clipselect.grid import Clip, candidate_clips
from clipselect.scorer import ClipScorer, VideoScores, load_scorer, score_video
from clipselect.selection import Selection, above, ranking, top_k
from clipselect.sources import open_source

__all__ = [
    "CentroidAccumulator",
    "Clip",
    "ClipScorer",
    "ClipselectError",
    "DDNet",
    "DDNetConfig",
    "Selection",
    "VideoError",
    "VideoScores",
    "above",
    "aggregate",
    "candidate_clips",
    "class_centroids",
    "d_scores",
    "discriminability",
    "load_scorer",
    "normalisation",
    "open_source",
    "ranking",
    "rescale",
    "score_video",
    "top_k",
    "weights",
]
