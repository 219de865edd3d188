"""How well a DDNet orders the frames of a group, and what the true order would give."""

from collections.abc import Hashable, Sequence

import numpy as np
import torch
from frame_tables import FrameTable, Record
from numpy.typing import NDArray

from clipselect.evaluation.metrics import bootstrap_interval
from clipselect.method.discriminability import class_centroids, d_scores, discriminability, normalisation
from clipselect.training.held_out import rank_correlation

LEAST = 3
"""Frames of a group that can be ordered well or badly."""


def true_scores(
    table: FrameTable,
    groups: Sequence[NDArray[np.int64]],
    identities: Sequence[Hashable],
    clean: FrameTable,
    clean_groups: Sequence[NDArray[np.int64]],
    clean_identities: Sequence[Hashable],
) -> NDArray[np.float32] | None:
    """The D-scores (eq. 3 and 4) [m] of the frames of `groups` in `table`; 0 for other frames.

    None where that is not defined: fewer than two identities.

    Args:
        identities, clean_identities: of the groups.
        clean: whose frames, as they are, make the centroids of the identities; each counts once.
    """
    number = {identity: i for i, identity in enumerate(dict.fromkeys(clean_identities))}

    def of(
        one: FrameTable, its: Sequence[NDArray[np.int64]], whose: Sequence[Hashable]
    ) -> tuple[NDArray[np.bool_], torch.Tensor, torch.Tensor]:
        owner = np.full(len(one.frames), -1)
        for rows, identity in zip(its, whose, strict=True):
            owner[rows] = number[identity]
        used = owner >= 0
        return used, torch.from_numpy(one.features[used]), torch.from_numpy(owner[used])

    _, features, owners = of(clean, clean_groups, clean_identities)
    if len(owners.unique()) < 2:
        return None
    centroids = class_centroids(features, owners, len(number))
    used, features, owners = of(table, groups, identities)
    values = discriminability(features, owners, centroids)
    scores = np.zeros(len(used), np.float32)
    scores[used] = d_scores(values, normalisation(values)).numpy()
    return scores


def order_record(
    table: FrameTable, groups: Sequence[NDArray[np.int64]], identities: Sequence[Hashable], true: NDArray[np.float32]
) -> Record:
    """The entry of `ranking`, without `data`: Spearman's rho of scores and true scores within a group, the mean over
    the groups of three frames and more, and over all frames."""
    rhos = {i: rank_correlation(table.scores[rows], true[rows]) for i, rows in enumerate(groups) if len(rows) >= LEAST}
    known = {i: rho for i, rho in rhos.items() if rho is not None}
    together = np.concatenate(groups)
    record: Record = {"rho_of_all_frames": rank_correlation(table.scores[together], true[together])}
    if known:
        values = [*known.values()]
        low, high = bootstrap_interval(values, clusters=[identities[i % len(identities)] for i in known])
        record |= {
            "rho_within_groups": float(np.mean(values)), "rho_within_groups_low": low, "rho_within_groups_high": high,
        }  # fmt: skip
    return record
