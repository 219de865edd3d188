"""What a results file says about single classes: where ddl gains and where it loses. Pure functions."""

from collections.abc import Callable
from dataclasses import dataclass

from clipselect.report.findings import DENSE, SUBJECT, UNIFORM, Finding


@dataclass(frozen=True)
class ClassGain:
    """What ddl gains for the videos of one class, in points.

    Attributes:
        gain: over uniform at the same K.
        over_dense: None where the file has no dense.
    """

    name: str
    videos: int
    sources: int
    gain: float
    over_dense: float | None


@dataclass(frozen=True)
class ClassGains:
    """The gains of all classes at one K, the largest over uniform first."""

    k: int
    classes: list[ClassGain]

    def worst(self, gain: Callable[[ClassGain], float | None], most: int) -> list[tuple[ClassGain, float]]:
        """At most `most` classes that lose, with their gain, the largest loss first."""
        losses = [(c, value) for c in self.classes if (value := gain(c)) is not None and value < 0]
        return sorted(losses, key=lambda pair: (pair[1], pair[0].name))[:most]


def class_gains(finding: Finding) -> ClassGains | None:
    """Per class what ddl gains, at the chosen K or the one nearest to it that the file has of ddl and uniform; None if
    it has none."""
    if finding.choice is None or finding.choice.row.k is None:
        return None
    chosen, entries = finding.choice.row.k, [c for c in finding.run.results.classes or () if c.data == finding.data]
    measured = [(c, value) for c in entries if (value := c.metric(finding.metric)) is not None]
    ddl = {(c.k, c.class_name): (c, value) for c, value in measured if c.method == SUBJECT and c.k is not None}
    uniform = {(c.k, c.class_name): value for c, value in measured if c.method in UNIFORM}
    dense = {c.class_name: value for c, value in measured if c.method in DENSE}
    both = ddl.keys() & uniform.keys()
    if not both:
        return None
    k = min(sorted({k for k, _ in both if k is not None}), key=lambda k: abs(k - chosen))
    gains = []
    for name in (name for at, name in both if at == k):
        entry, value = ddl[k, name]
        over_dense = value - dense[name] if name in dense else None
        sources = entry.sources or entry.videos
        gains.append(ClassGain(name, entry.videos, sources, value - uniform[k, name], over_dense))
    return ClassGains(k, sorted(gains, key=lambda c: (-c.gain, c.name)))
