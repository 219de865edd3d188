"""Verification and rank-1 identification of sets, with bootstrap draws over the identities.

An identity that is drawn n times stands for n people: its genuine pairs count n times, impostor pairs of two identities
as often as the product of both counts; an identity and its own copy are no pair. Thresholds of ten-fold accuracy and
the gallery of rank-1 are not drawn again. Every metric is the mean over the rounds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.evaluation.metrics.intervals import BootstrapResult, chunks, statistic_draws
from clipselect.evaluation.metrics.verification import MAX_ROUNDING_ERROR, min_trials, ten_fold_accuracy
from clipselect.evaluation.sets.face_sets import Pairs
from clipselect.evaluation.sets.rows import Measure

MAX_PAIRS_AT_ONCE = 1024  # their rows then stay in the processor's cache

DrawnMetric = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""How often every identity is drawn [b, identities] -> the metric of each draw [b], NaN where it is not defined."""


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

    def restricted_to(self, members: NDArray[np.bool_]) -> "Protocol":
        """The same on the sets of some identities [identities] alone, in their order, as if there were no others.

        Otherwise impostors of other domains would set the threshold, and what a method makes of them would show here.
        """
        own = members[self.identities]
        new = np.where(own, np.cumsum(own) - 1, -1)
        people = (np.cumsum(members) - 1)[self.identities[own]]
        return replace(self, identities=people, rounds=[pairs.kept(new) for pairs in self.rounds])

    def measure(self, name: str) -> Measure:
        """A function of features [g, d] that gives every metric by its name.

        Args:
            name: of the data, for errors.

        Raises:
            ClipselectError: a round without genuine or impostor pairs.
            ArgumentError: not one false accept rate can be measured, and there is no other metric.
        """
        for pairs in self.rounds:
            if pairs.same.all() or not pairs.same.any():
                raise ClipselectError(
                    f"{name}: the pairs that can be compared are {int(pairs.same.sum())} of one person and "
                    f"{int((~pairs.same).sum())} of two; verification needs both: add sets"
                )
        too_few = self.too_few()
        fars = [far for far in self.fars if far not in too_few]
        if not fars and not any(pairs.every or pairs.folds is not None for pairs in self.rounds):
            raise ArgumentError("far", f"cannot be measured: {name}: {too_few[max(self.fars)]}; give a higher one")
        return lambda features: self._measured(features, fars)

    def too_few(self) -> dict[float, str]:
        """The false accept rates that cannot be measured, and why."""
        fewest = min(int((~pairs.same).sum()) for pairs in self.rounds)
        return {
            far: f"a FAR of {far:g} needs at least {min_trials(far)} impostor pairs, and there are {fewest}"
            for far in self.fars
            if fewest < min_trials(far)
        }

    def _measured(self, features: NDArray[np.float32], fars: Sequence[float]) -> dict[str, BootstrapResult]:
        rows = features.astype(np.float64)
        unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
        similarities = [cosines(unit, pairs) for pairs in self.rounds]
        metrics: dict[str, list[DrawnMetric]] = {}
        for pairs, values in zip(self.rounds, similarities, strict=True):
            for far in fars:
                metrics.setdefault(tar_name(far), []).append(self._tar(pairs, values, far))
            if pairs.every:
                metrics.setdefault("rank1", []).append(self._rank1(pairs, unit))
            if pairs.folds is not None:
                metrics.setdefault("accuracy", []).append(self._accuracy(pairs, values))
        drawn = {name: self._drawn(parts) for name, parts in metrics.items()}
        defined = np.all([np.isfinite(d.draws) for d in drawn.values()], axis=0)  # the same draws for all methods
        return {name: BootstrapResult(d.value, d.draws[defined]) for name, d in drawn.items()}

    def _drawn(self, parts: Sequence[DrawnMetric]) -> BootstrapResult:
        def mean(drawn: NDArray[np.float32]) -> NDArray[np.float64]:
            return np.mean([part(drawn.astype(np.float64)) for part in parts], axis=0)

        return statistic_draws(mean, int(self.identities.max()) + 1, draws=self.draws)

    def _tar(self, pairs: Pairs, values: NDArray[np.float64], far: float) -> DrawnMetric:
        """`clipselect.evaluation.metrics.verification.tar_at_far` with weights; the same without."""
        genuine, impostor = np.flatnonzero(pairs.same), np.flatnonzero(~pairs.same)
        genuine = genuine[np.argsort(-values[genuine], kind="stable")]
        impostor = impostor[np.argsort(-values[impostor], kind="stable")]
        falling = -values[impostor]
        last = np.flatnonzero(np.r_[np.diff(falling) > 0, True])  # of impostors that tie
        above, at_least = (np.searchsorted(-values[genuine], falling[last], side) for side in ("left", "right"))
        own = self.identities[pairs.first[genuine]]
        one, other = (self.identities[side[impostor]] for side in (pairs.first, pairs.second))

        def weighted(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
            out = []
            for part in chunks(len(drawn), len(values)):
                alarms = np.cumsum(drawn[part][:, one] * drawn[part][:, other], axis=1)[:, last]
                found = np.cumsum(np.pad(drawn[part][:, own], ((0, 0), (1, 0))), axis=1)
                allowed = far * alarms[:, -1] * (1 + MAX_ROUNDING_ERROR)
                at = (alarms <= allowed[:, None]).sum(axis=1).clip(max=len(last) - 1)
                i = np.arange(len(at))
                before = np.where(at > 0, alarms[i, at - 1], 0)
                step = np.maximum(alarms[i, at] - before, 1)
                share = ((allowed - before) / step).clip(0, 1)
                strict = found[i, above[at]]
                accepted = strict + share * (found[i, at_least[at]] - strict)
                with np.errstate(invalid="ignore", divide="ignore"):
                    tar = accepted / found[:, -1]
                tar[alarms[:, -1] == 0] = np.nan
                out.append(np.where(allowed >= alarms[:, -1], 1.0, tar) if far >= 1 else tar)
            return np.concatenate(out)

        return weighted

    def _rank1(self, pairs: Pairs, unit: NDArray[np.float64]) -> DrawnMetric:
        """Share of the sets with a mate for which a mate is more similar than every set of another identity."""
        members = np.unique(np.r_[pairs.first, pairs.second])
        who = self.identities[members]
        similar = unit[members] @ unit[members].T
        mates = (who[:, None] == who) & ~np.eye(len(members), dtype=bool)
        best = np.where(mates, similar, -np.inf).max(axis=1)
        right = best > np.where(who[:, None] == who, -np.inf, similar).max(axis=1)
        has = mates.any(axis=1)
        return lambda drawn: _share(drawn[:, who[has]], right[has])

    def _accuracy(self, pairs: Pairs, values: NDArray[np.float64]) -> DrawnMetric:
        assert pairs.folds is not None
        measured = ten_fold_accuracy(values, pairs.same, pairs.folds)
        names, fold = np.unique(pairs.folds, return_inverse=True)
        right = (values >= measured.thresholds[fold]) == pairs.same
        one, other = self.identities[pairs.first], self.identities[pairs.second]

        def weighted(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
            weight = drawn[:, one] * np.where(pairs.same, 1, drawn[:, other])
            return np.mean([_share(weight[:, fold == f], right[fold == f]) for f in range(len(names))], axis=0)

        return weighted


def cosines(unit: NDArray[np.float64], pairs: Pairs) -> NDArray[np.float64]:
    """Cosines [p] of the pairs of rows of length 1 [g, d].

    A few pairs at a time: the rows of all pairs of IJB-C would take 130 GB. In float64: float32 rounds cosines into
    ties and out of them, and thresholds lie between cosines.
    """
    out = np.empty(len(pairs.first))
    for start in range(0, len(out), MAX_PAIRS_AT_ONCE):
        part = slice(start, start + MAX_PAIRS_AT_ONCE)
        np.einsum("pd,pd->p", unit[pairs.first[part]], unit[pairs.second[part]], out=out[part])
    return out


def tar_name(far: float) -> str:
    """The metric's name in results.

    >>> tar_name(0.01)
    'tar_at_far_1e-2'
    """
    mantissa, _, exponent = f"{far:e}".partition("e")
    return f"tar_at_far_{float(mantissa):g}e{int(exponent)}"


def _share(weight: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return (weight @ right) / weight.sum(axis=1)
