"""Verification and identification by their definitions, to compare what `clipselect.evaluation` computes faster with.

Of similarities higher ones mean more alike. A pair is accepted from the threshold on (similarity >= threshold); pairs
that tie are accepted together. A mate that ties with another identity comes after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipselect.evaluation.metrics.intervals import chunks
from clipselect.evaluation.metrics.verification import MAX_ROUNDING_ERROR, checked_pairs, min_trials


@dataclass(frozen=True)
class OperatingPoint:
    """How much is found at an allowed rate of false alarms: TAR at FAR, or TPIR at FPIR.

    Attributes:
        allowed: the FAR or FPIR asked for, in (0, 1].
        rate: the TAR or TPIR in [0, 1]; None where there are too few trials, see `why_not`.
        threshold: the most lenient similarity whose measured rate of false alarms is not above `allowed`; infinity if
            none that occurs is strict enough, None with `rate`.
        trials: how many impostor pairs, or probes without a mate, there were.
    """

    allowed: float
    rate: float | None
    threshold: float | None
    trials: int

    @property
    def why_not(self) -> str | None:
        """One sentence where the rate could not be measured, None where it was."""
        if self.rate is not None:
            return None
        needed = min_trials(self.allowed)
        return f"a rate of {self.allowed:g} needs at least {needed} impostor trials, there are {self.trials}"


def tar_at_far(similarities: ArrayLike, same: ArrayLike, fars: Sequence[float]) -> list[OperatingPoint]:
    """True accept rate at given false accept rates.

    Between the points of the ROC (scikit-learn's `roc_curve`) the TAR is interpolated linearly in FAR; where several
    points share the FAR, the highest TAR counts. Unless genuine and impostor pairs tie, that is the TAR of the most
    lenient threshold whose FAR is not above the one asked for; where they tie, it is the mean over all orders of the
    tied pairs.

    Args:
        similarities: [n] finite floats.
        same: [n] bool, whether the pair is genuine; both kinds present.
        fars: each in (0, 1].

    Returns:
        One `OperatingPoint` for every FAR, in their order. A FAR below 1 / impostor pairs cannot be measured: its
        `rate` is None.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, no genuine or no impostor pair, or a FAR
            outside (0, 1].

    >>> [point.rate for point in tar_at_far([0.9, 0.6, 0.4, 0.1], [True, False, True, False], [0.5, 0.1])]
    [1.0, None]
    """
    values, truth = checked_pairs(similarities, same)
    if truth.all() or not truth.any():
        raise ValueError(
            f"verification needs genuine and impostor pairs, there are {truth.sum()} and {(~truth).sum()} of them"
        )
    return operating_points(values[truth], values[~truth], fars)


def operating_points(
    genuine: NDArray[np.float64], impostor: NDArray[np.float64], allowed: Sequence[float]
) -> list[OperatingPoint]:
    """See `tar_at_far`; minus infinity stands for what no threshold accepts."""
    trials, points = len(impostor), []
    values = np.unique(np.concatenate([genuine, impostor]))
    values = values[values > -np.inf]
    # how many of each kind are accepted at infinity, and at every value that occurs from the highest down
    thresholds = np.r_[np.inf, values[::-1]]
    found, alarms = (
        np.r_[0, (len(kind) - np.searchsorted(np.sort(kind), values, "left"))[::-1]] for kind in (genuine, impostor)
    )
    for rate in map(float, allowed):
        if not 0 < rate <= 1:
            raise ValueError(f"a rate of false alarms must lie in (0, 1], got {rate}")
        count = rate * trials
        if abs(count - round(count)) <= MAX_ROUNDING_ERROR * count:
            count = round(count)
        if count < 1:
            points.append(OperatingPoint(rate, None, None, trials))
            continue
        tar = float(np.interp(count, alarms, found)) / len(genuine)
        threshold = float(thresholds[np.searchsorted(alarms, count, "right") - 1])
        points.append(OperatingPoint(rate, tar, threshold, trials))
    return points


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
