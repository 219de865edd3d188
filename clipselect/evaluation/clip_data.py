"""Labelled videos as groups over a table of clips: as they are, cut into pieces, or composed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from clipselect.data.composition import Composition, Kind, compose, write_composition
from clipselect.data.datasets import Dataset
from clipselect.errors import ClipselectError, MissingFileError
from clipselect.evaluation.clip_tables import ClipGrid, VideoTable
from clipselect.evaluation.outcomes import ClipTable, Group
from clipselect.evaluation.pieces import actions_shown, clips_within, piece_edges, rarest, shown_within
from clipselect.evaluation.rows import ranking_quality
from clipselect.evaluation.table_cache import TableCache
from clipselect.index.inputs import read_rows
from clipselect.media.candidate_clips import Clip
from clipselect.media.extract import extract_clip
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.media.sources import open_source
from clipselect.media.text import printable
from clipselect.media.unreadable import UNREADABLE, OnError, as_clipselect_error, ignore_error
from clipselect.method.selection import evenly


@dataclass(frozen=True)
class ClipDataSet:
    """One data set of a results file.

    Attributes:
        missing: how many videos are listed and not there.
        other_split: how many are left out by `clipselect.data.splits`, see `Dataset`.
        errors: why videos could not be read, by path.
        files: n -> video files of n groups, evenly drawn, to time methods on; `grid` gives their candidates.
        parts: some of the groups by name, whose ranking is reported too.
        rarest: groups whose `action` says which clips show the rarest action of the group, of those where some do and
            some do not; empty where no segments are known.
        unlabelled: how many pieces were left out since no clip of theirs shows an action.
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
    rarest: list[Group] = field(default_factory=list)
    unlabelled: int = 0

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
            **({"unlabelled": self.unlabelled} if self.unlabelled else {}),
            "unreadable": [{"path": printable(path), "error": printable(e)} for path, e in self.errors.items()],
        }

    def ranking(self) -> list[dict[str, Any]]:
        """The entries of `ranking`, where it is known which clips show the action."""
        groups_of = {self.name: self.groups} | {f"{self.name}, {part}": groups for part, groups in self.parts.items()}
        if any(len(group.labels) > 1 for group in self.rarest):  # else it is the only action
            groups_of[f"{self.name}, rarest action"] = self.rarest
        found = [{"data": name, **ranking_quality(groups, self.table)} for name, groups in groups_of.items()]
        return [entry for entry in found if entry["auc_ddnet"] is not None]


def untrimmed(
    dataset: Dataset,
    cache: TableCache,
    folder: Path,
    *,
    pieces: Fraction | None = None,
    shots: bool = False,
    progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
) -> ClipDataSet:
    """The videos as they are: every one is a group; where its segments are known, so is which clips show an action.

    Args:
        folder: for the pieces to time.
        pieces: seconds; every piece of a video is a group of its name, with the labels that its own clips show.
        shots: look for the shots in which the clips lie.
    """
    found, errors = _tables([video.path for video in dataset.videos], dataset, cache, progress, on_error)
    firsts, table = _joined(found)
    if shots:
        table = replace(table, shots=cache.shots(found, progress))
    groups, rare, cuts, unlabelled = [], [], [], 0
    for video in dataset.videos:
        if video.path not in found:
            continue
        spans = found[video.path].spans
        shown = actions_shown(spans, video) if video.segments else {}
        for start, end in pairwise(piece_edges(float(spans[:, 1].max()), None if pieces is None else float(pieces))):
            inside = clips_within(spans, start, end)
            if not len(inside):
                continue
            own = shown_within(shown, inside)
            labels = tuple(own) if pieces is not None and video.segments else video.labels
            if not labels:
                unlabelled += 1
                continue
            action = np.logical_or.reduce([*own.values(), np.zeros(len(inside), bool)]) if video.segments else None
            group = Group(video.path, labels, firsts[video.path] + inside, action, spans[inside])
            groups.append(group)
            cuts.append((video.path, start, end))
            if (rarest_action := rarest(own)) is not None:
                rare.append(replace(group, action=rarest_action))

    def files(count: int) -> list[str]:
        drawn = evenly(cuts, count)
        if pieces is None:
            return [path for path, _, _ in drawn]
        writers = [partial(_write_piece, *cut, cache.fps) for cut in drawn]
        return _written(writers, folder, "cutting pieces", progress, on_error)

    return ClipDataSet(
        dataset.name, groups, table, len(dataset.missing), dataset.other_split, errors, cache.grid, files,
        rarest=rare, unlabelled=unlabelled,
    )  # fmt: skip


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
            drawn = evenly(compositions, count)
            writers = [partial(_write_composed, composition, paths, cache) for composition in drawn]
            return _written(writers, folder / kind, "composing files", progress, on_error)

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
            raise ClipselectError(
                f"{path}: line {number} names the class {name!r}, which the base does not know; correct or remove it"
            )
        found[name] = domain
    return found


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
    names = {f.name for f in fields(ClipTable)} & {f.name for f in fields(VideoTable)}
    columns = {name: np.concatenate([getattr(table, name) for table in found.values()]) for name in names}
    return firsts, ClipTable(**columns)


def _write_piece(video: str, start: float, end: float, fps: float, path: Path) -> None:
    source = open_source(video, fps=fps)
    first, after = (source.timeline.first_at_or_after(Fraction(seconds)) for seconds in (start, end))
    extract_clip(source, Clip(Fraction(start), Fraction(end), first, after - 1), path)


def _write_composed(composition: Composition, paths: Sequence[str], cache: TableCache, path: Path) -> None:
    sources = {video: open_source(paths[video], fps=cache.fps) for video, _ in composition.clips}
    grids = {video: cache.grid.clips(source.timeline) for video, source in sources.items()}
    clips = [(sources[video], grids[video][clip]) for video, clip in composition.clips]
    write_composition(clips, cache.grid.clip_duration, path)


def _written(
    writers: Sequence[Callable[[Path], None]], folder: Path, stage: str, progress: ProgressCallback, on_error: OnError
) -> list[str]:
    """Real files of groups; one that cannot be made is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, write in enumerate(tracked(writers, stage, len(writers), progress)):
        path = folder / f"{number:03d}.mp4"
        try:
            write(path)
        except UNREADABLE as e:
            on_error(str(path), as_clipselect_error(str(path), e))
            continue
        written.append(str(path))
    return written
