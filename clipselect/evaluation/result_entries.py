"""The entries of a results document (`clipselect.evaluation.results`): every key of the file is a field here."""

import math
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from clipselect.evaluation.fields import (
    Amount,
    Count,
    Entry,
    Estimate,
    K,
    Percentage,
    Points,
    Text,
    check_order,
    check_percentages,
)

COSTS: tuple[str, ...] = (
    "gflops", "gflops_ddnet", "gflops_base", "seconds", "seconds_decode", "seconds_ddnet", "seconds_base",
    "acceleration", "videos_per_second", "peak_memory_mb", "peak_gpu_memory_mb",
)  # fmt: skip
"""What a row can say about cost."""


class Environment(Entry):
    """What the figures were measured on and with.

    Attributes:
        cores, threads: CPU cores that the process may use, and threads that PyTorch used.
        device: "cpu", or the name of the GPU.
        commit: of clipselect, where it ran from a git checkout; "+" after it where files differed.
    """

    python: Text | None = None
    torch: Text | None = None
    numpy: Text | None = None
    av: Text | None = None
    platform: Text | None = None
    cpu: Text | None = None
    cores: Count | None = None
    threads: Count | None = None
    device: Text | None = None
    date: Text | None = None
    commit: Text | None = None


class Network(Entry):
    """A base or a DDNet.

    Attributes:
        sha256: fingerprint of the weights.
        gflops: per clip or frame; None where it cannot be counted.
        size: pixels: the side of a square, or "height x width".
        frames: per clip.
        geometry: what a base sees of a frame, where that is not the whole of it squashed to a square.
        precision: of a base that does not compute in float32.
        base, base_sha256: the base that a DDNet was distilled for.
    """

    name: Text
    sha256: Text | None = None
    gflops: Amount | None = None
    size: int | str | None = None
    frames: Count | None = None
    geometry: Text | None = None
    precision: Text | None = None
    base: Text | None = None
    base_sha256: Text | None = None


class UnreadableFile(Entry):
    """A file that was left out, and why."""

    path: Text
    error: Text


class DataSet(Entry):
    """What was evaluated on.

    Attributes:
        videos: number of groups.
        sources: what they were made from, where several were made from one; the units that intervals draw.
        candidates: mean number of candidates per group.
        missing: files that the list names and that are not there.
        other_split: videos that were not evaluated, since the data names no val split and a fifth was held out.
    """

    name: Text
    videos: Count
    sources: Count | None = None
    classes: Count | None = None
    candidates: Amount | None = None
    missing: Count | None = None
    other_split: Count | None = None
    unreadable: list[UnreadableFile] | None = None


