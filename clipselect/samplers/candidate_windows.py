"""Candidates of the caller's own: pairs of seconds, a list of scenes, or a CSV file of either."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.index.inputs import fields, first_of, read_rows
from clipselect.media.candidate_clips import Windows

STARTS, ENDS = ("start", "start time (seconds)"), ("end", "end time (seconds)")
"""Columns of a CSV; the second ones are PySceneDetect's."""
ROUNDING = Fraction(6, 10_000)
"""Seconds; lists of scenes are rounded to milliseconds, and a cut must not move to the next frame."""


def read_windows(candidates: Path | str | Iterable[Any]) -> Windows:
    """The windows of a CSV file with the columns start and end in seconds, or of PySceneDetect's own CSV; of pairs
    (start, end) in seconds; or of PySceneDetect's list of scenes.

    >>> _ = Path("scenes.csv").write_text("start,end,note\\n0,1.5,entrance\\n1.5,2.5,dance\\n")
    >>> [(float(start), float(end)) for start, end in read_windows("scenes.csv").spans]
    [(0.0, 1.5), (1.5, 2.5)]

    Raises:
        ClipselectError: a file that cannot be read, or has no such columns or numbers.
        ArgumentError: windows that make no sense, see `Windows.from_pairs`.
    """
    if not isinstance(candidates, str | Path):
        return Windows.from_pairs(candidates)
    path = Path(candidates)
    try:
        return Windows.from_pairs(_rows(path), ROUNDING)
    except ArgumentError as e:
        raise ClipselectError(f"{path}: its windows {e.problem}") from e


def _rows(path: Path) -> Iterator[tuple[float, float]]:
    header, rows = read_rows(path, STARTS)
    if not header:  # PySceneDetect writes a line with the timecodes of all cuts before its header
        rows = ((number, fields(cells[0])) for number, cells in rows)
        _, second = next(rows, None), next(rows, (0, list[str]()))
        header = [cell.strip().lower() for cell in second[1]]
    start, end = first_of(STARTS, header), first_of(ENDS, header)
    if start is None or end is None:
        raise ClipselectError(f"{path}: has no columns start and end; name them in its first line")
    for number, cells in rows:
        try:
            yield float(cells[start]), float(cells[end])
        except (ValueError, IndexError) as e:
            given = ", ".join(cells)
            raise ClipselectError(
                f"{path}: line {number} has no start and end in seconds ({given}); write them as numbers, such as 2.5"
            ) from e
