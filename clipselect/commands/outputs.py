"""Where results go: files and standard output, checked before the work and written whole after it."""

import heapq
import io
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.console import Console

from clipselect.commands.common import STDOUT, check, print_warning, stderr, write_stdout
from clipselect.commands.output import plots, shown
from clipselect.commands.output.records import AGGREGATE, GROUPS, VIDEOS, Kind, Record, Result, Scored, as_csv, as_json
from clipselect.commands.output.terminal import print_group, print_groups, print_video
from clipselect.errors import ClipselectError, check_argument
from clipselect.index.inputs import refuse_data_file
from clipselect.media import files
from clipselect.media.images import Image
from clipselect.samplers.picks import Picks
from clipselect.scoring.scorer import AnyScorer, Scorer

if TYPE_CHECKING:
    from clipselect.samplers.frame_sampler import FrameSelection
    from clipselect.sets.aggregated_face import TrainedAggregator

AGGREGATE_NAME = "aggregate.png"
SAVED_NAME = re.compile(
    rf"_rank\d+_\d+\.\d\ds-\d+\.\d\ds\.mp4|\d{{3}}_-?\d+\.\d{{3}}_\d{{5,}}\.png|^{re.escape(AGGREGATE_NAME)}$"
)
"""Names of the clips, frames and aggregated images that are saved to the folder."""


@dataclass(frozen=True)
class Outputs(ABC):
    """Files that the user wants to have; a ClipselectError at once if one of them cannot be written."""

    kind: ClassVar[Kind]

    json: Path | None = None
    csv: Path | None = None
    plot: Path | None = None
    html: Path | None = None
    folder: Path | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        both = str(self.json) == str(self.csv) == STDOUT
        check(not both, "--json and --csv cannot both go to standard output; give one of them a file")
        for path in self._files:
            files.check_writable(path)
            refuse_data_file(path)
        if self.plot is not None:
            plots.check_plot(self.plot)
        if self.html is not None:
            check_page(self.html)
        check(
            len({path.resolve() for path in self._files}) == len(self._files),
            "two of --json, --csv, --plot, --html and --index name the same file; give each its own",
        )
        if self.folder is not None:
            files.make_folder(self.folder)

    @property
    def _files(self) -> list[Path]:
        """The files to write, standard output not among them."""
        paths = (self.json, self.csv, self.plot, self.html)
        return [path for path in paths if path is not None and str(path) != STDOUT]

    def refuse_overwrite(self, *inputs: Path | str | None) -> None:
        """Raise a ClipselectError if a file to write is one that is about to be read: a video, a list, weights."""
        names = [str(name) for name in inputs if name is not None]
        parts = [part for name in names for part in (name, name.rpartition(":")[0], name.partition(":")[2]) if part]
        read = {Path(part).resolve() for part in parts}  # FILE, FILE.py:NAME and NETWORK:FILE
        for path in self._files:
            if path.exists() and path.resolve() in read:
                raise ClipselectError(f"{path}: is both an input and a file to write; choose another output")

    @property
    def console(self) -> Console:
        """Where people read: standard output, unless machines do."""
        return stderr() if STDOUT in (str(self.json), str(self.csv)) else Console(highlight=False)

    @abstractmethod
    def show(self, result: Scored) -> None:
        """Print a result as soon as it is there."""

    @staticmethod
    @abstractmethod
    def drawn(results: Sequence[Result], suffix: str) -> bytes: ...

    @staticmethod
    @abstractmethod
    def page(results: Sequence[Result], settings: Record, folder: Path) -> str: ...

    def save(self, results: Sequence[Result], settings: Record) -> None:
        """Write all files, and nothing if not one result has scores; one that fails does not keep the others."""
        if not any(isinstance(result, Scored) for result in results):
            return
        wanted: tuple[tuple[Path | None, Callable[[], str | bytes]], ...] = (
            (self.json, lambda: as_json(self.kind, results, settings)),
            (self.csv, lambda: as_csv(self.kind, results)),
            (self.plot, lambda: self.drawn(results, Path(self.plot or "").suffix)),
            (self.html, lambda: self.page(results, settings, Path(self.html or "").parent)),
        )
        failure: ClipselectError | None = None
        for path, content in wanted:
            try:
                if path is not None:
                    write(path, content())
            except ClipselectError as e:
                failure = failure or e
        self._name_stale(results)
        if failure is not None:
            raise failure

    def _name_stale(self, results: Sequence[Result]) -> None:
        """Warn of files that another run saved to the folder: whoever takes all files takes those, too."""
        if self.folder is None:
            return
        records = [record for result in results for record in (*result.elements, result.facts.get("aggregate"))]
        saved = {Path(record["file"]) for record in records if record and record["file"]}
        stale = sorted(p for p in self.folder.rglob("*") if SAVED_NAME.search(p.name) and p not in saved)
        if stale:
            count = f"{len(stale)} file{'s' if len(stale) > 1 else ''} of another run"
            named = ", ".join(path.name for path in stale[:2]) + ", ..." * (len(stale) > 2)
            print_warning(f"{self.folder}: holds {count} ({named}); remove what you no longer need")


