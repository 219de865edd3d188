"""`clipselect faces`."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import av
import typer
from rich.text import Text

from clipselect.commands.common import check, progress_bar, stderr
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
    save_pictures,
)
from clipselect.commands.options import Device, JsonFile, Quiet
from clipselect.commands.output.frame_results import GroupResult
from clipselect.errors import ClipselectError
from clipselect.index.inputs import expand, image_folders
from clipselect.media.text import printable
from clipselect.samplers.frame_sampler import FaceFrameSampler

if TYPE_CHECKING:
    from clipselect.faces.detection import Detector

INTRO = "Faces of every track, best first by how discriminable they are for the base; the green ones were picked."
SQUARES = "found without landmarks: the faces are square crops, not aligned; --detector with a YuNet file aligns them"


def faces(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="VIDEO|FOLDER...", help="Videos, or folders of cropped faces, one folder per group."),
    ],
    *,
    k: K = None,
    share: Share = None,
    threshold: Threshold = None,
    detector: Annotated[
        Path | None,
        typer.Option(metavar="FILE.onnx", help="YuNet of OpenCV's model zoo. (default: OpenCV's own Haar cascade)"),
    ] = None,
    every: Annotated[
        int, typer.Option(min=1, help="Look at every so-many-th frame of a video; every face found takes 40 KB.")
    ] = 1,
    shortest: Annotated[int, typer.Option(min=1, help="Leave out tracks of fewer faces.")] = 5,
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
    """Find the faces of videos, link them to tracks, and pick the best of each: by default those above 0.15.

    Images in folders are taken as faces already cropped. Exit code 0: all done. 1: some failed. 2: all failed, or wrong
    usage.
    """
    outputs = FrameOutputs(json_file, csv_file, plot, html, save, quiet, index)
    sampler = FaceFrameSampler(k=k, share=share, threshold=threshold, model=model, device=device)
    results: list[GroupResult] = []
    paths = expand(inputs)
    videos = [path for path in paths if not path.is_dir()]
    check(bool(videos) or detector is None, "--detector is for videos, and only folders were given; leave it out")
    check(
        not videos or index is None,
        "--index is for folders of images, and faces of videos have no files; --save them and index that folder",
    )
    detect = _detector(detector) if videos else None
    done = 0
    found: Iterable[GroupResult]
    try:
        for path in paths:
            if detect is None or path.is_dir():
                found = _of_folder(path, sampler, outputs)
            else:
                found = _of_video(path, sampler, outputs, detect, every, shortest)
            for result in found:
                outputs.show(result)
                results.append(result)
            done += 1
    except KeyboardInterrupt:  # what is done is kept
        stderr().print(Text(f"interrupted: {done} of {len(paths)} inputs are in the results"))
    settings = {"model": sampler.scorer.name, "k": sampler.k, "share": sampler.share, "threshold": sampler.threshold}
    if videos:
        settings |= {"detector": "haar" if detector is None else detector.name, "every": every, "shortest": shortest}
    settings |= {"device": str(sampler.scorer.device), "base": sampler.scorer.metadata.get("base")}
    outputs.save(results, settings, sampler.scorer, INTRO)
    finish(results, len(results) + len(paths) - done, (), "groups")


def _detector(model: Path | None) -> "Detector":
    from clipselect.faces.detection import Haar, YuNet  # OpenCV

    return Haar() if model is None else YuNet(model)


def _of_folder(path: Path, sampler: FaceFrameSampler, outputs: FrameOutputs) -> Iterator[GroupResult]:
    """A group for every folder at or below `path` that holds images."""
    try:
        places: list[tuple[Path, list[str]]] = [*image_folders(path)]
        check(bool(places), f"{path}: no images in it or below; give a folder of cropped faces, or a video")
    except ClipselectError as e:
        stderr().print(Text.assemble(("Error: ", "bold red"), printable(e)))
        yield GroupResult(str(path), "", sampler.scorer.name, error=str(e))
        return
    for place, names in places:
        group = os.path.relpath(place, path)
        yield group_of_files(
            str(path), "" if group == "." else group, [place / name for name in names], sampler, outputs
        )


def _of_video(
    path: Path, sampler: FaceFrameSampler, outputs: FrameOutputs, detect: "Detector", every: int, shortest: int
) -> list[GroupResult]:
    """A group for every track; whatever goes wrong with a video stays with it."""
    from clipselect.faces.video_faces import faces_of_video  # OpenCV

    model = sampler.scorer.name
    try:
        with progress_bar(not outputs.quiet) as bar:
            task = bar.add_task(printable(path.name))
            found = faces_of_video(
                path, detect, every=every, shortest=shortest,
                progress=lambda done: bar.update(task, completed=100 * done),
            )  # fmt: skip
        small = f", but {found.too_small} smaller than 20 px" if found.too_small else ""
        check(
            bool(found.tracks),
            f"{path}: no face in {shortest} frames or more of the {found.frames} looked at{small}; lower --shortest or "
            "--every, or give YuNet as --detector",
        )
        for sentence in found.warnings:
            stderr().print(Text(f"warning: {printable(path)}: {printable(sentence)}"))
        results = []
        for number, one in enumerate(found.tracks, start=1):
            told = found.warnings if one.by_landmarks else (*found.warnings, SQUARES)
            selection = sampler(one.crops)
            pictures = dict(enumerate(one.crops)) if outputs.needs_pictures else {}
            result = GroupResult(str(path), f"track {number}", model, one.origins, selection, told, pictures=pictures)
            results.append(save_pictures(result, outputs, one.crops.__getitem__))
        return results
    except ClipselectError as e:
        error = str(e)
    except (av.FFmpegError, OSError, RuntimeError, MemoryError, ValueError) as e:
        error = f"{path}: cannot be scored ({printable(e) or type(e).__name__}); convert it"
    stderr().print(Text.assemble(("Error: ", "bold red"), printable(error)))
    return [GroupResult(str(path), "", model, error=error)]
