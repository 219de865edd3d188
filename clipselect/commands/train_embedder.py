"""`clipselect train-embedder`."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.text import Text
from torch import Tensor, nn

from clipselect import __version__
from clipselect.commands.common import check, stderr
from clipselect.commands.options import Device, Quiet
from clipselect.commands.outputs import make_folder
from clipselect.commands.stages import Failures, Stage, stage, stoppable
from clipselect.commands.training_options import (
    CheckpointMinutes,
    LearningRate,
    Output,
    Precision,
    Seed,
    Steps,
    Work,
    Workers,
    check_outputs,
    command,
)
from clipselect.data.identities import LabelledImages, read_identities
from clipselect.data.splits import short_name
from clipselect.errors import ClipselectError
from clipselect.media.files import write_whole
from clipselect.media.text import printable
from clipselect.scoring.checkpoint import Metadata, fingerprint, save_weights
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.augment import normalised
from clipselect.training.cards import embedder_card, share
from clipselect.training.embedder_training import (
    LOSSES,
    EmbedderExamples,
    EmbedderInTraining,
    Loss,
    embedded,
    fingerprint_of,
    leave_one_out,
    readable,
)
from clipselect.training.loop import TrainingConfig, train
from clipselect.training.runtime import Runtime, launch
from clipselect.zoo.embedder_networks import EMBEDDERS
from clipselect.zoo.loading import read_checkpoint


def train_embedder(
    *,
    data: Annotated[
        list[Path],
        typer.Option(metavar="DIR", help="Folder with a folder of images per identity; may be given several times."),
    ],
    output: Output,
    network: Annotated[str, typer.Option(metavar="NAME", help=f"One of {', '.join(EMBEDDERS)}.")] = "reid_resnet50",
    loss: Annotated[
        str,
        typer.Option(metavar="NAME", help=f"One of {', '.join(LOSSES)}; triplet is batch-hard triplets and softmax."),
    ] = "triplet",
    initial: Annotated[
        Path | None,
        typer.Option(metavar="CHECKPOINT", help="Weights to begin from, such as torchvision's of ImageNet."),
    ] = None,
    height: Annotated[int | None, typer.Option(help="Pixels. (default: what the network is made for)")] = None,
    width: Annotated[int | None, typer.Option(help="Pixels. (default: what the network is made for)")] = None,
    steps: Steps = 3000,
    batch: Annotated[int, typer.Option(min=2, help="Images in a batch, over all processes.")] = 64,
    images_per_identity: Annotated[
        int, typer.Option(min=2, help="Images of every identity in a batch, for the loss triplet.")
    ] = 4,
    learning_rate: LearningRate = 1e-3,
    seed: Seed = 0,
    work: Work = None,
    device: Device = "auto",
    precision: Precision = "auto",
    workers: Workers = 0,
    checkpoint_minutes: CheckpointMinutes = 5.0,
    quiet: Quiet = False,
) -> None:
    """Train a base for faces or persons, for those who have none of their own yet.

    DATA is a folder with one folder of images per identity (in train/ and val/, or without, then a fifth of the
    identities is held out), or of images named IDENTITY_*.jpg. Writes the weights and a card with how well held-out
    identities are found again. A run that was stopped goes on when the same command is given again.
    """
    check(network in EMBEDDERS, f"--network must be one of {', '.join(EMBEDDERS)}, got {network}")
    check(loss in LOSSES, f"--loss must be one of {', '.join(LOSSES)}, got {loss}")
    known_loss: Loss = next(name for name in LOSSES if name == loss)
    architecture = EMBEDDERS[network]
    made_for = architecture.input_spec
    input_spec = replace(
        made_for,
        height=made_for.height if height is None else height,
        width=made_for.width if width is None else width,
    )
    for option, pixels in (("--height", input_spec.height), ("--width", input_spec.width)):
        check(16 <= pixels <= 1024, f"{option} must lie in [16, 1024], got {pixels}")
    check_outputs(output)
    work = work or output.with_suffix(".work")
    found = read_identities(data, "train")
    held_out = None
    with suppress(ClipselectError):  # a single held-out identity: there is nothing to measure
        held_out = read_identities(data, "val")
    torch.manual_seed(seed)
    net = architecture.build()
    if initial is not None:
        architecture.load(net, read_checkpoint(initial), initial)
    dim = _dimensions(net, input_spec, network)
    make_folder(work)
    runtime = launch(device, precision, work / "logs")
    failures = Failures(quiet=not runtime.is_global_zero)
    quiet = quiet or not runtime.is_global_zero
    schedule = TrainingConfig(steps, batch, learning_rate, 5e-4, seed, checkpoint_minutes, workers)
    k = images_per_identity if loss == "triplet" else None
    check(
        k is None or (batch // runtime.world_size) % k == 0,
        f"--batch {batch} over {runtime.world_size} processes is no multiple of --images-per-identity {k}",
    )
    with stoppable(work, runtime.is_global_zero):
        images = None
        if runtime.is_global_zero:  # the others would read the same, and might not agree
            with stage("reading the images", len(found.paths), quiet) as step:
                images = readable(found, step.over, failures.add)
        images = runtime.broadcast(images)
        examples = EmbedderExamples(images, input_spec, batch, seed, k)
        settings = {
            "network": network, "loss": loss, "initial": initial and fingerprint(net.state_dict(), {}), "k": k,
            **asdict(input_spec), "schedule": [steps, batch, learning_rate, seed], "images": fingerprint_of(images),
            "precision": runtime.precision, "processes": runtime.world_size,
        }  # fmt: skip

        def mean_loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
            return model(normalised(inputs, input_spec.mean, input_spec.std), labels)

        training = EmbedderInTraining(net, known_loss, dim, len(images.identities))
        with stage("training the embedder", steps, quiet) as step:
            averaged = train(
                training, examples, mean_loss, schedule, runtime,
                checkpoint=work / "embedder.ckpt", settings=settings,
                progress=lambda now: step.at(now.done, float(now.note.split()[-1])) if now.note else None,
            ).network  # fmt: skip
        if not runtime.is_global_zero:
            return
        assert isinstance(averaged, nn.Module)
        metadata: Metadata = {
            "kind": "embedder",
            "name": output.stem,
            "network": network,
            "dim": dim,
            **asdict(input_spec),
            "identities": len(images.identities),
            "images": len(images.paths),
            "failed": failures.count,
            "loss": loss,
            "images_per_identity": k,
            "initial": initial and initial.name,
            "seed": seed,
            "steps": steps,
            "data": ", ".join(map(short_name, data)),
            "clipselect": __version__,
            "command": command(),
            "held_out": None,
        }
        with stage("the held-out images", len(held_out.paths) if held_out else 0, quiet) as step:
            _write(
                output, averaged, metadata, lambda net: _measured(net, held_out, input_spec, runtime, step, failures)
            )
    if failures.count:
        stderr().print(Text(f"{failures.count} images could not be read and were left out"))
    if not quiet:
        typer.echo(
            f"{printable(output)}: {network}, {len(images.identities)} identities, {_told(metadata['held_out'])}"
        )


def _told(held_out: dict[str, Any] | None) -> str:
    return f"rank 1 {share(held_out['rank1'])} on {held_out['queries']} held-out images" if held_out else "not measured"


@torch.inference_mode()
def _dimensions(net: nn.Module, input_spec: InputSpec, network: str) -> int:
    """Of the network's features; a ClipselectError if it cannot take such images."""
    try:
        return int(net.eval()(torch.zeros(2, 3, input_spec.height, input_spec.width)).shape[1])
    except RuntimeError as e:
        size = f"{input_spec.height} x {input_spec.width}"
        raise ClipselectError(f"{network} cannot take images of {size}; leave --height and --width out") from e


