"""Who is it? One-to-many identification against a gallery: rank accuracy (closed set), TPIR at FPIR (open set).

Pure functions over similarities [probes, gallery]; higher means more alike. A mate that ties with another identity
comes after it, so that a network whose features are all equal finds nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipselect.evaluation.metrics.intervals import chunks
from clipselect.evaluation.metrics.verification import OperatingPoint, operating_points


@dataclass(frozen=True)
class RankAccuracy:
    """How often a mate is among the first of the gallery: points of the cumulative match characteristic.

    Attributes:
        ranks: as asked for.
        rates: [ranks] in [0, 1], of the probes with a mate.
        mated: probes whose identity is in the gallery; `rates` are of these.
        unmated: probes whose identity is not; left out.
    """

    ranks: tuple[int, ...]
    rates: NDArray[np.float64]
    mated: int
    unmated: int


def rank_accuracy(
    similarities: ArrayLike, probe_ids: ArrayLike, gallery_ids: ArrayLike, ranks: Sequence[int] = (1, 5, 10)
) -> RankAccuracy:
    """Share of the probes for which at least one mate is among the `rank` most similar entries of the gallery.

    Args:
        similarities: [probes, gallery] finite floats.
        probe_ids: [probes] identities, numbers or names.
        gallery_ids: [gallery] identities; one identity may have several entries, of which the best counts.
        ranks: each at least 1.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, a rank below 1, or no probe with a mate.

    >>> rank_accuracy([[0.9, 0.2], [0.8, 0.3]], ["a", "b"], ["a", "b"], ranks=[1, 2]).rates
    array([0.5, 1. ])
    """
    wanted = tuple(int(rank) for rank in ranks)
    if min(wanted, default=1) < 1:
        raise ValueError(f"ranks must be at least 1, got {min(wanted)}")
    own, _, ahead = _matched(similarities, probe_ids, gallery_ids)
    mated = own > -np.inf
    if not mated.any():
        raise ValueError("not one probe has a mate in the gallery")
    rates = np.array([(ahead[mated] < rank).mean() for rank in wanted])
    return RankAccuracy(wanted, rates, int(mated.sum()), int((~mated).sum()))


def tpir_at_fpir(
    similarities: ArrayLike, probe_ids: ArrayLike, gallery_ids: ArrayLike, fpirs: Sequence[float]
) -> list[OperatingPoint]:
    """True positive identification rate at given false positive identification rates.

    FPIR at a threshold: share of the probes without a mate for which any entry of the gallery reaches it. TPIR: share
    of the probes with a mate for which a mate is at rank 1 and reaches it. Interpolated like `tar_at_far`.

    Args:
        similarities, probe_ids, gallery_ids: as for `rank_accuracy`.
        fpirs: each in (0, 1].

    Returns:
        One `OperatingPoint` for every FPIR, in their order; an FPIR below 1 / probes without a mate cannot be measured:
        its `rate` is None.

    Raises:
        ValueError: as for `rank_accuracy`, an FPIR outside (0, 1], or no probe without a mate.

    >>> tpir_at_fpir([[0.9, 0.2], [0.1, 0.7], [0.5, 0.4]], ["a", "b", "x"], ["a", "b"], [1.0])[0].rate
    1.0
    """
    own, others, ahead = _matched(similarities, probe_ids, gallery_ids)
    mated = own > -np.inf
    if not mated.any() or mated.all():
        raise ValueError(
            "open-set identification needs probes with and without a mate in the gallery, there are "
            f"{mated.sum()} and {(~mated).sum()} of them"
        )
    return operating_points(np.where(ahead == 0, own, -np.inf)[mated], others[~mated], fpirs)


def _matched(
    similarities: ArrayLike, probe_ids: ArrayLike, gallery_ids: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Of every probe: its best mate's and best other entry's similarity (minus infinity: none), and how many other
    entries come before that mate; [probes] each."""
    matrix, probes, gallery = np.asarray(similarities), np.asarray(probe_ids), np.asarray(gallery_ids)
    if probes.ndim != 1 or gallery.ndim != 1 or matrix.shape != (len(probes), len(gallery)) or not matrix.size:
        raise ValueError(
            "expected similarities [probes, gallery] and an identity for each of both, got "
            f"{[*matrix.shape]} for {len(probes)} probes and {len(gallery)} gallery entries"
        )
    _, codes = np.unique(np.concatenate([probes, gallery]), return_inverse=True)
    probe, entry = codes[: len(probes)], codes[len(probes) :]
    own, others, ahead = np.empty(len(probes)), np.empty(len(probes)), np.empty(len(probes), np.int64)
    for part in chunks(*matrix.shape):
        rows = matrix[part].astype(np.float64)
        if not np.isfinite(rows).all():
            raise ValueError("similarities hold a NaN or infinity")
        mates = probe[part, None] == entry
        own[part] = np.where(mates, rows, -np.inf).max(axis=1)
        rows[mates] = -np.inf
        others[part] = rows.max(axis=1)
        ahead[part] = ((rows >= own[part, None]) & ~mates).sum(axis=1)
    return own, others, ahead
