"""Results of benchmarks: every benchmark writes the same JSON document, and `clipselect report` compares them.

    {"version": 1, "clipselect": "0.1.0", "benchmark": "kinetics",
     "settings": {"k": [1, 3, 5], "clip_duration": 2.0},
     "environment": {"python": "3.11.9", "torch": "2.15.0", "numpy": "2.4.0", "av": "18.0.0", "platform": "...",
                     "cpu": "...", "cores": 2, "threads": 2, "device": "cpu", "date": "2026-11-22", "commit": "..."},
     "base": {"name": "narrow_slow", "sha256": "...", "gflops": 0.86, "size": 112, "frames": 8},
     "model": {"name": "ddnet3d-actions", "sha256": "...", "gflops": 0.11, "size": 112, "frames": 8,
               "base": "narrow_slow", "base_sha256": "..."},
     "gflops_convention": "one multiply-add is one", "element": "clip", "group": "video", "files": "videos",
     "data": [{"name": "val", "videos": 98, "sources": 98, "classes": 12, "candidates": 20.0, "missing": 0,
               "unreadable": [{"path": "a.mp4", "error": "..."}]}],
     "rows": [{"data": "val", "method": "ddl", "k": 5, "clips": 5.0, "videos": 98, "sources": 98,
               "top1": 81.5, "top1_low": 78.2, "top1_high": 84.5,
               "gflops": 7.9, "gflops_ddnet": 2.2, "gflops_base": 5.7,
               "seconds": 0.53, "seconds_decode": 0.31, "seconds_ddnet": 0.05, "seconds_base": 0.17, "timed_videos": 8,
               "videos_per_second": 1.9, "peak_memory_mb": 512.0}],
     "differences": [{"data": "val", "metric": "top1", "method": "ddl", "k": 5, "than": "uniform", "than_k": 5,
                      "difference": 13.6, "low": 10.4, "high": 16.9, "differing": 31}],
     "classes": [{"data": "val", "class": "hockey_fight", "videos": 30, "sources": 30, "method": "ddl", "k": 5,
                  "top1": 96.7}],
     "ranking": [{"data": "val", "auc_ddnet": 0.91, "auc_ddnet_low": 0.89, "auc_ddnet_high": 0.93,
                  "auc_confidence": 0.92, "auc_confidence_low": 0.9, "auc_confidence_high": 0.94}]}

`rows` has one entry per data set, method and K, and at least one. A metric is any key `m` beside which `m_low` and
`m_high` stand, its 95 % interval; metrics are percentages in [0, 100], and the first one of a row is the one to go by.
A benchmark of costs alone has rows without metrics, and rows of a base whose cost cannot be counted have no `gflops`:
these are 10^9 operations a video, all networks included. `seconds` are a video, from the closed file to the answer, the
mean over `timed_videos`. `k` is null where a method has none; for `uniform_equal_cost` it is the K of ddl whose cost is
matched. `clips` is the mean number that the base saw. `sources` are what the videos stem from, where several are
composed of one; they are what is drawn for intervals. `acceleration`, `acceleration_seconds`: averaging all elements
takes so many times the GFLOPs, the seconds. Any method and any further key may appear.

`element`, `group` and `files` say what is ranked, what it is ranked in, and what was read: "clip", "video" and "videos"
where they are absent; "frame", "tracklet" and "images" for persons. `clips` and `videos` then count these.

`differences` are method minus than in points, paired over videos, with the 95 % interval; `differing` is the number of
sources on which the two differ. Those of ddl at every K to ddl at its best K say how small a K will do. `ranking` is in
[0, 1] and may name parts of a data set: the AUC is the chance that in a video a clip that shows the action scores
higher than one that does not, 0.5 being chance.

May be absent or null: `element`, `group`, `files`, `settings`, `environment`, `model` and what is in them; all of
`base` but `name`; in `data`, all but `name` and `videos`; in `rows`, `clips`, `sources` and what was not measured;
`sources` and `differing` everywhere; `differences`, `classes`, `ranking`. NaN and Infinity are refused.
"""

import csv
import io
import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from clipselect.errors import ClipselectError
from clipselect.report.schema import COSTS, VERSION, Record, Row, check_document

RESULTS_NAME = "results.json"
CSV_COLUMNS = (
    "run",
    "benchmark",
    "data",
    "method",
    "k",
    "clips",
    "videos",
    "sources",
    "metric",
    "value",
    "low",
    "high",
    *COSTS,
)


