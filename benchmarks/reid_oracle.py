"""How well a DDNet orders the frames of a group, and what the true order would give."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
from frame_tables import FrameTable
from numpy.typing import NDArray

from clipselect.discriminability import class_centroids, discriminability
from clipselect.held_out import rank_correlation
from clipselect.metrics import bootstrap_interval

Record = dict[str, Any]
LEAST = 3
"""Frames of a group that can be ordered well or badly."""


def true_scores(
    table: FrameTable,
    groups: Sequence[NDArray[np.int64]],
    identities: Sequence[Hashable],
    clean: FrameTable,
    clean_groups: Sequence[NDArray[np.int64]],
) -> NDArray[np.float32]:
    """The discriminability (eq. 3) of every frame of `groups` in `table` [m], as ranks in (0, 1], which is all that a
    choice looks at; 0 for other frames.

    Args:
        identities: of the groups, in `clean_groups` as often as in `groups`.
        clean: whose frames, as they are, make the centroids of the identities.
    """
    number = {identity: i for i, identity in enumerate(dict.fromkeys(identities))}
    labels = np.array([number[identity] for identity in identities])

    def of(one: FrameTable, its: Sequence[NDArray[np.int64]]) -> tuple[torch.Tensor, torch.Tensor]:
        own = np.resize(labels, len(its)).repeat([len(rows) for rows in its])
        return torch.from_numpy(one.features[np.concatenate(its)]).double(), torch.from_numpy(own)

    centroids = class_centroids(*of(clean, clean_groups), len(number))
    values = discriminability(*of(table, groups), centroids).numpy()
    scores = np.zeros(len(table.scores), np.float32)
    scores[np.concatenate(groups)] = (values.argsort().argsort() + 1) / len(values)
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
