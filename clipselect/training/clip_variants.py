"""Variants of training clips: moved in time and augmented, alike for the base and for the DDNet.

A D-score is of pixels: where a crop loses the action, the base loses it too, and the DDNet has to learn that. So the
base sees every variant as the DDNet will, only at its own size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipselect.media.candidate_clips import window_within
from clipselect.media.clip_decoding import ClipBatch, map_clips
from clipselect.media.geometry import SQUASH
from clipselect.media.scaling import scaled
from clipselect.media.sources import Source
from clipselect.training.augment import Augmentation
from clipselect.training.frame_cache import CROP_MARGIN
from clipselect.training.training_examples import rounded
from clipselect.zoo.base import Base

JITTER = 0.1
"""A clip is moved by up to this fraction of its length; 1.5 times as much may be cut off, or twice as much added."""


@dataclass(frozen=True)
class ClipVariant:
    """A window of a video, in seconds, and how its pixels are changed."""

    start: Fraction
    length: Fraction
    augmentation: Augmentation


def draw_variant(start: float, end: float, rng: np.random.Generator) -> ClipVariant:
    """A variant of the clip from `start` to `end` seconds."""
    seconds = end - start
    moved = rounded(start + seconds * rng.uniform(-JITTER, JITTER))
    length = rounded(seconds * rng.uniform(1 - 1.5 * JITTER, 1 + 2 * JITTER))
    return ClipVariant(moved, length, Augmentation.draw(rng))


def fixed_variant(start: float, end: float, item: int, number: int) -> ClipVariant:
    """The variant of that number, from 1, of a clip of a video: the same in every run and for every seed."""
    return draw_variant(start, end, np.random.default_rng([item, round(1000 * start), number]))


def variant_outputs(source: Source, base: Base, variants: Sequence[ClipVariant]) -> tuple[Tensor, Tensor]:
    """The base's features [n, d] and probabilities [n, classes] of variants of clips, in one pass over the video.

    Raises:
        VideoError: not one frame decodes.
        NetworkError: the base fails.
    """
    spec = base.input_spec
    is_whole = spec.geometry == SQUASH
    size = round(CROP_MARGIN * spec.size)
    height, width = spec.geometry.tight(size).picture_size(size, 1.0 if is_whole else source.aspect)
    order = sorted(range(len(variants)), key=lambda i: variants[i].start + variants[i].length)
    ordered = [variants[i] for i in order]

    def run(batch: ClipBatch) -> tuple[Tensor, Tensor]:
        seen = [
            as_bytes(ordered[batch.first + i].augmentation(frames, spec.size, square=not is_whole))
            for i, frames in enumerate(batch.frames)
        ]
        return base.outputs(np.stack(seen))

    mapped = map_clips(
        run,
        source,
        lambda now: [window_within(now.timeline, variant.start, variant.length) for variant in ordered],
        partial(scaled, width=width, height=height),
        spec.clip_frames,
    )
    places = torch.from_numpy(np.argsort(order))
    features, probabilities = (torch.cat(parts)[places] for parts in zip(*mapped.results, strict=True))
    return features, probabilities


def as_bytes(clip: Tensor) -> NDArray[np.uint8]:
    """[3, T, h, w] in [0, 1] -> [T, h, w, 3] uint8."""
    pixels: NDArray[np.uint8] = (clip * 255).round().to(torch.uint8).permute(1, 2, 3, 0).numpy()
    return pixels
