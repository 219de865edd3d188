"""Where the results of groups of frames go: files, standard output, and a folder of the picked frames."""

import heapq
import io
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from clipselect.commands.output import plots, shown
from clipselect.commands.output.records import AGGREGATE, GROUPS, Record, Result, Scored
from clipselect.commands.output.terminal import print_group, print_groups
from clipselect.commands.outputs import AGGREGATE_NAME, Outputs
from clipselect.media import files
from clipselect.media.images import Image
from clipselect.scoring.scorer import AnyScorer, Scorer, check_can_index

if TYPE_CHECKING:
    from clipselect.samplers.frame_sampler import FrameSelection
    from clipselect.sets.aggregated_face import TrainedAggregator


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

    def save(self, results: Sequence[Result], settings: Record) -> None:
        """As for all outputs."""
        super().save([_without_lost_image(result) for result in results], settings)

    def check_index(self, scorer: AnyScorer) -> None:
        """Raise an ArgumentError if an index is wanted of scores that `check_can_index` refuses."""
        if self.index is not None:
            check_can_index(scorer)

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
    ) -> Iterator[tuple[int, Path]]:
        """Write the picked frames of a group as PNG files, if wanted: OUT/GROUP/RANK_SCORE_NUMBER.png.

        Args:
            picture: place of a frame in the group -> its pixels.
            in_video: numbers of the group's frames in their video; by default their places.

        Yields:
            The place and the file of every frame, once it is written.
        """
        if self.folder is None:
            return
        folder = self._group_folder(self.folder, source, name)
        picked = set(selection.indices.tolist())
        for i, rank, score in zip(selection.candidates.tolist(), selection.ranks, selection.scores, strict=True):
            if i in picked:
                file = folder / f"{rank:03d}_{score:.3f}_{in_video[i] if in_video else i:05d}.png"
                files.write_whole(file, _png(picture(i)))
                yield i, file

    def _group_folder(self, parent: Path, source: str, name: str) -> Path:
        stem = re.sub(r"[^\w.-]+", "_", f"{Path(source).stem} {name}".strip())
        folder, copies = parent / stem, itertools.count(2)
        while self.saved.setdefault(folder, (source, name)) != (source, name):  # another group's
            folder = parent / f"{stem}_{next(copies)}"
        files.make_folder(folder)
        return folder


def _without_lost_image(result: Result) -> Result:
    """The same without the made image, where no file holds it and better groups pushed it off the page."""
    made = result.facts.get("aggregate")
    if not isinstance(result, Scored) or made is None or made["file"] or AGGREGATE in result.pictures:
        return result
    return replace(result, facts={name: value for name, value in result.facts.items() if name != "aggregate"})


def _png(picture: Image) -> bytes:
    from PIL import Image as Pillow

    out = io.BytesIO()
    Pillow.fromarray(picture).save(out, "png")
    return out.getvalue()
