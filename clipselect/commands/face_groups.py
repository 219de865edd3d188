"""The groups of `clipselect faces`: a folder of cropped faces each, or a track of a video each."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from clipselect.commands.batch import FAILURES, chosen_group, score_files, sentence
from clipselect.commands.common import check, print_warning
from clipselect.commands.frame_outputs import FrameOutputs
from clipselect.commands.output.records import Result, failed_group
from clipselect.commands.progress import ProgressDisplay
from clipselect.errors import ClipselectError
from clipselect.index.inputs import image_folders
from clipselect.samplers.frame_sampler import FaceFrameSampler

if TYPE_CHECKING:
    from clipselect.faces.detection import Detector
    from clipselect.sets.aggregated_face import TrainedAggregator

YUNET = "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx"


def groups_of_folder(path: Path, sampler: FaceFrameSampler, outputs: FrameOutputs) -> Iterator[Result]:
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


def face_detector(model: Path | None, min_face: float) -> "Detector":
    from clipselect.faces import MTCNN, YuNet  # OpenCV

    return MTCNN(min_face=min_face) if model is None else YuNet(model, min_face=min_face)


def face_aggregator(weights: Path, device: str) -> "TrainedAggregator":
    from clipselect.sets.aggregated_face import load_face_aggregator  # PyTorch

    return load_face_aggregator(weights, device)


def groups_of_video(
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
            small = f", but {found.too_small} smaller than --min-face" if found.too_small else ""
            raise ClipselectError(
                f"{path}: no face in {shortest} frames or more of the {found.frames} looked at{small}; "
                f"lower --shortest or --every, or give YuNet as --detector ({YUNET})"
            )
        for number, track in enumerate(found.tracks, start=1):
            if outputs.aggregator and not track.by_landmarks:
                print_warning(f"{path}: the faces are not aligned by landmarks, so what is made of them may be no face")
            selection = sampler(track.crops, [origin.time or 0.0 for origin in track.origins])
            results.append(
                chosen_group(
                    source, f"track {number}", model, track.origins, selection, track.crops.__getitem__, outputs,
                    warnings=found.warnings, in_video=[origin.frame or 0 for origin in track.origins],
                )
            )  # fmt: skip
    except FAILURES as e:
        results.append(failed_group(source, "", model, sentence(path, e)))
    return results
