"""The results document, which every evaluation writes as JSON and `clipselect report` reads.

`Results` and its entries are the schema: a key of the file is a field there. Fields with a default may be absent or
null, and any further key may appear everywhere: it is kept, and written again. NaN and Infinity are refused.

Accuracies and their intervals are percentages in [0, 100], differences are in points, and every interval is one of
95 %. GFLOPs are 10^9 operations per group (video, tracklet, ...), all networks included, as `gflops_convention` counts
them; seconds are per group, from opening the file to the answer.
"""

import json
import math
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from clipselect import __version__
from clipselect.errors import ClipselectError
from clipselect.evaluation.arguments import first_repeated
from clipselect.evaluation.fields import Entry, Text
from clipselect.evaluation.result_entries import (
    BestClip,
    ClassResult,
    DataSet,
    Difference,
    Environment,
    Network,
    Ranking,
    Row,
)
from clipselect.media.files import write_whole

VERSION = 1
RESULTS_NAME = "results.json"
GFLOPS_CONVENTION = "one multiply-add is one"


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
    best_clips: list[BestClip] | None = None

    def record(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in HEAD} | super().record()

    @model_validator(mode="after")
    def _consistent(self) -> "Results":
        names = [data.name for data in self.data]
        if (name := first_repeated(names)) is not None:
            raise ValueError(f"two data sets are named {name!r}; give each its own name")
        for kind in ("rows", "differences", "classes", "best_clips"):
            for i, entry in enumerate(getattr(self, kind) or ()):
                if entry.data not in names:
                    raise ValueError(f"{kind}[{i}]: {entry.data!r} is not one of the data sets ({', '.join(names)})")
        if (row := first_repeated([(row.data, row.method, row.k) for row in self.rows])) is not None:
            raise ValueError(f"two rows are of {row[1]!r} at k {row[2]} on {row[0]!r}; keep one of them")
        return self


HEAD = ("version", "clipselect", "gflops_convention")
"""Keys that every results file has."""


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
            raise ClipselectError(f"{path}: not a results file, {key} is missing; {_what_else(head)}")
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


def _what_else(document: dict[str, Any]) -> str:
    """What to give instead of a document that is not of this schema."""
    if isinstance(name := document.get("benchmark"), str):  # as speed.json of benchmarks/run_speed.py
        return (
            f"it holds figures of {name!r}, which docs/make_results.py shows; give the results.json that an evaluation "
            "wrote, or that lies beside this file"
        )
    return "give the results.json that an evaluation wrote (clipselect evaluate)"


def _first_problem(error: ValidationError) -> str:
    """As "rows[1].top1.low: input should be a valid number"."""
    first = error.errors(include_url=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    place = place.removeprefix(".").replace(".metrics.", ".")
    problem = {"missing": "is missing"}.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{place}: {problem[0].lower()}{problem[1:]}" if place else problem


class _NotFiniteError(Exception):
    pass


def _finite(text: str) -> float:
    number = float(text)  # also of NaN and Infinity
    if not math.isfinite(number):
        raise _NotFiniteError(text)
    return number
