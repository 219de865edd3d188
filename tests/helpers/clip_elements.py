"""Clips with given features, as if a base had seen them, and stores of such."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from clipselect.data.datasets import LabelledVideo
from clipselect.training.clip_elements import ClipData, ClipElements
from clipselect.training.feature_store import FeatureStore

A, B, C = 0, 1, 2
CLASSES = ("a", "b", "c")


def elements(video: list[int], label: list[int], features: list[tuple[float, float]], **more: Any) -> ClipElements:
    n = len(video)
    start = np.arange(n, dtype=np.float64)
    return ClipElements(
        item=np.array(video),
        variant=np.array(more.get("variant", [0] * n)),
        start=start,
        end=start + 1,
        label=np.array(label),
        shows=np.array(more.get("shows", label)),
        features=np.array(features, dtype=np.float32),
        confidence=np.array(more.get("confidence", [0.5] * n), dtype=np.float32),
        likely=np.array(more.get("likely", [[A, B]] * n)),
        predicted=np.array(more.get("predicted", [A] * n)),
        background=np.array(more.get("background", [0.0] * n), dtype=np.float32),
    )


def store_of(
    folder: Path,
    paths: list[str],
    *parts: ClipElements,
    classes: tuple[str, ...] = CLASSES,
    labels: dict[str, int] | None = None,
    domains: dict[str, str] | None = None,
) -> FeatureStore:
    """One file per part."""
    videos = [LabelledVideo(path, (labels[path],) if labels and path in labels else ()) for path in paths]
    base: Any = SimpleNamespace(classes=classes, identity={})
    store = FeatureStore(folder / "features", ClipData(videos, base, Fraction(1), Fraction(1), domains=domains or {}))
    return filled(store, *parts)


def filled(store: FeatureStore, *parts: Any) -> FeatureStore:
    store.prepare()
    for number, part in enumerate(parts):
        store.write(number, part, {})
    assert store.count == len(parts)
    return store
