"""Verification and identification (rank 1; TPIR at FPIR 0.01) of sets, with bootstrap draws over the identities.

What a draw does to pairs stands in `clipselect.evaluation.metrics.drawn_tar`. Thresholds of ten-fold accuracy and the
gallery of rank-1 are not drawn again. Every metric is the mean over the rounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.evaluation.metrics.drawn_tar import RankedPairs, drawn_tar, impostor_totals
from clipselect.evaluation.metrics.intervals import BootstrapResult, draw_counts
from clipselect.evaluation.metrics.verification import fold_thresholds, min_trials
from clipselect.evaluation.sets.face_sets import Pairs
from clipselect.evaluation.sets.impostors import Impostors, cosines
from clipselect.evaluation.sets.rows import Measure
from clipselect.scoring.unit_rows import unit_rows

FPIR, TPIR = 0.01, "tpir_at_fpir_1e-2"
"""False positive identification rate of open-set identification, and its metric's name in results."""

DrawnMetric = NDArray[np.float64]
"""A metric of the sets as they are, then of each draw: [1 + draws], NaN where it is not defined."""


@dataclass(frozen=True)
class Protocol:
    """What is measured on the sets of a data set.

    Attributes:
        identities: [g] number of the identity of every set.
        rounds: see `FaceSets`.
        fars: false accept rates; those for which a round has too few impostor pairs are left out.
        draws: of identities, for the intervals.
    """

    identities: NDArray[np.int64]
    rounds: Sequence[Pairs]
    fars: Sequence[float]
    draws: int

    def restricted_to(self, own: NDArray[np.bool_]) -> "Protocol":
        """The same on some of the sets [g] alone, in their order, as if there were no others.

        Otherwise impostors of other domains would set the threshold, and what a method makes of them would show here.
        """
        new = np.where(own, np.cumsum(own) - 1, -1)
        _, people = np.unique(self.identities[own], return_inverse=True)
        kept = [pairs.kept(new) for pairs in self.rounds]
        return replace(self, identities=people, rounds=[pairs for pairs in kept if len(pairs.same)])

    @property
    def can_verify(self) -> bool:
        """Whether every round has genuine and impostor pairs."""
        return bool(self.rounds) and all(pairs.has_both_kinds for pairs in self.rounds)

    def measure(self, name: str) -> Measure:
        """A function of features [g, d] that gives every metric by its name.

        Args:
            name: of the data, for errors.

        Raises:
            ClipselectError: a round without genuine or impostor pairs.
            ArgumentError: not one false accept rate can be measured, and there is no other metric.
        """
        for pairs in self.rounds:
            if not pairs.has_both_kinds:
                genuine, impostor = int(pairs.same.sum()), int((~pairs.same).sum())
                raise ClipselectError(
                    f"{name}: {genuine} genuine and {impostor} impostor pairs can be compared; verification needs "
                    "both: add sets"
                )
        too_few = self.too_few()
        fars = [far for far in self.fars if far not in too_few]
        if not fars and not any(pairs.every or pairs.folds is not None for pairs in self.rounds):
            raise ArgumentError("far", f"cannot be measured: {name}: {too_few[max(self.fars)]}; give a higher one")
        counts = draw_counts(int(self.identities.max()) + 1, self.draws)
        rounds = [_Round(pairs, self.identities, counts) for pairs in self.rounds]
        return lambda features: _measured(features, rounds, fars)

    def too_few(self) -> dict[float, str]:
        """The false accept rates that cannot be measured, and why."""
        fewest = min(int((~pairs.same).sum()) for pairs in self.rounds)
        return {
            far: f"a FAR of {far:g} needs at least {min_trials(far)} impostor pairs, and there are {fewest}"
            for far in self.fars
            if fewest < min_trials(far)
        }


