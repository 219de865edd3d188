"""Distilling a DDNet for a base, from a folder to a scorer: equations 2 to 6 in their order."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow.parquet as pq

from clipselect.data.element_kind import element_kind, kind_of_base
from clipselect.errors import check_argument
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.unreadable import OnError, ignore_error
from clipselect.method.discriminability import Normalisation
from clipselect.scoring.networks import TorchNetwork
from clipselect.scoring.percentiles import QUANTILES_KEY
from clipselect.scoring.scorer import Elements as ElementKind
from clipselect.scoring.scorer import Scorer
from clipselect.scoring.weights_file import Metadata, fingerprint, save_weights
from clipselect.training.cards import ddnet_card
from clipselect.training.d_scores import DScoreTarget, write_d_scores
from clipselect.training.ddnet_training import DDNetLoss, train_ddnet
from clipselect.training.feature_store import computed_features
from clipselect.training.loop import TrainingConfig
from clipselect.training.recipe import ClipRecipe, FrameRecipe, Recipe
from clipselect.training.run import TrainingRun, TrainResult
from clipselect.training.tasks import ClipTask, FrameTask, Task
from clipselect.training.training_call import TrainingCall
from clipselect.zoo.base import Base
from clipselect.zoo.embedder import Embedder

MAX_BATCH_OF_FEW = 128
"""The largest batch for data of fewer elements: a larger one would only draw the same elements again and again."""
MIN_RHO = 0.2
"""Spearman's rho of scores and D-scores on held-out data, below which a DDNet is doubted."""


@dataclass(frozen=True)
class DistillResult(TrainResult):
    """A distilled DDNet and what was written.

    Attributes:
        scorer: ready to score; its metadata are those of the weights file.
        d_scores: the D-scores of all training elements, a Parquet file; see `clipselect.training.d_scores`.
    """

    scorer: Scorer
    d_scores: Path

    @property
    def elements(self) -> ElementKind:
        return "clips" if self.scorer.net.config.dims == 3 else "frames"

    @property
    def held_out(self) -> dict[str, Any]:
        """What was measured on held-out data; see `clipselect.training.held_out`."""
        return self.metadata["held_out"]

    @property
    def doubts(self) -> list[str]:
        """What makes the result doubtful, one sentence each."""
        found = []
        right, classes = self.metadata.get("base_right_on_training_clips"), self.metadata.get("classes", ())
        if right is not None and right < min(3 / len(classes), 1 / len(classes) + 0.1):
            found.append(
                f"the base is right about {100 * right:.1f} % of its own training clips, little more than chance; "
                "check that its outputs are in the order of the data's classes, or name them with classes"
            )
        if self.held_out["elements"] > 1 and self.held_out["constant"]:
            found.append(f"{self.scorer.name} gives all held-out elements the same score: it has learnt nothing")
        rho = self.held_out["spearman"]
        if rho is not None and rho < MIN_RHO:
            more = "videos" if self.elements == "clips" else "images"
            found.append(
                f"{self.scorer.name} ranks held-out {self.elements} hardly better than chance, Spearman's rho is "
                f"{rho:.2f}; give more {more}, or more steps"
            )
        return found


