"""Whether a document is as the schema at the top of clipselect/report/report.py has it; its rows, checked."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeGuard

from clipselect.errors import ClipselectError

VERSION = 1
COSTS = (
    "gflops", "gflops_ddnet", "gflops_base", "seconds", "seconds_decode", "seconds_ddnet", "seconds_base",
    "acceleration", "videos_per_second", "peak_memory_mb", "peak_gpu_memory_mb",
)  # fmt: skip

Record = dict[str, Any]


class Estimate(NamedTuple):
    """A percentage, or a difference of two in points, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One method at one K on one data set.

    Attributes:
        k: None where the method has none.
        sources: what the videos stem from, and what is drawn for the intervals; `videos` where the file says nothing.
        metrics: by name, in the order of the file; empty where only costs were measured.
        numbers: `clips` and the costs that were measured.
    """

    data: str
    method: str
    k: int | None
    videos: int
    sources: int
    metrics: dict[str, Estimate]
    numbers: dict[str, float]


def check_document(document: object, file: Path) -> list[Row]:
    """The rows of a document; a ClipselectError names the `file` and the first entry that is not as it must be."""
    top, where = _object(document, str(file)), str(file)
    if _entry(top, "version", where) != VERSION:
        raise ClipselectError(
            f"{file}: version {top['version']!r} of the schema, not {VERSION}; use the clipselect that wrote it"
        )
    for key in ("clipselect", "benchmark", "gflops_convention"):
        _entry(top, key, where, "a text")
    for key in ("element", "group", "files"):
        if top.get(key) is not None:
            _entry(top, key, where, "a text")
    for key in ("settings", "environment", "model"):
        if top.get(key) is not None:
            _entry(top, key, where, "an object")
    _entry(_entry(top, "base", where, "an object"), "name", f"{where}: base", "a text")
    names = _check_data(top, where)
    if not _entry(top, "rows", where, "a list"):
        raise ClipselectError(f"{file}: holds no rows, so there is nothing to report; run the benchmark again")
    rows = [_row(entry, place) for place, entry in _list(top, "rows", where)]
    for (data, method, k), times in Counter((row.data, row.method, row.k) for row in rows).items():
        if times > 1:
            raise ClipselectError(f"{file}: has {times} rows of {method!r} at k {k} on {data!r}; keep one of them")
    _check_lists(top, where)
    for kind in ("rows", "differences", "classes"):
        for place, entry in _list(top, kind, where, optional=True):
            if entry["data"] not in names:
                _fail(place, f"{entry['data']!r} is not one of the data sets ({', '.join(names)})")
    return rows


def number(value: object) -> TypeGuard[float]:
    """Whether an entry is a number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18


def _check_data(top: Record, where: str) -> list[str]:
    """The names of the data sets."""
    names = []
    for place, entry in _list(top, "data", where):
        names.append(_entry(entry, "name", place, "a text"))
        _entry(entry, "videos", place, "a whole number")
        for place_of_video, video in _list(entry, "unreadable", place, optional=True):
            _entry(video, "path", place_of_video, "a text")
            _entry(video, "error", place_of_video, "a text")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ClipselectError(f"{where}: two data sets are named {twice[0]!r}; give each its own name")
    return names


def _check_lists(top: Record, where: str) -> None:
    """The lists that may be absent."""
    for place, entry in _list(top, "differences", where, optional=True):
        for key in ("data", "metric", "method", "than"):
            _entry(entry, key, place, "a text")
        for key in ("difference", "low", "high"):
            _entry(entry, key, place, "a number")
        _check_order(entry["low"], entry["high"], "low", place)
        _optional_count(entry, "differing", place)
    for place, entry in _list(top, "classes", where, optional=True):
        for key in ("data", "class", "method"):
            _entry(entry, key, place, "a text")
        _entry(entry, "videos", place, "a whole number")
        _optional_count(entry, "sources", place)
    for place, entry in _list(top, "ranking", where, optional=True):
        _entry(entry, "data", place, "a text")


def _row(entry: Record, where: str) -> Row:
    data, method = (_entry(entry, key, where, "a text") for key in ("data", "method"))
    k = None if _entry(entry, "k", where) is None else _entry(entry, "k", where, "a whole number")
    if k == 0:
        _fail(where, "'k' must be at least 1, or null")
    metrics = {}
    for end in (key for key in entry if key.endswith(("_low", "_high"))):
        name = end.rpartition("_")[0]
        lacking = [key for key in (name, f"{name}_low", f"{name}_high") if key not in entry]
        if lacking:
            _fail(where, f"it has {end!r} but not {lacking[0]!r}; a metric needs both ends of its interval")
    for key in entry:
        if f"{key}_low" not in entry or f"{key}_high" not in entry or entry[key] is None:
            continue
        estimate = Estimate(*(_entry(entry, key + end, where, "a number") for end in ("", "_low", "_high")))
        if not all(-1e-6 <= value <= 100 + 1e-6 for value in estimate):
            _fail(where, f"{key!r} and its interval must be percentages from 0 to 100")
        _check_order(estimate.low, estimate.high, f"{key}_low", where)
        metrics[key] = estimate
    if not metrics and not any(entry.get(key) is not None for key in COSTS):
        _fail(
            where, "it has neither a cost nor a metric, a key such as 'top1' with 'top1_low' and 'top1_high' beside it"
        )
    costs = {key: entry[key] for key in ("clips", *COSTS) if entry.get(key) is not None}
    for key in costs:
        if _entry(entry, key, where, "a number") < 0:
            _fail(where, f"{key!r} must not be negative")
    videos = _entry(entry, "videos", where, "a whole number")
    sources = _optional_count(entry, "sources", where)
    return Row(data, method, k, videos, videos if sources is None else sources, metrics, costs)


def _optional_count(entry: Record, key: str, where: str) -> int | None:
    return None if entry.get(key) is None else _entry(entry, key, where, "a whole number")


_KINDS: dict[str, Callable[[Any], bool]] = {
    "anything": lambda _: True,
    "a text": lambda value: isinstance(value, str) and value.strip() != "",
    "a number": number,
    "a whole number": lambda value: number(value) and value >= 0 and value == int(value),
    "a list": lambda value: isinstance(value, list),
    "an object": lambda value: isinstance(value, dict),
}


def _entry(record: Record, key: str, where: str, kind: str = "anything") -> Any:
    if key not in record:
        _fail(where, f"the key {key!r} is missing")
    if not _KINDS[kind](record[key]):
        _fail(where, f"{key!r} must be {kind}")
    return int(record[key]) if kind == "a whole number" else record[key]


def _list(record: Record, key: str, where: object, optional: bool = False) -> list[tuple[str, Record]]:
    """The objects of a list, each with the words for where it stands."""
    if optional and record.get(key) is None:
        return []
    entries = enumerate(_entry(record, key, str(where), "a list"))
    return [(f"{where}: {key}[{i}]", _object(entry, f"{where}: {key}[{i}]")) for i, entry in entries]


def _object(value: object, where: str) -> Record:
    if not isinstance(value, dict):
        _fail(where, "it must be an object")
    return value


def _check_order(low: float, high: float, name: str, where: str) -> None:
    if low > high:
        _fail(where, f"{name!r} lies above the other end of the interval")


def _fail(where: str, says: str) -> NoReturn:
    remedy = "run the benchmark again, or see the schema at the top of clipselect/report/report.py"
    raise ClipselectError(f"{where}: {says}; {remedy}")
