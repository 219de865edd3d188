"""`clipselect score`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from clipselect import pages, results
from clipselect.commands.common import STDOUT, check, expand, progress_bar, settings_of, stderr, write_stdout
from clipselect.display import print_result, shown
from clipselect.errors import ClipselectError, VideoError
from clipselect.extract import clip_file_name, extract_clip
from clipselect.grid import exact_seconds
from clipselect.results import Result
from clipselect.scorer import ClipScorer, VideoScores, load_scorer, score_video
from clipselect.selection import Selection, above, ranking, top_k
from clipselect.sources import open_source

DEFAULT_K = 5

# the options that score and classify share
VideoPaths = Annotated[list[str], typer.Argument(metavar="VIDEO...", help="Video files, folders of frames, or quoted globs.")]
K = Annotated[int | None, typer.Option("--k", help=f"Pick the best K clips. [default: {DEFAULT_K}, or all with --threshold]")]
Threshold = Annotated[float | None, typer.Option(help="Pick clips with a score above this, in [0, 1]; never none.")]
ClipDuration = Annotated[float | None, typer.Option(help="Seconds per clip. [default: what the model was distilled with]")]
Stride = Annotated[float | None, typer.Option(help="Seconds between the starts of candidates. [default: clip duration]")]
MinGap = Annotated[float | None, typer.Option(help="Seconds between the end of one pick and the start of the next; 0: no overlap.")]
Model = Annotated[str | None, typer.Option(metavar="NAME|PATH", help="DDNet: a name of the zoo or a weights file.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ... or auto.")]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="[FILE]", help="Write JSON; without FILE to standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No table, no progress; warnings and errors only.")]
DecoderName = Annotated[str, typer.Option(help="pyav or decord.")]
Fps = Annotated[float, typer.Option(help="Frames per second of folders of frames.")]


def score(
    videos: VideoPaths,
    k: K = None,
    threshold: Threshold = None,
    clip_duration: ClipDuration = None,
    stride: Stride = None,
    min_gap: MinGap = None,
    model: Model = None,
    device: Device = "auto",
    decoder: DecoderName = "pyav",
    fps: Fps = 30.0,
    json_file: JsonFile = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", metavar="[FILE]", help="Write CSV; without FILE to standard output.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Plot the scores over time.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a page with a thumbnail of every clip.")] = None,
    extract: Annotated[Path | None, typer.Option(metavar="DIR", help="Save the picked clips as .mp4 files.")] = None,
    quiet: Quiet = False,
) -> None:
    """Rank the clips of videos and pick the ones worth a heavy network's time.

    Exit code 0: all scored. 1: some of several videos could not be. 2: none could be, or wrong usage.
    """
    check_options(k, threshold, clip_duration, stride, min_gap, decoder, fps)
    to_stdout = [path for path in (json_file, csv_file) if str(path) == STDOUT]
    check(len(to_stdout) < 2, "--json and --csv cannot both go to standard output; give one of them a file")
    for path in (json_file, csv_file, plot, html):
        if path is not None and str(path) != STDOUT:
            results.check_writable(path)
    if extract is not None:
        _make_folder(extract)
    paths = expand(videos)
    scorer = load_scorer(model, device)

    human = stderr() if to_stdout else Console(highlight=False)
    outcomes: list[Result] = []
    interrupted = False
    with progress_bar(not quiet) as bar:
        for number, path in enumerate(paths):
            task = bar.add_task(f"{shown(path.name)} ({number + 1}/{len(paths)})" if len(paths) > 1 else shown(path.name))
            try:
                source = open_source(path, decoder="decord" if decoder == "decord" else "pyav", fps=fps)
                scores = score_video(
                    source, scorer, clip_duration=clip_duration, stride=stride, thumbnail=pages.jpeg if html else None,
                    progress=lambda share, task=task: bar.update(task, completed=100 * share),
                )  # fmt: skip
                result = Result(path, scorer.name, scores, select(scores, k, threshold, min_gap))
                if extract is not None:
                    result = _extracted(result, extract, outcomes)
            except VideoError as e:
                result = Result(path, scorer.name, error=str(e))
                if len(paths) > 1:
                    stderr().print(Text.assemble(("not scored: ", "bold red"), shown(e)))
            except KeyboardInterrupt:
                interrupted = True
                break
            finally:
                bar.remove_task(task)
            outcomes.append(result)
            report(result, human, quiet)

    failed = [r for r in outcomes if r.error is not None]
    if len(paths) == 1 and failed:
        raise ClipselectError(str(failed[0].error))
    settings = settings_of(
        k=k if k or threshold is not None else DEFAULT_K, threshold=threshold, stride=stride, min_gap=min_gap, device=str(scorer.device),
        clip_duration=scorer.clip_duration if clip_duration is None else clip_duration, decoder=decoder, model=scorer.name,
    )  # fmt: skip
    if len(failed) < len(outcomes):
        _write_outputs(outcomes, settings, json_file, csv_file, plot, html)
    if failed:
        stderr().print(Text(f"{len(outcomes) - len(failed)} of {len(paths)} videos scored, {len(failed)} could not be read"))
    if interrupted:
        stderr().print(Text(f"interrupted: {len(outcomes)} of {len(paths)} videos are in the results"))
        raise typer.Exit(130)
    if failed:
        raise typer.Exit(2 if len(failed) == len(outcomes) else 1)


def check_options(
    k: int | None, threshold: float | None, clip_duration: float | None, stride: float | None, min_gap: float | None,
    decoder: str, fps: float,
) -> None:  # fmt: skip
    """Refuse bad values before any work is done; a ClipselectError names the option."""
    check(k is None or k >= 1, f"--k must be at least 1, got {k}")
    check(threshold is None or 0 <= threshold <= 1, f"--threshold must lie in [0, 1], got {threshold}")
    check(min_gap is None or 0 <= min_gap < float("inf"), f"--min-gap must be at least 0 seconds, got {min_gap}")
    check(decoder in ("pyav", "decord"), f"--decoder must be pyav or decord, got {decoder}")
    for value, option in ((clip_duration, "--clip-duration"), (stride, "--stride"), (fps, "--fps")):
        if value is not None:
            exact_seconds(value, option)


def select(scores: VideoScores, k: int | None, threshold: float | None, min_gap: float | None) -> Selection:
    """The best K, those above the threshold, or the best K of those above the threshold."""
    if threshold is None:
        return top_k(scores.scores, k or DEFAULT_K, spans=scores.spans, min_gap=min_gap)
    kept = above(scores.scores, threshold, spans=scores.spans, min_gap=min_gap)
    return replace(kept, ranked=kept.ranked[:k])


def report(result: Result, human: Console, quiet: bool) -> None:
    """Show a result as soon as it is there; quietly only its warnings."""
    if result.scores is None:
        return
    if not quiet:
        print_result(human, result)
        return
    for warning in result.scores.source.warnings:
        stderr().print(Text(f"warning: {shown(result.path)}: {warning}"))


def _write_outputs(
    outcomes: list[Result], settings: dict[str, Any], json_file: Path | None, csv_file: Path | None,
    plot: Path | None, html: Path | None,
) -> None:  # fmt: skip
    for path, render in ((json_file, lambda: results.as_json(outcomes, settings)), (csv_file, lambda: results.as_csv(outcomes))):
        if path is not None and str(path) == STDOUT:
            write_stdout(render())
        elif path is not None:
            results.write_whole(path, render())
    if plot is not None:
        results.write_whole(plot, pages.plot_png(outcomes))
    if html is not None:
        results.write_whole(html, pages.html_page(outcomes, settings))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ClipselectError(f"{folder}: cannot be made a folder ({e.strerror}); choose another place") from e
    results.check_writable(folder / "clip.mp4")


def _extracted(result: Result, folder: Path, earlier: list[Result]) -> Result:
    """The result with its picked clips saved; videos of the same name in one call get a number."""
    assert result.scores is not None and result.selection is not None
    twins = sum(r.path.stem == result.path.stem for r in earlier)
    stem = f"{result.path.stem}-{twins + 1}" if twins else result.path.stem
    rank = {int(i): r for r, i in enumerate(ranking(result.scores.scores), start=1)}
    files = {}
    for i in result.selection.ordered.tolist():
        clip = result.scores.clips[i]
        files[i] = folder / clip_file_name(stem, rank[i], clip)
        extract_clip(result.scores.source, clip, files[i])
    return replace(result, files=files)