class _Round:
    """The pairs of a round with all that is the same for all methods.

    Args:
        identities: [g] of the sets.
        counts: [identities, 1 + draws] how often each identity is drawn; once in the first column.
    """

    def __init__(self, pairs: Pairs, identities: NDArray[np.int64], counts: NDArray[np.float32]) -> None:
        self.pairs, self.identities, self.counts = pairs, identities, counts
        self.impostors = Impostors(pairs)
        self.genuine = pairs.first[pairs.same], pairs.second[pairs.same]
        self.totals = impostor_totals(counts, identities[self.impostors.first], identities[self.impostors.second])

    def tar(self, unit: NDArray[np.float64], fars: Sequence[float]) -> NDArray[np.float64]:
        """[fars, 1 + draws]."""
        approximate = self.impostors.approximate(unit)

        def most_similar(n: int) -> RankedPairs:
            places, similar = self.impostors.most_similar(unit, approximate, n)
            sides = (self.identities[side[places]] for side in (self.impostors.first, self.impostors.second))
            return RankedPairs.from_similarities(self.counts, similar, *sides)

        owners = self.identities[self.genuine[0]]
        genuine = RankedPairs.from_similarities(self.counts, cosines(unit, *self.genuine), owners)
        return drawn_tar(genuine, most_similar, len(self.impostors), self.totals, fars)

    def rank1(self, unit: NDArray[np.float64]) -> DrawnMetric:
        """Share of the sets with a mate for which a mate is more similar than every set of another identity."""
        members = np.unique(np.r_[self.pairs.first, self.pairs.second])
        who = self.identities[members]
        similar = unit[members] @ unit[members].T
        own = who[:, None] == who
        mates = own & ~np.eye(len(members), dtype=bool)
        best = np.where(mates, similar, -np.inf).max(axis=1)
        right = best > np.where(own, -np.inf, similar).max(axis=1)
        has = mates.any(axis=1)
        return self._accuracy(who[has], right[has])

    def tpir(self, unit: NDArray[np.float64]) -> DrawnMetric | None:
        """TPIR at `FPIR`: share of the probes with a mate whose mate is at rank 1, from the threshold on that so many
        probes without a mate reach; None with too few of these.

        The first set of every identity is in one of two disjoint galleries, as in IJB; all others are searched for in
        both. The galleries are not drawn again.
        """
        members = np.unique(np.r_[self.pairs.first, self.pairs.second])
        who = self.identities[members]
        _, first = np.unique(who, return_index=True)
        probes = np.delete(np.arange(len(who)), first)
        mated, unmated = list[tuple[NDArray[np.float64], NDArray[np.int64]]](), list[Any]()
        for half in range(2):
            gallery = first[who[first] % 2 == half]
            similar = unit[members[probes]] @ unit[members[gallery]].T
            mates = who[probes][:, None] == who[gallery]
            own, other = (np.where(of, similar, -np.inf).max(axis=1, initial=-np.inf) for of in (mates, ~mates))
            has = mates.any(axis=1)
            mated.append((np.where(own > other, own, -np.inf)[has], who[probes[has]]))
            unmated.append((other[~has], who[probes[~has]]))
        (found, owners), (false, others) = (
            (np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]))
            for parts in (mated, unmated)
        )
        if not len(found) or len(false) < min_trials(FPIR):
            return None
        ranked = RankedPairs.from_similarities(self.counts, false, others)
        genuine = RankedPairs.from_similarities(self.counts, found, owners)
        return drawn_tar(genuine, lambda n: ranked, len(false), ranked.sums.total, [FPIR])[0]

    def accuracy(self, unit: NDArray[np.float64]) -> DrawnMetric:
        """Ten-fold accuracy; its thresholds are not drawn again."""
        pairs, folds = self.pairs, self.pairs.folds
        assert folds is not None
        values = cosines(unit, pairs.first, pairs.second)
        names, fold = np.unique(folds, return_inverse=True)
        right = (values >= fold_thresholds(values, pairs.same, folds)[fold]) == pairs.same
        one, other = self.identities[pairs.first], np.where(pairs.same, -1, self.identities[pairs.second])
        return np.mean(
            [self._accuracy(one[f], right[f], other[f]) for f in (fold == i for i in range(len(names)))], axis=0
        )

    def _accuracy(
        self, one: NDArray[np.int64], right: NDArray[np.bool_], other: NDArray[np.int64] | None = None
    ) -> DrawnMetric:
        """The fraction that is right, of sets of an identity, or of impostor pairs; -1 for one that does not count."""
        drawn = self.counts[one].astype(np.float64)
        if other is not None:
            drawn *= np.where(other[:, None] < 0, 1, self.counts[other])
        with np.errstate(invalid="ignore"):
            return (right @ drawn) / drawn.sum(axis=0)


def _measured(
    features: NDArray[np.float32], rounds: Sequence[_Round], fars: Sequence[float]
) -> dict[str, BootstrapResult]:
    unit = unit_rows(features.astype(np.float64))
    metrics: dict[str, list[DrawnMetric]] = {}
    for one in rounds:
        for far, drawn in zip(fars, one.tar(unit, fars) if fars else (), strict=True):
            metrics.setdefault(tar_name(far), []).append(drawn)
        if one.pairs.every:
            metrics.setdefault("rank1", []).append(one.rank1(unit))
            if (identified := one.tpir(unit)) is not None:
                metrics.setdefault(TPIR, []).append(identified)
        if one.pairs.folds is not None:
            metrics.setdefault("accuracy", []).append(one.accuracy(unit))
    means = {name: np.mean(parts, axis=0) for name, parts in metrics.items()}
    defined = np.all([np.isfinite(mean[1:]) for mean in means.values()], axis=0)  # the same draws for all methods
    return {name: BootstrapResult(float(mean[0]), mean[1:][defined]) for name, mean in means.items()}


def tar_name(far: float) -> str:
    """The metric's name in results.

    >>> tar_name(0.01)
    'tar_at_far_1e-2'
    """
    mantissa, _, exponent = f"{far:e}".partition("e")
    return f"tar_at_far_{float(mantissa):g}e{int(exponent)}"
