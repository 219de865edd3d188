"""`clipselect score`."""

from pathlib import Path
from typing import Annotated

import av
import typer
from rich.text import Text

from clipselect.commands.common import progress_bar, stderr
from clipselect.commands.options import (
    ClipDuration,
    DecoderName,
    Device,
    Fast,
    Fps,
    JsonFile,
    K,
    MinGap,
    Model,
    Quiet,
    Settings,
    Stride,
    Threshold,
)
from clipselect.commands.output import pages
from clipselect.commands.output.results import Result
from clipselect.commands.outputs import Outputs
from clipselect.errors import ClipselectError
from clipselect.index.inputs import expand
from clipselect.media.text import printable
from clipselect.scoring.scorer import Scorer, load_scorer


def score(
    videos: Annotated[
        list[str], typer.Argument(metavar="VIDEO...", help="Video files, folders of frames, or quoted globs.")
    ],
    *,
    k: K = None,
    threshold: Threshold = None,
    clip_duration: ClipDuration = None,
    stride: Stride = None,
    min_gap: MinGap = None,
    model: Model = None,
    device: Device = "auto",
    decoder: DecoderName = "pyav",
    fps: Fps = 30.0,
    fast: Fast = False,
    json_file: JsonFile = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="[FILE]", help="Write CSV; without FILE to standard output.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Plot the scores over time.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page with a thumbnail of every clip.")
    ] = None,
    extract: Annotated[Path | None, typer.Option(metavar="DIR", help="Save the picked clips as .mp4 files.")] = None,
    quiet: Quiet = False,
) -> None:
    """Rank the clips of videos and pick the ones worth a heavy network's time.

    Exit code 0: all scored. 1: some of several videos could not be. 2: none could be, or wrong usage.
    """
    settings = Settings(k, threshold, clip_duration, stride, min_gap, decoder, fps, fast)
    outputs = Outputs(json_file, csv_file, plot, html, extract, quiet)
    paths = expand(videos)
    outputs.spare(paths)
    scorer = load_scorer(model, device)
    outcomes: list[Result] = []
    try:
        for number, path in enumerate(paths, start=1):
            name = printable(path.name) if len(paths) == 1 else f"{printable(path.name)} ({number}/{len(paths)})"
            result = _outcome(path, name, scorer, settings, outputs, outcomes)
            outcomes.append(result)
            outputs.show(result)
            if result.error is not None and len(paths) > 1:
                stderr().print(Text.assemble(("Error: ", "bold red"), printable(result.error)))
    except KeyboardInterrupt:  # what is done is kept
        stderr().print(Text(f"interrupted: {len(outcomes)} of {len(paths)} videos are in the results"))
    outputs.save(outcomes, settings.record(scorer))
    failed = [r for r in outcomes if r.error is not None]
    if len(paths) == 1 and failed:
        raise ClipselectError(str(failed[0].error))
    if failed:
        scored = len(outcomes) - len(failed)
        stderr().print(Text(f"{scored} of {len(paths)} videos scored, {len(failed)} failed"))
    if len(outcomes) < len(paths):
        raise typer.Exit(130)
    if failed:
        raise typer.Exit(2 if all(r.scores is None for r in outcomes) else 1)


def _outcome(
    path: Path, name: str, scorer: Scorer, settings: Settings, outputs: Outputs, earlier: list[Result]
) -> Result:
    """Score one video and extract its picks; whatever goes wrong with it stays with it."""
    scores, selection = None, None
    try:
        with progress_bar(not outputs.quiet) as bar:
            task = bar.add_task(name)
            thumbnail = pages.jpeg if outputs.html else None
            scores = settings.score(
                path, scorer, lambda p: bar.update(task, completed=100 * p.done / p.total), thumbnail
            )
        selection = settings.select(scores)
        return outputs.with_files(Result(path, scorer.name, scores, selection), earlier)
    except ClipselectError as e:
        error = str(e)
    except (av.FFmpegError, OSError, RuntimeError, MemoryError) as e:
        error = f"{path}: cannot be scored ({printable(e) or type(e).__name__}); convert it, or try --device cpu"
    return Result(path, scorer.name, scores, selection, error)