class Row(Entry):
    """One method at one K on one data set.

    In the file a metric m is three keys: `m`, `m_low` and `m_high`. The first metric of a data set is the one to go by.
    A row without metrics must have a cost.

    Attributes:
        k: None where the method has none; for `uniform_equal_cost` the K of ddl whose cost is matched.
        videos, sources: as in `DataSet`.
        clips: mean number of elements that the base saw.
        metrics: by name, such as top1, map, tar_at_far_1e-2.
        timed_videos: how many the seconds are a mean over.
        acceleration, acceleration_seconds: GFLOPs and seconds of averaging all elements, divided by those of the row.
        peak_memory_mb: largest resident memory of the whole process while the method ran.
    """

    data: Text
    method: Text
    k: K | None
    videos: Count
    sources: Count | None = None
    clips: Amount | None = None
    metrics: dict[str, Percentage] = Field(default_factory=dict)
    gflops: Amount | None = None
    gflops_ddnet: Amount | None = None
    gflops_base: Amount | None = None
    seconds: Amount | None = None
    seconds_decode: Amount | None = None
    seconds_ddnet: Amount | None = None
    seconds_base: Amount | None = None
    timed_videos: Count | None = None
    acceleration: Amount | None = None
    acceleration_seconds: Amount | None = None
    videos_per_second: Amount | None = None
    peak_memory_mb: Amount | None = None
    peak_gpu_memory_mb: Amount | None = None

    @property
    def source_count(self) -> int:
        return self.videos if self.sources is None else self.sources

    @property
    def costs(self) -> dict[str, float]:
        """Those of `COSTS` that were measured."""
        return {key: getattr(self, key) for key in COSTS if getattr(self, key) is not None}

    @model_validator(mode="before")
    @classmethod
    def _gather_metrics(cls, entry: Any) -> Any:
        if not isinstance(entry, dict):
            return entry
        names = {str(key).rpartition("_")[0] for key in entry if str(key).endswith(("_low", "_high"))}
        for key in (key for name in sorted(names) for key in _metric_keys(name)):
            if key not in entry:
                raise ValueError(f"{key} is missing; a metric needs both ends of its interval")
        measured = [key for key in entry if key in names and entry[key] is not None]
        metrics = {name: Estimate(*(entry[key] for key in _metric_keys(name))) for name in measured}
        flat = {key for name in measured for key in _metric_keys(name)}
        rest = {key: value for key, value in entry.items() if key not in flat}
        return rest | ({"metrics": metrics} if metrics else {})

    @model_serializer(mode="wrap")
    def _spread_metrics(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        out: dict[str, Any] = {}
        flat = [pair for name, value in self.metrics.items() for pair in zip(_metric_keys(name), value, strict=True)]
        for key, value in handler(self).items():
            out |= flat if key == "metrics" else {key: value}
        return out

    @model_validator(mode="after")
    def _measured(self) -> "Row":
        if not self.metrics and not self.costs:
            raise ValueError("has neither a cost nor a metric: a key such as top1, with top1_low and top1_high")
        return self


class Difference(Entry):
    """What one method gains over another in a metric, in points, paired over the same groups.

    Those of ddl at every K to ddl at its best K say how small a K will do.

    Attributes:
        than, than_k: the method it is compared with, and its K.
        differing: sources on which the two differ.
    """

    data: Text
    metric: Text
    method: Text
    k: K | None = None
    than: Text
    than_k: K | None = None
    difference: Points
    low: Points
    high: Points
    differing: Count | None = None

    @property
    def estimate(self) -> Estimate:
        return Estimate(self.difference, self.low, self.high)

    @model_validator(mode="after")
    def _interval(self) -> "Difference":
        check_order(self.estimate)
        return self


class ClassResult(Entry):
    """A method's metrics for the groups of one class, in percent; every further key is a metric, such as top1."""

    data: Text
    class_name: Text = Field(validation_alias="class", serialization_alias="class")
    videos: Count
    sources: Count | None = None
    method: Text
    k: K | None = None

    def metric(self, name: str) -> float | None:
        return _as_number((self.model_extra or {}).get(name))


class Ranking(Entry):
    """How well the elements of a data set, or of a part of it, are ranked.

    Every further key is a measure, such as auc_ddnet, which may have an interval (auc_ddnet_low and auc_ddnet_high).
    AUC: the chance that in a group an element that shows the action scores higher than one that does not; 0.5 is
    chance.
    """

    data: Text

    @property
    def measures(self) -> dict[str, Estimate]:
        """By name; both ends are NaN where there is no interval."""
        extra = self.model_extra or {}
        numbers = {key: number for key, value in extra.items() if (number := _as_number(value)) is not None}
        return {
            key: Estimate(value, numbers.get(f"{key}_low", math.nan), numbers.get(f"{key}_high", math.nan))
            for key, value in numbers.items()
            if not key.endswith(("_low", "_high"))
        }


class BestClip(Entry):
    """How often the one clip that a method would keep first shows the rarest action of its video.

    Over the videos of which some candidates show that action and some do not.

    Attributes:
        hits, low, high: percentage of the videos, with its interval.
        chance: percentage that a clip drawn at random reaches, which is the action's mean share of the candidates.
        gain, gain_low, gain_high: hits less chance in points, paired over the videos.
    """

    data: Text
    method: Text
    videos: Count
    sources: Count
    hits: float
    low: float
    high: float
    chance: float
    gain: Points
    gain_low: Points
    gain_high: Points

    @property
    def estimate(self) -> Estimate:
        return Estimate(self.hits, self.low, self.high)

    @property
    def gain_estimate(self) -> Estimate:
        return Estimate(self.gain, self.gain_low, self.gain_high)

    @model_validator(mode="after")
    def _intervals(self) -> "BestClip":
        check_percentages(self.estimate)
        check_order(self.gain_estimate)
        return self


def _as_number(value: object) -> float | None:
    """The value if it is a number; true and false are none."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18 else None


def _metric_keys(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"
