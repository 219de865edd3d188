"""The table of methods: every way of choosing and weighing the elements of a group, for clips and for frames.

Evaluation, reports, cards and docs all read `METHODS`; a new method is one new entry. The entries stand in the order of
the tables: the method of the paper, its variants, its baselines, the oracles.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from clipselect.evaluation.method_entry import Candidates, Element, IntArray, Method, known
from clipselect.method.selection import select, top_k, uniform, uniform_within
from clipselect.scoring.frame_qualities import agreement_with_mean
from clipselect.sets.largest_cluster import largest_cluster
from clipselect.sets.median_outliers import without_outliers


def methods_at(element: Element, ks: Sequence[int]) -> list[tuple[Method, int | None]]:
    """All methods for clips or frames, with every K; None for methods without one.

    >>> [(method.name, k) for method, k in methods_at("clip", [3])][-2:]
    [('dense_weighted', None), ('action_clips_only', None)]
    """
    own = [method for method in METHODS.values() if element in method.elements]
    return [(method, k) for method in own for k in (ks if method.has_k else (None,))]


def names(*roles: str) -> tuple[str, ...]:
    """The methods of some roles, in the order of the table.

    >>> names("uniform")
    ('uniform', 'even')
    """
    return tuple(method.name for method in METHODS.values() if method.role in roles)


def equal_cost_k(candidates: int, k: int, ddnet_to_base: float) -> int:
    """The fewest clips that cost the base at least what K clips and scoring all candidates do; at most all there are.

    Args:
        ddnet_to_base: cost of scoring a candidate, as a fraction of what the base costs on it.

    >>> equal_cost_k(candidates=20, k=4, ddnet_to_base=0.05)
    5
    """
    scoring = math.ceil(candidates * ddnet_to_base - 1e-9)  # a quotient may be too large by a rounding error
    return min(min(k, candidates) + scoring, candidates)


def _half(c: Candidates) -> int:
    return (c.count + 1) // 2


def _all(c: Candidates) -> IntArray:
    return np.arange(c.count)


def _apart(
    c: Candidates, values: NDArray[np.floating], k: int | None = None, threshold: float | None = None
) -> IntArray:
    """The places of the best by any values that do not overlap: the same rule for ddl and for every baseline that could
    waste clips on the same moment. Evenly spread ones do not, and dense is all of them."""
    return select(values, c.spans, k=k, threshold=threshold, min_gap=c.min_gap).ordered


def _best(c: Candidates) -> IntArray:
    return _apart(c, c.scores, c.k)


def _better_half(c: Candidates) -> IntArray:
    return _apart(c, c.scores, _half(c))


def _above_threshold(c: Candidates) -> IntArray:
    return _apart(c, c.scores, threshold=c.threshold)


def _uniform(c: Candidates) -> IntArray:
    return uniform(c.count, c.k)


def _within_shots(c: Candidates) -> IntArray:
    kept = uniform_within(known(c.shots, "shots"), c.k)
    spans = None if c.spans is None else c.spans[kept]  # those of neighbouring shots may overlap
    return kept[select(np.zeros(len(kept)), spans, min_gap=c.min_gap).ordered]


def _random(c: Candidates) -> IntArray:
    order = np.random.default_rng(c.seed).permutation(c.count)
    return _apart(c, -np.argsort(order).astype(np.float64), c.k)


def _action(c: Candidates) -> IntArray:
    """All clips of the action; of a group without one, all clips."""
    action = known(c.action, "action")
    return np.flatnonzero(action) if action.any() else _all(c)


def _by_quality(name: str, description: str, marker: str) -> Method:
    def choose(c: Candidates) -> IntArray:
        return _apart(c, known(c.quality, "quality"), c.k)

    return Method(name, description, choose, elements=_FRAME, needs="quality", role="cheap", style=(_OLIVE, marker))


_CLIP: tuple[Element, ...] = ("clip",)
_FRAME: tuple[Element, ...] = ("frame",)
# Colours of Okabe and Ito, which people with a colour vision deficiency can distinguish.
_VERMILION, _SKY, _BLUE, _PURPLE, _ORANGE, _GREEN = "#d55e00", "#56b4e9", "#0072b2", "#cc79a7", "#e69f00", "#009e73"
_BROWN, _OLIVE = "#7b4b2a", "#8a8a00"
_ORACLE = ("#909090", "*")

_TABLE = (
    Method("ddl", "the K best by the DDNet's score, weighted by their scores",
           _best, None, needs="ddnet", role="subject", style=(_VERMILION, "o")),
    Method("ddl_rescaled", "as ddl, but weights are the scores rescaled to [0, 1] over all candidates",
           _best, "candidates", needs="ddnet", in_plots=False, style=(_VERMILION, ">")),
    Method("ddl_literal", "as ddl, but weights are rescaled over the kept ones alone, as the paper prints it",
           _best, "kept", needs="ddnet", in_plots=False, style=(_VERMILION, "<")),
    Method("ddl_average", "as ddl, but averaged without weights",
           _best, needs="ddnet", in_plots=False, style=(_VERMILION, "p")),
    Method("ddl_half", "as ddl, with half of the candidates, rounded up",
           _better_half, None, _FRAME, needs="ddnet", has_k=False),
    Method("ddl_half_average", "as ddl_average, with half of the candidates, rounded up",
           _better_half, "equal", _FRAME, needs="ddnet", has_k=False, in_plots=False),
    Method("ddl_threshold", "as ddl, with all above the threshold, or else the best",
           _above_threshold, None, _FRAME, needs="ddnet", has_k=False),
    Method("ddl_threshold_rescaled", "as ddl_threshold, but weights are the scores rescaled over all candidates",
           _above_threshold, "candidates", _FRAME, needs="ddnet", has_k=False),
    Method("ddl_threshold_literal",
           "as ddl_threshold, but weights are rescaled over the kept ones alone, as the paper prints it",
           _above_threshold, "kept", _FRAME, needs="ddnet", has_k=False, in_plots=False),
    Method("ddl_all", "all candidates, weighted by their scores",
           _all, None, _FRAME, needs="ddnet", has_k=False),
    Method("ddl_all_rescaled", "all candidates, weighted by their scores rescaled over all",
           _all, "candidates", _FRAME, needs="ddnet", has_k=False),
    Method("top1", "the single best by the DDNet's score",
           lambda c: top_k(c.scores, 1).ordered, needs="ddnet", has_k=False, style=(_VERMILION, "P")),
    Method("uniform_equal_cost",
           "as many evenly spread ones as cost the same as ddl at that K, the DDNet included; rounded up, so that"
           " rounding never helps ddl",
           lambda c: uniform(c.count, known(c.equal_cost_k, "equal_cost_k")),
           elements=_CLIP, role="equal_cost", style=(_SKY, "D")),
    Method("uniform", "K evenly spread, averaged", _uniform, elements=_CLIP, role="uniform", style=(_BLUE, "s")),
    Method("even", "K evenly spread, averaged", _uniform, elements=_FRAME, role="uniform", style=(_BLUE, "s")),
    Method("even_half", "half, rounded up, evenly spread, averaged",
           lambda c: uniform(c.count, _half(c)), elements=_FRAME, has_k=False),
    Method("first", "the first K, averaged", lambda c: np.arange(c.k), elements=_FRAME),
    Method("random", "K drawn at random, averaged", _random, role="random", style=(_PURPLE, "v")),
    Method("motion", "the K that move most by the differences of the frames that the DDNet sees, averaged",
           lambda c: _apart(c, known(c.motion, "motion"), c.k),
           elements=_CLIP, needs="motion", role="cheap", style=(_BROWN, "h")),
    Method("packets", "the K whose frames take most bytes in the file, key frames aside, averaged",
           lambda c: _apart(c, known(c.packets, "packets"), c.k),
           elements=_CLIP, needs="packets", role="cheap", style=(_OLIVE, "8")),
    Method("shots", "K evenly spread within the shots of the video, which share them by their length, averaged",
           _within_shots, elements=_CLIP, needs="shots", role="cheap", style=(_SKY, "s")),
    Method("confidence", "the K best by the base's own largest probability, which costs the base on all candidates",
           lambda c: _apart(c, known(c.confidence, "confidence"), c.k),
           elements=_CLIP, needs="base", style=(_ORANGE, "^")),
    Method("dense", "all candidates, averaged",
           _all, elements=_CLIP, has_k=False, role="dense", style=(_GREEN, "X")),
    Method("average", "all candidates, averaged",
           _all, elements=_FRAME, has_k=False, role="dense", style=(_GREEN, "X")),
    _by_quality("sharpness", "the K with the largest variance of the Laplacian, averaged", "<"),
    _by_quality("jpeg_bytes", "the K that take most bytes as JPEG, averaged", ">"),
    _by_quality("lightqnet", "the K best by LightQNet, a quality network for faces, averaged", "^"),
    _by_quality("own_scorer", "the K best by a scorer of the user's own, averaged", "v"),
    Method("norm", "the K whose features of the base are longest, averaged, which costs the base on all candidates",
           lambda c: _apart(c, known(c.norms, "norms"), c.k),
           elements=_FRAME, needs="base", style=(_ORANGE, "<")),
    Method("agreement", "the K nearest to the mean feature of all, averaged, which costs the base on all candidates",
           lambda c: _apart(c, agreement_with_mean(known(c.features, "features")), c.k),
           elements=_FRAME, needs="base", style=(_ORANGE, "^")),
    Method("flip_agreement", "the K whose mirror image has the most similar feature, averaged, which costs the base on "
           "all candidates twice",
           lambda c: _apart(c, known(c.mirrored, "mirrored"), c.k),
           elements=_FRAME, needs="mirrored", style=(_ORANGE, ">")),
    Method("dropout_agreement", "the K whose features agree best under dropout, averaged, which costs the base on "
           "all candidates, its last layers many times",
           lambda c: _apart(c, known(c.dropout, "dropout"), c.k),
           elements=_FRAME, needs="dropout", style=(_ORANGE, "P")),
    Method("without_outliers", "all candidates but those far from their median feature, averaged, which costs the base "
           "on all",
           lambda c: without_outliers(known(c.features, "features")),
           elements=_FRAME, needs="base", has_k=False, style=(_BROWN, "D")),
    Method("largest_cluster", "the largest cluster of a hierarchical clustering of the features, averaged, which costs "
           "the base on all candidates",
           lambda c: largest_cluster(known(c.features, "features")),
           elements=_FRAME, needs="base", has_k=False, style=(_BROWN, "p")),
    Method("nan", "all candidates, weighted by two attention blocks learnt on their features (NAN)",
           _all, elements=_FRAME, needs="base", has_k=False, network="nan", style=(_OLIVE, "v")),
    Method("qan", "all candidates, weighted by a quality learnt on each feature (QAN)",
           _all, elements=_FRAME, needs="base", has_k=False, network="qan", style=(_OLIVE, "^")),
    Method("gfan",
           "all candidates, every dimension of their features weighted by a graph convolution over them (G-FAN)",
           _all, elements=_FRAME, needs="base", has_k=False, network="gfan", style=(_OLIVE, "s")),
    Method("temporal", "all candidates, weighted by attention over neighbouring frames, learnt on their features",
           _all, elements=_FRAME, needs="base", has_k=False, network="temporal", style=(_OLIVE, "D")),
    Method("lfenet", "all candidates, whose local features enhance each other in an LFENet, averaged",
           _all, elements=_FRAME, needs="base", has_k=False, network="lfenet", style=(_BLUE, "h")),
    Method("ddl_lfenet",
           "the K best by the DDNet's score, whose local features enhance each other in an LFENet, averaged",
           _best, elements=_FRAME, needs="ddnet", network="lfenet", style=(_VERMILION, "h")),
    Method("fan", "all candidates, of which a FAN makes one image, whose feature is the answer",
           _all, elements=_FRAME, has_k=False, network="fan", style=(_BLUE, "8")),
    Method("ddl_fan", "the K best by the DDNet's score, of which a FAN makes one image",
           _best, elements=_FRAME, needs="ddnet", network="fan", style=(_VERMILION, "8")),
    Method("dense_weighted", "all candidates, weighted by their scores",
           _all, None, _CLIP, needs="ddnet", has_k=False, in_plots=False, style=(_GREEN, "d")),
    Method("action_clips_only", "an oracle: only the candidates that show the action, which nobody knows beforehand",
           _action, elements=_CLIP, needs="action", has_k=False, role="oracle", style=_ORACLE),
    Method("oracle", "as ddl_average, but by the true discriminability, which takes the identity that is sought",
           _best, elements=_FRAME, needs="d_scores", role="oracle", style=_ORACLE),
    Method("oracle_all", "all candidates, weighted by their true D-scores",
           _all, None, _FRAME, needs="d_scores", has_k=False, role="oracle", style=_ORACLE),
    Method("oracle_sharp", "an oracle: one frame that was not blurred, alone",
           lambda c: top_k(known(c.sharp, "sharp"), 1).ordered,
           elements=_FRAME, needs="sharp", has_k=False, role="oracle", style=_ORACLE),
)  # fmt: skip

METHODS: Mapping[str, Method] = {method.name: method for method in _TABLE}
"""All methods by name, in the order of the tables."""
