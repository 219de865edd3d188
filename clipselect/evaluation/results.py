"""The results document, which every evaluation writes as JSON and `clipselect report` reads.

The models below are the schema: a key of the file is a field here. Fields with a default may be absent or null, and any
further key may appear everywhere: it is kept, and written again. NaN and Infinity are refused.

Accuracies and their intervals are percentages in [0, 100], differences are in points, and every interval is one of
95 %. GFLOPs are 10^9 operations per group (video, tracklet, ...), all networks included, as `gflops_convention` counts
them; seconds are per group, from the closed file to the answer.
"""

import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, SerializerFunctionWrapHandler, ValidationError, model_serializer, model_validator

from clipselect import __version__
from clipselect.errors import ClipselectError
from clipselect.evaluation.fields import Amount, Count, Entry, Estimate, K, Percentage, Points, Text, check_order
from clipselect.media.files import write_whole

T = TypeVar("T")
VERSION = 1
RESULTS_NAME = "results.json"
GFLOPS_CONVENTION = "one multiply-add is one"
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
        base, base_sha256: the base that a DDNet was distilled for.
    """

    name: Text
    sha256: Text | None = None
    gflops: Amount | None = None
    size: int | str | None = None
    frames: Count | None = None
    geometry: Text | None = None
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


class Results(Entry):
    """All that one evaluation measured.

    Attributes:
        version: of this schema.
        clipselect: version that wrote it.
        benchmark: what was run, such as "kinetics".
        model: the DDNet.
        element, group, files: what is ranked, what it is ranked in, and what was read: "frame", "tracklet" and "images"
            for persons.
    """

    version: int = VERSION
    clipselect: Text = __version__
    gflops_convention: Text = GFLOPS_CONVENTION
    benchmark: Text
    element: Text | None = None
    group: Text | None = None
    files: Text | None = None
    settings: dict[str, Any] | None = None
    environment: Environment | None = None
    base: Network
    model: Network | None = None
    data: list[DataSet]
    rows: Annotated[list[Row], Field(min_length=1)]
    differences: list[Difference] | None = None
    classes: list[ClassResult] | None = None
    ranking: list[Ranking] | None = None

    def record(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in HEAD} | super().record()

    @model_validator(mode="after")
    def _consistent(self) -> "Results":
        names = [data.name for data in self.data]
        if (name := _twice(names)) is not None:
            raise ValueError(f"two data sets are named {name!r}; give each its own name")
        for kind in ("rows", "differences", "classes"):
            for i, entry in enumerate(getattr(self, kind) or ()):
                if entry.data not in names:
                    raise ValueError(f"{kind}[{i}]: {entry.data!r} is not one of the data sets ({', '.join(names)})")
        if (row := _twice([(row.data, row.method, row.k) for row in self.rows])) is not None:
            raise ValueError(f"two rows are of {row[1]!r} at k {row[2]} on {row[0]!r}; keep one of them")
        return self


HEAD = ("version", "clipselect", "gflops_convention")
"""Keys that every results file has."""


def _as_number(value: object) -> float | None:
    """The value if it is a number; true and false are none."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18 else None


def results_file(path: Path) -> Path:
    """The results.json of a folder; a file itself."""
    return path / RESULTS_NAME if os.path.isdir(path) else path


def read_results(path: Path) -> Results:
    """Read a results file.

    Args:
        path: the file, or a folder that holds a results.json; any Unicode encoding.

    Raises:
        ClipselectError: it cannot be read or is no results file: the sentence names the file and the first wrong entry.
    """
    if os.path.isdir(path) and not os.path.exists(path / RESULTS_NAME):
        raise ClipselectError(f"{path}: a folder without {RESULTS_NAME}; name the file that holds the results")
    path = results_file(path)
    if not os.path.isfile(path):
        raise ClipselectError(f"{path}: no such file; check the path")
    try:
        document = json.loads(path.read_bytes(), parse_constant=_finite, parse_float=_finite)
    except OSError as e:
        raise ClipselectError(f"{path}: cannot be read ({e.strerror}); check its permissions") from e
    except _NotFiniteError as e:
        raise ClipselectError(f"{path}: holds {e}, which is no result; run the evaluation again") from e
    except (ValueError, RecursionError) as e:
        raise ClipselectError(f"{path}: not JSON ({e}); name a results file, as `clipselect evaluate` writes it") from e
    head = document if isinstance(document, dict) else {}
    for key in HEAD:
        if key not in head:
            raise ClipselectError(f"{path}: not a results file, {key} is missing; name one that an evaluation wrote")
    if head["version"] != VERSION:
        raise ClipselectError(
            f"{path}: version {head['version']!r} of the schema, not {VERSION}; use the clipselect that wrote it"
        )
    try:
        return Results.model_validate(document)
    except ValidationError as e:
        raise ClipselectError(f"{path}: {_first_problem(e)}; run the evaluation again, or correct that entry") from e


def write_results(path: Path, results: Results) -> None:
    """Write a results file, whole or not at all.

    Raises:
        ClipselectError: it cannot be written.
    """
    write_whole(path, json.dumps(results.record(), indent=1, allow_nan=False) + "\n")


def _first_problem(error: ValidationError) -> str:
    """As "rows[1].top1.low: input should be a valid number"."""
    first = error.errors(include_url=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    place = place.removeprefix(".").replace(".metrics.", ".")
    problem = {"missing": "is missing"}.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{place}: {problem[0].lower()}{problem[1:]}" if place else problem


def _metric_keys(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _twice(values: Sequence[T]) -> T | None:
    """The first value that stands there more than once."""
    return next((value for value, times in Counter(values).items() if times > 1), None)


class _NotFiniteError(Exception):
    pass


def _finite(text: str) -> float:
    number = float(text)  # also of NaN and Infinity
    if not math.isfinite(number):
        raise _NotFiniteError(text)
    return number
