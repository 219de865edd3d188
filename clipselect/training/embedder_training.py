"""Training a base for images: an embedder of faces or persons, from folders of identities."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipselect.data.identities import LabelledImages, read_identities
from clipselect.data.splits import short_name
from clipselect.errors import ClipselectError, ImageError, check_argument, whole_number
from clipselect.evaluation.metrics.retrieval import Retrieval, retrieval
from clipselect.media.images import opencv, read_image
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.media.unreadable import OnError, ignore_error
from clipselect.scoring.input_spec import MAX_SIDE, MIN_SIDE, InputSpec
from clipselect.scoring.weights_file import fingerprint, save_weights
from clipselect.training.augment import normalised
from clipselect.training.cards import embedder_card
from clipselect.training.embedder_examples import EmbedderExamples
from clipselect.training.embedder_losses import LABEL_SMOOTHING, LOSSES, EmbedderInTraining, Loss
from clipselect.training.loop import TrainingConfig, train
from clipselect.training.run import TrainingRun, TrainResult, to_half_precision
from clipselect.training.training_call import TrainingCall
from clipselect.zoo.embedder import Embedder
from clipselect.zoo.embedder_loading import EMBEDDERS
from clipselect.zoo.loading import read_checkpoint

WEIGHT_DECAY = 5e-4
SMOOTHED: tuple[Loss, ...] = ("triplet", "softmax")
"""Losses with a softmax cross entropy, which can be smoothed."""
MAX_QUERIES = 2000
"""Held-out images that are sought among all others."""


def train_embedder(
    data: Path | str | Sequence[Path | str],
    output: Path | str,
    *,
    network: str = "reid_resnet50",
    loss: Loss = "triplet",
    bag_of_tricks: bool = False,
    initial: Path | str | None = None,
    height: int | None = None,
    width: int | None = None,
    steps: int = 3000,
    batch: int = 64,
    images_per_identity: int = 4,
    learning_rate: float = 1e-3,
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
) -> TrainResult:
    """Train a base for images of faces or persons, and measure how well it finds held-out identities again.

    Resumes and runs in several processes as `clipselect.train_base` does; arguments not named here mean the same.

    >>> result = train_embedder("market1501", "person.safetensors", steps=6000)      # doctest: +SKIP
    >>> result.metadata["held_out"]["rank1"]                                         # doctest: +SKIP
    87.2

    Args:
        data: one or several folders, each with a folder of images per identity; see `clipselect.data.identities`.
        output: the weights to write, as FILE.safetensors; the card goes beside them as FILE.md.
        network: a name of `clipselect.zoo.embedder_loading.EMBEDDERS`.
        loss: "triplet" is batch-hard triplets and softmax; see `EmbedderInTraining`.
        bag_of_tricks: random erasing and label smoothing, for the losses "triplet" and "softmax". Together with the
            networks of last stride 1, their BN neck and a learning rate that rises first, as it does in every training
            here, this is the "bag of tricks" of Luo, Gu, Liao, Lai, Jiang (2019), but for its centre loss.
        initial: checkpoint to begin from, such as torchvision's of ImageNet; random weights by default.
        height, width: pixels of an image; by default what the network is made for.
        batch: images in a batch, over all processes.
        images_per_identity: images of every identity in a batch, for the loss "triplet".

    Raises:
        ArgumentError: an argument out of its range, or a batch that does not hold whole identities.
        ClipselectError: data, checkpoint, output or work folder that cannot be used, fewer than two identities, a loss
            that is not a number.
    """
    call = TrainingCall.from_arguments(train_embedder, locals())
    opencv()
    folders = [Path(folder) for folder in ([data] if isinstance(data, str | Path) else data)]
    check_argument(network in EMBEDDERS, "network", f"must be one of {', '.join(EMBEDDERS)}, got {network}")
    check_argument(loss in LOSSES, "loss", f"must be one of {', '.join(LOSSES)}, got {loss}")
    if bag_of_tricks:
        check_argument(loss in SMOOTHED, "loss", f"must be {' or '.join(SMOOTHED)} for the bag of tricks, got {loss}")
    architecture = EMBEDDERS[network]
    made_for = architecture.input_spec
    height, width = (made_for.height if height is None else height), (made_for.width if width is None else width)
    input_spec = replace(made_for, height=height, width=width)
    for argument, pixels in (("height", height), ("width", width)):
        check_argument(MIN_SIDE <= pixels <= MAX_SIDE, argument, f"must lie in [{MIN_SIDE}, {MAX_SIDE}], got {pixels}")
    config = TrainingConfig(steps, batch, learning_rate, WEIGHT_DECAY, seed, checkpoint_minutes, workers)
    k = None if loss != "triplet" else whole_number(images_per_identity, "images_per_identity", 2)
    call.check_outputs(folders, {"initial": initial})
    listed = read_identities(folders, "train")
    held_out = None
    with suppress(ClipselectError):  # a single held-out identity: there is nothing to measure
        held_out = read_identities(folders, "val")
    torch.manual_seed(seed)
    net = architecture.build()
    if initial is not None:
        architecture.load(net, read_checkpoint(Path(initial)), initial)
    dim = _dimensions(net, input_spec, network)
    run = TrainingRun.begin(call)
    if k is not None:
        check_whole_identities(batch, k, run.runtime.world_size)
    images = run.runtime.from_first(lambda: readable(listed, "reading the images", run.progress, run.left_out))

    def mean_loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
        return model(normalised(inputs, input_spec.mean, input_spec.std), labels)

    trained = train(
        EmbedderInTraining(net, loss, dim, len(images.identities), LABEL_SMOOTHING if bag_of_tricks else 0.0),
        EmbedderExamples(images, input_spec, batch, seed, k, bag_of_tricks),
        mean_loss,
        config,
        run.runtime,
        checkpoint=run.work / "embedder.ckpt",
        settings={
            "network": network,
            "loss": loss,
            "initial": initial and fingerprint(net.state_dict(), {}),
            "k": k,
            **asdict(input_spec),
            "config": asdict(config.deterministic_part()),
            "images": fingerprint_of(images),
            **({"bag_of_tricks": True} if bag_of_tricks else {}),
        },
        stage="training the embedder",
        progress=run.progress,
    ).network
    assert isinstance(trained, nn.Module)

    def measure_and_write() -> TrainResult:
        tensors = to_half_precision(trained)
        metadata = {
            **run.origin("embedder", ", ".join(map(short_name, folders)), seed, steps),
            "network": network,
            "dim": dim,
            **asdict(input_spec),
            "identities": len(images.identities),
            "images": len(images.paths),
            "failed": len(run.left_out.paths),
            "loss": loss,
            "bag_of_tricks": bag_of_tricks,
            "images_per_identity": k,
            "initial": initial and Path(initial).name,
            "held_out": None,
        }
        save_weights(run.output, tensors, metadata)  # before anything else can fail
        metadata["held_out"] = held_out and _measured(trained, held_out, input_spec, run)
        return run.finish(tensors, metadata, embedder_card(metadata))

    return run.runtime.from_first(measure_and_write)


def check_whole_identities(batch: int, k: int, processes: int) -> None:
    """Refuse a batch in which some process would get a part of an identity's k images."""
    unit = k * processes
    factors = f" times the number of processes, {k} x {processes}" if processes > 1 else f", {k}"
    remedy = f"choose {2 * unit} or another multiple of {unit}, or another images_per_identity"
    check_argument(
        batch % unit == 0, "batch", f"must be a multiple of images_per_identity{factors}, got {batch}; {remedy}"
    )


