"""What a base says about every candidate clip of a video, in one pass over its frames."""

from dataclasses import dataclass

import torch
from torch import Tensor

from clipselect.media.candidates import Clip, Seconds
from clipselect.media.clips import ClipBatch, candidates, map_clips
from clipselect.media.sources import Source
from clipselect.zoo.base import Base


@dataclass(frozen=True)
class ClipOutputs:
    """Outputs of a base for the candidate clips of one video, in time order.

    Attributes:
        clips: [n].
        features: [n, d] float32, the input of the base's head.
        probabilities: [n, classes] float32.
    """

    clips: list[Clip]
    features: Tensor
    probabilities: Tensor


def clip_outputs(source: Source, base: Base, clip_duration: Seconds, stride: Seconds | None = None) -> ClipOutputs:
    """Run the base on every candidate clip of a video; frames are decoded once, memory does not grow with the video
    but for the outputs.

    Raises:
        VideoError: not one frame decodes.
        NetworkError: the base fails.
    """
    spec = base.input_spec

    def run(batch: ClipBatch) -> tuple[Tensor, Tensor]:
        return base.outputs(batch.frames)

    mapped = map_clips(run, source, candidates(clip_duration, stride), spec.size, spec.clip_frames)
    features, probabilities = zip(*mapped.results, strict=True)
    return ClipOutputs(mapped.clips, torch.cat(features), torch.cat(probabilities))
