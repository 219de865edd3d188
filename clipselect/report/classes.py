"""What a results file says about single classes: where ddl gains and where it loses. Pure functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clipselect.report.findings import SUBJECT, Finding
from clipselect.report.schema import Record, number


@dataclass(frozen=True)
class ClassGain:
    """Metric of ddl, of uniform at the same K and of dense, for the videos of one class.

    Attributes:
        sources: what the videos stem from, and their number where the file says nothing.
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


def class_gains(finding: Finding) -> tuple[int, list[ClassGain]] | None:
    """Per class what ddl gains over uniform, the largest gain first, at the chosen K or the one nearest to it that the
    file has for both; None if it has none."""
    if finding.chosen is None or finding.chosen.k is None:
        return None
    wanted, metric = finding.chosen.k, finding.metric
    values: dict[tuple[str, int, str], Record] = {}
    dense: dict[str, float] = {}
    for r in finding.run.records("classes", finding.data):
        if number(r.get(metric)):
            if r["method"] == "dense":
                dense[r["class"]] = r[metric]
            elif number(r.get("k")):
                values[r["method"], r["k"], r["class"]] = r
    both = [
        (k, name, r) for (method, k, name), r in values.items() if method == SUBJECT and ("uniform", k, name) in values
    ]
    if not both:
        return None
    nearest = min(sorted({k for k, _, _ in both}), key=lambda k: abs(k - wanted))
    gains = [
        ClassGain(
            name, r["videos"], r.get("sources") or r["videos"], r[metric], values["uniform", k, name][metric],
            dense.get(name),
        )
        for k, name, r in both
        if k == nearest
    ]  # fmt: skip
    return nearest, sorted(gains, key=lambda g: (-g.gain, g.name))


def worst(
    gains: Sequence[ClassGain], gain: Callable[[ClassGain], float | None], most: int
) -> list[tuple[ClassGain, float]]:
    """At most so many classes that lose, with their gain, the largest loss first."""
    losses = [(g, value) for g in gains if (value := gain(g)) is not None and value < 0]
    return sorted(losses, key=lambda pair: (pair[1], pair[0].name))[:most]
