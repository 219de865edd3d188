"""What surrounds the results: how to read them, what the methods are, what was run and what could not be read."""

from collections.abc import Sequence

from clipselect.evaluation.methods import METHODS
from clipselect.report.findings import DIFFERING, LOSS, ordered
from clipselect.report.report import Run
from clipselect.report.schema import Record
from clipselect.report.sentences import amount
from clipselect.report.tables import Table, fact, run_cell, run_column

TOLD_AT_MOST = 200

READING = (
    "Accuracies are in percent, their 95 % interval in brackets: sources are drawn again and again, so that twenty"
    " videos composed of one source count as one. Where all or no answers are right, the interval is the exact one of a"
    " proportion.",
    "GFLOPs are 10^9 multiply-adds a video or other group, counted as the file says: the DDNet's on all candidates and"
    " the base's on the kept ones.",
    "Seconds are per video, from the closed file to the answer, after it was read once; on another machine they are"
    " others.",
    "Peak MB is the largest resident memory of the whole process, all that it holds included, while the method ran;"
    " peak GPU MB is what was allocated on the GPU.",
    "Differences are in points, paired over the same videos; one whose interval holds 0 is not told apart from none."
    f" Where the two differ on fewer than {DIFFERING} sources, these are too few to tell.",
    "Which K: the smallest that is not told apart from the best K (paired) and loses at most"
    f" {amount(LOSS)} point to it; chosen on the videos that it is judged by, which flatters it a little.",
    "The best uniform for a cost: the best row of uniform at no more GFLOPs than ddl at that K, or uniform_equal_cost"
    " of that K, which is rounded up and so costs at most one clip more; and the best in no more seconds, where they"
    " were measured.",
    "AUC: the chance that in a video a clip that shows the action scores higher than one that does not, averaged over"
    " the videos; 0.5 is chance, and below that the ranking is worse than none.",
)


def facts_tables(runs: Sequence[Run]) -> list[Table]:
    """What the runs were: data, networks, settings, environment; a column per run."""
    networks: list[Record] = []
    for run in runs:
        parts = {part: run.document.get(part) or {} for part in ("base", "model")}
        facts = {f"{part} {key}": value for part, entry in parts.items() for key, value in entry.items()}
        about = {"file": str(run.file), "clipselect": run.document["clipselect"]}
        networks.append({**about, **facts, "GFLOPs": run.document["gflops_convention"]})
    data = [
        {
            f"{name} {key}": len(value) if key == "unreadable" and value else value
            for name, entry in run.data.items()
            for key, value in entry.items()
            if key != "name"
        }
        for run in runs
    ]
    kinds = [("Data", data), ("Networks", networks)]
    kinds += [(key.capitalize(), [run.document.get(key) or {} for run in runs]) for key in ("settings", "environment")]
    return [_facts(title, runs, records) for title, records in kinds if any(records)]


def unreadable_table(runs: Sequence[Run]) -> list[Table]:
    """The videos that could not be read, the first `TOLD_AT_MOST`; none if all could."""
    rows = [
        (*run_cell(runs, run), name, broken["path"], broken["error"])
        for run in runs
        for name, entry in run.data.items()
        for broken in entry.get("unreadable") or []
    ]
    if not rows:
        return []
    more = f", the first {TOLD_AT_MOST} of {len(rows)}" if len(rows) > TOLD_AT_MOST else ""
    files = {str(run.document.get("files") or "videos") for run in runs}
    title = f"{(files.pop() if len(files) == 1 else 'files').capitalize()} that could not be read{more}"
    return [Table(title, (*run_column(runs), "data", "path", "error"), rows[:TOLD_AT_MOST])]


def methods_table(runs: Sequence[Run]) -> Table:
    """What the methods of the runs are."""
    used = dict.fromkeys(row.method for row in ordered([row for run in runs for row in run.rows]))
    rows = [(name, METHODS[name].description if name in METHODS else "not known to this version") for name in used]
    return Table("Methods", ("method", "what it is"), rows, text=True)


def _facts(title: str, runs: Sequence[Run], records: Sequence[Record]) -> Table:
    keys = dict.fromkeys(key for record in records for key in record)
    rows = [(key.replace("_", " "), *(fact(record.get(key)) for record in records)) for key in keys]
    return Table(title, ("", *(run.label for run in runs)), rows, text=True)
