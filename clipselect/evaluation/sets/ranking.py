"""How well a DDNet orders the frames of a group: its scores beside the D-scores that it estimates."""

from collections.abc import Hashable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.evaluation.metrics.accuracy import rank_correlation, roc_auc
from clipselect.evaluation.metrics.intervals import bootstrap_interval
from clipselect.evaluation.sets.frame_table import FrameTable
from clipselect.method.discriminability import class_centroids, d_scores, discriminability, normalisation

Groups = Sequence[NDArray[np.int64]]

MIN_FRAMES = 3
"""Frames of a group from which on there is an order to get right."""


def true_d_scores(
    table: FrameTable,
    groups: Groups,
    identities: Sequence[Hashable],
    clean: FrameTable,
    clean_groups: Groups,
    clean_identities: Sequence[Hashable],
) -> NDArray[np.float32] | None:
    """The D-scores (eq. 3 and 4) [m] of the frames of `groups` in `table`; 0 for other frames.

    Args:
        identities, clean_identities: of the groups.
        clean: its frames, unchanged, make the centroids of the identities; each counts once.

    Returns:
        None where D-scores are not defined: fewer than two identities.
    """
    number = {identity: i for i, identity in enumerate(dict.fromkeys(clean_identities))}

    def owners(one: FrameTable, its: Groups, whose: Sequence[Hashable]) -> NDArray[np.int64]:
        owner = np.full(len(one.frames), -1)
        for rows, identity in zip(its, whose, strict=True):
            owner[rows] = number[identity]
        return owner

    of_clean, of_table = owners(clean, clean_groups, clean_identities), owners(table, groups, identities)
    if len({*of_clean[of_clean >= 0].tolist()}) < 2:
        return None

    def used(one: FrameTable, owner: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(one.features[owner >= 0]), torch.from_numpy(owner[owner >= 0])

    values = discriminability(*used(table, of_table), class_centroids(*used(clean, of_clean), len(number)))
    scores = np.zeros(len(of_table), np.float32)
    scores[of_table >= 0] = d_scores(values, normalisation(values)).numpy()
    return scores


def rho_within_groups(scores: NDArray[np.floating], truth: NDArray[np.floating], groups: Groups) -> dict[int, float]:
    """Spearman's rho of scores [m] and D-scores [m] within every group that can be ordered, by the group's number.

    >>> scores, truth = np.array([0.1, 0.2, 0.3, 0.5, 0.5, 0.5]), np.array([0.2, 0.4, 0.9, 0.1, 0.2, 0.3])
    >>> {group: round(rho, 6) for group, rho in rho_within_groups(scores, truth, np.split(np.arange(6), 2)).items()}
    {0: 1.0}
    """
    rhos = {i: rank_correlation(scores[g], truth[g]) for i, g in enumerate(groups) if len(g) >= MIN_FRAMES}
    return {i: rho for i, rho in rhos.items() if rho is not None}


def ranking_of_sets(
    scores: NDArray[np.float32], truth: NDArray[np.float32] | None, sharp: NDArray[np.bool_], groups: Groups
) -> dict[str, float]:
    """The entry `ranking`, without `data`: how well scores [m] order the frames of sets, and whether a sharp frame is
    first.

    Args:
        truth: [m] D-scores; None where they are not defined.
        sharp: [m].
    """
    found: dict[str, float] = {}
    if truth is not None:
        rhos = [*rho_within_groups(scores, truth, groups).values()]
        best = [np.argmax(scores[g]) == np.argmax(truth[g]) for g in groups]
        found |= {"rho_within_sets": float(np.mean(rhos))} if rhos else {}
        found["best_by_score_is_best_by_d"] = float(np.mean(best))
    mixed = [g for g in groups if sharp[g].any() and not sharp[g].all()]
    if mixed:
        found["auc_sharp"] = float(np.mean([roc_auc(scores[g], sharp[g]) for g in mixed]))
        found["best_by_score_is_sharp"] = float(np.mean([sharp[g[np.argmax(scores[g])]] for g in mixed]))
        if truth is not None:
            found["best_by_d_is_sharp"] = float(np.mean([sharp[g[np.argmax(truth[g])]] for g in mixed]))
    return found


def ranking_of_tracklets(
    scores: NDArray[np.float32], truth: NDArray[np.float32], groups: Groups, identities: Sequence[Hashable]
) -> dict[str, float | None]:
    """The entry `ranking`, without `data`: Spearman's rho of scores [m] and D-scores [m] over all frames, and within
    groups, where it is the mean with its interval over the `identities` of the groups."""
    together = np.concatenate(groups)
    record = {"rho_of_all_frames": rank_correlation(scores[together], truth[together])}
    if rhos := rho_within_groups(scores, truth, groups):
        values = [*rhos.values()]
        low, high = bootstrap_interval(values, clusters=[identities[i] for i in rhos])
        record |= {
            "rho_within_groups": float(np.mean(values)), "rho_within_groups_low": low, "rho_within_groups_high": high,
        }  # fmt: skip
    return record
