"""One function for every evaluation: of clips of videos, of sets of faces, and of tracklets of persons."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

from clipselect.errors import check_argument
from clipselect.evaluation.clips import ClipEvaluation
from clipselect.evaluation.results import Results
from clipselect.evaluation.sets.faces import FaceEvaluation
from clipselect.evaluation.sets.persons import PersonEvaluation
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.unreadable import OnError, ignore_error

Elements = Literal["clips", "faces", "persons"]


Evaluation: TypeAlias = ClipEvaluation | FaceEvaluation | PersonEvaluation
"""What to evaluate: a dataclass whose first field is `data` and whose fields are the options."""

EVALUATIONS: Mapping[str, type[Evaluation]] = {
    "clips": ClipEvaluation,
    "faces": FaceEvaluation,
    "persons": PersonEvaluation,
}
"""By what is ranked."""


def evaluate(
    data: Path | str | Sequence[Path | str],
    out: Path | str,
    *,
    elements: Elements = "clips",
    progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
    **options: Any,
) -> Results:
    """Measure DDL and all its baselines on labelled data: accuracy with intervals, multiply-adds, seconds.

    Args:
        data: the labelled data, see the evaluations below; for persons perhaps several folders.
        out: folder for results.json, which `clipselect report` draws, and for a cache: an evaluation that was stopped
            continues when it is called again, and another K takes seconds.
        elements: what is ranked: the clips of videos, the frames of sets of faces, or those of tracklets of persons.
        progress: called as the work proceeds.
        on_error: called with the path of every file that cannot be read and is left out, and why.
        options: the fields of `clipselect.evaluation.clips.ClipEvaluation`,
            `clipselect.evaluation.sets.faces.FaceEvaluation` or `clipselect.evaluation.sets.persons.PersonEvaluation`;
            a single value will do for a list of numbers or names, such as `k`.

    Returns:
        What was measured, as it stands in results.json.

    Raises:
        ArgumentError: options that make no sense or are missing.
        TypeError: an option that these elements do not have.
        ClipselectError: data or networks that cannot be used; not one file can be read.

    >>> from clipselect import evaluate
    >>> results = evaluate("videos", "out", base="narrow_slow", k=[1, 3])   # doctest: +SKIP
    >>> [(row.method, row.k, row.metrics["top1"]) for row in results.rows]  # doctest: +SKIP
    """
    check_argument(elements in EVALUATIONS, "elements", f"must be one of {', '.join(EVALUATIONS)}, got {elements}")
    kind = EVALUATIONS[elements]
    known = {field.name: field.default for field in fields(kind) if field.name != "data"}
    for name in options:
        if name not in known:
            names = ", ".join(known)
            raise TypeError(f"evaluate() has no option {name!r} for elements={elements!r}; the options are {names}")
    for name, default in known.items():
        check_argument(name in options or default is not MISSING, name, f"must be given for {elements}")
        is_list = isinstance(default, tuple) or name in ("k", "set_size")  # which are None by default
        if is_list and isinstance(options.get(name), (int, float, str, Path)):
            options[name] = [options[name]]
    if isinstance(data, (str, Path)):
        options["data"] = Path(data)
    else:
        check_argument(elements == "persons", "data", f"must be one folder or file for {elements}; give one at a time")
        options["data"] = [Path(one) for one in data]
    return kind(**options).run(Path(out), progress=progress, on_error=on_error)