@dataclass(frozen=True)
class Run:
    """One results file.

    Attributes:
        label: what the report calls it; unique within the report.
        document: the whole document, checked.
        rows: its rows, in the order of the file.
    """

    label: str
    file: Path
    document: Record
    rows: list[Row]

    @property
    def benchmark(self) -> str:
        return str(self.document["benchmark"])

    @property
    def element(self) -> str:
        """What is ranked: "clip" or "frame"."""
        return str(self.document.get("element") or "clip")

    @property
    def group(self) -> str:
        """What it is ranked in: "video", "tracklet", "template"."""
        return str(self.document.get("group") or "video")

    @property
    def data(self) -> dict[str, Record]:
        """The data sets by name."""
        return {entry["name"]: entry for entry in self.document["data"]}

    def records(self, kind: str, data: str | None = None) -> list[Record]:
        """The entries of `differences`, `classes` or `ranking`, of one data set or of all."""
        return [r for r in self.document.get(kind) or [] if data is None or r["data"] == data]


def read_runs(paths: Sequence[Path]) -> list[Run]:
    """The runs of a report.

    Args:
        paths: results files, or folders that hold a results.json.

    Raises:
        ClipselectError: a file that is missing, given twice, no results file, or that counts GFLOPs unlike the first.
    """
    files = [path / RESULTS_NAME if os.path.isdir(path) else path for path in paths]
    for file, times in Counter(file.resolve() for file in files).items():
        if times > 1:
            raise ClipselectError(f"{file}: is given {times} times; name every results file once")
    documents = [read_document(file) for file in files]
    convention = documents[0][0]["gflops_convention"]
    for file, (document, _) in zip(files, documents, strict=True):
        if document["gflops_convention"] != convention:
            raise ClipselectError(
                f"{file}: counts GFLOPs otherwise ({document['gflops_convention']!r}) than {files[0]} ({convention!r});"
                " report the two apart"
            )
    labels = _labels(files, [document["base"]["name"] for document, _ in documents])
    return [
        Run(label, file, document, rows) for label, file, (document, rows) in zip(labels, files, documents, strict=True)
    ]


def read_document(file: Path) -> tuple[Record, list[Row]]:
    """A results file and its rows, checked against the schema above; a ClipselectError says what is wrong with it."""
    if not os.path.isfile(file):
        if file.name == RESULTS_NAME and os.path.isdir(file.parent):
            raise ClipselectError(
                f"{file.parent}: a folder without {RESULTS_NAME}; name the file that holds the results"
            )
        raise ClipselectError(f"{file}: no such file; check the path")
    try:
        document = json.loads(
            file.read_bytes(), parse_constant=_refuse, parse_float=_finite
        )  # any UTF, with BOM or not
    except OSError as e:
        raise ClipselectError(f"{file}: cannot be read ({e.strerror}); check its permissions") from e
    except _NotFiniteError as e:
        raise ClipselectError(f"{file}: holds {e}, which is no result; run the benchmark again") from e
    except (ValueError, RecursionError) as e:
        raise ClipselectError(f"{file}: not JSON ({e}); name a results file that a benchmark wrote") from e
    return document, check_document(document, file)


def as_json(runs: Sequence[Run]) -> str:
    """`{"version": 1, "runs": [...]}`: the documents, each with its `run` and `file` besides."""
    documents = []
    for run in runs:
        named = {"run": run.label, "file": str(run.file)}
        documents.append({**named, **run.document, **named})
    return json.dumps({"version": VERSION, "runs": documents}, indent=1, allow_nan=False) + "\n"


def as_csv(runs: Sequence[Run]) -> str:
    """One line per run, row and metric, with `CSV_COLUMNS`; what was not measured stays empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for run in runs:
        for row in run.rows:
            common = {"run": run.label, "benchmark": run.benchmark, "data": row.data, "method": row.method, "k": row.k}
            line = {**row.numbers, **common, "videos": row.videos, "sources": row.sources}
            writer.writerows({**line, "metric": name, **value._asdict()} for name, value in row.metrics.items())
            if not row.metrics:
                writer.writerow(line)
    return out.getvalue()


def _labels(files: list[Path], bases: list[str]) -> list[str]:
    """The base's name, or where several runs share a base as much of the path as tells all labels apart."""
    shared = {base for base, times in Counter(bases).items() if times > 1}
    paths = [f.resolve().parent if f.name == RESULTS_NAME else f.resolve().with_suffix("") for f in files]
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        labels = [
            "/".join(path.parts[-depth:]) if base in shared else base for path, base in zip(paths, bases, strict=True)
        ]
        if len(set(labels)) == len(labels):
            return labels
    return [str(file) for file in files]


class _NotFiniteError(Exception):
    pass


def _refuse(constant: str) -> NoReturn:
    raise _NotFiniteError(constant)


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise _NotFiniteError(text)
    return float(text)
