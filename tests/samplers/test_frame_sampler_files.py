"""Frame samplers over files: images that cannot be read, an index instead of pixels, workers of a DataLoader."""

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.frame_fixtures import frames, noise, same, tiny_ddnet, write
from torch.utils.data import DataLoader

from clipselect.errors import ClipselectError, ClipselectWarning, ImageError
from clipselect.index.frame_index import write_frame_index
from clipselect.media.images import read_image
from clipselect.samplers import frame_sampler
from clipselect.samplers.frame_sampler import FrameSampler, FrameSelection
from clipselect.scoring.scorer import load_scorer


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_ddnet(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture
def sampler(model: Path) -> Callable[..., FrameSampler]:
    return lambda **options: FrameSampler(**{"scorer": model, "device": "cpu", **options})


# --- files that cannot be read ---------------------------------------------------------------------------------------


def test_unreadable_images_are_named_left_out_and_counted_over(
    sampler: Callable[..., FrameSampler], tmp_path: Path
) -> None:
    paths = [write(tmp_path / f"{i}.png", frame) for i, frame in enumerate(frames())]
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    mixed = [bad, *paths[:3], tmp_path / "gone.png", *paths[3:], bad]
    with pytest.warns(ClipselectWarning) as caught:
        found = sampler(k=4)(mixed)
    assert [str(w.message).partition(":")[0] for w in caught] == [str(bad), str(tmp_path / "gone.png"), str(bad)]
    alone = sampler(k=4)(paths)
    assert found.candidates.tolist() == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert found.indices.tolist() == found.candidates[alone.indices].tolist()
    assert found.scores.tolist() == alone.scores.tolist() and found.weights.tolist() == alone.weights.tolist()
    with (
        pytest.warns(ClipselectWarning),
        pytest.raises(ImageError, match="not one of the 2 images can be read; the first"),
    ):
        sampler()([bad, bad])


# --- index -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def indexed(model: Path, tmp_path: Path) -> tuple[Path, list[Path]]:
    """An index with scores that no network gave, and its images."""
    images = [write(tmp_path / "images" / f"{i}.png", frame) for i, frame in enumerate(frames())]
    made = ((path, "set", (7 * i % 10) / 10) for i, path in enumerate(images))
    write_frame_index(tmp_path / "i.parquet", load_scorer(model, "cpu", elements="frames"), made)
    return tmp_path / "i.parquet", images


def test_images_in_the_index_are_not_opened(
    sampler: Callable[..., FrameSampler], indexed: tuple[Path, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, images = indexed
    monkeypatch.setattr(frame_sampler, "read_image", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = sampler(k=3, index=index)(images)
    assert found.scores == pytest.approx([0, 0.7, 0.4, 0.1, 0.8, 0.5, 0.2, 0.9, 0.6])
    assert found.indices.tolist() == [1, 4, 7] and found.weights == pytest.approx([0.7, 0.8, 0.9])


def test_images_that_it_lacks_or_that_have_changed_are_scored_with_a_warning(
    sampler: Callable[..., FrameSampler],
    indexed: tuple[Path, list[Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index, images = indexed
    write(images[2], noise(9, 9, 50))
    new = write(tmp_path / "new.png", noise(8, 8, 51))
    opened: list[Path] = []
    monkeypatch.setattr(frame_sampler, "read_image", lambda path: (opened.append(path), read_image(path))[1])
    with pytest.warns(
        ClipselectWarning, match=rf"{images[2]}: is not in .*, or has changed since; scored now \(2 such"
    ):
        found = sampler(index=index)([*images, new])
    assert opened == [images[2], new]
    fresh = sampler()([images[2], new]).scores
    assert found.scores[[2, 9]].tolist() == fresh.tolist() and found.scores[7] == np.float32(0.9)
    with pytest.raises(ClipselectError, match=rf"{images[2]}: is not in .* or has changed since; make the index again"):
        sampler(index=index, on_missing="raise")([*images, new])
    images[2].unlink()
    with pytest.warns(ClipselectWarning):
        assert sampler(index=index)(images).candidates.tolist() == [0, 1, 3, 4, 5, 6, 7, 8]


def test_pixels_are_scored_as_if_there_were_no_index(
    sampler: Callable[..., FrameSampler], indexed: tuple[Path, list[Path]]
) -> None:
    assert same(sampler(k=2, index=indexed[0], on_missing="raise")(frames()), sampler(k=2)(frames()))


def test_an_index_of_another_model_is_refused(indexed: tuple[Path, list[Path]], tmp_path: Path) -> None:
    other = tiny_ddnet(tmp_path / "other.safetensors", seed=1)
    with pytest.raises(
        ClipselectError, match="its scores are by tiny0, not by tiny1; make it again, or give that scorer"
    ):
        FrameSampler(scorer=other, index=indexed[0], device="cpu")


# --- other processes -------------------------------------------------------------------------------------------------


@pytest.mark.processes
def test_samplers_go_to_the_workers_of_a_data_loader(
    sampler: Callable[..., FrameSampler], indexed: tuple[Path, list[Path]]
) -> None:
    index, images = indexed
    for one in (sampler(k=4), sampler(k=4, index=index)):
        sets: Any = [images, images[:5], images[3:]]
        expected = [one(group) for group in sets]
        assert all(map(same, map(pickle.loads(pickle.dumps(one)), sets), expected))
        loader = DataLoader(sets, batch_size=1, num_workers=1, collate_fn=_First(one), multiprocessing_context="fork")
        assert all(map(same, loader, expected))


class _First:
    def __init__(self, sampler: FrameSampler) -> None:
        self.sampler = sampler

    def __call__(self, batch: list[list[Path]]) -> FrameSelection:
        return self.sampler(batch[0])
