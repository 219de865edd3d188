"""What is done to the pixels of training clips."""

import numpy as np
import torch
from clipselect.zoo.base import MEAN, STD
from hypothesis import given
from hypothesis import strategies as st

from clipselect.scoring.input_spec import InputSpec
from clipselect.training.augment import Augmentation, normalised, random_square, training_size


@given(st.integers(32, 256), st.integers(1, 2000))
def test_clips_are_smaller_at_first_and_of_full_size_at_the_end(size: int, steps: int) -> None:
    sizes = [training_size(size, step, steps) for step in sorted({0, steps // 3, steps - 1})]
    assert sizes[-1] == size or steps < 3
    assert all(s == size or (s % 16 == 0 and 16 <= s <= max(size, 16)) for s in sizes)
    assert training_size(112, 0, 100) == 80 and training_size(112, 65, 100) == 112


@given(st.integers(0, 2**32 - 1), st.sampled_from([(8, 8), (40, 30), (9, 33)]), st.sampled_from([16, 32]))
def test_augmented_clips_are_pictures(seed: int, shape: tuple[int, int], size: int) -> None:
    rng = np.random.default_rng(seed)
    x = Augmentation.draw(rng)(rng.integers(0, 256, (3, *shape, 3), dtype=np.uint8), size)
    assert x.shape == (3, 3, size, size) and x.dtype == torch.float32
    assert 0 <= float(x.min()) <= float(x.max()) <= 1


def test_all_frames_of_a_clip_are_augmented_alike() -> None:
    still = np.random.default_rng(0).integers(0, 256, (1, 24, 24, 3), dtype=np.uint8).repeat(4, 0)
    for seed in range(10):
        x = Augmentation.draw(np.random.default_rng(seed))(still, 16)
        assert torch.equal(x, x[:, :1].expand_as(x))


def test_time_runs_forwards_in_augmented_clips() -> None:
    lighter = np.array([60, 100, 140, 180], np.uint8).reshape(4, 1, 1, 1) * np.ones((1, 24, 24, 3), np.uint8)
    for seed in range(10):
        x = Augmentation.draw(np.random.default_rng(seed))(lighter, 16)
        assert bool((x.mean((0, 2, 3)).diff() > 0).all())


@given(st.integers(0, 2**32 - 1))
def test_an_augmentation_shows_the_same_part_at_every_size(seed: int) -> None:
    rows, columns = np.meshgrid(np.linspace(0, 200, 128), np.linspace(0, 200, 128), indexing="ij")
    large = np.stack([rows, columns, columns], axis=2)[None].astype(np.uint8)
    small = large[:, ::2, ::2]
    augmentation = Augmentation.draw(np.random.default_rng(seed))
    assert float((augmentation(large, 16) - augmentation(small, 16)).abs().max()) < 0.05


def test_a_network_sees_pixels_in_training_as_it_does_afterwards() -> None:
    clips = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16, 3), dtype=np.uint8)
    inputs = torch.from_numpy(clips).permute(0, 4, 1, 2, 3).float() / 255
    later = InputSpec(16, 16, MEAN, STD, 3).normalise(clips)
    assert torch.allclose(normalised(inputs, MEAN, STD), later, atol=1e-5)


@given(st.integers(0, 2**32 - 1), st.sampled_from([(8, 8), (40, 30), (9, 33)]))
def test_a_random_square_is_a_part_as_large_as_it_can_be(seed: int, shape: tuple[int, int]) -> None:
    clip = np.arange(2 * shape[0] * shape[1] * 3).reshape(2, *shape, 3) % 251
    found = random_square(clip.astype(np.uint8), np.random.default_rng(seed))
    side = min(shape)
    assert found.shape == (2, side, side, 3)
    parts = np.lib.stride_tricks.sliding_window_view(clip, found.shape).reshape(-1, *found.shape)
    assert any(np.array_equal(found, part) for part in parts)


def test_all_parts_of_a_wide_clip_are_drawn() -> None:
    wide = np.broadcast_to(np.arange(20, dtype=np.uint8)[None, None, :, None], (1, 12, 20, 3))
    lefts = {int(random_square(wide, np.random.default_rng(seed))[0, 0, 0, 0]) for seed in range(200)}
    assert lefts == {*range(9)}
