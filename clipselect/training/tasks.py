"""What differs between distilling for clips and for frames: the data, their targets, and how results are measured."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, cast, get_args

import torch

from clipselect.data.degradations import Kind
from clipselect.data.identities import read_identities
from clipselect.data.splits import Split, short_name
from clipselect.errors import ClipselectError, check_argument
from clipselect.media.candidates import exact_seconds
from clipselect.scoring.checkpoint import Metadata
from clipselect.scoring.scorer import Scorer
from clipselect.training.clip_elements import ClipData, ClipElements, base_accuracy
from clipselect.training.elements import E, ElementData
from clipselect.training.feature_store import FeatureStore, computed_features
from clipselect.training.frame_cache import FrameCache, frame_cache
from clipselect.training.frame_elements import FrameData, FrameElements, Variants
from clipselect.training.held_out import clip_quality, frame_quality
from clipselect.training.loop import Example
from clipselect.training.recipe import ClipRecipe, FrameRecipe, Recipe
from clipselect.training.run import TrainingRun
from clipselect.training.targets import DScoreTarget, centroids_from
from clipselect.training.video_data import read_videos
from clipselect.zoo.base import Base
from clipselect.zoo.embedder import Embedder
from clipselect.zoo.embedder_loading import load_embedder
from clipselect.zoo.loading import load_base


class Task(ABC, Generic[E]):
    """What differs between distilling for clips and for frames.

    Attributes:
        data: the training elements, with their base.
        name: short name of the data.
    """

    data: ElementData[E]
    name: str
    recipe: Recipe

    @abstractmethod
    def target(self, store: FeatureStore[E]) -> DScoreTarget:
        """What D-scores of the elements are computed with."""

    @abstractmethod
    def examples(self, d_scores: Path) -> Callable[[int, int], Example]: ...

    @abstractmethod
    def about(self, store: FeatureStore[E]) -> Metadata:
        """What only metadata of such a DDNet hold."""

    @abstractmethod
    def quality(self, run: TrainingRun, scorer: Scorer, target: DScoreTarget) -> dict[str, Any]:
        """What was measured on held-out data; every process calls it."""


@dataclass(frozen=True)
class ClipTask(Task[ClipElements]):
    data: ClipData
    name: str
    recipe: ClipRecipe
    cache: FrameCache
    held_out: ClipData

    @classmethod
    def prepare(
        cls,
        run: TrainingRun,
        data: Sequence[Path],
        base: str | Path | Base,
        recipe: ClipRecipe,
        *,
        classes: tuple[str, ...] | None = None,
        base_size: int | None = None,
        base_frames: int | None = None,
        fps: float = 30.0,
        cache_gigabytes: float = 20.0,
        **videos: Any,
    ) -> "ClipTask":
        check_argument(len(data) == 1, "data", f"must be one folder, list or JSON for clips, got {len(data)}")
        device = str(run.runtime.device)
        if not isinstance(base, Base):
            base = load_base(base, device, classes=classes, size=base_size, frames=base_frames)
        length = exact_seconds(
            base.clip_duration if recipe.clip_duration is None else recipe.clip_duration, "clip_duration"
        )
        stride = exact_seconds(length if recipe.stride is None else recipe.stride, "stride")
        if videos.get("unlabelled") and recipe.target == "labels":
            recipe = replace(recipe, target="head")
        found = read_videos(data[0], base, **videos)
        run.report_missing(found.missing)
        training, held_out = (
            ClipData(part.videos, found.base, length, stride, fps, part.domains)
            for part in (found.training, found.held_out)
        )
        if recipe.target == "head" and (base.head is None or base.takes_output):
            raise ClipselectError(
                f"{base.name} has no head that its features enter and whose rows could stand for labels; give labels"
            )
        cache = frame_cache(run.work, recipe.input_spec(), length, cache_gigabytes, fps)
        return cls(training, found.name, recipe, cache, held_out)

    def target(self, store: FeatureStore[ClipElements]) -> DScoreTarget:
        recipe, base = self.recipe, self.data.base
        if recipe.target == "head":
            assert base.head is not None
            centroids = base.head.weight.detach().double().cpu()
        else:
            centroids = torch.empty(0, 0) if recipe.target == "confidence" else centroids_from(store)
        return DScoreTarget(base.classes, centroids, recipe.target, recipe.metric, recipe.contrast, recipe.seed)

    def examples(self, d_scores: Path) -> Callable[[int, int], Example]:
        return self.data.examples(d_scores, self.cache, self.recipe.input_spec(), self.recipe.steps, self.recipe.seed)

    def about(self, store: FeatureStore[ClipElements]) -> Metadata:
        return {
            "clip_duration": float(self.data.clip_duration),
            "stride": float(self.data.stride),
            "classes": self.data.classes,
            "target": self.recipe.target,
            "base_right_on_training_clips": base_accuracy(store),
        }

    def quality(self, run: TrainingRun, scorer: Scorer, target: DScoreTarget) -> dict[str, Any]:
        data, seed = self.held_out, self.recipe.seed
        return run.runtime.from_first(
            lambda: clip_quality(data, scorer, target, seed=seed, progress=run.progress, on_error=run.left_out)
        )


@dataclass(frozen=True)
class FrameTask(Task[FrameElements]):
    data: FrameData
    name: str
    recipe: FrameRecipe
    held_out: FrameData

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
        if not isinstance(base, Embedder):
            base = load_embedder(base, str(run.runtime.device), normalisation=normalisation)
        kind = None if recipe.degradations == "none" else cast(Kind, recipe.degradations)
        training, held_out = (
            FrameData(
                read_identities(data, split, shared_names=shared_names),
                base,
                Variants(kind, recipe.variants, recipe.seed),
            )
            for split in get_args(Split)
        )
        return cls(training, ", ".join(map(short_name, data)), recipe, held_out)

    def target(self, store: FeatureStore[FrameElements]) -> DScoreTarget:
        recipe = self.recipe
        return DScoreTarget(store.data.classes, centroids_from(store), metric=recipe.metric, contrast=recipe.contrast)

    def examples(self, d_scores: Path) -> Callable[[int, int], Example]:
        return self.data.examples(d_scores, self.recipe.input_spec(), self.recipe.steps, self.recipe.seed)

    def about(self, store: FeatureStore[FrameElements]) -> Metadata:
        return {
            "identities": len(self.data.classes),
            "images": len(self.data.paths),
            "degradations": self.data.variants.kind,
            "variants": self.data.variants.count,
        }

    def quality(self, run: TrainingRun, scorer: Scorer, target: DScoreTarget) -> dict[str, Any]:
        """D-scores of held-out identities are computed with their own centroids."""
        store = computed_features(run, "features_held_out", self.held_out)
        return run.runtime.from_first(
            lambda: frame_quality(store, self.held_out, scorer, self.target(store), progress=run.progress)
        )