@dataclass(frozen=True)
class VideoOutputs(Outputs):
    """Those of scored videos; picked clips are extracted to the folder."""

    kind = VIDEOS
    drawn = staticmethod(plots.clips_plot)

    extracted: set[Path] = field(default_factory=set)

    @staticmethod
    def page(results: Sequence[Result], settings: Record, folder: Path) -> str:
        from clipselect.commands.output.pages import clips_page

        return clips_page(results, settings, folder)

    def show(self, result: Scored) -> None:
        if not self.quiet:
            print_video(self.console, result)
            return
        for warning in (*result.facts["warnings"], *result.facts["doubts"]):
            print_warning(f"{result.title}: {warning}")

    def thumbnails(self, picks: Picks, videos: int) -> dict[int, bytes]:
        """Pictures of the clips that the page shows, if one is wanted.

        Args:
            videos: on the page.
        """
        return {} if self.html is None else shown.thumbnails(picks, videos)

    def extract(self, picks: Picks) -> dict[int, Path]:
        """Write the picked clips of a video, if wanted, and return their files by index.

        Videos of the same name in one call get a number.
        """
        if self.folder is None:
            return {}
        own = picks.scores.source.path.stem
        stems = itertools.chain([own], (f"{own}-{number}" for number in itertools.count(2)))
        stem = next(stem for stem in stems if self.extracted.isdisjoint(picks.clip_paths(self.folder, stem)))
        paths = picks.save(self.folder, stem)
        self.extracted.update(paths)
        return dict(zip(picks.picked.ordered.tolist(), paths, strict=True))