def distill(
    data: str | Path | Sequence[str | Path],
    base: str | Path | Base | Embedder,
    output: str | Path,
    *,
    elements: ElementKind | None = None,
    recipe: Recipe | None = None,
    background: str | Path | None = None,
    prefix: str | Path | None = None,
    unlabelled: bool = False,
    classes: tuple[str, ...] | None = None,
    base_size: int | None = None,
    base_frames: int | None = None,
    base_geometry: str | None = None,
    base_precision: str | None = None,
    fps: float | None = None,
    max_held_out: int | None = None,
    cache_gigabytes: float | None = None,
    shared_names: bool = False,
    normalisation: str | None = None,
    work: str | Path | None = None,
    device: str = "auto",
    precision: str = "32",
    workers: int = 0,
    checkpoint_minutes: float = 5.0,
    overwrite: bool = False,
    command: str | None = None,
    progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
    **fields: Any,
) -> DistillResult:
    """Distil a DDNet for a base, from a folder to weights: the base's features, D-scores, training, measuring.

    >>> clipselect.distill("videos", "base.safetensors", "ddnet.safetensors", steps=3000)    # doctest: +SKIP

    What is done is kept in the work folder: features, `centroids.npy`, the D-scores as `d_scores.parquet`, checkpoints.
    Called again after it was stopped, it continues from there to the same weights, bit for bit. With torchrun every
    process calls it with the same arguments.

    Args:
        data: for clips a folder of labelled videos, a list or a JSON, see `clipselect.data.datasets`; for frames one
            or several folders of images per identity, see `clipselect.data.identities`.
        base: the trained network to distil for, or what `load_base` or `load_embedder` takes; it is not modified.
        output: the weights to write; a card (.md) goes beside.
        elements: what the DDNet is for. By default the base shows it, or else, for FILE.py:NAME, the data do: see
            `clipselect.data.element_kind`.
        recipe: how to distil; a `ClipRecipe` or a `FrameRecipe`.
        background: for clips, a folder of videos that show none of the classes, in one folder per domain.
        prefix: for clips, the folder that the paths in a list or a JSON are relative to.
        unlabelled: for clips, whether to use no labels: the base's own answers stand for them, or its confidence if
            that is the `target`.
        classes, base_size, base_frames: for clips and a base given as NETWORK:CHECKPOINT, see `load_base`.
        base_geometry: for clips, what the base sees of a frame, see `clipselect.media.geometry.Geometry`; by default
            what it was trained on.
        base_precision: for clips, in which the base computes, see `Base.with_precision`.
        fps: for clips, frames per second of folders of frames; 30 by default.
        max_held_out: for clips, held-out videos to measure on; 2000 by default.
        cache_gigabytes: for clips, disk for frames of training videos; 20 by default.
        shared_names: for frames, whether a name is the same person in all data.
        normalisation: for frames, of a named base's input, see `load_embedder`.
        work: folder for whatever the run keeps; beside the output by default, and to be deleted afterwards.
        device, precision: see `clipselect.training.runtime.launch`.
        workers: processes that prepare batches.
        checkpoint_minutes: between checkpoints.
        overwrite: replace finished weights that other arguments made.
        command: what the card says the weights were made with; this call by default.
        progress: called with how far the work is.
        on_error: called with the path of every video or image that is left out, and why.
        **fields: fields of the recipe to change, such as `steps=3000`.

    Raises:
        ArgumentError: an argument that makes no sense, or is for other elements.
        ClipselectError: nothing to learn from, a work folder of another run, outputs that cannot be written, a base
            that fails, or a loss that is not a number.
    """
    arguments = {k: v for k, v in locals().items() if k != "fields"}
    paths = [Path(path) for path in ([data] if isinstance(data, str | Path) else data)]
    call = TrainingCall.from_arguments(distill, {**arguments, **fields, "base": getattr(base, "name", base)})
    call.check_outputs([*paths, *([background] if background else [])], {"base": base})
    kind = _kind(elements, base, recipe, paths)
    of_clips = {
        "background": background, "prefix": prefix, "unlabelled": unlabelled or None, "classes": classes,
        "base_size": base_size, "base_frames": base_frames, "base_geometry": base_geometry,
        "base_precision": base_precision, "fps": fps, "max_held_out": max_held_out, "cache_gigabytes": cache_gigabytes,
    }  # fmt: skip
    of_frames = {"shared_names": shared_names or None, "normalisation": normalisation}
    _refuse_others(kind, of_frames if kind == "clips" else of_clips)
    problem = "cannot be labels with unlabelled, which uses none; leave one of the two out"
    check_argument(not (unlabelled and fields.get("target") == "labels"), "target", problem)
    recipe = _changed(kind, recipe, fields)
    given: dict[str, Any] = {k: v for k, v in (of_clips if kind == "clips" else of_frames).items() if v is not None}
    config = recipe.training_config(checkpoint_minutes, workers)
    run = TrainingRun.begin(call)
    if isinstance(recipe, ClipRecipe):
        assert not isinstance(base, Embedder)
        return _run(run, ClipTask.prepare(run, paths, base, recipe, **given), config)
    assert isinstance(recipe, FrameRecipe) and not isinstance(base, Base)
    return _run(run, FrameTask.prepare(run, paths, base, recipe, **given), config)


def _kind(
    elements: ElementKind | None, base: str | Path | Base | Embedder, recipe: Recipe | None, data: Sequence[Path]
) -> ElementKind:
    check_argument(elements in (None, *get_args(ElementKind)), "elements", f"must be clips or frames, got {elements}")
    check_argument(len(data) > 0, "data", "must name at least one folder")
    check_argument(base is not None, "base", "is needed: the trained network to distil for, or its name or file")
    problem = (
        f"must be a name, a file, a Base or an Embedder, got {type(base).__name__}; "
        "wrap a network with Base.from_module (clips) or Embedder.from_module (frames)"
    )
    check_argument(isinstance(base, str | Path | Base | Embedder), "base", problem)
    kind, own = elements or (recipe.ELEMENTS if recipe else None), kind_of_base(base)
    problem = f"is for {own}, and {kind} were asked for; give a base for {kind}"
    check_argument(own is None or kind in (None, own), "base", problem)
    return own or kind or element_kind(data)


