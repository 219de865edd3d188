"""`clipselect faces`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipselect.commands import options
from clipselect.commands.common import check

if TYPE_CHECKING:
    from clipselect.commands.output.records import Result


def faces(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="VIDEO|FOLDER", help="Videos, or folders of cropped faces, one folder per group."),
    ],
    *,
    k: options.FrameK = None,
    share: options.Share = None,
    threshold: options.Threshold = None,
    min_gap: options.FrameGap = None,
    detector: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.onnx", help="YuNet of OpenCV's model zoo, which misses fewer faces. (default: MTCNN)"
        ),
    ] = None,
    every: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Look at every Nth frame of a video only: faster, and fewer faces in memory."
        ),
    ] = 1,
    min_face: Annotated[
        int,
        typer.Option(min=12, metavar="PIXELS", help="Leave out smaller faces; 40 finds the others in half the time."),
    ] = 20,
    shortest: Annotated[int, typer.Option(min=1, metavar="N", help="Leave out tracks of fewer than N faces.")] = 5,
    scorer: options.AnyScorer = None,
    device: options.Device = "auto",
    json_file: options.JsonFile = None,
    csv_file: options.CsvFile = None,
    plot: options.FramePlot = None,
    html: options.FrameHtml = None,
    save: options.Save = None,
    aggregate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="FAN of train-set-network, which makes one image of the picked faces of every group: beside them in "
            "--html and --plot, and with them in --save.",
        ),
    ] = None,
    index: options.IndexFile = None,
    every_frame: options.EveryFrame = False,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
) -> None:
    """Find the faces of videos, link them to tracks, and pick the best of each: by default those above 0.15.

    Images in folders are taken as faces already cropped. Exit code 0: all done. 1: some failed. 2: all failed, or wrong
    usage.
    """
    from clipselect.commands.batch import finish, run_batch, sampler_settings
    from clipselect.commands.face_groups import face_aggregator, face_detector, groups_of_folder, groups_of_video
    from clipselect.commands.frame_outputs import FrameOutputs
    from clipselect.index.inputs import expand
    from clipselect.samplers.frame_sampler import FaceFrameSampler

    is_shown = any(output is not None for output in (plot, html, save))
    check(
        aggregate is None or is_shown, "--aggregate makes an image; say with --html, --plot or --save where to show it"
    )
    aggregator = None if aggregate is None else face_aggregator(aggregate, device)
    outputs = FrameOutputs(json_file, csv_file, plot, html, save, quiet, index, every_frame, aggregator)
    sampler = FaceFrameSampler(k=k, share=share, threshold=threshold, min_gap=min_gap, scorer=scorer, device=device)
    outputs.check_index(sampler.scorer)
    paths = expand(inputs)
    outputs.refuse_overwrite(*paths, scorer, detector, aggregate)
    has_videos = any(not path.is_dir() for path in paths)
    check(has_videos or detector is None, "--detector is for videos, and only folders were given; leave it out")
    check(
        not (has_videos and index),
        "--index is for folders of images, and faces of videos have no files; --save them and index that folder",
    )
    detect = face_detector(detector, min_face) if has_videos else None

    def score(path: Path) -> "Iterable[Result]":
        if detect is None or path.is_dir():
            return groups_of_folder(path, sampler, outputs)
        return groups_of_video(path, sampler, outputs, detect, every, shortest)

    results, undone = run_batch(paths, score, outputs, "input")
    outputs.show_summary(results)
    of_videos = {
        "detector": detector.name if detector else "mtcnn",
        "every": every,
        "min_face": min_face,
        "shortest": shortest,
    }
    outputs.write_index(results, sampler.scorer)
    outputs.save(results, sampler_settings(sampler, **(of_videos if has_videos else {})))
    finish(results, undone, "group")
