"""`clipselect classify`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clipselect import __version__, results
from clipselect.classify import Answer, compare
from clipselect.commands.common import STDOUT, progress_bar, settings_of, stderr, write_stdout
from clipselect.commands.score import (
    DEFAULT_K, ClipDuration, DecoderName, Device, Fps, JsonFile, K, MinGap, Model, Quiet, Stride, Threshold, check_options, select,
)  # fmt: skip
from clipselect.display import clock, shown
from clipselect.results import Result
from clipselect.scorer import load_scorer, score_video
from clipselect.sources import open_source

TOP = 3


def classify(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A video file or a folder of frames.")],
    k: K = None,
    threshold: Threshold = None,
    clip_duration: ClipDuration = None,
    stride: Stride = None,
    min_gap: MinGap = None,
    model: Model = None,
    base: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Base: a name of the zoo or a weights file.")] = None,
    device: Device = "auto",
    decoder: DecoderName = "pyav",
    fps: Fps = 30.0,
    json_file: JsonFile = None,
    quiet: Quiet = False,
) -> None:
    """Send the picked clips of a video through the zoo's base, beside uniform and dense sampling.

    The base knows twelve actions; other videos get an answer too, with little probability behind it.
    """
    from clipselect.zoo.base import load_base

    check_options(k, threshold, clip_duration, stride, min_gap, decoder, fps)
    if json_file is not None and str(json_file) != STDOUT:
        results.check_writable(json_file)
    scorer, network = load_scorer(model, device), load_base(base, device)
    with progress_bar(not quiet) as bar:
        task = bar.add_task(shown(video.name))
        source = open_source(video, decoder="decord" if decoder == "decord" else "pyav", fps=fps)
        scores = score_video(
            source, scorer, clip_duration=clip_duration, stride=stride,
            progress=lambda share: bar.update(task, completed=50 * share),
        )  # fmt: skip
        selection = select(scores, k, threshold, min_gap)
        answers = compare(scores, selection, scorer, network)

    human = stderr() if json_file is not None and str(json_file) == STDOUT else Console(highlight=False)
    if not quiet:
        _print(human, video, float(scores.duration), len(scores.clips), answers, network.classes)
    for warning in scores.source.warnings:
        stderr().print(Text(f"warning: {shown(video)}: {warning}", style="yellow"))
    if json_file is not None:
        settings = settings_of(
            k=k or DEFAULT_K, threshold=threshold, stride=stride, min_gap=min_gap, model=scorer.name, base=network.name,
            clip_duration=scorer.clip_duration if clip_duration is None else clip_duration, device=str(scorer.device),
        )  # fmt: skip
        record = results.video_record(Result(video, scorer.name, scores, selection))
        rows = [_row(answer, network.classes) for answer in answers]
        document = {"version": 1, "clipselect": __version__, "settings": settings, "rows": rows, "videos": [record]}
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        write_stdout(text) if str(json_file) == STDOUT else results.write_whole(json_file, text)


def _row(answer: Answer, classes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "method": answer.method,
        "k": answer.clips,
        "gflops": round(answer.gflops, 4),
        "seconds": round(answer.seconds, 4),
        "probabilities": {name: round(float(p), 6) for name, p in zip(classes, answer.probabilities, strict=True)},
    }


def _print(
    console: Console, video: Path, duration: float, candidates: int, answers: list[Answer], classes: tuple[str, ...]
) -> None:
    console.print(Text(f"{shown(video)}  {clock(duration)}, {candidates} candidate clips", style="bold"))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("method", "clips", "GFLOPs", "seconds", "answer"):
        table.add_column(name, justify="left" if name in ("method", "answer") else "right")
    for answer in answers:
        best = answer.probabilities.argsort(descending=True)[:TOP].tolist()
        named = ", ".join(f"{classes[i]} {100 * float(answer.probabilities[i]):.0f} %" for i in best)
        table.add_row(
            answer.method, str(answer.clips), f"{answer.gflops:.1f}", f"{answer.seconds:.2f}", named,
            style="bold green" if answer.method == "ddl" else "",
        )  # fmt: skip
    console.print(table)
    console.print(Text("GFLOPs: 10^9 multiply-adds, the DDNet included; seconds: file to answer", style="dim"))
