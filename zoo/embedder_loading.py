"""Embedders by name, and loading them: from checkpoints and ONNX files, our own weights, or the user's code.

A network of another kind joins as a further entry of `EMBEDDERS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from clipselect.zoo.embedder import Embedder
from clipselect.zoo.face_checkpoints import load_face_network, rename
from clipselect.zoo.face_networks import FACE_NETWORKS
from clipselect.zoo.face_networks import SIZE as FACE
from clipselect.zoo.loading import code_fingerprint, fit, from_code, read_checkpoint
from clipselect.zoo.reid_networks import REID_NETWORKS, SIZE, load_reid_weights
from torch import Tensor, nn

from clipselect.errors import ClipselectError
from clipselect.scoring.input_spec import NORMALISATIONS, InputSpec
from clipselect.scoring.onnx_network import open_onnx
from clipselect.scoring.weights_file import Metadata, load_weights

IMAGENET = NORMALISATIONS["imagenet"]
"""Mean and standard deviation that torchvision's and the re-ID projects' weights were trained with."""


@dataclass(frozen=True)
class EmbedderArchitecture:
    """A network that can be built.

    Attributes:
        build: makes it, randomly initialised: normalised images [n, 3, height, width] -> embeddings [n, d].
        input_spec: of the images that it is made for.
        load: gives it a state dict; the third argument names its source.
    """

    build: Callable[[], nn.Module]
    input_spec: InputSpec
    load: Callable[[Any, Mapping[str, Tensor], str | Path], None]


def load_face_weights(net: nn.Module, state: Mapping[str, Tensor], source: str | Path) -> None:
    """Give a face network a state dict with our names or those of a public checkpoint."""
    fit(net, rename(state), source)


EMBEDDERS: dict[str, EmbedderArchitecture] = {
    name: EmbedderArchitecture(build, InputSpec(*SIZE, *IMAGENET), load_reid_weights)
    for name, build in REID_NETWORKS.items()
} | {
    name: EmbedderArchitecture(
        partial(face.build, face.embedding), InputSpec(FACE, FACE, face.mean, face.std), load_face_weights
    )
    for name, face in FACE_NETWORKS.items()
}


def load_embedder(model: str | Path, device: str = "auto", *, normalisation: str | None = None) -> Embedder:
    """An embedder by file.

    Args:
        model: NETWORK:CHECKPOINT with a name of `EMBEDDERS`; weights that
            `clipselect train-embedder` wrote; a .onnx file; or FILE.py:NAME, your own code, which is run, and in it an
            `Embedder` or a function that makes one.
        normalisation: of the input, a name of `clipselect.scoring.input_spec.NORMALISATIONS`; what the network was
            published with by default, "imagenet" for .onnx.

    Raises:
        ClipselectError: unknown model, weights that do not fit or cannot be read, or a normalisation of one's own code.

    >>> import numpy as np
    >>> torch.save(EMBEDDERS["mobilefacenet"].build().state_dict(), "mine.pth")  # yours is trained
    >>> load_embedder("mobilefacenet:mine.pth", device="cpu").embed([np.zeros((112, 112, 3), np.uint8)]).shape
    (1, 512)
    """
    if normalisation is not None and normalisation not in NORMALISATIONS:
        raise ClipselectError(f"normalisation must be one of {', '.join(NORMALISATIONS)}, got {normalisation}")
    name, _, rest = str(model).rpartition(":")
    if name.endswith(".py"):
        if normalisation is not None:
            raise ClipselectError(f"{model}: its code says how its input is normalised; leave out {normalisation}")
        made = from_code(Path(name), rest, Embedder).to(device)
        return replace(made, sha256=f"{made.sha256} {code_fingerprint(Path(name), rest)}")
    path = Path(model)
    if path.suffix == ".onnx":
        return load_onnx_embedder(path, normalisation or "imagenet")
    metadata: Metadata = {}
    if name in EMBEDDERS:
        label, input_spec, net = name, EMBEDDERS[name].input_spec, _with_weights(name, Path(rest))
    elif path.is_file():
        net, input_spec, metadata = load_trained(path)
        label = str(metadata["name"])
    else:
        raise ClipselectError(
            f"unknown base {str(model)!r}: give NETWORK:CHECKPOINT with one of {', '.join(EMBEDDERS)}, weights that "
            "clipselect train-embedder wrote, a .onnx file, or FILE.py:NAME"
        )
    if normalisation is not None:
        mean, std = NORMALISATIONS[normalisation]
        input_spec = replace(input_spec, mean=mean, std=std)
    return Embedder.from_module(net, input_spec, name=label, metadata=metadata, device=device)


def _with_weights(network: str, checkpoint: Path) -> nn.Module:
    if network in FACE_NETWORKS:
        return load_face_network(network, checkpoint)
    net = EMBEDDERS[network].build()
    EMBEDDERS[network].load(net, read_checkpoint(checkpoint), checkpoint)
    return net.eval()


def load_trained(path: Path | str) -> tuple[nn.Module, InputSpec, Metadata]:
    """What `train-embedder` wrote: the network in evaluation mode, the images it takes, and all that is known of it.

    Raises:
        ClipselectError: another file, or one whose metadata and tensors do not describe one network.
    """
    tensors, metadata = load_weights(path, kind="embedder")
    try:
        net = EMBEDDERS[metadata["network"]].build()
        net.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in tensors.items()})
        input_spec = InputSpec.from_metadata(metadata)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as e:
        raise ClipselectError(
            f"{path}: its metadata and its tensors do not describe one embedder; train it again"
        ) from e
    return net.eval(), input_spec, metadata


def load_onnx_embedder(path: Path, normalisation: str = "imagenet", gflops: float | None = None) -> Embedder:
    """An embedder out of an ONNX file with one image input [n, 3, height, width]; its first output is the feature.

    Runs on the CPU, by onnxruntime. Its multiply-adds are not counted.

    Args:
        normalisation: a name of `clipselect.scoring.input_spec.NORMALISATIONS`.
        gflops: 10^9 multiply-adds per image, where they are known.

    Raises:
        MissingLibraryError: onnxruntime is missing.
        ClipselectError: not an ONNX file, or another kind of input.
    """
    network = open_onnx(path)
    shape = network.shape
    if network.is_uint8 or len(shape) != 3 or shape[0] != 3 or not all(isinstance(side, int) for side in shape[1:]):
        raise ClipselectError(
            f"{path}: must take one input [n, 3, height, width] of floats of a fixed size, not {[*shape]}"
        )
    mean, std = NORMALISATIONS[normalisation]
    about: Metadata = {"sha256": network.sha256}
    return Embedder.from_module(
        lambda images: torch.from_numpy(network.run(images.detach().numpy())[0]).flatten(1),
        InputSpec(shape[1], shape[2], mean, std),
        name=path.stem,
        gflops=gflops,
        metadata=about,
        device="cpu",
    )
