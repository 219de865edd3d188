"""Distilling a DDNet for a base, from videos to a scorer: equations 2 to 6 in their order."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clipselect.data.datasets import LabelledVideo
from clipselect.errors import ClipselectError
from clipselect.method.ddnet import DDNetConfig
from clipselect.method.discriminability import Contrast, Metric
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.scorer import Scorer
from clipselect.training.ddnet_training import DDNetExamples, DDNetLoss, Loss, Stages, train_ddnet
from clipselect.training.feature_files import FeatureFiles
from clipselect.training.frame_cache import FrameCache
from clipselect.training.loop import TrainingConfig
from clipselect.training.runtime import Runtime
from clipselect.training.targets import DScoreTarget, Target, centroids_of, right_share, write_targets
from clipselect.zoo.base import Base


@dataclass(frozen=True)
class Recipe:
    """How to distil; everything but the base and the videos.

    Attributes:
        clip_duration, stride: seconds; of the training elements, which are candidate clips.
        config, input_spec: the DDNet and what it sees of a clip.
        target, metric, contrast: what a D-score is, see `clipselect.training.targets`.
        fps: frames per second of folders of frames.
    """

    clip_duration: Fraction
    stride: Fraction
    config: DDNetConfig
    input_spec: InputSpec
    schedule: TrainingConfig
    loss: Loss = "both"
    target: Target = "labels"
    metric: Metric = "cosine"
    contrast: Contrast = "ratio"
    fps: float = 30.0


def distil(
    base: Base,
    videos: Sequence[LabelledVideo],
    recipe: Recipe,
    runtime: Runtime,
    store: FrameCache,
    work: Path,
    *,
    domains: Mapping[str, str] | None = None,
    stages: Stages,
    failed: Callable[[str, ClipselectError], Any],
) -> tuple[Scorer, DScoreTarget]:
    """Distil a DDNet; every process of the runtime must call this.

    What is done is kept in `work`: features per video, `centroids.npy` as `targets.centroids_of` gives
    them, the D-scores of all elements as `d_scores.parquet`, and the checkpoint. Called again, it goes on from there.

    Args:
        domains: domain by path of those videos that are background.
        failed: called with the path of every video that cannot be read, which is left out.

    Returns:
        the DDNet, whose metadata say how it was made, and what D-scores of other videos are measured with.

    Raises:
        ClipselectError: nothing to learn from, `work` of another run, or a loss that is not a number.
    """
    if recipe.target == "head" and (base.head is None or base.takes_output):
        raise ClipselectError(
            f"{base.name} has no head that its features enter and whose rows could stand for labels; give labels"
        )
    features = FeatureFiles(work / "features", videos, _settings(base, videos, recipe))
    if runtime.is_global_zero:
        features.files.prepare()
    runtime.fabric.barrier()
    share = (runtime.rank, runtime.world_size)
    with stages("features of the base", features.files.items_of(share)) as progress:
        features.compute(
            base, recipe.clip_duration, recipe.stride, recipe.fps, share=share, failed=failed, done=progress.more
        )
    runtime.fabric.barrier()
    targets = work / "d_scores.parquet"
    if runtime.is_global_zero:
        for path, message in features.files.errors().items():
            failed(path, ClipselectError(message))
        measure, right = _measure(features, base, recipe, domains), right_share(features)
        norm = write_targets(features, measure, targets)
        np.save(work / "centroids.npy", measure.centroids.numpy(), allow_pickle=False)
    norm, measure, right = runtime.broadcast((norm, measure, right) if runtime.is_global_zero else None)
    schedule = recipe.schedule
    net = train_ddnet(
        recipe.config,
        DDNetExamples.of(targets, videos, store, recipe.input_spec, schedule.steps, schedule.seed),
        DDNetLoss(recipe.loss, recipe.input_spec),
        schedule,
        runtime,
        work,
        settings={**features.settings, "recipe": asdict(replace(recipe, schedule=schedule.deterministic_part()))},
        stages=stages,
    )
    metadata = {
        "config": asdict(recipe.config),
        **asdict(recipe.input_spec),
        **asdict(norm),
        "clip_duration": float(recipe.clip_duration),
        "stride": float(recipe.stride),
        "base": base.name,
        "base_sha256": base.sha256,
        "classes": base.classes,
        "target": recipe.target,
        "metric": recipe.metric,
        "contrast": recipe.contrast,
        "loss": recipe.loss,
        "seed": schedule.seed,
        "steps": schedule.steps,
        "base_right_on_training_clips": right,
    }
    return Scorer("ddnet", net, recipe.input_spec, metadata, runtime.device), measure


def _settings(base: Base, videos: Sequence[LabelledVideo], recipe: Recipe) -> dict[str, Any]:
    """What decides the features."""
    digest = hashlib.sha256()
    for video in videos:
        digest.update(repr((video.path, video.labels, video.segments)).encode("utf-8", "surrogateescape"))
    return {
        "base": base.identity,
        "videos": digest.hexdigest(),
        "clip_duration": str(recipe.clip_duration),
        "stride": str(recipe.stride),
        "fps": recipe.fps,
    }


def _measure(files: FeatureFiles, base: Base, recipe: Recipe, domains: Mapping[str, str] | None) -> DScoreTarget:
    if recipe.target == "head":
        assert base.head is not None
        centroids = base.head.weight.detach().double().cpu()
    elif recipe.target == "confidence":
        centroids = torch.empty(0, 0)
    else:
        centroids = centroids_of(files, base.classes, domains)
    return DScoreTarget(base.classes, centroids, recipe.target, recipe.metric, recipe.contrast, recipe.schedule.seed)
