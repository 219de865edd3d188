"""How pixels reach a network."""

import numpy as np
import pytest
import torch
from helpers.frame_fixtures import noise

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