def _refuse_others(kind: ElementKind, arguments: dict[str, Any]) -> None:
    for name, value in arguments.items():
        other = "frames" if kind == "clips" else "clips"
        check_argument(value is None, name, f"is for {other}, not for {kind}, which are distilled here; leave it out")


def _changed(kind: ElementKind, recipe: Recipe | None, fields: dict[str, Any]) -> Recipe:
    """The recipe, by default that for the kind of elements, with some fields changed."""
    recipe = recipe or (ClipRecipe() if kind == "clips" else FrameRecipe())
    check_argument(
        kind == recipe.ELEMENTS,
        "recipe",
        f"is for {recipe.ELEMENTS}, not for {kind}; give a ClipRecipe for clips, a FrameRecipe for frames",
    )
    own, every = (
        {field.name for recipe_type in types for field in dataclass_fields(recipe_type)}
        for types in ((type(recipe),), (ClipRecipe, FrameRecipe))
    )
    if unknown := fields.keys() - every:
        raise TypeError(f"distill() got an unexpected keyword argument {min(unknown)!r}")
    _refuse_others(kind, {name: fields[name] for name in fields.keys() - own})
    return replace(recipe, **fields)


def _statistics(norm: Normalisation) -> list[float]:
    """By these a checkpoint is known to belong to the D-scores of another version of this package, and is not used."""
    return [float(f"{value:.4g}") for value in asdict(norm).values()]


def _run(run: TrainingRun, task: Task, config: TrainingConfig) -> DistillResult:
    """Equations 2 to 6; every process of the run calls it."""
    runtime, recipe = run.runtime, task.recipe
    store = computed_features(run, "features", task.data)
    d_scores = run.work / "d_scores.parquet"

    def targets() -> tuple[DScoreTarget, Normalisation, Metadata]:
        target = task.target(store)
        norm = write_d_scores(store, target, d_scores)
        np.save(run.work / "centroids.npy", target.centroids.numpy(), allow_pickle=False)
        return target, norm, task.about(store)

    target, norm, about = runtime.from_first(targets)
    elements = pq.read_metadata(d_scores).num_rows
    most = max(elements, MAX_BATCH_OF_FEW)
    problem = f"must be at most {most} for the {elements} {recipe.ELEMENTS} to learn from, got {config.batch}"
    check_argument(config.batch <= most, "batch", problem)
    input_spec, ddnet_config = recipe.input_spec(), recipe.ddnet_config()
    net = train_ddnet(
        ddnet_config, task.examples(d_scores), DDNetLoss(recipe.loss, input_spec), config, runtime, run.work,
        settings={**task.data.settings, "recipe": asdict(recipe), "targets": _statistics(norm)},
        progress=run.progress,
    )  # fmt: skip
    metadata = {
        **run.origin("ddnet", task.name, config.seed, config.steps),
        "config": asdict(ddnet_config),
        **asdict(input_spec),
        **asdict(norm),
        "base": task.data.base.name,
        "base_sha256": task.data.base.sha256,
        "metric": recipe.metric,
        "contrast": recipe.contrast,
        "loss": recipe.loss,
        **about,
        "failed": len(run.left_out.paths),
        "held_out": None,
    }
    if runtime.is_global_zero:
        save_weights(run.output, net.state_dict(), metadata)  # before anything else can fail
    scorer = Scorer(run.output.stem, TorchNetwork(net, input_spec, runtime.device), input_spec, metadata)
    measured = task.measure(run, scorer, target)
    domain = measured.training_domain
    tensors = net.state_dict() | (domain.tensors() if domain else {})

    def finish() -> TrainResult:
        known = {"held_out": measured.held_out, QUANTILES_KEY: measured.score_quantiles}
        complete = {**metadata, "failed": len(run.left_out.paths), **known}
        return run.finish(tensors, complete, ddnet_card(complete))

    made = runtime.from_first(finish)
    metadata = {**made.metadata, "sha256": fingerprint(tensors, made.metadata)}
    scorer = replace(scorer, metadata=metadata, training_domain=domain)
    return DistillResult(made.weights, made.card, metadata, scorer, d_scores)
