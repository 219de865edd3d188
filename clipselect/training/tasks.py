"""What differs between distilling for clips and for frames: the data, their targets, and how results are measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import torch

from clipselect.data.datasets import Dataset, LabelledVideo, read_background, read_dataset
from clipselect.data.degradations import Kind
from clipselect.data.identities import read_identities
from clipselect.data.splits import Split, short_name
from clipselect.data.unlabelled import read_unlabelled_split
from clipselect.errors import check_argument
from clipselect.media.candidate_clips import exact_seconds
from clipselect.media.images import opencv
from clipselect.method.selection import evenly
from clipselect.scoring.percentiles import score_quantiles
from clipselect.scoring.scorer import Scorer
from clipselect.scoring.training_domain import TrainingDomain
from clipselect.scoring.weights_file import Metadata
from clipselect.training.clip_elements import ClipData, ClipExamples, base_accuracy
from clipselect.training.d_scores import DScoreTarget, centroids_from
from clipselect.training.domain_fit import training_domain
from clipselect.training.feature_store import FeatureStore, computed_features
from clipselect.training.frame_cache import FrameCache, frame_cache
from clipselect.training.frame_elements import FrameData, FrameExamples, Variants
from clipselect.training.held_out import clip_quality, frame_quality, held_out_outputs
from clipselect.training.loop import Example
from clipselect.training.recipe import ClipRecipe, FrameRecipe
from clipselect.training.run import TrainingRun
from clipselect.training.score_distribution import frame_scores, scored_clips
from clipselect.zoo.base import Base
from clipselect.zoo.embedder import Embedder
from clipselect.zoo.embedder_loading import load_embedder
from clipselect.zoo.loading import load_base


@dataclass(frozen=True)
class Measured:
    """What is measured of a trained DDNet.

    Attributes:
        held_out: the quality on held-out data, see `clipselect.training.held_out`.
        score_quantiles: of the scores of training elements, see `clipselect.scoring.percentiles`.
        training_domain: where it is known.
    """

    held_out: dict[str, Any]
    score_quantiles: list[float] | None
    training_domain: TrainingDomain | None = None


@dataclass(frozen=True)
class ClipTask:
    """Distilling for clips; the methods and the first four attributes are those of `FrameTask`.

    Attributes:
        data: the training elements, with their base.
        held_out: those to measure on.
        name: short name of the data.
    """

    data: ClipData
    held_out: ClipData
    name: str
    recipe: ClipRecipe
    cache: FrameCache

    @classmethod
    def prepare(
        cls,
        run: TrainingRun,
        data: Sequence[Path],
        base: str | Path | Base,
        recipe: ClipRecipe,
        *,
        prefix: str | Path | None = None,
        background: str | Path | None = None,
        unlabelled: bool = False,
        max_held_out: int = 2000,
        classes: tuple[str, ...] | None = None,
        base_size: int | None = None,
        base_frames: int | None = None,
        base_geometry: str | None = None,
        base_precision: str | None = None,
        fps: float = 30.0,
        cache_gigabytes: float = 20.0,
    ) -> "ClipTask":
        check_argument(len(data) == 1, "data", f"must be one folder, list or JSON for clips, got {len(data)}")
        if isinstance(base, Base):
            for name, value in {"classes": classes, "base_size": base_size, "base_frames": base_frames}.items():
                check_argument(value is None, name, "is for NETWORK:CHECKPOINT, and a loaded base says its own")
        else:
            base = load_base(base, str(run.runtime.device), classes=classes, size=base_size, frames=base_frames)
        base = base.with_geometry(base_geometry).with_precision(base_precision)
        length = exact_seconds(
            base.clip_duration if recipe.clip_duration is None else recipe.clip_duration, "clip_duration"
        )
        stride = exact_seconds(length if recipe.stride is None else recipe.stride, "stride")
        if unlabelled:
            recipe = replace(recipe, target="answers") if recipe.target == "labels" else recipe
            training, held_out = read_unlabelled_split(data[0], prefix=prefix, most_held_out=max_held_out)
        else:
            training, held_out, base = _labelled(data[0], prefix, base)
        found = [
            _with_background(training.videos, background, "train"),
            _with_background(evenly(held_out.videos, max_held_out), background, "val", max_held_out),
        ]
        run.report_missing([*training.missing, *held_out.missing])
        both = [
            ClipData(videos, base, length, stride, fps, domains, variants, answers=recipe.target == "answers")
            for (videos, domains), variants in zip(found, (recipe.variants, 0), strict=True)
        ]
        cache = frame_cache(run.work, recipe.input_spec(), length, cache_gigabytes, fps)
        return cls(both[0], both[1], training.name, recipe, cache)

    def target(self, store: FeatureStore) -> DScoreTarget:
        """What D-scores of the elements are computed with."""
        recipe, base = self.recipe, self.data.base
        centroids = torch.empty(0, 0) if recipe.target == "confidence" else centroids_from(store)
        return DScoreTarget(base.classes, centroids, recipe.target, recipe.metric, recipe.contrast, recipe.seed)

    def examples(self, d_scores: Path) -> Callable[[int, int], Example]:
        spec, steps, seed = self.recipe.input_spec(), self.recipe.steps, self.recipe.seed
        return ClipExamples(self.data.paths, d_scores, spec, steps, seed, self.cache, self.recipe.variants > 0)

    def about(self, store: FeatureStore) -> Metadata:
        """What only metadata of such a DDNet hold."""
        return {
            "clip_duration": float(self.data.clip_duration),
            "stride": float(self.data.stride),
            "classes": self.data.classes,
            "target": self.recipe.target,
            "base_geometry": str(self.data.base.input_spec.geometry),
            "base_precision": self.data.base.precision,
            "base_right_on_training_clips": base_accuracy(store),
        }

    def measure(self, run: TrainingRun, scorer: Scorer, target: DScoreTarget) -> Measured:
        """How good the DDNet is on held-out videos, and what it was distilled on; every process calls it."""

        def measured() -> Measured:
            reported: dict[str, Any] = {"progress": run.progress, "on_error": run.left_out}
            found = held_out_outputs(self.held_out, scorer, target, **reported)
            data = self.data
            seen = [
                *scored_clips(
                    data.paths, scorer, clip_duration=data.clip_duration, stride=data.stride, fps=data.fps, **reported
                )
            ]
            seed = self.recipe.seed
            domain = training_domain([one.features for one in seen], [one.features for one in found], seed)
            quantiles = score_quantiles(np.concatenate([np.empty(0), *(one.scores for one in seen)]))
            return Measured(clip_quality(found, self.held_out, scorer, seed=seed), quantiles, domain)

        return run.runtime.from_first(measured)


@dataclass(frozen=True)
class FrameTask:
    """Distilling for frames, see `ClipTask`."""

    data: FrameData
    held_out: FrameData
    name: str
    recipe: FrameRecipe

    @classmethod
    def prepare(
        cls,
        run: TrainingRun,
        data: Sequence[Path],
        base: str | Path | Embedder,
        recipe: FrameRecipe,
        *,
        shared_names: bool = False,
        normalisation: str | None = None,
    ) -> "FrameTask":
        opencv()
        if isinstance(base, Embedder):
            check_argument(normalisation is None, "normalisation", "is for a base to load; a loaded one says its own")
        else:
            base = load_embedder(base, str(run.runtime.device), normalisation=normalisation)
        kind = None if recipe.degradations == "none" else cast(Kind, recipe.degradations)
        variants = Variants(kind, recipe.variants, recipe.seed)
        splits = (read_identities(data, split, shared_names=shared_names) for split in get_args(Split))
        training, held_out = (FrameData(images, base, variants) for images in splits)
        return cls(training, held_out, ", ".join(map(short_name, data)), recipe)

    def target(self, store: FeatureStore) -> DScoreTarget:
        recipe = self.recipe
        return DScoreTarget(store.data.classes, centroids_from(store), metric=recipe.metric, contrast=recipe.contrast)

    def examples(self, d_scores: Path) -> Callable[[int, int], Example]:
        spec, steps, seed = self.recipe.input_spec(), self.recipe.steps, self.recipe.seed
        return FrameExamples(self.data.paths, d_scores, spec, steps, seed, self.data.variants)

    def about(self, store: FeatureStore) -> Metadata:
        return {
            "identities": len(self.data.classes),
            "images": len(self.data.paths),
            "degradations": self.data.variants.kind,
            "variants": self.data.variants.count,
        }

    def measure(self, run: TrainingRun, scorer: Scorer, target: DScoreTarget) -> Measured:
        """D-scores of held-out identities are computed with their own centroids; what frames it knows is not known."""
        store, data = computed_features(run, "features_held_out", self.held_out), self.data

        def measured() -> Measured:
            quality = frame_quality(store, scorer, self.target(store), progress=run.progress)
            scores = frame_scores(data.paths, data.variants, scorer, progress=run.progress, on_error=run.left_out)
            return Measured(quality, score_quantiles(scores))

        return run.runtime.from_first(measured)


Task = ClipTask | FrameTask


def _labelled(data: Path, prefix: str | Path | None, base: Base) -> tuple[Dataset, Dataset, Base]:
    """Training and held-out videos, and the base with the names of its classes, which a checkpoint does not know."""
    training = read_dataset(data, "train", prefix=prefix, classes=base.classes if base.has_names else None)
    if not base.has_names:
        if all(name in base.classes for name in training.classes):  # PyTorchVideo's lists number the outputs
            training = read_dataset(data, "train", prefix=prefix, classes=base.classes)
        else:
            base = base.named(training.classes)
    return training, read_dataset(data, "val", prefix=prefix, classes=base.classes), base


def _with_background(
    videos: Sequence[LabelledVideo], folder: str | Path | None, split: Split, most: int | None = None
) -> tuple[list[LabelledVideo], dict[str, str]]:
    """Videos, then those of background, at most so many; and the domain of the latter by path."""
    found = read_background(folder, split) if folder else {}
    domains = {path: domain for domain, paths in found.items() for path in paths}
    background = [LabelledVideo(path, ()) for path in domains]
    return [*videos, *(background if most is None else evenly(background, most))], domains
