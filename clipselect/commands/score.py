"""`clipselect score`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from clipselect.commands import options
from clipselect.commands.common import check
from clipselect.errors import ClipselectError
from clipselect.media.text import printable

if TYPE_CHECKING:
    from clipselect.commands.output.records import Result
    from clipselect.media.sources import Backend


def score(
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO",
            help="Videos, folders of videos or of frames, quoted globs, lists of paths (.csv, .txt).",
        ),
    ],
    *,
    k: options.K = None,
    threshold: options.Threshold = None,
    clip_duration: options.ClipDuration = None,
    stride: options.Stride = None,
    min_gap: options.MinGap = 0.0,
    candidates: options.Candidates = None,
    scorer: options.AnyScorer = None,
    device: options.Device = "auto",
    decoder: options.DecoderName = "pyav",
    fps: options.FrameFolderFps = None,
    fast: options.Fast = False,
    budget: options.Budget = None,
    json_file: options.JsonFile = None,
    csv_file: options.CsvFile = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Plot the scores over time: .png, .svg or .pdf.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page: the picked clips, all scores over time.")
    ] = None,
    prefix: options.ListPrefix = None,
    extract: Annotated[Path | None, typer.Option(metavar="DIR", help="Save the picked clips as .mp4 files.")] = None,
    explain: options.Explain = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
) -> None:
    """Rank the clips of videos and pick the ones worth a heavy network's time.

    Exit code 0: all scored. 1: some of several videos could not be. 2: none could be, or wrong usage.
    """
    from clipselect.commands.batch import finish, once, run_batch, score_video_file
    from clipselect.commands.output.records import failed_video
    from clipselect.commands.outputs import VideoOutputs
    from clipselect.index.inputs import find_videos
    from clipselect.samplers.clip_selector import ClipSelector
    from clipselect.samplers.explanation import explaining_base
    from clipselect.scoring.scorer import load_scorer

    outputs = VideoOutputs(json_file, csv_file, plot, html, extract, quiet)
    inputs: list[tuple[Path, str | ClipselectError]] = []
    paths = find_videos(videos, prefix, on_error=lambda path, error: inputs.append((Path(path), error)))
    paths = once(paths)
    for number, path in enumerate(paths, start=1):
        inputs.append((path, printable(path.name) + (f" ({number}/{len(paths)})" if len(paths) > 1 else "")))
    outputs.refuse_overwrite(*videos, *paths, scorer, candidates, explain)
    check(
        candidates is None or len(inputs) == 1,
        f"--candidates holds the windows of one video, but {len(inputs)} are given; score them one by one",
    )
    selector = ClipSelector(
        scorer=load_scorer(scorer, device, elements="clips"), k=k, threshold=threshold,
        clip_duration=clip_duration, stride=stride, min_gap=min_gap, candidates=candidates,
        decoder=cast("Backend", decoder), fps=fps, fast=fast, budget=budget,
    )  # fmt: skip
    check(
        fps is None or any(path.is_dir() for path in paths),
        "--fps is for folders of frames, and only video files were given, which have their own rate; leave it out",
    )
    base = None if explain is None else explaining_base(explain, device)

    def score_one(named: tuple[Path, str | ClipselectError]) -> "list[Result]":
        path, label = named
        if isinstance(label, ClipselectError):
            return [failed_video(path, selector.scorer.name, str(label))]
        return [score_video_file(path, label, selector, base, outputs, len(paths))]

    results, undone = run_batch(inputs, score_one, outputs, "video")
    outputs.save(results, {**selector.settings(), "explain": None if base is None else base.name})
    finish(results, undone, "video")
