"""Networks that embed images, by name, with the images that they are made for; and the weights `train-embedder` wrote.

A network of another kind joins as a further entry of `EMBEDDERS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from clipselect.zoo.embedder import NORMALISATIONS
from clipselect.zoo.face_checkpoints import rename
from clipselect.zoo.face_networks import FACE_NETWORKS
from clipselect.zoo.face_networks import SIZE as FACE
from clipselect.zoo.loading import fit
from clipselect.zoo.reid_networks import REID_NETWORKS, SIZE, load_reid_weights
from torch import Tensor, nn

from clipselect.errors import ClipselectError
from clipselect.scoring.checkpoint import Metadata, load_weights
from clipselect.scoring.input_spec import InputSpec

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
