"""One function for every evaluation: clips of videos, and the frames of sets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from clipselect.errors import ArgumentError
from clipselect.evaluation.clips import ClipEvaluation
from clipselect.evaluation.results import Results
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.unreadable import OnError, ignore_error

Elements = Literal["clips"]


class Evaluation(Protocol):
    """What to evaluate, as a dataclass whose fields are the options."""

    def run(self, out: Path, *, progress: ProgressCallback, on_error: OnError) -> Results: ...


EVALUATIONS: Mapping[str, type[Any]] = {"clips": ClipEvaluation}
"""By what they rank. Each is an `Evaluation` whose first field is `data`."""


def evaluate(
    data: Path | str,
    out: Path | str,
    *,
    elements: Elements = "clips",
    progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
    **options: Any,
) -> Results:
    """Measure DDL and all its rivals on labelled data: accuracy with intervals, multiply-adds, seconds.

    Args:
        data: the labelled data, see the evaluations below.
        out: folder for results.json, which `clipselect report` draws, and for a cache: an evaluation that was stopped
            continues when it is called again, and another K takes seconds.
        elements: what is ranked.
        progress: called as the work proceeds.
        on_error: called with the path of every file that cannot be read and is left out, and why.
        options: the fields of `clipselect.evaluation.clips.ClipEvaluation`.

    Returns:
        What was measured, as it stands in results.json.

    Raises:
        ArgumentError: options that make no sense.
        ClipselectError: data or networks that cannot be used; not one file can be read.

    >>> from clipselect import evaluate
    >>> results = evaluate("videos", "out", base="narrow_slow", k=[1, 3])   # doctest: +SKIP
    >>> [(row.method, row.k, row.metrics["top1"]) for row in results.rows]  # doctest: +SKIP
    """
    if elements not in EVALUATIONS:
        raise ArgumentError("elements", f"must be one of {', '.join(EVALUATIONS)}, got {elements}")
    evaluation: Evaluation = EVALUATIONS[elements](data=Path(data), **options)
    return evaluation.run(Path(out), progress=progress, on_error=on_error)
