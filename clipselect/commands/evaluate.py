"""`clipselect evaluate`: accuracy and cost of every method on labelled data."""

import tempfile
from collections.abc import Container, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from clipselect.commands.common import Command, check, stderr, warnings_shown, write_stdout
from clipselect.commands.options import (
    BASE,
    BaseGeometry,
    BasePrecision,
    ClipDuration,
    Device,
    Fps,
    MinGap,
    Model,
    Stride,
    Threads,
)
from clipselect.commands.progress import Failures, ProgressDisplay, stoppable

if TYPE_CHECKING:
    from clipselect.evaluation.evaluate import Evaluation

SYNTHETIC_KS = [1, 2, 3]

evaluate = typer.Typer(
    no_args_is_help=True, help="Measure accuracy and cost of every method, DDL beside all baselines, on labelled data."
)


class ListCommand(Command):
    """Lets one option have several values, as `--k 1 3 5` for `--k 1 --k 3 --k 5`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        lists = {name for parameter in self.params if getattr(parameter, "multiple", False) for name in parameter.opts}
        return super().parse_args(ctx, spread_values(args, lists))


def spread_values(words: Sequence[str], lists: Container[str]) -> list[str]:
    """The words, with the name of an option in `lists` before each of its values; any other option ends them."""
    spread: list[str] = []
    current = ""
    for word in words:
        if word.startswith("-") and not _is_number(word):
            current = word if word in lists else ""
        elif current and spread[-1] != current:
            spread.append(current)
        spread.append(word)
    return spread


def _is_number(word: str) -> bool:
    """Whether the word is a value although it may begin with a minus."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def run_evaluation(evaluation: "Evaluation", out: Path, *, quiet: bool, what: str = "video") -> None:
    """Evaluate, write OUT/results.json and OUT/results.md, and print the latter.

    Args:
        what: what the files are that may be unreadable.
    """
    from clipselect.report.write import render, write_report

    failures = Failures(what)
    with stoppable(out), warnings_shown(), ProgressDisplay(quiet) as display:
        results = evaluation.run(out, progress=display, on_error=failures.add)
    failures.report()
    report = write_report([results], markdown=out / "results.md")
    if not quiet:
        write_stdout(render(report, "markdown"))


Out = Annotated[Path, typer.Option(metavar="DIR", help="For results.json, results.md and a cache.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no tables; warnings and errors only.")]


@evaluate.command(cls=ListCommand)
def clips(
    *,
    out: Out,
    data: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Folder SPLIT/CLASS/VIDEO, or a list of videos with labels (.csv)."),
    ] = None,
    activitynet: Annotated[
        Path | None, typer.Option("--activitynet", metavar="JSON", help="ActivityNet's annotations; adds mAP.")
    ] = None,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Make videos and networks, to see that everything runs.")
    ] = False,
    prefix: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the videos of a list or JSON lie.")] = None,
    classes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names of the base's outputs, one a line, in order.")
    ] = None,
    base: Annotated[
        str | None, typer.Option("--base", metavar=BASE, help="Base network. (default: the shipped one)")
    ] = None,
    model: Model = None,
    k: Annotated[list[int] | None, typer.Option("--k", help="Clips that reach the base. (default: 1 3 5 9)")] = None,
    dense: Annotated[
        int | None,
        typer.Option(help="Maximum number of candidates a video: evenly spread, unless --stride gives fewer."),
    ] = None,
    clip_duration: ClipDuration = None,
    pieces: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="Cut annotated videos into pieces of this length; each is classified by itself."
        ),
    ] = None,
    stride: Stride = None,
    base_geometry: BaseGeometry = None,
    base_precision: BasePrecision = None,
    min_gap: MinGap = 0.0,
    shots: Annotated[
        bool, typer.Option("--shots", help="Also clips evenly spread within shots, which PySceneDetect finds.")
    ] = False,
    all_videos: Annotated[
        bool, typer.Option("--all", help="Evaluate all videos, not only those of val or, without splits, a fifth.")
    ] = False,
    limit: Annotated[int | None, typer.Option(help="Evaluate only this many videos, evenly drawn.")] = None,
    seeds: Annotated[list[int], typer.Option(help="Of the random baseline and of the compositions.")] = [0, 1, 2],  # noqa: B006
    compose: Annotated[
        list[str] | None,
        typer.Option(help="Videos composed of those of --data and of background: mixed, hard, or both."),
    ] = None,
    background: Annotated[Path | None, typer.Option(metavar="DIR", help="SPLIT/DOMAIN/VIDEO, for --compose.")] = None,
    domains: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Columns class,domain, for --compose hard.")
    ] = None,
    per_video: Annotated[int, typer.Option(help="Compositions for each video and seed.")] = 2,
    timed: Annotated[int, typer.Option(help="Videos to time, from opening the file to the answer; 0 for none.")] = 8,
    fps: Fps = 30.0,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Clips of videos: accuracy of classification.

    Videos are trimmed, untrimmed, or composed of trimmed ones.

    Accuracy with intervals, multiply-adds and seconds of every method at every K. An evaluation that was stopped
    continues when the same command is given again; another --k takes seconds. `clipselect report OUT` draws the
    results. Several values follow one option: --k 1 3 5.
    """
    values = {**locals()}
    from clipselect.evaluation.clips import ClipEvaluation

    options = {field.name: values[field.name] for field in fields(ClipEvaluation) if field.name in values}
    options |= {"data": activitynet or data, "compose": compose or ()}
    check(
        sum((data is not None, activitynet is not None, synthetic)) == 1,
        "what to evaluate must be given by one of --data, --activitynet and --synthetic",
    )
    with tempfile.TemporaryDirectory() as temporary:
        if synthetic:
            options = _synthetic(options, Path(temporary))
        run_evaluation(ClipEvaluation(**options), out, quiet=quiet)
    if synthetic:
        stderr().print(Text("--synthetic shows that everything runs; its figures mean nothing"))


def _synthetic(options: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The options with data and networks that are made in a folder."""
    from clipselect.evaluation.destination import SYNTHETIC
    from clipselect.evaluation.synthetic import make_synthetic

    own = ("background", "domains", "prefix", "base", "model", "classes")
    named = ", ".join(f"--{name}" for name in own if options[name] is not None)
    check(not named, f"--synthetic makes its own; leave out {named}")
    made = make_synthetic(folder)
    options |= {"data": made.data, "base": str(made.base), "model": str(made.model), "benchmark": SYNTHETIC}
    options |= {"k": options["k"] or SYNTHETIC_KS}
    return options | ({"background": made.background, "domains": made.domains} if options["compose"] else {})
