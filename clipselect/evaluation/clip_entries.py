"""The entries of a results file about one data set of clips."""

from collections.abc import Mapping, Sequence
from typing import Any

from clipselect.evaluation.best_clips import best_clips
from clipselect.evaluation.clip_data import ClipDataSet
from clipselect.evaluation.outcomes import Cost, Outcome
from clipselect.evaluation.rows import class_rows, differences, rows
from clipselect.evaluation.timing import Key, add_seconds

Record = dict[str, Any]


def clip_entries(
    data_set: ClipDataSet,
    outcomes: Sequence[Outcome],
    cost: Cost,
    classes: Sequence[str],
    seconds: Mapping[Key, dict[str, float]] | None = None,
) -> dict[str, list[Record]]:
    """The entries of the lists that a results file has of every data set: data, rows, ranking and others.

    Args:
        outcomes: of the methods on the groups of the data set.
        classes: names of the base's outputs.
        seconds: of the methods that were timed, see `clipselect.evaluation.timing.time_methods`.
    """
    groups = data_set.groups
    measured = rows(outcomes, groups, cost)
    add_seconds(measured, seconds or {})
    found = {
        "rows": measured,
        "differences": differences(outcomes, groups, measured),
        "classes": class_rows(outcomes, groups, classes),
        "best_clips": best_clips(data_set.rarest, data_set.table),
    }
    named = {key: [{"data": data_set.name} | entry for entry in entries] for key, entries in found.items()}
    return {"data": [data_set.record()], "ranking": data_set.ranking()} | named
