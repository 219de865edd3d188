"""How good a distilled DDNet is on held-out videos: what its card says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.data.composition import ACTION_CLIPS, compose
from clipselect.data.datasets import LabelledVideo
from clipselect.errors import ClipselectError
from clipselect.evaluation.outcomes import ClipTable, Cost, Group
from clipselect.evaluation.rows import method_rows, ranking_quality
from clipselect.media.candidates import Seconds
from clipselect.media.sources import open_source
from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.scorer import Scorer
from clipselect.scoring.video_scores import score_video
from clipselect.training.feature_files import BACKGROUND, elements_of
from clipselect.training.features import UNREADABLE, clip_outputs, unreadable
from clipselect.training.targets import DScoreTarget
from clipselect.zoo.base import Base

KS = (1, 3, 5, 9)


@dataclass(frozen=True)
class VideoOutputs:
    """What both networks say about the n candidate clips of a held-out video.

    Attributes:
        shows: [n] classes, see `clipselect.training.feature_files.Elements`.
        pairs: [p] clips that have a label to be discriminated by.
        discriminabilities: [p].
        probabilities: [n, classes].
        scores: [n].
    """

    video: LabelledVideo
    shows: NDArray[np.int64]
    pairs: NDArray[np.int64]
    discriminabilities: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    scores: NDArray[np.float32]


def outputs_of(
    videos: Iterable[LabelledVideo],
    base: Base,
    scorer: Scorer,
    measure: DScoreTarget,
    clip_duration: Seconds,
    stride: Seconds | None,
    fps: float,
    failed: Callable[[str, ClipselectError], Any],
) -> list[VideoOutputs]:
    """Both networks on every candidate clip; videos that cannot be read are left out."""
    found = []
    for i, video in enumerate(videos):
        try:
            outputs = clip_outputs(open_source(video.path, fps=fps), base, clip_duration, stride)
            scored = score_video(open_source(video.path, fps=fps), scorer, clip_duration=clip_duration, stride=stride)
        except UNREADABLE as e:
            unreadable(video.path, e, failed)
            continue
        elements = elements_of(i, video, outputs)
        pairs, _ = measure.pairs(elements)
        values = measure.discriminability(elements).numpy()
        found.append(VideoOutputs(video, elements.shows, pairs, values, outputs.probabilities.numpy(), scored.scores))
    return found


def quality(
    found: list[VideoOutputs], domains: dict[str, str], base: Base, scorer: Scorer, seed: int = 0
) -> dict[str, Any]:
    """What was measured, for the metadata and the card.

    Args:
        domains: domain of the paths that are background; if any of them could be read, labelled videos without
            segments are composed with those.

    Returns:
        "composed" (whether videos were), "videos", "elements", "spearman" (rank correlation of scores and D-scores;
        None where there is nothing to rank), "constant" (whether all scores are the same), "auc_ddnet" and
        "auc_confidence" (action against background clips, where that is known), and "accuracy": the rows of
        `clipselect.evaluation.methods`, without costs for a base whose costs cannot be counted.
    """
    rows = np.concatenate([np.empty(0), *(one.discriminabilities for one in found)])
    scores = np.concatenate([np.empty(0), *(one.scores[one.pairs] for one in found)])
    labelled = [one for one in found if one.video.labels]
    trimmed = not any(one.video.segments for one in labelled)
    composed = trimmed and len(labelled) > 0 and any(one.video.path in domains for one in found)
    out: dict[str, Any] = {
        "composed": composed,
        "videos": len(found),
        "elements": int(sum(len(one.scores) for one in found)),
        "spearman": rank_correlation(rows, scores),
        "constant": len(scores) > 0 and bool(np.ptp(scores) == 0),
    }
    if not labelled:
        return out
    groups = _composed(found, domains, base.classes, seed) if composed else _groups(found)
    table = ClipTable(
        np.concatenate([one.scores for one in found]).astype(np.float64),
        np.concatenate([one.probabilities for one in found]).astype(np.float64),
    )
    counted = multiply_adds(base.net, base.input_spec, base.device) / 1e9
    ddnet = multiply_adds(scorer.net, scorer.input_spec) / 1e9
    most = max(len(group.rows) for group in groups)
    out |= ranking_quality(groups, table)
    out["accuracy"] = method_rows(groups, table, [k for k in KS if k <= most], Cost(counted or None, ddnet))
    return out


def rank_correlation(one: NDArray[Any], other: NDArray[Any]) -> float | None:
    """Spearman's rho; None where there is nothing to rank."""
    from scipy.stats import spearmanr  # slow to import

    if len(one) == 0 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(spearmanr(one, other).statistic)


def _groups(found: list[VideoOutputs]) -> list[Group]:
    groups, first = [], 0
    for one in found:
        rows = np.arange(first, first + len(one.scores))
        first += len(rows)
        action = one.shows != BACKGROUND if one.video.segments else None
        if one.video.labels:
            groups.append(Group(one.video.path, one.video.labels, rows, action))
    return groups


def _composed(found: list[VideoOutputs], domains: dict[str, str], classes: tuple[str, ...], seed: int) -> list[Group]:
    """Untrimmed videos composed of held-out ones: four clips of an action among sixteen of background."""
    firsts = np.cumsum([0, *(len(one.scores) for one in found)])
    actions = [i for i, one in enumerate(found) if one.video.labels]
    elsewhere = [i for i, one in enumerate(found) if not one.video.labels]
    order = actions + elsewhere
    compositions = compose(
        [classes[found[i].video.label] for i in actions], [domains[found[i].video.path] for i in elsewhere], "mixed",
        seed=seed,
    )  # fmt: skip

    def row(video: int, clip: int) -> int:
        i = order[video]
        return int(firsts[i]) + round(clip * (len(found[i].scores) - 1) / (ACTION_CLIPS - 1))

    return [
        Group(
            found[actions[c.video]].video.path,
            found[actions[c.video]].video.labels,
            np.array([row(*clip) for clip in c.clips]),
            c.action,
        )
        for c in compositions
    ]
