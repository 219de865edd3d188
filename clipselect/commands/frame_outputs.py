"""Where results about groups of frames go."""

import itertools
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from clipselect.commands.common import stderr
from clipselect.commands.output.frame_results import GroupResult, as_csv, as_json, frame_records
from clipselect.commands.output.strips import png, print_group, strip_page, strip_png
from clipselect.commands.outputs import OutputFiles
from clipselect.errors import ClipselectError, ClipselectWarning
from clipselect.index.frame_index import write_frame_index
from clipselect.media.files import check_writable, make_folder, write_whole
from clipselect.media.images import FrameOrigin, Image, read_image
from clipselect.media.text import printable
from clipselect.samplers.frame_sampler import FrameSampler
from clipselect.scoring.scorer import Scorer

K = Annotated[int | None, typer.Option("--k", min=1, help="Keep the best K frames of a group.")]
Share = Annotated[float | None, typer.Option(help="Keep the best share of a group's frames, in (0, 1].")]
Threshold = Annotated[float | None, typer.Option(help="Keep frames with a score above this, in [0, 1]; never none.")]
Model = Annotated[str | None, typer.Option(metavar="NAME|PATH", help="DDNet: a name of the zoo or a weights file.")]
CsvFile = Annotated[
    Path | None, typer.Option("--csv", metavar="[FILE]", help="Write CSV; without FILE to standard output.")
]
Plot = Annotated[
    Path | None, typer.Option(metavar="FILE.png", help="A picture of every group, its frames sorted by their scores.")
]
Html = Annotated[Path | None, typer.Option(metavar="FILE.html", help="A page with every frame and its score.")]
Save = Annotated[Path | None, typer.Option(metavar="DIR", help="Save the picked frames as PNG files.")]
IndexFile = Annotated[
    Path | None, typer.Option("--index", metavar="FILE.parquet", help="Write the scores for the sampler's index.")
]


@dataclass(frozen=True)
class FrameOutputs(OutputFiles):
    """Those of groups of frames; picked frames are saved to the folder.

    Attributes:
        index: frame index to write.
    """

    index: Path | None = None
    saved: dict[Path, str] = field(default_factory=dict)  # which group a folder of saved frames belongs to

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.index is not None:
            check_writable(self.index)

    @property
    def needs_pictures(self) -> bool:
        return self.plot is not None or self.html is not None

    def show(self, result: GroupResult) -> None:
        """Show a result as soon as it is there."""
        if not self.quiet:
            print_group(self.console, result)

    def save(self, outcomes: Sequence[GroupResult], settings: dict[str, Any], scorer: Scorer, intro: str) -> None:
        """Write all files; nothing if not one group could be scored.

        Args:
            intro: what the page shows, one sentence.
        """
        scored = [r for r in outcomes if r.selection is not None]
        if not scored:
            return
        if self.index is not None:
            write_frame_index(self.index, scorer, _scores(scored))
        self.write_all(
            lambda: as_json(outcomes, settings),
            lambda: as_csv(outcomes),
            lambda: strip_png(outcomes),
            lambda: strip_page(outcomes, settings, intro),
        )


def _scores(results: Sequence[GroupResult]) -> list[tuple[str | Path, str, float]]:
    found: list[tuple[str | Path, str, float]] = []
    for result in results:
        assert result.selection is not None
        pairs = zip(result.selection.candidates.tolist(), result.selection.scores.tolist(), strict=True)
        for i, score in pairs:
            path = result.origins[i].path
            if path is not None:
                found.append((path, result.title, score))
    return found


def group_of_files(
    source: str, name: str, paths: Sequence[Path], sampler: FrameSampler, outputs: FrameOutputs
) -> GroupResult:
    """The selection among images; whatever goes wrong with them stays with the group."""
    model = sampler.scorer.name
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ClipselectWarning)
            selection = sampler(paths)
        told = tuple(str(w.message) for w in caught if issubclass(w.category, ClipselectWarning))
        for sentence in told:
            stderr().print(Text(f"warning: {printable(sentence)}"))
        wanted = selection.candidates.tolist() if outputs.needs_pictures else []
        pictures = {i: read_image(paths[i]) for i in wanted}
        result = GroupResult(
            source, name, model, [FrameOrigin(path) for path in paths], selection, told, None, pictures
        )
        return save_pictures(result, outputs, lambda i: pictures[i] if i in pictures else read_image(paths[i]))
    except ClipselectError as e:
        stderr().print(Text.assemble(("Error: ", "bold red"), printable(e)))
        return GroupResult(source, name, model, error=str(e))


def save_pictures(result: GroupResult, outputs: FrameOutputs, picture: Callable[[int], Image]) -> GroupResult:
    """The result with its picked frames saved as PNG files, if wanted: OUT/GROUP/RANK_SCORE_PLACE.png.

    Args:
        picture: place of a frame -> its pixels.
    """
    if outputs.folder is None or result.selection is None:
        return result
    folder = _own_folder(result, outputs.folder, outputs.saved)
    make_folder(folder)
    places, records = result.selection.candidates.tolist(), frame_records(result)
    files = {
        i: folder / f"{record['rank']:03d}_{record['score']:.3f}_{i:05d}.png"
        for i, record in zip(places, records, strict=True)
        if record["picked"]
    }
    for i, file in files.items():
        write_whole(file, png(picture(i)))
    return replace(result, files=files)


def _own_folder(result: GroupResult, out: Path, taken: dict[Path, str]) -> Path:
    """A folder of the group's name that no other group has."""
    name = re.sub(r"[^\w.-]+", "_", f"{Path(result.source).stem} {result.name}".strip())
    numbers = itertools.count(2)
    folder = out / name
    while taken.setdefault(folder, result.title) != result.title:
        folder = out / f"{name}_{next(numbers)}"
    return folder


def finish(results: Sequence[GroupResult], wanted: int, skipped: Sequence[str], what: str) -> None:
    """Say what failed, and end with the exit code that fits."""
    failed = [r for r in results if r.error is not None]
    if failed or skipped:
        parts = [f"{len(results) - len(failed)} of {wanted} {what} scored"]
        parts += [f"{len(failed)} failed"] if failed else []
        parts += [f"{len(skipped)} names could not be read"] if skipped else []
        stderr().print(Text(", ".join(parts)))
    if len(results) < wanted:
        raise typer.Exit(130)
    if failed or skipped:
        raise typer.Exit(2 if len(failed) == len(results) else 1)
