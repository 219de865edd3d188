"""What a results file says about single classes: where ddl gains and where it loses. Pure functions."""

from collections.abc import Callable
from dataclasses import dataclass

from clipselect.evaluation.results import ClassResult
from clipselect.report.findings import DENSE, SUBJECT, UNIFORM, Finding


@dataclass(frozen=True)
class ClassGain:
    """A metric of ddl, of uniform at the same K and of dense, in percent, for the videos of one class.

    Attributes:
        dense: None where the file has none.
    """

    name: str
    videos: int
    sources: int
    subject: float
    uniform: float
    dense: float | None

    @property
    def gain(self) -> float:
        return self.subject - self.uniform

    @property
    def over_dense(self) -> float | None:
        return None if self.dense is None else self.subject - self.dense


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
    chosen, metric = finding.choice.row.k, finding.metric
    entries = [c for c in finding.run.results.classes or () if c.data == finding.data and c.metric(metric) is not None]
    ddl = {(c.k, c.class_name): c for c in entries if c.method == SUBJECT and c.k is not None}
    uniform = {(c.k, c.class_name): c for c in entries if c.method in UNIFORM}
    dense = {c.class_name: c for c in entries if c.method in DENSE}
    both = sorted(ddl.keys() & uniform.keys())
    if not both:
        return None
    k = min((k for k, _ in both if k is not None), key=lambda k: abs(k - chosen))
    gains = [_gain(metric, ddl[key], uniform[key], dense.get(key[1])) for key in both if key[0] == k]
    return ClassGains(k, sorted(gains, key=lambda c: (-c.gain, c.name)))


def _gain(metric: str, ddl: ClassResult, uniform: ClassResult, dense: ClassResult | None) -> ClassGain:
    one, other = ddl.metric(metric), uniform.metric(metric)
    assert one is not None and other is not None
    over = None if dense is None else dense.metric(metric)
    return ClassGain(ddl.class_name, ddl.videos, ddl.sources or ddl.videos, one, other, over)
