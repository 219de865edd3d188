"""Results files that the tests of `clipselect report` make themselves."""

import json
from pathlib import Path
from typing import Any

from clipselect.evaluation.results import Results
from clipselect.report.contents import Report, make_report
from clipselect.report.findings import Finding, findings
from clipselect.report.runs import Run, read_runs

Document = dict[str, Any]
DDNET, BASE, CANDIDATES = 2.0, 1.0, 20
TOP1 = {
    "ddl": {1: 66.0, 3: 76.0, 5: 81.5},
    "uniform": {1: 30.0, 3: 61.0, 5: 68.0},
    "uniform_equal_cost": {1: 43.0, 3: 62.0, 5: 64.0},
    "dense": {CANDIDATES: 80.0},
    "action_clips_only": {4: 90.0},
    "newcomer": {5: 50.0},
}


def row(method: str, k: int | None, top1: float, data: str = "val", **more: Any) -> Document:
    scoring = DDNET if method.startswith("ddl") else 0.0
    base = BASE * (k or CANDIDATES)
    return {
        "data": data, "method": method, "k": k, "clips": float(k or CANDIDATES), "videos": 98,
        "top1": top1, "top1_low": max(0.0, top1 - 3), "top1_high": min(100.0, top1 + 3),
        "gflops": scoring + base, "gflops_ddnet": scoring, "gflops_base": base, "seconds": None, **more,
    }  # fmt: skip


def seconds(decode: float, ddnet: float, base: float) -> Document:
    parts = {"seconds_decode": decode, "seconds_ddnet": ddnet, "seconds_base": base}
    return {
        **parts,
        "seconds": sum(parts.values()),
        "videos_per_second": 1 / sum(parts.values()),
        "peak_memory_mb": 512,
    }


def document(base: str = "narrow_slow") -> Document:
    """Two data sets, three Ks, one measured in seconds, a difference, classes, a ranking and an unreadable video."""
    rows = [
        row(method, k, top1, data) for data in ("val", "hard") for method, ks in TOP1.items() for k, top1 in ks.items()
    ]
    rows[2] |= seconds(0.3, 0.05, 0.2)
    rows[5] |= seconds(0.2, 0.0, 0.2)
    classes = [
        {"data": "val", "class": name, "videos": 9, "method": method, "k": 5, "top1": 50.0 + sign * gain}
        for name, gain in (("falls", 10.0), ("fights", -5.0), ("swims", 0.0))
        for method, sign in (("ddl", 1), ("uniform", 0))
    ]
    classes += [
        {"data": "val", "class": name, "videos": 9, "method": "dense", "k": CANDIDATES, "top1": top1}
        for name, top1 in (("falls", 40.0), ("fights", 41.0), ("swims", 62.0))
    ]
    return {
        "version": 1, "clipselect": "0.1.0", "benchmark": "kinetics", "settings": {"k": [1, 3, 5], "stride": None},
        "environment": {"python": "3.11", "cpu": "a cpu", "cores": 2}, "base": {"name": base, "gflops": BASE},
        "model": {"name": "ddnet"}, "gflops_convention": "one multiply-add is one",
        "data": [
            {"name": "val", "videos": 98, "unreadable": [{"path": "torn.mp4", "error": "not a video"}]},
            {"name": "hard", "videos": 98},
        ],
        "rows": rows,
        "differences": [
            {"data": "val", "metric": "top1", "method": "ddl", "k": 5, "than": "uniform", "than_k": 5,
             "difference": 13.5, "low": 10.0, "high": 17.0, "differing": 20},
            {"data": "val", "metric": "top1", "method": "ddl", "k": 5, "than": "dense", "than_k": CANDIDATES,
             "difference": 1.5, "low": -1.0, "high": 4.0, "differing": 9},
        ],
        "classes": classes,
        "ranking": [
            {"data": "val", "auc_ddnet": 0.913, "auc_confidence": None},
            {"data": "val, street", "auc_ddnet": 0.445, "auc_ddnet_low": 0.4, "auc_ddnet_high": 0.49},
        ],
    }  # fmt: skip


def pair(k: int, than: str, than_k: int | None, low: float, value: float, high: float, **more: Any) -> Document:
    """A difference in top-1 of ddl at K."""
    between = {"data": "val", "metric": "top1", "method": "ddl", "k": k, "than": than, "than_k": than_k}
    return {**between, "difference": value, "low": low, "high": high, **more}


def only(*rows: Document, **more: Any) -> Document:
    """A document of one data set with just these rows."""
    return {
        **document(),
        "data": [{"name": "val", "videos": 98}],
        "rows": [*rows],
        "differences": [],
        "classes": [],
        **more,
    }


def write(path: Path, content: Document) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def runs_of(*contents: Document) -> list[Run]:
    """The runs of some documents that are in no file."""
    return read_runs([Results.model_validate(content) for content in contents])


def report_of(*contents: Document) -> Report:
    return make_report(runs_of(*contents))


def finding_of(content: Document) -> Finding:
    """What a document says about its first data set."""
    return findings(runs_of(content))[0]
