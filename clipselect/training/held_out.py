"""How good a distilled DDNet is on held-out videos or identities: what its card says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.data.composition import ACTION_CLIPS, compose
from clipselect.data.datasets import BACKGROUND, LabelledVideo
from clipselect.evaluation.metrics.accuracy import rank_correlation
from clipselect.evaluation.outcomes import ClipTable, Cost, Group, outcomes_of
from clipselect.evaluation.rows import ranking_quality, rows
from clipselect.media.candidate_clips import spans_of
from clipselect.media.clip_decoding import ClipBatch, clip_grid, map_clips
from clipselect.media.images import read_image
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.media.sources import open_source
from clipselect.media.unreadable import UNREADABLE, OnError, as_clipselect_error, ignore_error
from clipselect.scoring.cheap_scores import motion, packet_scores
from clipselect.scoring.doubts import order_table
from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.scorer import Scorer
from clipselect.training.clip_elements import ClipData, clip_outputs, elements_from_outputs
from clipselect.training.d_scores import DScoreTarget, nothing_read
from clipselect.training.feature_store import FeatureStore
from clipselect.training.frame_elements import FrameData, FrameElements

KS = (1, 3, 5, 9)
MAX_PAIRS = 10_000
"""Pairs of clips of one video that show how often the order of two clips is right; of more, so many are drawn."""


@dataclass(frozen=True)
class VideoOutputs:
    """What both networks say about the n candidate clips of a held-out video.

    Attributes:
        shows: [n] classes, see `clipselect.training.clip_elements.ClipElements`.
        pairs: [p] clips that have a label to be discriminated by.
        discriminabilities: [p].
        probabilities: [n, classes].
        scores: [n].
        spans: [n, 2] start and end in seconds.
        features: [n, d] of the DDNet.
        motion, packets: [n], see `clipselect.scoring.cheap_scores`.
    """

    video: LabelledVideo
    shows: NDArray[np.int64]
    pairs: NDArray[np.int64]
    discriminabilities: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    scores: NDArray[np.float32]
    spans: NDArray[np.float64]
    features: NDArray[np.float32]
    motion: NDArray[np.float32]
    packets: NDArray[np.float32]


def clip_quality(found: Sequence[VideoOutputs], data: ClipData, scorer: Scorer, *, seed: int = 0) -> dict[str, Any]:
    """What was measured on held-out videos, for the metadata and the card.

    Args:
        found: by `held_out_outputs`. If any of the videos in the data's `domains` is among them, labelled videos
            without segments are composed with these.
        seed: of the compositions.

    Returns:
        "composed" (whether videos were), "videos", "elements", "spearman" (rank correlation of scores and D-scores;
        None where there is nothing to rank), "constant" (whether all scores are the same), "auc_ddnet",
        "auc_confidence", "auc_motion" and "auc_packets" (action against background clips, where that is known),
        "order" (see `clipselect.scoring.doubts.order_table`), and "accuracy": the rows of
        `clipselect.evaluation.methods`, without costs for a base whose costs cannot be counted.
    """
    values = np.concatenate([np.empty(0), *(one.discriminabilities for one in found)])
    scores = np.concatenate([np.empty(0), *(one.scores[one.pairs] for one in found)])
    labelled = [one for one in found if one.video.labels]
    trimmed = not any(one.video.segments for one in labelled)
    composed = trimmed and len(labelled) > 0 and any(one.video.path in data.domains for one in found)
    out: dict[str, Any] = {
        "composed": composed,
        "videos": len(found),
        "elements": int(sum(len(one.scores) for one in found)),
        **_agreement(values, scores),
        "order": order_table(*_pairs_by_discriminability(found)),
    }
    if not labelled:
        return out
    groups = _composed(found, data, seed) if composed else _groups(found)
    table = ClipTable(
        np.concatenate([one.scores for one in found]).astype(np.float64),
        np.concatenate([one.probabilities for one in found]).astype(np.float64),
        np.concatenate([one.motion for one in found]),
        np.concatenate([one.packets for one in found]),
    )
    base = data.base
    counted = multiply_adds(base.net, base.input_spec, base.device) / 1e9
    most = max(len(group.rows) for group in groups)
    out |= ranking_quality(groups, table)
    if any(group.action is not None for group in groups):
        out["order"] = order_table(*_pairs_of_action(groups, table))
    cost = Cost(counted or None, multiply_adds(scorer.net, scorer.input_spec) / 1e9)
    out["accuracy"] = rows(outcomes_of(groups, table, [k for k in KS if k <= most], cost), groups, cost)
    return out


def held_out_outputs(
    data: ClipData,
    scorer: Scorer,
    target: DScoreTarget,
    *,
    progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
) -> list[VideoOutputs]:
    """What both networks say about every held-out video that can be read.

    Every network decodes every video once, since the two see frames of different sizes. `motion` is of the frames that
    the DDNet sees.

    Args:
        target: with the centroids of the training videos.
    """
    found = []
    fps, grid, spec = data.fps, clip_grid(data.clip_duration, data.stride), scorer.input_spec

    def look(batch: ClipBatch) -> tuple[NDArray[np.float32], ...]:
        return *scorer.outputs(batch.frames), motion(batch.frames)

    for i, video in enumerate(tracked(data.videos, "held-out videos", len(data.videos), progress)):
        try:
            outputs = clip_outputs(open_source(video.path, fps=fps), data.base, data.clip_duration, data.stride)
            looked = map_clips(look, open_source(video.path, fps=fps), grid, spec.size, spec.clip_frames)
            packets = packet_scores(looked.source, looked.clips)
        except UNREADABLE as e:
            on_error(video.path, as_clipselect_error(video.path, e))
            continue
        elements = elements_from_outputs(i, video, outputs)
        pairs, _ = target.pairs(elements)
        values = target.discriminability(elements).numpy()
        probabilities = outputs.probabilities.numpy()
        scores, features, moved = (np.concatenate(parts) for parts in zip(*looked.results, strict=True))
        found.append(
            VideoOutputs(
                video, elements.shows, pairs, values, probabilities,
                scores=scores, spans=spans_of(looked.clips), features=features, motion=moved, packets=packets,
            )
        )  # fmt: skip
    return found


def frame_quality(
    store: FeatureStore, scorer: Scorer, target: DScoreTarget, *, progress: ProgressCallback = no_progress
) -> dict[str, Any]:
    """What was measured on held-out identities, for the metadata and the card.

    Args:
        store: features of the held-out images and their variants.
        target: with the centroids of the held-out identities.

    Returns:
        "identities", "images", "elements", "spearman" (rank correlation of scores and D-scores of all elements),
        "spearman_as_they_are" (of the images that are not degraded), and "constant" (whether all scores are the same);
        None where there is nothing to rank.
    """
    data = store.data
    assert isinstance(data, FrameData)
    item, variant, discriminabilities = [], [], []
    for elements in store:
        assert isinstance(elements, FrameElements)
        item.append(elements.item)
        variant.append(elements.variant)
        discriminabilities.append(target.discriminability(elements).numpy())
    if not item:
        raise nothing_read(store)
    numbers = [*dict.fromkeys(np.concatenate(item).tolist())]
    variants = (
        image
        for number in tracked(numbers, "held-out images", len(numbers), progress)
        for image in data.variants_of(read_image(data.paths[number]), number)
    )
    scores, plain = scorer.score_images(variants), np.concatenate(variant) == 0
    values = np.concatenate(discriminabilities)
    return {
        "identities": len(data.classes),
        "images": len(numbers),
        "elements": len(scores),
        **_agreement(values, scores),
        "spearman_as_they_are": rank_correlation(values[plain], scores[plain]),
    }


def _agreement(values: NDArray[np.float64], scores: NDArray[np.float32]) -> dict[str, Any]:
    """Whether the scores rank elements as their discriminabilities do."""
    return {
        "spearman": rank_correlation(values, scores),
        "constant": len(scores) > 0 and bool(np.ptp(scores) == 0),
    }


def _pairs_by_discriminability(found: Sequence[VideoOutputs]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """For pairs of clips of one video, by how much their scores differ, and whether their order is right."""
    return _joined_pairs([_ordered(one.discriminabilities, one.scores, one.pairs) for one in found])


def _pairs_of_action(groups: Sequence[Group], table: ClipTable) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The same for pairs of a clip that shows the action and one that does not."""
    known = [(group.rows, np.asarray(group.action, np.float64)) for group in groups if group.action is not None]
    return _joined_pairs([_ordered(action, table.scores, rows) for rows, action in known])


