"""Training a network that makes one feature of a whole set of faces, from folders of identities."""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from clipselect.data.identities import LabelledImages, read_identities
from clipselect.data.splits import short_name
from clipselect.errors import ClipselectWarning, ImageError, check_argument
from clipselect.media.images import opencv, read_image
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.unreadable import OnError, ignore_error
from clipselect.method.selection import evenly
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.unit_rows import unit_rows
from clipselect.sets.set_network import KIND
from clipselect.training.aggregator_training import GFANRecipe, NANRecipe, QANRecipe, TemporalRecipe
from clipselect.training.cards import set_network_card
from clipselect.training.fan_training import FANRecipe
from clipselect.training.feature_store import computed_features
from clipselect.training.frame_elements import FrameData, Variants
from clipselect.training.held_out_sets import split_identities
from clipselect.training.lfenet_training import LFENetRecipe
from clipselect.training.run import TrainingRun, TrainResult
from clipselect.training.set_examples import SetImages
from clipselect.training.set_recipe import SetRecipe
from clipselect.training.training_call import TrainingCall
from clipselect.zoo.embedder import Embedder
from clipselect.zoo.embedder_loading import load_embedder

LOOKED_AT = 32
"""Images whose shape shows whether all of them can be aligned."""
RECIPES: Mapping[str, type[SetRecipe]] = {
    "nan": NANRecipe, "qan": QANRecipe, "gfan": GFANRecipe, "temporal": TemporalRecipe, "lfenet": LFENetRecipe,
    "fan": FANRecipe,
}  # fmt: skip
"""All networks of sets, by name: how they are trained. A recipe's fields are its options, its `train` does the work.
What loads them stands in `clipselect.sets.set_network.LOADERS`."""


def train_set_network(
    network: str,
    data: Path | str | Sequence[Path | str],
    output: Path | str,
    *,
    base: str | Path | Embedder,
    shared_names: bool = False,
    seed: int = 0,
    work: Path | str | None = None,
    device: str = "auto",
    precision: str = "auto",
    workers: int = 0,
    checkpoint_minutes: float = 5.0,
    overwrite: bool = False,
    command: str | None = None,
    progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
    **options: Any,
) -> TrainResult:
    """Train a network that makes one feature of a whole set of faces or persons, and measure it on held-out identities.

    Resumes and runs in several processes as `clipselect.train_base` does (but "fan" in one); arguments not named here
    mean the same. "fan" writes grids of samples to the work folder, as often as checkpoints.

    >>> base = "mobilefacenet:FILE.pt"
    >>> made = train_set_network("lfenet", "faces", "lfenet.safetensors", base=base)        # doctest: +SKIP
    >>> made.metadata["held_out"]["decidability"]["lfenet"]                                 # doctest: +SKIP

    Args:
        network: "nan" (Yang et al., CVPR 2017), "qan" (Liu et al., CVPR 2017), "gfan" (Zhao et al., ICPR 2020) or
            "temporal" (Gao and Nevatia, BMVC 2018; the attention of Not 3D Re-ID, ICPR 2020), which weigh the base's
            features; "lfenet" (Bai et al., FG 2021), in which aligned faces enhance each other; "fan"
            (Hörmann et al., ICIP 2021), which makes one image of them.
        data: one or several folders, each with a folder of images per identity; see `clipselect.data.identities`.
            A tenth of the training identities is held out, to choose the best step by.
        output: the weights to write, as FILE.safetensors; the card goes beside them as FILE.md.
        base: the embedder to build on, as `clipselect.load_embedder` takes it; it is not changed.
        shared_names: whether a name is the same person in all data.
        options: the fields of the network's recipe: `clipselect.training.aggregator_training.AggregatorRecipe` for
            "nan", "qan", "gfan" and "temporal", `clipselect.training.lfenet_training.LFENetRecipe`,
            `clipselect.training.fan_training.FANRecipe`.

    Raises:
        ArgumentError: an argument out of its range.
        TypeError: an option that the network does not have.
        ClipselectError: data, base, output or work folder that cannot be used, too few identities, a loss that is not a
            number.
    """
    arguments = {name: value for name, value in locals().items() if name != "options"} | options
    if isinstance(base, Embedder):
        arguments["base"] = base.name
    call = TrainingCall.from_arguments(train_set_network, arguments)
    opencv()
    check_argument(network in RECIPES, "network", f"must be one of {', '.join(RECIPES)}, got {network}")
    known = [field.name for field in fields(RECIPES[network])]
    if unknown := next((name for name in options if name not in known), None):
        raise TypeError(f"{network} has no option {unknown!r}; the options are {', '.join(known)}")
    recipe = RECIPES[network](**options)
    config = recipe.config(seed, checkpoint_minutes, workers)
    folders = [Path(folder) for folder in ([data] if isinstance(data, str | Path) else data)]
    call.check_outputs(folders, {"base": base})
    listed = read_identities(folders, "train", shared_names=shared_names)
    run = TrainingRun.begin(call)
    embedder = base if isinstance(base, Embedder) else load_embedder(base, str(run.runtime.device))
    everyone = SetImages.without_features(listed)
    recipe.check(split_identities(everyone, seed)[0], embedder, run.runtime)
    few = sum(len(own) < recipe.images_needed for own in everyone.by_identity)
    if few and run.runtime.is_global_zero:
        problem = f"{few} identities have fewer than {recipe.images_needed} images; their sets repeat images"
        warnings.warn(problem, ClipselectWarning, stacklevel=2)
    if recipe.needs_aligned and run.runtime.is_global_zero:
        _warn_of_unaligned(listed.paths, embedder.input_spec)
    images = embedded_images(listed, embedder, recipe.feature_variants(seed), run)
    tensors, about = recipe.train(images, embedder, config, run)
    metadata = {
        **run.origin(KIND, ", ".join(map(short_name, folders)), seed, recipe.steps),
        "network": network, "base": embedder.name, "base_sha256": embedder.sha256, "dim": embedder.dim, **about,
        "failed": len(run.left_out.paths),
    }  # fmt: skip
    return run.runtime.from_first(lambda: run.finish(tensors, metadata, set_network_card(metadata)))


def _warn_of_unaligned(paths: Sequence[str], spec: InputSpec) -> None:
    """Say so if most images do not have the aspect ratio of the base's input, as aligned ones do."""
    sizes = []
    for path in evenly(paths, LOOKED_AT):
        with suppress(ImageError):  # which is reported when all are read
            sizes.append(read_image(path).shape[:2])
    distorted = [size for size in sizes if spec.distorts(*size)]
    if 2 * len(distorted) > len(sizes):
        height, width = distorted[0]
        problem = (
            f"of {len(sizes)} images, {len(distorted)} have another shape than the base's input, "
            f"{spec.height} x {spec.width}, as {height} x {width}; faces must be aligned: "
            "`clipselect faces VIDEO --save` writes such"
        )
        warnings.warn(problem, ClipselectWarning, stacklevel=3)


def embedded_images(listed: LabelledImages, base: Embedder, variants: Variants, run: TrainingRun) -> SetImages:
    """The images that can be read, with the base's features of them and of their degraded variants, which are kept in
    the work folder.

    Raises:
        ClipselectError: images of fewer than two identities can be read.
    """
    parts = [*computed_features(run, "features", FrameData(listed, base, variants))]
    images = listed.kept([item for part in parts for item in part.item[:: variants.per_image].tolist()])
    features = unit_rows(np.concatenate([part.features for part in parts]))
    by_image = features.reshape(len(images.paths), variants.per_image, -1)
    return SetImages(images, by_image[:, 0], by_image[:, 1:])