def _write(
    output: Path, net: nn.Module, metadata: Metadata, measured: Callable[[nn.Module], dict[str, Any] | None]
) -> None:
    """Write the weights in half precision, then once more with what was `measured` with them, and the card."""
    halves = {
        n: t.half() if t.is_floating_point() and bool(t.half().isfinite().all()) else t
        for n, t in net.state_dict().items()
    }
    save_weights(output, halves, metadata)  # before anything else can fail
    net.load_state_dict({n: t.to(net.state_dict()[n].dtype) for n, t in halves.items()})
    metadata["held_out"] = measured(net)
    save_weights(output, halves, metadata)
    write_whole(output.with_suffix(".md"), embedder_card(metadata))


def _measured(
    net: nn.Module,
    images: LabelledImages | None,
    input_spec: InputSpec,
    runtime: Runtime,
    step: Stage,
    failures: Failures,
) -> dict[str, Any] | None:
    """Rank 1 and mean average precision in percent; None where no identity has two images."""
    if images is None:
        return None
    try:
        images = readable(images, step.over, failures.add)
    except ClipselectError:
        return None
    if len(set(images.labels)) == len(images.labels):
        return None
    found = leave_one_out(embedded(net, images.paths, input_spec, runtime.device), images.labels)
    return {
        "identities": len(images.identities),
        "images": len(images.paths),
        "queries": len(found.queries),
        "rank1": 100 * found.cmc[1],
        "map": 100 * found.mean_average_precision,
    }
