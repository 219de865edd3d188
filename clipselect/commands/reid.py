"""`clipselect reid`."""

from pathlib import Path
from typing import Annotated, cast

import typer
from rich.text import Text

from clipselect.commands.common import check, stderr
from clipselect.commands.frame_outputs import (
    CsvFile,
    FrameOutputs,
    Html,
    IndexFile,
    K,
    Model,
    Plot,
    Save,
    Share,
    Threshold,
    finish,
    group_of_files,
)
from clipselect.commands.options import Device, JsonFile, Quiet
from clipselect.commands.output.frame_results import GroupResult
from clipselect.data.tracklets import LAYOUTS, Layout, Tracklet, read_tracklets
from clipselect.media.text import printable
from clipselect.samplers.frame_sampler import ReIDFrameSampler

INTRO = "Person tracklets, best frames first by how discriminable they are for the base; the green ones were picked."


def reid(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Tracklets as MARS, Market-1501, iLIDS-VID or PRID, or folders."),
    ],
    *,
    k: K = None,
    share: Share = None,
    threshold: Threshold = None,
    layout: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"One of {', '.join(LAYOUTS)}. (default: as the names say)")
    ] = None,
    model: Model = None,
    device: Device = "auto",
    json_file: JsonFile = None,
    csv_file: CsvFile = None,
    plot: Plot = None,
    html: Html = None,
    save: Save = None,
    index: IndexFile = None,
    quiet: Quiet = False,
) -> None:
    """Rank the frames of person tracklets and pick those worth embedding: by default those above 0.5.

    Exit code 0: all scored. 1: some tracklets or file names could not be read. 2: nothing could, or wrong usage.
    """
    check(layout is None or layout in LAYOUTS, f"--layout must be one of {', '.join(LAYOUTS)}, got {layout}")
    outputs = FrameOutputs(json_file, csv_file, plot, html, save, quiet, index)
    sampler = ReIDFrameSampler(k=k, share=share, threshold=threshold, model=model, device=device)
    tracklets: list[tuple[Path, Tracklet]] = []
    skipped: list[str] = []
    for folder in folders:
        found = read_tracklets(folder, cast(Layout | None, layout))
        tracklets += [(folder, tracklet) for tracklet in found.tracklets]
        skipped += found.skipped
    for sentence in skipped:
        stderr().print(Text.assemble(("Error: ", "bold red"), printable(sentence)))
    results: list[GroupResult] = []
    try:
        for folder, tracklet in tracklets:
            results.append(group_of_files(str(folder), _name(tracklet), tracklet.paths, sampler, outputs))
            outputs.show(results[-1])
    except KeyboardInterrupt:  # what is done is kept
        stderr().print(Text(f"interrupted: {len(results)} of {len(tracklets)} tracklets are in the results"))
    settings = {"model": sampler.scorer.name, "k": sampler.k, "share": sampler.share, "threshold": sampler.threshold}
    settings |= {"layout": layout, "device": str(sampler.scorer.device), "base": sampler.scorer.metadata.get("base")}
    outputs.save(results, settings, sampler.scorer, INTRO)
    finish(results, len(tracklets), skipped, "tracklets")


def _name(tracklet: Tracklet) -> str:
    camera = "" if tracklet.camera is None else f" camera {tracklet.camera}"
    return f"{tracklet.identity}{camera} track {tracklet.track}"
