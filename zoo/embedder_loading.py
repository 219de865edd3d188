"""Loading embedders: from checkpoints and ONNX files, weights that clipselect wrote, or out of the user's own code."""

from dataclasses import replace
from pathlib import Path

from clipselect.zoo.embedder import NORMALISATIONS, Embedder
from clipselect.zoo.embedder_networks import EMBEDDERS, load_trained
from clipselect.zoo.face_checkpoints import load_face_network
from clipselect.zoo.face_networks import FACE_NETWORKS
from clipselect.zoo.loading import code_fingerprint, from_code, read_checkpoint
from clipselect.zoo.onnx_embedder import load_onnx_embedder
from torch import nn

from clipselect.errors import ClipselectError
from clipselect.scoring.checkpoint import Metadata


def load_embedder(model: str | Path, device: str = "auto", *, normalisation: str | None = None) -> Embedder:
    """An embedder by file.

    Args:
        model: NETWORK:CHECKPOINT with a name of `clipselect.zoo.embedder_networks.EMBEDDERS`; weights that
            `clipselect train-embedder` wrote; a .onnx file; or FILE.py:NAME, your own code, which is run, and in it an
            `Embedder` or a function that makes one.
        normalisation: of the input, a name of `clipselect.zoo.embedder.NORMALISATIONS`; what the network was published
            with by default, "imagenet" for .onnx.

    Raises:
        ClipselectError: unknown model, weights that do not fit or cannot be read, or a normalisation of one's own code.
    """
    if normalisation is not None and normalisation not in NORMALISATIONS:
        raise ClipselectError(f"normalisation must be one of {', '.join(NORMALISATIONS)}, got {normalisation}")
    name, _, rest = str(model).rpartition(":")
    if name.endswith(".py"):
        if normalisation is not None:
            raise ClipselectError(f"{model}: its code says how its input is normalised; leave out {normalisation}")
        made = from_code(Path(name), rest, Embedder)
        return replace(made, sha256=f"{made.sha256} {code_fingerprint(Path(name), rest)}")
    path = Path(model)
    if path.suffix == ".onnx":
        return load_onnx_embedder(path, normalisation=normalisation or "imagenet")
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
