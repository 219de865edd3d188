"""The sets that a face aggregation network is trained on: whose images they hold, and what is done to them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.identity_pictures import data_set, labelled
from helpers.set_networks import SPEC
from hypothesis import given, settings
from hypothesis import strategies as st

from clipselect.data.identities import read_identities
from clipselect.errors import ClipselectError
from clipselect.training.fan_examples import FANExamples, randomly_blurred, randomly_lit
from clipselect.training.set_examples import SetImages

pytestmark = pytest.mark.usefixtures("one_thread")


def examples(counts: list[int], per_set: int, folder: Path | None = None) -> FANExamples:
    images = labelled(counts) if folder is None else read_identities([folder], "train")
    features = np.zeros((len(images.paths), 2), np.float32)
    return FANExamples(SetImages(images, features, features[:, :0, None]), SPEC, per_set, seed=5)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=4).filter(lambda counts: max(counts) > 1),
    st.integers(1, 6),
    st.integers(0, 99),
)
def test_a_positive_from_outside_the_set_and_a_negative(counts: list[int], per_set: int, step: int) -> None:
    made = examples(counts, per_set)
    drawn = list[list[int]]()

    def pixels(paths: list[str], rng: np.random.Generator) -> torch.Tensor:
        assert len(paths) == per_set + 1
        return torch.zeros(1)

    object.__setattr__(made, "_pixels", pixels)
    drawn = [made(step, i)[1].tolist() for i in range(3)]
    labels = made.data.images.labels
    for *chosen, positive, negative in drawn:
        assert len(chosen) == per_set and positive not in chosen
        assert len({labels[n] for n in (*chosen, positive)}) == 1 and labels[negative] != labels[positive]
        own = counts[labels[positive]]
        assert len({*chosen}) == per_set or own - 1 < per_set  # repeated only where it must be


def test_images_without_a_positive_are_refused() -> None:
    with pytest.raises(ClipselectError, match=r"^0\.png .* no identity has two .* add a second image"):
        examples([1, 1, 1], 2)


def test_an_example_is_a_function_of_its_number(tmp_path: Path) -> None:
    made = examples([], 3, data_set(tmp_path / "people"))
    images, numbers = made(4, 1)
    again = made(4, 1)
    assert torch.equal(images, again[0]) and torch.equal(numbers, again[1])
    assert images.shape == (4, 3, 16, 16) and numbers.shape == (5,) and 0 <= images.min() <= images.max() <= 1
    assert not torch.equal(images, made(5, 1)[0])


def test_half_of_the_inputs_are_blurred_and_no_positive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rng, image = np.random.default_rng(0), np.random.default_rng(1).integers(0, 256, (112, 112, 3)).astype(np.uint8)
    share = np.mean([randomly_blurred(image, rng) is not image for _ in range(400)])
    assert 0.42 < share < 0.58
    lengths = list[float]()

    def note(image: np.ndarray, length: float, angle: float) -> np.ndarray:
        lengths.append(length)
        return np.zeros_like(image)

    monkeypatch.setattr("clipselect.training.fan_examples.motion_blur", note)
    [randomly_blurred(image, rng) for _ in range(200)]
    assert min(lengths) >= 3 and 8.5 < max(lengths) <= 9
    images, _ = examples([], 3, data_set(tmp_path / "people"))(0, 0)
    assert float(images[-1].std()) > 0
    blurred = torch.stack([examples([], 3, tmp_path / "people")(0, i)[0] for i in range(8)])
    assert (blurred[:, :-1].flatten(2).std(2) == 0).any() and not (blurred[:, -1].flatten(1).std(1) == 0).any()


def test_light_changes_but_stays_within_bounds() -> None:
    grey = np.full((4, 4, 3), 128, np.uint8)
    found = torch.stack([randomly_lit(grey, np.random.default_rng(seed)) for seed in range(50)])
    assert 0.39 < found.min() < 0.45 and 0.55 < found.max() < 0.61  # brightness by a fifth
    assert torch.allclose(found.amax((1, 2, 3)), found.amin((1, 2, 3)))  # grey stays grey
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 200
    assert len({round(float(randomly_lit(red, np.random.default_rng(seed)).std()), 6) for seed in range(9)}) == 9