@dataclass(frozen=True)
class FrameOutputs(Outputs):
    """Those of groups of frames; picked frames are saved to the folder.

    Attributes:
        index: frame index to write.
        every_frame: print every frame of every group, rather than a summary.
        aggregator: makes one image of the picked frames of every group.
        saved: which group a folder of saved frames belongs to.
        pictured: best score, minus its place, and pictures of the groups that the page or plot shows: a heap.
    """

    kind = GROUPS
    drawn = staticmethod(plots.frames_plot)

    index: Path | None = None
    every_frame: bool = False
    aggregator: "TrainedAggregator | None" = None
    places: Iterator[int] = field(default_factory=itertools.count)
    saved: dict[Path, tuple[str, str]] = field(default_factory=dict)
    pictured: list[tuple[float, int, dict[int, Image]]] = field(default_factory=list)

    @staticmethod
    def page(results: Sequence[Result], settings: Record, folder: Path) -> str:
        from clipselect.commands.output.pages import frames_page

        return frames_page(results, settings, folder)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.index is not None:
            from clipselect.index.frame_index import check_replaceable

            check_replaceable(self.index)

    @property
    def _files(self) -> list[Path]:
        return super()._files + ([] if self.index is None else [self.index])

    def show(self, result: Scored) -> None:
        if self.every_frame and not self.quiet:
            print_group(self.console, result)

    def show_summary(self, results: Sequence[Result]) -> None:
        """Print all groups in brief, unless every frame was printed already."""
        if not self.quiet and not self.every_frame:
            print_groups(self.console, [result for result in results if isinstance(result, Scored)])

    def with_pictures(self, group: Scored, picture: Callable[[int], Image]) -> Scored:
        """The same group with the pictures that the page or the plot shows of it, if one is wanted.

        Only the best groups are shown: those that better ones push out lose their pictures again.

        Args:
            picture: place of a frame among the group's elements -> its pixels.
        """
        wanted = self.plot is not None or self.html is not None
        best, is_full = float(group.scores.max()), len(self.pictured) == shown.PICTURED_GROUPS
        if not wanted or (is_full and best <= self.pictured[0][0]):
            return group
        made = shown.with_pictures(group, picture)
        heapq.heappush(self.pictured, (best, -next(self.places), made.pictures))
        if is_full:
            heapq.heappop(self.pictured)[2].clear()
        return made

    def with_aggregate(
        self, group: Scored, source: str, name: str, selection: "FrameSelection", picture: Callable[[int], Image]
    ) -> Scored:
        """The same group with the image that the aggregator, if there is one, makes of its best picked frames.

        It is shown and saved wherever the picked frames are.

        Args:
            picture: place of a frame in the group -> its pixels.
        """
        if self.aggregator is None or not (group.pictures or self.folder):
            return group
        score = dict(zip(selection.candidates.tolist(), selection.scores.tolist(), strict=True))
        best = sorted(selection.indices.tolist(), key=lambda i: -score[i])[: self.aggregator.max_images]
        made = self.aggregator.aggregate([picture(i) for i in best])
        file = None if self.folder is None else self._group_folder(self.folder, source, name) / AGGREGATE_NAME
        if file is not None:
            made.save(file)
        if group.pictures:
            group.pictures[AGGREGATE] = made.image
        about = {"network": self.aggregator.name, "frames": made.frames, "label": made.label}
        return replace(group, facts={**group.facts, "aggregate": {**about, "file": file and str(file)}})

    def check_index(self, scorer: AnyScorer) -> None:
        """Raise an ArgumentError if an index is wanted, and nothing would show by which scorer its scores are."""
        problem = f"cannot be written with {scorer.name!r}, since nothing shows whether scores are by the same function"
        check_argument(self.index is None or isinstance(scorer, Scorer), "index", problem)

    def write_index(self, results: Sequence[Result], scorer: AnyScorer) -> None:
        """Write the frame index, if wanted; nothing if not one group could be scored."""
        scored = [result for result in results if isinstance(result, Scored)]
        if self.index is not None and scored and isinstance(scorer, Scorer):
            from clipselect.index.frame_index import write_frame_index

            rows = [
                (record["path"], result.title, float(score))
                for result in scored
                for record, score in zip(result.elements, result.scores, strict=True)
            ]
            write_frame_index(self.index, scorer, rows)

    def save_frames(
        self,
        source: str,
        name: str,
        selection: "FrameSelection",
        picture: Callable[[int], Image],
        in_video: Sequence[int] | None = None,
    ) -> dict[int, Path]:
        """Write the picked frames of a group as PNG files, if wanted: OUT/GROUP/RANK_SCORE_NUMBER.png.

        Args:
            picture: place of a frame in the group -> its pixels.
            in_video: numbers of the group's frames in their video; by default their places.

        Returns:
            The files by place.
        """
        if self.folder is None:
            return {}
        folder = self._group_folder(self.folder, source, name)
        picked = set(selection.indices.tolist())
        saved = {}
        for i, rank, score in zip(selection.candidates.tolist(), selection.ranks, selection.scores, strict=True):
            if i in picked:
                saved[i] = folder / f"{rank:03d}_{score:.3f}_{in_video[i] if in_video else i:05d}.png"
                files.write_whole(saved[i], _png(picture(i)))
        return saved

    def _group_folder(self, parent: Path, source: str, name: str) -> Path:
        stem = re.sub(r"[^\w.-]+", "_", f"{Path(source).stem} {name}".strip())
        folder, copies = parent / stem, itertools.count(2)
        while self.saved.setdefault(folder, (source, name)) != (source, name):  # another group's
            folder = parent / f"{stem}_{next(copies)}"
        files.make_folder(folder)
        return folder


def check_page(html: Path) -> None:
    """Raise a ClipselectError unless a page may have that name."""
    named = html.suffix.lower() in (".html", ".htm")
    check(named or not html.suffix, f"{html}: a page must be named .html; choose another name")


def write(path: Path, content: str | bytes) -> None:
    """To a file, whole or not at all, or to standard output."""
    if str(path) == STDOUT and isinstance(content, str):
        write_stdout(content)
    else:
        files.write_whole(path, content)


def _png(picture: Image) -> bytes:
    from PIL import Image as Pillow

    out = io.BytesIO()
    Pillow.fromarray(picture).save(out, "png")
    return out.getvalue()
