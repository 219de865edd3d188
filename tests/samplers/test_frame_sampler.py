"""Which frames are kept and what they weigh: every kind of input, every limit, unreadable images, the index."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.frame_fixtures import frames, noise, same, tiny_ddnet, write

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.method.aggregation import weights
from clipselect.samplers.frame_sampler import (
    FaceFrameSampler,
    FrameSampler,
    ReIDFrameSampler,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_ddnet(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("set")
    return [write(folder / f"{i}.png", frame) for i, frame in enumerate(frames())]


@pytest.fixture
def sampler(model: Path) -> Callable[..., FrameSampler]:
    return lambda **options: FrameSampler(**{"scorer": model, "device": "cpu", **options})


# --- input -----------------------------------------------------------------------------------------------------------


def test_every_kind_of_input_gives_the_same_selection(sampler: Callable[..., FrameSampler], paths: list[Path]) -> None:
    one, images = sampler(k=4), frames()
    warnings.simplefilter("error")
    found = one(images)
    assert found.indices.dtype == np.int64 and found.weights.dtype == np.float64 and found.scores.dtype == np.float32
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
    for other in (
        [*images],
        tuple(images),
        tensor,
        tensor.contiguous(),
        tensor.float() / 255,
        tensor.double() / 255,
        (tensor.float() / 255).requires_grad_(),
        paths,
        [str(path) for path in paths],
        np.array([str(path) for path in paths]),
    ):
        assert same(found, one(other)), type(other)


def test_images_may_be_of_many_sizes(sampler: Callable[..., FrameSampler]) -> None:
    images = [noise(5 + i, 30 - i, i) for i in range(6)]
    one = sampler()
    assert one(images).scores.tolist() == [float(one([image]).scores[0]) for image in images]


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        (torch.zeros(2, 3, 8), "must be [n, 3, h, w] RGB, got [2, 3, 8]"),
        (torch.zeros(2, 8, 8, 3), "got [2, 8, 8, 3]"),
        (torch.zeros(2, 3, 0, 8), "got [2, 3, 0, 8]"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.int64), "got torch.int64"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.bool), "got torch.bool"),
        (torch.full((2, 3, 8, 8), 255.0), "before any normalisation; got 255 to 255"),
        (torch.full((2, 3, 8, 8), -0.1), "got -0.1 to -0.1"),
        (torch.full((2, 3, 8, 8), 1.001), "got 1.001 to 1.001"),
        (torch.full((2, 3, 8, 8), float("nan")), "got nan"),
    ],
)
def test_tensors_of_another_kind_are_refused(
    sampler: Callable[..., FrameSampler], tensor: torch.Tensor, says: str
) -> None:
    with pytest.raises(ValueError, match="frames must") as caught:
        sampler()(tensor)
    assert says in str(caught.value)


@pytest.mark.parametrize("rescale", ["candidates", "kept", None])
def test_weights_are_those_of_the_pure_function(sampler: Callable[..., FrameSampler], rescale: Any) -> None:
    found = sampler(k=4, rescale=rescale)(frames())
    assert found.weights.tolist() == weights(found.scores, found.indices, rescale).tolist()
    assert len(found.weights) == 4 and ((found.weights >= 0) & (found.weights <= 1)).all() and found.weights.any()


def test_the_siblings_differ_in_their_defaults_alone(model: Path) -> None:
    face, person = FaceFrameSampler(scorer=model, device="cpu"), ReIDFrameSampler(scorer=model, device="cpu")
    assert (face.k, face.share, face.threshold) == (None, None, 0.15)
    assert (person.k, person.share, person.threshold) == (None, None, 0.5)
    for kind in (FaceFrameSampler, ReIDFrameSampler):
        for options in ({"k": 3}, {"share": 0.2}, {"threshold": 0.4}):
            made = kind(scorer=model, device="cpu", **options)  # type: ignore[arg-type]
            assert {n: v for n in ("k", "share", "threshold") if (v := getattr(made, n)) is not None} == options
    assert (face.rescale, person.rescale) == (None, None)
    found = person(frames())
    kept = np.flatnonzero(found.scores > 0.5).tolist() or [int(found.scores.argmax())]
    assert found.indices.tolist() == kept


def test_a_gap_spreads_the_kept_frames(sampler: Callable[..., FrameSampler]) -> None:
    near, spread = sampler(k=4)(frames()), sampler(k=4, min_gap=3)(frames())
    assert np.diff(near.indices).min() < 3 <= np.diff(spread.indices).min()
    assert spread.indices[spread.weights.argmax()] == near.scores.argmax()


def test_a_gap_is_in_the_unit_of_the_times(sampler: Callable[..., FrameSampler]) -> None:
    images = frames()
    seconds = np.arange(len(images)) / 10
    assert same(sampler(k=4, min_gap=0.3)(images, seconds), sampler(k=4, min_gap=3)(images))
    for wrong in (seconds[1:], [float("nan"), *seconds[1:]], ["?"] * len(seconds)):
        with pytest.raises(ArgumentError) as caught:
            sampler(k=4, min_gap=0.3)(images, wrong)
        assert caught.value.argument == "times"


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"min_gap": -1}, "min_gap"),
        ({"k": 0}, "k"),
        ({"k": 2.0}, "k"),
        ({"k": True}, "k"),
        ({"share": 0}, "share"),
        ({"share": 1.5}, "share"),
        ({"share": float("nan")}, "share"),
        ({"threshold": -0.1}, "threshold"),
        ({"threshold": "0.5"}, "threshold"),
        ({"on_missing": "ignore"}, "on_missing"),
        ({"rescale": "square"}, "rescale"),
    ],
)
def test_arguments_out_of_range_are_named(
    sampler: Callable[..., FrameSampler], options: dict[str, Any], argument: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        sampler(**options)
    assert caught.value.argument == argument and repr(options[argument]) in str(caught.value)


@pytest.mark.parametrize("options", [{"scorer": "no-such-model"}, {"index": "none.parquet"}])
def test_a_model_or_an_index_that_is_not_there_is_named(
    sampler: Callable[..., FrameSampler], options: dict[str, str]
) -> None:
    with pytest.raises(ClipselectError, match=next(iter(options.values()))):
        sampler(**options)


@pytest.mark.parametrize("frames", [None, 5, iter([])])
def test_what_is_no_group_of_frames_is_refused(frames: object) -> None:
    with pytest.raises(ArgumentError) as caught:
        FaceFrameSampler(device="cpu")(frames)  # type: ignore[arg-type]
    assert caught.value.argument == "frames"
