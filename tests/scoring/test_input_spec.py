"""How pixels reach a network."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from helpers.frame_fixtures import noise

from clipselect.media.geometry import SQUASH, Geometry
from clipselect.media.images import squash_image
from clipselect.scoring.input_spec import InputSpec

HALF = (0.5, 0.5, 0.5)


def test_normalising_is_what_it_says() -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    images = np.stack([noise(16, 20, seed) for seed in range(3)])
    found = InputSpec(16, 20, mean, std).normalise(images)
    naive = np.empty((3, 3, 16, 20))
    for n, channel, y, x in np.ndindex(*naive.shape):
        naive[n, channel, y, x] = (images[n, y, x, channel] / 255 - mean[channel]) / std[channel]
    assert found.dtype == torch.float32 and found.numpy() == pytest.approx(naive, abs=2e-6)
    assert torch.equal(found, InputSpec(16, 20, mean, std).normalise(torch.from_numpy(images)))


def test_a_normalised_batch_is_contiguous() -> None:
    """Channels last, which [n, h, w, 3] permuted is, crashes the backward pass of small 2D networks."""
    for n in (1, 2):
        found = InputSpec(16, 16, HALF, HALF).normalise(noise(16, 16)[None].repeat(n, 0))
        assert found.is_contiguous() and found.stride() == (768, 256, 16, 1)


def test_an_image_of_the_right_size_is_left_alone() -> None:
    image = noise()
    assert squash_image(image, 24, 24) is image and InputSpec(24, 24, HALF, HALF).squash(image) is image


@pytest.mark.parametrize(
    "wrong",
    [
        {"height": 15},
        {"width": 1025},
        {"width": 32.0},
        {"height": "32"},
        {"mean": [0.5, 0.5]},
        {"std": [0.5, 0.5, 0]},
        {"std": [0.5, 0.5, float("nan")]},
        {"mean": [0.5, 0.5, float("inf")]},
        {"mean": None},
        {"std": "abc"},
    ],
)
def test_a_header_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    about = {"height": 16, "width": 32, "mean": [0.5] * 3, "std": [0.5] * 3}
    assert InputSpec.from_metadata(about) == InputSpec(16, 32, HALF, HALF)
    with pytest.raises((ValueError, TypeError)):
        InputSpec.from_metadata({**about, **wrong})


CROPS = {"size": 64, "frames": 4, "mean": [0.5] * 3, "std": [0.5] * 3, "geometry": {"resize": [72, 96], "crops": 1}}


def test_the_geometry_is_part_of_a_header_and_may_be_missing() -> None:
    spec = InputSpec.from_metadata(CROPS)
    assert spec == InputSpec(64, 64, HALF, HALF, 4, Geometry((72, 96)))
    assert InputSpec.from_metadata(json.loads(json.dumps(asdict(spec)))) == spec
    assert InputSpec.from_metadata({k: v for k, v in CROPS.items() if k != "geometry"}).geometry == SQUASH


@pytest.mark.parametrize(
    "wrong",
    [{"geometry": {"resize": [63, 96], "crops": 1}}, {"geometry": {"resize": ["72", 96], "crops": 1}}, {"frames": None},
     {"geometry": "short_side"}, {"geometry": {"resize": 1e9, "crops": 1}}],
    ids=str,
)  # fmt: skip
def test_a_geometry_that_does_not_fit_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        InputSpec.from_metadata({**CROPS, **wrong})
