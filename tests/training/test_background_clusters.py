"""Clusters of what a base calls background."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.clip_elements import A, elements, store_of

from clipselect.data.datasets import BACKGROUND
from clipselect.training import background_clusters
from clipselect.training.background_clusters import CLUSTERS, with_background_clusters
from clipselect.training.d_scores import centroids_from

PLACES = [(10.0, 0.0), (0.0, 10.0), (-10.0, 0.0), (0.0, -10.0)]


def store(folder: Path, per_place: int) -> Any:
    """In five files: one video per place whose clips are all background to the base, and one of class A."""
    rng = np.random.default_rng(0)
    parts = [
        elements(
            [16 * i] * per_place, [BACKGROUND] * per_place,
            [(x + dx, y + dy) for dx, dy in rng.normal(size=(per_place, 2))], background=[0.9] * per_place,
        )
        for i, (x, y) in enumerate(PLACES)
    ]  # fmt: skip
    action = elements([64], [A], [(7.0, 7.0)], background=[0.0], predicted=[A])
    made = store_of(folder, [f"{i}.mp4" for i in range(65)], *parts, action)
    return replace(made, data=replace(made.data, answers=True))


def test_every_place_gets_a_centroid_of_its_own(tmp_path: Path) -> None:
    made = store(tmp_path, 40)
    plain = centroids_from(made)
    found = with_background_clusters(plain, made, seed=0)
    classes = len(made.data.classes)
    assert found.shape == (classes + CLUSTERS, 2) and found.dtype == torch.float64
    assert torch.equal(found[A], plain[A])
    nearest = torch.cdist(torch.tensor(PLACES, dtype=torch.float64), found[classes:]).min(dim=1)
    assert sorted(nearest.indices.tolist()) == [0, 1, 2, 3] and float(nearest.values.max()) < 1
    assert torch.equal(found.nan_to_num(), with_background_clusters(plain, made, seed=0).nan_to_num())


def test_few_clips_of_background_keep_their_one_mean(tmp_path: Path) -> None:
    made = store(tmp_path, 5)
    plain = centroids_from(made)
    assert torch.equal(with_background_clusters(plain, made).nan_to_num(), plain.nan_to_num())


def test_many_clips_are_thinned_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = store(tmp_path, 60)
    monkeypatch.setattr(background_clusters, "MAX_CLIPS", 120)
    features = background_clusters._background_features(made)
    everything = np.concatenate([part.features[part.label == BACKGROUND] for part in made])
    assert np.array_equal(features.numpy(), everything[::2].astype(np.float64))
