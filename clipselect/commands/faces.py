"""`clipselect faces`."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipselect.commands import options
from clipselect.commands.batch import FAILURES, finish, run_batch, sampler_settings, score_files, sentence
from clipselect.commands.common import check, print_warning
from clipselect.commands.output.records import Result, failed_group, scored_group
from clipselect.commands.outputs import FrameOutputs
from clipselect.commands.progress import ProgressDisplay
from clipselect.errors import ClipselectError
from clipselect.index.inputs import expand, image_folders
from clipselect.samplers.frame_sampler import FaceFrameSampler

if TYPE_CHECKING:
    from clipselect.faces.detection import Detector

YUNET = "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx"


def faces(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="VIDEO|FOLDER...", help="Videos, or folders of cropped faces, one folder per group."),
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
        typer.Option(min=1, metavar="N", help="Look at every Nth frame of a video only. A face takes 40 KB of memory."),
    ] = 1,
    shortest: Annotated[int, typer.Option(min=1, metavar="N", help="Leave out tracks of fewer than N faces.")] = 5,
    model: options.Model = None,
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
    """Find the faces of videos, link them to tracks, and pick the best of each: by default those above 0.15.

    Images in folders are taken as faces already cropped. Exit code 0: all done. 1: some failed. 2: all failed, or wrong
    usage.
    """
    outputs = FrameOutputs(json_file, csv_file, plot, html, save, quiet, index, every_frame)
    sampler = FaceFrameSampler(k=k, share=share, threshold=threshold, min_gap=min_gap, model=model, device=device)
    paths = expand(inputs)
    outputs.refuse_overwrite(*paths, model, detector)
    has_videos = any(not path.is_dir() for path in paths)
    check(has_videos or detector is None, "--detector is for videos, and only folders were given; leave it out")
    check(
        not (has_videos and index),
        "--index is for folders of images, and faces of videos have no files; --save them and index that folder",
    )
    detect = _detector(detector) if has_videos else None

    def score(path: Path) -> Iterable[Result]:
        if detect is None or path.is_dir():
            return _of_folder(path, sampler, outputs)
        return _of_video(path, sampler, outputs, detect, every, shortest)

    results, undone = run_batch(paths, score, outputs, "inputs")
    outputs.show_summary(results)
    of_videos = {"detector": detector.name if detector else "mtcnn", "every": every, "shortest": shortest}
    outputs.write_index(results, sampler.scorer)
    outputs.save(results, sampler_settings(sampler, **(of_videos if has_videos else {})))
    finish(results, undone, "groups")


def _of_folder(path: Path, sampler: FaceFrameSampler, outputs: FrameOutputs) -> Iterator[Result]:
    """A group for every folder at or below `path` that holds images."""
    try:
        folders = [*image_folders(path)]
        check(bool(folders), f"{path}: no images in it or below; give a folder of cropped faces, or a video")
    except ClipselectError as e:
        yield failed_group(str(path), "", sampler.scorer.name, str(e))
        return
    for folder, names in folders:
        group = "" if folder == path else os.path.relpath(folder, path)
        yield score_files(str(path), group, [folder / name for name in names], sampler, outputs)


def _detector(model: Path | None) -> "Detector":
    from clipselect.faces import MTCNN, YuNet  # OpenCV

    return MTCNN() if model is None else YuNet(model)


def _of_video(
    path: Path, sampler: FaceFrameSampler, outputs: FrameOutputs, detect: "Detector", every: int, shortest: int
) -> list[Result]:
    """A group for every track; whatever goes wrong with a video stays with it."""
    from clipselect.faces.video_faces import faces_of_video  # OpenCV

    source, model = str(path), sampler.scorer.name
    results: list[Result] = []
    try:
        with ProgressDisplay(outputs.quiet, lines=False) as display:
            found = faces_of_video(path, detect, every=every, shortest=shortest, progress=display)
        for warning in found.warnings:
            print_warning(f"{path}: {warning}")
        if not found.tracks:
            small = f", but {found.too_small} smaller than 20 px" if found.too_small else ""
            raise ClipselectError(
                f"{path}: no face in {shortest} frames or more of the {found.frames} looked at{small}; "
                f"lower --shortest or --every, or give YuNet as --detector ({YUNET})"
            )
        for number, track in enumerate(found.tracks, start=1):
            name, selection = f"track {number}", sampler(track.crops, [origin.time or 0.0 for origin in track.origins])
            numbers = [origin.frame or 0 for origin in track.origins]
            saved = outputs.save_frames(source, name, selection, track.crops.__getitem__, numbers)
            group = scored_group(source, name, model, track.origins, selection, files=saved, warnings=found.warnings)
            results.append(outputs.with_pictures(group, track.crops.__getitem__))
    except FAILURES as e:
        return [failed_group(source, "", model, sentence(path, e))]
    return results
