"""Where results about groups of frames go."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from clipselect.commands.outputs import OutputFiles
from clipselect.files import check_writable
from clipselect.frame_index import write_frame_index
from clipselect.frame_results import GroupResult, as_csv, as_json
from clipselect.frame_scorer import FrameScorer
from clipselect.strips import print_group, strip_page, strip_png

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

    def save(self, outcomes: Sequence[GroupResult], settings: dict[str, Any], scorer: FrameScorer, intro: str) -> None:
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