def readable(images: LabelledImages, stage: str, progress: ProgressCallback, on_error: OnError) -> LabelledImages:
    """The images that can be read, and the identities that they show; `on_error` is called with the others.

    Raises:
        ClipselectError: fewer than two identities are left.
    """
    places = []
    for place, path in enumerate(tracked(images.paths, stage, len(images.paths), progress)):
        try:
            read_image(path)
            places.append(place)
        except ImageError as e:
            on_error(path, e)
    return images.kept(places)


def fingerprint_of(images: LabelledImages) -> str:
    """SHA-256 of all paths with their labels."""
    lines = (f"{path!r} {label}\n" for path, label in zip(images.paths, images.labels, strict=True))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def leave_one_out(features: NDArray[np.float32], labels: Sequence[int]) -> Retrieval:
    """Every image (at most `MAX_QUERIES`, evenly chosen) sought among all others by Euclidean distance.

    Raises:
        ValueError: features that are not finite, or no identity with two images.
    """
    queries = np.arange(0, len(labels), -(-len(labels) // MAX_QUERIES))
    everything = np.arange(len(labels))  # as cameras: an image is left out for itself alone
    ids = np.asarray(labels) + 1  # 0 would be a distractor
    return retrieval(features[queries], features, ids[queries], queries, ids, everything)


@torch.inference_mode()
def _dimensions(net: nn.Module, input_spec: InputSpec, network: str) -> int:
    """Of the network's features; a ClipselectError if it cannot take such images."""
    try:
        return int(net.eval()(torch.zeros(2, 3, input_spec.height, input_spec.width)).shape[1])
    except (RuntimeError, ValueError) as e:  # of instance normalisation: maps of one place
        size = f"{input_spec.height} x {input_spec.width}"
        raise ClipselectError(f"{network} cannot take images of {size}; leave height and width out") from e


def _measured(net: nn.Module, images: LabelledImages, input_spec: InputSpec, run: TrainingRun) -> dict[str, Any] | None:
    """Rank 1 and mean average precision in percent; None where no identity has two images."""
    try:
        images = readable(images, "the held-out images", run.progress, run.left_out)
    except ClipselectError:
        return None
    if len(set(images.labels)) == len(images.labels):
        return None
    embedder = Embedder.from_module(net, input_spec, name=run.output.stem, device=str(run.runtime.device))
    found = leave_one_out(embedder.embed(map(read_image, images.paths)), images.labels)
    return {
        "identities": len(images.identities),
        "images": len(images.paths),
        "queries": len(found.queries),
        "rank1": 100 * found.cmc[1],
        "map": 100 * found.mean_average_precision,
    }
