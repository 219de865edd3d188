"""Frames in memory as a video."""

from typing import Any

import numpy as np
import pytest
import torch

from clipselect.errors import ArgumentError
from clipselect.media.frame_array import FrameArray
from clipselect.media.scaling import upright

FRAMES = np.random.default_rng(0).integers(0, 256, (10, 12, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize("frames", [FRAMES, torch.from_numpy(FRAMES), FRAMES[:, ::-1, ::-1].copy()[:, ::-1, ::-1]])
def test_arrays_and_tensors_are_the_video_that_they_hold(frames: Any) -> None:
    source = FrameArray.from_pixels(frames, 12.5)
    assert float(source.timeline.duration) == 0.8 and len(source.timeline.pts) == 10
    assert source.aspect == pytest.approx(4 / 3)
    assert [(upright(picture) == FRAMES[i]).all() for i, picture in enumerate(source.pictures(3, 5), 3)] == [True] * 3
    found = dict(source.frames(np.array([0, 7]), 8))
    assert {*found} == {0, 7} and found[7].shape == (8, 8, 3)
    assert abs(found[7].mean() - FRAMES[7].mean()) < 6


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        (FRAMES.transpose(0, 3, 1, 2), r"\[T, 3, H, W\]; give tensor.permute\(0, 2, 3, 1\)"),
        (torch.from_numpy(FRAMES).permute(3, 0, 1, 2), r"\[3, T, H, W\]; give tensor.permute\(1, 2, 3, 0\)"),
        (FRAMES[0], r"\[T, H, W, 3\], got \[12, 16, 3\]"),
        (FRAMES[..., :1], r"got \[10, 12, 16, 1\]"),
        (FRAMES[:0], r"got \[0, 12, 16, 3\]"),
        (FRAMES / np.float32(255), "uint8 from 0 to 255, got float32; multiply by 255"),
        (FRAMES.astype(np.int64), "uint8 from 0 to 255, got int64"),
        (torch.from_numpy(FRAMES).bfloat16(), "uint8 from 0 to 255, got float32; multiply by 255"),
        ([*FRAMES], "one array, got list"),
        (None, "must be a path.*got NoneType"),
    ],
)
def test_other_shapes_and_types_are_refused_with_the_remedy(frames: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says) as caught:
        FrameArray.from_pixels(frames, 25)
    assert caught.value.argument == "video"


@pytest.mark.parametrize("fps", [None, 0, -1, float("nan"), "25"])
def test_a_rate_is_needed(fps: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        FrameArray.from_pixels(FRAMES, fps)
    assert caught.value.argument == "fps"
