"""Labelled videos as groups over a table of clips: as they are, or composed into untrimmed ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from clipselect.data.composition import Composition, Kind, compose, write_composition
from clipselect.data.datasets import BACKGROUND, Dataset, shown_class
from clipselect.errors import ClipselectError, MissingFileError
from clipselect.evaluation.clip_tables import ClipGrid, VideoTable
from clipselect.evaluation.outcomes import ClipTable, Group
from clipselect.evaluation.rows import ranking_quality
from clipselect.evaluation.table_cache import TableCache
from clipselect.index.inputs import read_rows
from clipselect.media.candidate_clips import Clip
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.media.sources import open_source
from clipselect.media.text import printable
from clipselect.media.unreadable import UNREADABLE, OnError, as_clipselect_error, ignore_error
from clipselect.method.selection import uniform

T = TypeVar("T")


@dataclass(frozen=True)
class ClipDataSet:
    """One data set of a results file.

    Attributes:
        missing: how many videos are listed and not there.
        other_split: how many are left out by `clipselect.data.splits`, see `Dataset`.
        errors: why videos could not be read, by path.
        files: n -> video files of n groups, evenly drawn, to time methods on; `grid` gives their candidates.
        parts: some of the groups by name, whose ranking is reported too.
    """

    name: str
    groups: list[Group]
    table: ClipTable
    missing: int
    other_split: int
    errors: Mapping[str, str]
    grid: ClipGrid
    files: Callable[[int], list[str]]
    parts: dict[str, list[Group]] = field(default_factory=dict)

    @property
    def max_candidates(self) -> int:
        return max(len(group.rows) for group in self.groups)

    def record(self) -> dict[str, Any]:
        """The entry of `data`."""
        return {
            "name": self.name,
            "videos": len(self.groups),
            "sources": len({group.name for group in self.groups}),
            "classes": len({label for group in self.groups for label in group.labels}),
            "candidates": float(np.mean([len(group.rows) for group in self.groups])),
            "missing": self.missing,
            "other_split": self.other_split,
            "unreadable": [{"path": printable(path), "error": printable(e)} for path, e in self.errors.items()],
        }

    def ranking(self) -> list[dict[str, Any]]:
        """The entries of `ranking`, where it is known which clips show the action."""
        groups_of = {self.name: self.groups} | {f"{self.name}, {part}": groups for part, groups in self.parts.items()}
        found = [{"data": name, **ranking_quality(groups, self.table)} for name, groups in groups_of.items()]
        return [entry for entry in found if entry["auc_ddnet"] is not None]


def untrimmed(
    dataset: Dataset, cache: TableCache, *, progress: ProgressCallback = no_progress, on_error: OnError = ignore_error
) -> ClipDataSet:
    """The videos as they are: every one is a group; where its segments are known, so is which clips show an action."""
    found, errors = _tables([video.path for video in dataset.videos], dataset, cache, progress, on_error)
    firsts, table = _joined(found)
    groups = []
    for video in dataset.videos:
        if video.path not in found:
            continue
        spans = found[video.path].spans
        windows = [Clip(Fraction(start), Fraction(end), 0, 0) for start, end in spans.tolist()]
        shows = [shown_class(window, video) != BACKGROUND for window in windows]
        index = np.arange(firsts[video.path], firsts[video.path] + len(spans))
        groups.append(Group(video.path, video.labels, index, np.array(shows) if video.segments else None, spans))

    def files(count: int) -> list[str]:
        return [group.name for group in evenly(groups, count)]

    return ClipDataSet(
        dataset.name, groups, table, len(dataset.missing), dataset.other_split, errors, cache.grid, files
    )


def composed(
    dataset: Dataset,
    background: Mapping[str, Sequence[str]],
    kinds: Sequence[Kind],
    cache: TableCache,
    folder: Path,
    *,
    own_domain: Mapping[str, str],
    per_video: int = 2,
    seeds: Sequence[int] = (0, 1, 2),
    progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
) -> list[ClipDataSet]:
    """One data set per kind of composition; the seeds' compositions of a video are groups of its name.

    Args:
        background: videos by domain.
        cache: whose grid takes `ACTION_CLIPS` clips of every video.
        folder: for the files to time.
        own_domain, per_video: as for `clipselect.data.composition.compose`.
    """
    domains = {path: domain for domain, paths in background.items() for path in paths}
    found, errors = _tables([*(video.path for video in dataset.videos), *domains], dataset, cache, progress, on_error)
    firsts, table = _joined(found)
    actions = [video for video in dataset.videos if video.path in found]
    backgrounds = [path for path in domains if path in found]
    paths = [*(video.path for video in actions), *backgrounds]
    labels = [dataset.classes[video.label] for video in actions]

    background_of = [domains[path] for path in backgrounds]

    def group_of(composition: Composition) -> Group:
        rows = np.array([firsts[paths[video]] + clip for video, clip in composition.clips])
        number = composition.video
        return Group(paths[number], actions[number].labels, rows, composition.action)

    def data_set(kind: Kind) -> ClipDataSet:
        compositions: list[Composition] = []
        for seed in seeds:
            compositions += compose(labels, background_of, kind, per_video=per_video, seed=seed, own_domain=own_domain)
        groups = [group_of(composition) for composition in compositions]
        parts: dict[str, list[Group]] = {}
        for c, group in zip(compositions, groups, strict=True) if kind == "hard" else ():
            parts.setdefault(own_domain[labels[c.video]], []).append(group)

        def files(count: int) -> list[str]:
            return _written(evenly(compositions, count), paths, cache, folder / kind, progress, on_error)

        grid = replace(cache.grid, exactly=None)
        return ClipDataSet(kind, groups, table, len(dataset.missing), dataset.other_split, errors, grid, files, parts)

    return [data_set(kind) for kind in kinds]


def read_domains(path: Path, classes: Sequence[str]) -> dict[str, str]:
    """The background domain of classes: a list with the columns class and domain.

    Raises:
        ClipselectError: no such columns, or a class that the data lacks.
    """
    header, lines = read_rows(path, ("class", "domain"))
    if not {"class", "domain"} <= {*header}:
        raise ClipselectError(f"{path}: has no columns class and domain; name them in its first line")
    columns = header.index("class"), header.index("domain")
    found = {}
    for number, cells in lines:
        if len(cells) <= max(columns):
            raise ClipselectError(f"{path}: line {number} has no class and domain; complete or remove it")
        name, domain = (cells[column].strip() for column in columns)
        if name not in classes:
            raise ClipselectError(f"{path}: line {number} names the class {name!r}, which the base does not know")
        found[name] = domain
    return found


def evenly(items: Sequence[T], count: int) -> list[T]:
    """`count` items spread evenly over all, or all if there are fewer.

    >>> evenly("abcdefghi", 3)
    ['b', 'e', 'h']
    """
    return [items[i] for i in uniform(len(items), min(count, len(items))).tolist()]


def _tables(
    paths: Sequence[str], dataset: Dataset, cache: TableCache, progress: ProgressCallback, on_error: OnError
) -> tuple[dict[str, VideoTable], dict[str, str]]:
    """Tables by path, and why others could not be read."""
    errors: dict[str, str] = {}

    def note(path: str, error: ClipselectError) -> None:
        errors[path] = str(error)
        on_error(path, error)

    for path in dataset.missing:
        on_error(path, MissingFileError(f"{path}: is listed but not there"))
    return cache.tables(paths, progress=progress, on_error=note), errors


def _joined(found: Mapping[str, VideoTable]) -> tuple[dict[str, int], ClipTable]:
    """The row at which every video's clips begin, and the table of them all."""
    starts = np.cumsum([0, *(len(table.scores) for table in found.values())]).tolist()
    firsts = dict(zip(found, starts, strict=False))
    columns = {f.name: np.concatenate([getattr(table, f.name) for table in found.values()]) for f in fields(ClipTable)}
    return firsts, ClipTable(**columns)


def _written(
    compositions: Sequence[Composition],
    paths: Sequence[str],
    cache: TableCache,
    folder: Path,
    progress: ProgressCallback,
    on_error: OnError,
) -> list[str]:
    """Compositions as real files; one that cannot be made is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, composition in enumerate(tracked(compositions, "composing files", len(compositions), progress)):
        path = folder / f"{number:03d}.mp4"
        try:
            sources = {video: open_source(paths[video], fps=cache.fps) for video, _ in composition.clips}
            grids = {video: cache.grid.clips(source.timeline) for video, source in sources.items()}
            clips = [(sources[video], grids[video][clip]) for video, clip in composition.clips]
            write_composition(clips, cache.grid.clip_duration, path)
        except UNREADABLE as e:
            on_error(str(path), as_clipselect_error(str(path), e))
            continue
        written.append(str(path))
    return written
