"""`clipselect reid`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from clipselect.commands import options
from clipselect.commands.common import print_error
from clipselect.commands.progress import ProgressDisplay
from clipselect.errors import ArgumentError, ClipselectError

if TYPE_CHECKING:
    from clipselect.commands.output.records import Result
    from clipselect.data.tracklets import Layout, Tracklet


def reid(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER", help="Tracklets as MARS, Market-1501, iLIDS-VID or PRID, or folders."),
    ],
    *,
    k: options.FrameK = None,
    share: options.Share = None,
    threshold: options.Threshold = None,
    min_gap: options.FrameGap = None,
    layout: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="One of mars, market1501, ilids-vid, prid2011, folders. (default: as the names say)",
        ),
    ] = None,
    scorer: options.AnyScorer = None,
    device: options.Device = "auto",
    json_file: options.JsonFile = None,
    csv_file: options.CsvFile = None,
    plot: options.FramePlot = None,
    html: options.FrameHtml = None,
    save: options.Save = None,
    index: options.IndexFile = None,
    every_frame: options.EveryFrame = False,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
) -> None:
    """Rank the frames of person tracklets and pick those worth embedding: by default those above 0.5.

    Exit code 0: all scored. 1: some folders, tracklets or names could not be read. 2: nothing could, or wrong usage.
    """
    from clipselect.commands.batch import finish, run_batch, sampler_settings, score_files
    from clipselect.commands.frame_outputs import FrameOutputs
    from clipselect.commands.output.records import failed_group
    from clipselect.data.tracklets import read_tracklets
    from clipselect.samplers.frame_sampler import ReIDFrameSampler

    outputs = FrameOutputs(json_file, csv_file, plot, html, save, quiet, index, every_frame)
    outputs.refuse_overwrite(scorer)
    sampler = ReIDFrameSampler(k=k, share=share, threshold=threshold, min_gap=min_gap, scorer=scorer, device=device)
    outputs.check_index(sampler.scorer)
    skipped = 0
    inputs: list[tuple[str, Tracklet | ClipselectError]] = []
    for folder in folders:
        try:
            found = read_tracklets(folder, cast("Layout | None", layout))
        except ArgumentError:  # the layout
            raise
        except ClipselectError as e:
            inputs.append((str(folder), e))
            continue
        for problem in found.skipped:
            print_error(problem)
        skipped += len(found.skipped)
        inputs += [(str(folder), tracklet) for tracklet in found.tracklets]

    def score(one: "tuple[str, Tracklet | ClipselectError]") -> "list[Result]":
        folder, tracklet = one
        if isinstance(tracklet, ClipselectError):
            return [failed_group(folder, "", sampler.scorer.name, str(tracklet))]
        return [score_files(folder, _name(tracklet), tracklet.paths, sampler, outputs)]

    with ProgressDisplay(quiet, lines=False) as display:
        results, undone = run_batch(inputs, score, outputs, "tracklet", display)
    outputs.show_summary(results)
    outputs.write_index(results, sampler.scorer)
    outputs.save(results, sampler_settings(sampler, layout=layout))
    finish(results, undone, "tracklet", skipped)


def _name(tracklet: "Tracklet") -> str:
    camera = "" if tracklet.camera is None else f" camera {tracklet.camera}"
    return f"{tracklet.identity}{camera} track {tracklet.track}"
