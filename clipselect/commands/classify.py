"""`clipselect classify`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clipselect.commands import options
from clipselect.commands.common import check, print_warning
from clipselect.commands.progress import ProgressDisplay
from clipselect.media.text import count, printable
from clipselect.pages.formats import clock

if TYPE_CHECKING:
    from clipselect.evaluation.classify import Answer
    from clipselect.media.sources import Backend

TOP = 3


def classify(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A video file or a folder of frames.")],
    *,
    k: options.K = None,
    threshold: options.Threshold = None,
    clip_duration: options.ClipDuration = None,
    stride: options.Stride = None,
    min_gap: options.MinGap = 0.0,
    model: options.Model = None,
    base: Annotated[
        str | None,
        typer.Option(metavar=options.BASE, help="The base. (default: the shipped one)"),
    ] = None,
    base_geometry: options.BaseGeometry = None,
    base_precision: options.BasePrecision = None,
    device: options.Device = "auto",
    decoder: options.DecoderName = "pyav",
    fps: options.FrameFolderFps = None,
    fast: options.Fast = False,
    json_file: options.JsonFile = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
) -> None:
    """Send the picked clips of a video through a base, beside uniform and dense sampling.

    The shipped base knows a few actions, and answers with one of them, or none, whatever the video shows.
    """
    from clipselect.commands.output.records import VIDEOS, as_json, scored_video
    from clipselect.commands.outputs import VideoOutputs, write
    from clipselect.evaluation.classify import compare
    from clipselect.samplers.clip_selector import ClipSelector
    from clipselect.samplers.explanation import caveats
    from clipselect.scoring.scorer import load_ddnet
    from clipselect.zoo.loading import load_base

    outputs = VideoOutputs(json=json_file, quiet=quiet)
    outputs.refuse_overwrite(video, model, base)
    scorer = load_ddnet(model, device, elements="clips")
    selector = ClipSelector(
        scorer=scorer, k=k, threshold=threshold,
        clip_duration=clip_duration, stride=stride, min_gap=min_gap, decoder=cast("Backend", decoder), fps=fps,
        fast=fast,
    )  # fmt: skip
    check(
        fps is None or video.is_dir(), "--fps is for a folder of frames; a video file has its own rate, so leave it out"
    )
    network = load_base(base, device).with_geometry(base_geometry).with_precision(base_precision)
    with ProgressDisplay(quiet, lines=False) as display:
        picks = selector(video, progress=display)
    answers = compare(picks.scores, picks.picked, scorer, network)
    result = scored_video(picks)
    known = caveats(network)
    result.facts["caveats"] = [*known]
    if not quiet:
        length = clock(result.facts["duration"])
        title = f"{printable(video)}  {length}, {count(len(result.elements), 'candidate clip')}"
        outputs.console.print(Text(title, style="bold"))
        _print(outputs.console, answers, network.classes)
        outputs.console.print(*(Text(caveat, style="yellow") for caveat in known), sep="\n")
        outputs.console.print(*(Text(f"note: {doubt}", style="yellow") for doubt in result.facts["doubts"]), sep="\n")
    for warning in (*result.facts["warnings"], *(result.facts["doubts"] if quiet else ())):
        print_warning(f"{video}: {warning}")
    if json_file is not None:
        rows = [_row(answer, network.classes) for answer in answers]
        settings = {**selector.settings(), "base": network.name, "base_precision": network.precision}
        write(json_file, as_json(VIDEOS, [result], settings, rows=rows))


def _row(answer: "Answer", classes: tuple[str, ...]) -> dict[str, Any]:
    from clipselect.zoo.base import background_probability

    return {
        "method": answer.method,
        "k": answer.clips,
        "gflops": None if answer.gflops is None else round(answer.gflops, 4),
        "seconds": round(answer.seconds, 4),
        "answer": "none of these" if answer.none_of_these else classes[int(answer.probabilities.argmax())],
        "background": round(float(background_probability(answer.probabilities).clamp(0, 1)), 6),
        "probabilities": {name: round(float(p), 6) for name, p in zip(classes, answer.probabilities, strict=True)},
    }


def _print(console: Console, answers: "list[Answer]", classes: tuple[str, ...]) -> None:
    """The answers in the first form that fits: all classes on one line, one class a line, and at last without costs."""
    from clipselect.commands.output.terminal import natural_width

    forms = ((", ", True), ("\n", True), ("\n", False))
    tables = [_table(answers, classes, separator, with_costs) for separator, with_costs in forms]
    shown = next((n for n, table in enumerate(tables) if natural_width(console, table) <= console.width), -1)
    console.print(tables[shown], crop=False)
    if forms[shown][1]:
        costs = "GFLOPs: 10^9 multiply-adds, the DDNet included; seconds: from the opened file to the answer"
        console.print(Text(costs, style="dim"))


def _table(answers: "list[Answer]", classes: tuple[str, ...], separator: str, with_costs: bool) -> Table:
    from clipselect.commands.output.terminal import plain_table
    from clipselect.zoo.base import background_probability

    what, costs = f"answer, one of {len(classes):,} classes", ["GFLOPs", "seconds"] * with_costs
    table = plain_table("method", "clips", *costs, what, left=["method"], text=[what])
    for answer in answers:
        background = float(background_probability(answer.probabilities))
        best = answer.probabilities.argsort(descending=True)[:TOP].tolist()
        parts = [f"{classes[i]} {100 * float(answer.probabilities[i]):.0f} %" for i in best]
        parts += [f"none of these {100 * background:.0f} %"] * (background > 0.005)
        spent = "?" if answer.gflops is None else f"{answer.gflops:.1f}", f"{answer.seconds:.2f}"
        said = f"none of these:{separator.removeprefix(',')}" * answer.none_of_these + separator.join(parts)
        style = "bold green" if answer.method == "ddl" else ""
        table.add_row(answer.method, str(answer.clips), *(spent if with_costs else ()), Text(said), style=style)
    return table
