"""Labelled videos as groups over a table of clips: as they are, or composed into untrimmed ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from clip_tables import Cut, VideoTable
from composed_files import write_composition
from rich.text import Text
from table_cache import Cache, tables

from clipselect.commands.common import stderr
from clipselect.commands.stages import Failures, stage
from clipselect.data.composition import Composition, Kind, compose
from clipselect.data.datasets import Dataset
from clipselect.errors import ClipselectError, VideoError
from clipselect.evaluation.outcomes import ClipTable, Group
from clipselect.evaluation.rows import ranking_quality
from clipselect.index.inputs import read_rows
from clipselect.media.candidates import Clip
from clipselect.media.sources import open_source
from clipselect.media.text import printable
from clipselect.method.selection import uniform
from clipselect.training.clip_elements import shown_class
from clipselect.training.elements import BACKGROUND

T = TypeVar("T")

WHAT = "both networks on every clip"


@dataclass(frozen=True)
class DataSet:
    """One data set of a results file.

    Attributes:
        failures: what could not be read.
        files: of a number of groups, evenly drawn, the real files to time, cut by `cut`.
        parts: groups by further names, whose ranking is reported besides.
    """

    name: str
    groups: list[Group]
    table: ClipTable
    failures: Failures
    cut: Cut
    files: Callable[[int], list[str]]
    parts: dict[str, list[Group]] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """The entry of `data`."""
        return {
            "name": self.name,
            "videos": len(self.groups),
            "sources": len({group.name for group in self.groups}),
            "classes": len({label for group in self.groups for label in group.labels}),
            "candidates": float(np.mean([len(group.rows) for group in self.groups])),
            "missing": len(self.failures.missing),
            "unreadable": [
                {"path": printable(path), "error": printable(e)} for path, e in self.failures.errors.items()
            ],
        }

    def ranking(self) -> list[dict[str, Any]]:
        """The entries of `ranking`, where it is known which clips show the action."""
        of = {self.name: self.groups} | {f"{self.name}, {part}": groups for part, groups in self.parts.items()}
        found = [{"data": name, **ranking_quality(groups, self.table)} for name, groups in of.items()]
        return [entry for entry in found if entry["auc_ddnet"] is not None]


def as_they_are(dataset: Dataset, cache: Cache) -> DataSet:
    """Every video is a group; where its segments are known, so is which clips show an action."""
    failures = Failures(dataset.missing)
    found = _tables([video.path for video in dataset.videos], cache, failures)
    firsts, table = _joined(found)
    groups = []
    for video in dataset.videos:
        if video.path not in found:
            continue
        spans = found[video.path].spans
        windows = [Clip(Fraction(start), Fraction(end), 0, 0) for start, end in spans.tolist()]
        shows = [shown_class(window, video) != BACKGROUND for window in windows]
        index = np.arange(firsts[video.path], firsts[video.path] + len(spans))
        groups.append(Group(video.path, video.labels, index, np.array(shows) if video.segments else None))
    return DataSet(
        dataset.name, groups, table, failures, cache.cut, lambda count: [g.name for g in evenly(groups, count)]
    )


def composed(
    dataset: Dataset,
    background: Mapping[str, Sequence[str]],
    kinds: Sequence[Kind],
    own_domain: Mapping[str, str],
    per_video: int,
    seeds: Sequence[int],
    cache: Cache,
    folder: Path,
) -> list[DataSet]:
    """One data set per kind of composition; the seeds' compositions of a video are groups of its name.

    Args:
        background: videos by domain.
        cache: whose cut takes `ACTION_CLIPS` clips of every video.
        folder: for the files to time.
    """
    failures = Failures(dataset.missing)
    domains = {path: domain for domain, paths in background.items() for path in paths}
    found = _tables([*(video.path for video in dataset.videos), *domains], cache, failures)
    firsts, table = _joined(found)
    actions = [video for video in dataset.videos if video.path in found]
    backgrounds = [path for path in domains if path in found]
    paths = [*(video.path for video in actions), *backgrounds]
    labels = [dataset.classes[video.label] for video in actions]

    out = []
    for kind in kinds:
        compositions = [
            composition
            for seed in seeds
            for composition in compose(
                labels, [domains[path] for path in backgrounds], kind, per_video=per_video, seed=seed,
                own_domain=own_domain,
            )
        ]  # fmt: skip
        groups = [
            Group(
                paths[c.video], actions[c.video].labels, np.array([firsts[paths[v]] + i for v, i in c.clips]), c.action
            )
            for c in compositions
        ]
        parts: dict[str, list[Group]] = {}
        for c, group in zip(compositions, groups, strict=True) if kind == "hard" else ():
            parts.setdefault(own_domain[labels[c.video]], []).append(group)

        def files(count: int, kind: Kind = kind, compositions: Sequence[Composition] = compositions) -> list[str]:
            return _written(evenly(compositions, count), paths, cache, folder / kind)

        cut = replace(cache.cut, exactly=None)
        out.append(DataSet(kind, groups, table, failures, cut, files, parts))
    return out


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
    """`count` items spread evenly over all, or all if there are fewer."""
    return [items[i] for i in uniform(len(items), min(count, len(items))).tolist()]


def _tables(paths: Sequence[str], cache: Cache, failures: Failures) -> dict[str, VideoTable]:
    with stage(WHAT, len(paths), quiet=False) as step:
        found = tables(paths, cache, failures, step)
    failures.tell()
    return found


def _joined(found: Mapping[str, VideoTable]) -> tuple[dict[str, int], ClipTable]:
    """The row at which every video's clips begin, and the table of them all."""
    starts = np.cumsum([0, *(len(table.scores) for table in found.values())]).tolist()
    firsts = dict(zip(found, starts, strict=False))
    scores = np.concatenate([table.scores for table in found.values()])
    return firsts, ClipTable(scores, np.concatenate([table.probabilities for table in found.values()]))


def _written(compositions: Sequence[Composition], paths: Sequence[str], cache: Cache, folder: Path) -> list[str]:
    """Compositions as real files; one that cannot be made is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with stage("composing files", len(compositions), quiet=False) as step:
        for number, composition in enumerate(step.over(compositions)):
            path = folder / f"{number:03d}.mp4"
            try:
                sources = {video: open_source(paths[video], fps=cache.fps) for video, _ in composition.clips}
                cuts = {video: cache.cut.clips(source.timeline) for video, source in sources.items()}
                clips = [(sources[video], cuts[video][clip]) for video, clip in composition.clips]
                write_composition(clips, cache.cut.clip_duration, path)
            except VideoError as e:
                stderr().print(Text(f"not composed: {printable(e)}"))
                continue
            written.append(str(path))
    return written
