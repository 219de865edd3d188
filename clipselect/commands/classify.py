"""`clipselect classify`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clipselect.commands.common import progress_bar
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
from clipselect.commands.output.display import clock
from clipselect.commands.output.results import Result, as_json
from clipselect.commands.outputs import Outputs, print_warnings, write
from clipselect.evaluation.classify import Answer, compare
from clipselect.media.text import printable
from clipselect.scoring.scorer import load_scorer

TOP = 3


def classify(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A video file or a folder of frames.")],
    *,
    k: K = None,
    threshold: Threshold = None,
    clip_duration: ClipDuration = None,
    stride: Stride = None,
    min_gap: MinGap = None,
    model: Model = None,
    base: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Base: a name of the zoo or a weights file.")
    ] = None,
    device: Device = "auto",
    decoder: DecoderName = "pyav",
    fps: Fps = 30.0,
    fast: Fast = False,
    json_file: JsonFile = None,
    quiet: Quiet = False,
) -> None:
    """Send the picked clips of a video through the zoo's base, beside uniform and dense sampling.

    The base knows twelve actions and a background; what it takes for background is missing from the percentages.
    """
    from clipselect.zoo.loading import load_base

    settings = Settings(k, threshold, clip_duration, stride, min_gap, decoder, fps, fast)
    outputs = Outputs(json=json_file, quiet=quiet)
    outputs.spare([video])
    scorer, network = load_scorer(model, device), load_base(base, device)
    with progress_bar(not quiet) as bar:
        task = bar.add_task(printable(video.name))
        scores = settings.score(video, scorer, lambda p: bar.update(task, completed=50 * p.done / p.total))
        selection = settings.select(scores)
        answers = compare(scores, selection, scorer, network)
    if not quiet:
        outputs.console.print(
            Text(
                f"{printable(video)}  {clock(float(scores.duration))}, {len(scores.clips)} candidate clips",
                style="bold",
            )
        )
        _print(outputs.console, answers, network.classes)
    print_warnings(scores.source)
    if json_file is not None:
        result = Result(video, scorer.name, scores, selection)
        rows = [_row(answer, network.classes) for answer in answers]
        write(json_file, as_json([result], {**settings.record(scorer), "base": network.name}, rows=rows))


def _row(answer: Answer, classes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "method": answer.method,
        "k": answer.clips,
        "gflops": None if answer.gflops is None else round(answer.gflops, 4),
        "seconds": round(answer.seconds, 4),
        "probabilities": {name: round(float(p), 6) for name, p in zip(classes, answer.probabilities, strict=True)},
    }


def _print(console: Console, answers: list[Answer], classes: tuple[str, ...]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("method", "clips", "GFLOPs", "seconds", "answer"):
        table.add_column(name, justify="left" if name in ("method", "answer") else "right")
    for answer in answers:
        best = answer.probabilities.argsort(descending=True)[:TOP].tolist()
        table.add_row(
            answer.method,
            str(answer.clips),
            "?" if answer.gflops is None else f"{answer.gflops:.1f}",
            f"{answer.seconds:.2f}",
            Text(", ".join(f"{classes[i]} {100 * float(answer.probabilities[i]):.0f} %" for i in best)),
            style="bold green" if answer.method == "ddl" else "",
        )
    console.print(table)
    console.print(
        Text("GFLOPs: 10^9 multiply-adds, the DDNet included; seconds: from the opened file to the answer", style="dim")
    )