def _ordered(
    truth: NDArray[np.float64], scores: NDArray[Any], clips: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """For pairs of clips of which one should score higher, by how much their scores differ, and whether it does.

    Args:
        truth: [p] by which clips should be ordered; a clip stands there once for every label that it is paired with.
        scores: [n] of all clips.
        clips: [p] which of them.
    """
    order = np.argsort(truth)
    below = np.searchsorted(truth[order], truth)  # [p] how many should score lower
    ends = np.cumsum(below)
    count = int(below.sum())
    pairs = np.arange(count) if count <= MAX_PAIRS else np.random.default_rng(0).choice(count, MAX_PAIRS, replace=False)
    better = np.searchsorted(ends, pairs, side="right")
    worse = order[pairs - (ends - below)[better]]
    one, other = clips[better], clips[worse]
    differences = (scores[one].astype(np.float64) - scores[other])[one != other]
    return np.abs(differences), differences > 0


def _joined_pairs(
    parts: Sequence[tuple[NDArray[Any], NDArray[Any]]],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    empty = (np.empty(0), np.empty(0, bool))
    differences, is_right = zip(empty, *parts, strict=True)
    return np.concatenate(differences), np.concatenate(is_right)


def _groups(found: Sequence[VideoOutputs]) -> list[Group]:
    groups, first = [], 0
    for one in found:
        clips = np.arange(first, first + len(one.scores))
        first += len(clips)
        action = one.shows != BACKGROUND if one.video.segments else None
        if one.video.labels:
            groups.append(Group(one.video.path, one.video.labels, clips, action, one.spans))
    return groups


def _composed(found: Sequence[VideoOutputs], data: ClipData, seed: int) -> list[Group]:
    """Untrimmed videos composed of held-out ones: four clips of an action among sixteen of background."""
    firsts = np.cumsum([0, *(len(one.scores) for one in found)])
    actions = [i for i, one in enumerate(found) if one.video.labels]
    elsewhere = [i for i, one in enumerate(found) if not one.video.labels]
    order = actions + elsewhere
    classes = [data.base.classes[found[i].video.label] for i in actions]
    compositions = compose(classes, [data.domains[found[i].video.path] for i in elsewhere], "mixed", seed=seed)

    def row(video: int, clip: int) -> int:
        i = order[video]
        return int(firsts[i]) + round(clip * (len(found[i].scores) - 1) / (ACTION_CLIPS - 1))

    groups = []
    for composition in compositions:
        video = found[actions[composition.video]].video
        clips = np.array([row(*clip) for clip in composition.clips])
        groups.append(Group(video.path, video.labels, clips, composition.action))
    return groups
