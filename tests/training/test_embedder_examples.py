"""Which images make a batch of an embedder's training, as a function of seed and step, and what is done to them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.identity_pictures import data_set, labelled
from hypothesis import given
from hypothesis import strategies as st

from clipselect.data.identities import read_identities
from clipselect.errors import ArgumentError, ClipselectWarning, ImageError
from clipselect.media.images import read_image
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.embedder_examples import MAX_ERASED, MIN_ERASED, EmbedderExamples, augmented, erased

SMALL = InputSpec(32, 16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def examples(counts: list[int], batch: int, per_identity: int | None, seed: int = 0) -> EmbedderExamples:
    return EmbedderExamples(labelled(counts), SMALL, batch, seed, per_identity)


@given(seed=st.integers(0, 1000), step=st.integers(0, 1000))
def test_a_batch_holds_k_images_of_each_of_p_identities(seed: int, step: int) -> None:
    made = examples([5, 4, 7, 2, 9], 12, 4, seed)
    places = [made.image_number(step, i) for i in range(12)]
    labels = [made.images.labels[place] for place in places]
    assert len(set(labels)) == 3 and all(len(set(labels[i : i + 4])) == 1 for i in (0, 4, 8))
    for i in (0, 4, 8):  # different images while there are enough, otherwise each at least once
        assert len(set(places[i : i + 4])) == min(4, [5, 4, 7, 2, 9][labels[i]])
    assert places == [examples([5, 4, 7, 2, 9], 12, 4, seed).image_number(step, i) for i in range(12)]


def test_all_images_have_their_turn_and_batches_differ() -> None:
    made = examples([5, 4, 7, 2, 9], 12, 4)
    batches = [tuple(made.image_number(step, i) for i in range(12)) for step in range(40)]
    assert len(set(batches)) == 40 and {place for batch in batches for place in batch} == set(range(27))
    assert batches[0] != tuple(examples([5, 4, 7, 2, 9], 12, 4, seed=1).image_number(0, i) for i in range(12))


def test_without_triplets_every_image_is_drawn_once_per_epoch() -> None:
    made = examples([5, 4, 3], 8, None)
    drawn = [made.image_number(step, i) for step in range(6) for i in range(8)]
    epochs = [drawn[start : start + 12] for start in range(0, 48, 12)]
    assert all(sorted(epoch) == [*range(12)] for epoch in epochs) and epochs[0] != epochs[1]


@pytest.mark.parametrize(
    ("counts", "batch", "k", "says"),
    [([9, 9], 8, 3, "^batch 8 does not hold 3 images"), ([9, 9], 4, 4, "^batch .* of each of several identities"),
     ([9, 9], 8, 1, "^images_per_identity must be at least 2"),
     ([9, 9], 12, 4, "^batch .* takes 3 identities with 4 images each, but .* have 2")],
)  # fmt: skip
def test_batches_that_cannot_be_drawn_are_refused(counts: list[int], batch: int, k: int, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        examples(counts, batch, k)


def test_an_example_is_an_image_with_its_label(tmp_path: Path) -> None:
    images = read_identities([data_set(tmp_path)], "train")
    made = EmbedderExamples(images, SMALL, 4, 0, 2)
    image, label = made(3, 1)
    assert image.shape == (3, 32, 16) and image.dtype == torch.float32 and 0 <= image.min() < image.max() <= 1
    assert int(label) == images.labels[made.image_number(3, 1)] and torch.equal(image, made(3, 1)[0])
    original = torch.from_numpy(SMALL.squash(read_image(images.paths[made.image_number(3, 1)]))).permute(2, 0, 1) / 255
    assert (image.mean() - original.mean()).abs() < 0.15


def test_an_image_that_is_lost_meanwhile_is_replaced_and_a_lost_disk_stops(tmp_path: Path) -> None:
    images = read_identities([data_set(tmp_path, 2, 8)], "train")
    made = EmbedderExamples(images, SMALL, 4, 0, 2)
    Path(images.paths[made.image_number(0, 0)]).unlink()
    with pytest.warns(ClipselectWarning, match="another example is drawn"):
        image, _ = made(0, 0)
    with pytest.warns(ClipselectWarning):
        assert torch.equal(image, made(0, 0)[0])
    for path in images.paths:
        Path(path).unlink(missing_ok=True)
    with pytest.warns(ClipselectWarning), pytest.raises(ImageError, match="10 training examples in a row"):
        made(0, 0)


def test_augmented_images_are_flipped_half_the_time() -> None:
    image = np.zeros((32, 16, 3), np.uint8)
    image[:, 8:] = 255
    made = [augmented(image, SMALL, np.random.default_rng(i)) for i in range(60)]
    flipped = sum(bool(x[:, :, :4].mean() > x[:, :, -4:].mean()) for x in made)
    assert 18 < flipped < 42 and len({float(x.mean()) for x in made}) > 50


def test_random_erasing_hides_a_rectangle_of_every_second_image() -> None:
    white, colour = torch.ones(3, 64, 32), (0.5, 0.25, 0.0)
    shares, ratios = list[float](), list[float]()
    for i in range(400):
        made = erased(white, colour, np.random.default_rng(i))
        assert torch.equal(made, erased(white, colour, np.random.default_rng(i)))
        rows, columns = (int((made[0] < 1).any(dim).sum()) for dim in (1, 0))
        if rows:
            hidden = made[:, made[0] < 1]
            assert hidden.shape[1] == rows * columns and (hidden == torch.tensor(colour)[:, None]).all()
            shares.append(rows * columns / (64 * 32))
            ratios.append(rows / columns)
    assert white.min() == 1 and 160 < len(shares) < 240
    assert MIN_ERASED * 0.7 < min(shares) < 0.06 and 0.3 < max(shares) < MAX_ERASED * 1.05
    assert 0.2 < min(ratios) < 0.7 and 2.5 < max(ratios) < 4.5


def test_images_are_erased_where_it_is_asked_for(tmp_path: Path) -> None:
    images = read_identities([data_set(tmp_path)], "train")
    plain, changed = (EmbedderExamples(images, SMALL, 4, 0, 2, erase) for erase in (False, True))
    same = [torch.equal(plain(step, i)[0], changed(step, i)[0]) for step in range(10) for i in range(4)]
    assert 8 < sum(same) < 32
