"""A DDNet that is ready to score elements: the clips of a video, or single frames."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, ClipselectError, NetworkError, check_argument
from clipselect.media.candidate_clips import exact_seconds
from clipselect.media.geometry import SQUASH
from clipselect.media.images import Image
from clipselect.method.ddnet_config import DDNetConfig
from clipselect.scoring.device import pick_device
from clipselect.scoring.function_scorer import FunctionScorer, ScoringFunction
from clipselect.scoring.input_spec import InputSpec, batches
from clipselect.scoring.named_scorers import named_scorer
from clipselect.scoring.networks import QuickStart, TorchNetwork
from clipselect.scoring.numpy_ddnet import NumPyDDNet
from clipselect.scoring.percentiles import percentiles, quantiles_of
from clipselect.scoring.shipped import DDNETS, DEFAULT_DDNET, FACE_DDNET, weights_path
from clipselect.scoring.training_domain import PREFIX, TrainingDomain
from clipselect.scoring.weights_file import Metadata, load_arrays

if TYPE_CHECKING:
    import torch

    from clipselect.method.ddnet import DDNet

Elements = Literal["clips", "frames"]

IMAGE_BATCH = 32
"""Images scored at a time."""


@dataclass(frozen=True)
class Scorer:
    """A DDNet with its input and its metadata.

    Attributes:
        name: as shown in results.
        network: what computes its scores.
        metadata: the header of the weights file: input, clip_duration, mu, sigma, base, data, command and more.
        training_domain: what the DDNet was distilled on; None where the weights do not say.
    """

    name: str
    network: TorchNetwork | QuickStart
    input_spec: InputSpec
    metadata: Metadata
    training_domain: TrainingDomain | None = None

    in_unit_interval: ClassVar[bool] = True
    """Scores estimate D-scores, so they can be weights; those of a function may lie anywhere."""

    @property
    def net(self) -> "DDNet":
        """In PyTorch."""
        return self.network.net

    @property
    def device(self) -> "torch.device":
        """Of PyTorch."""
        return self.network.device

    @property
    def device_name(self) -> str:
        """Of where the next scores are computed, such as "cpu"; to ask does not import PyTorch."""
        return self.network.device_name

    @property
    def clip_duration(self) -> float:
        """Seconds per clip that the DDNet was distilled with; a KeyError for one that scores single frames."""
        return float(self.metadata["clip_duration"])

    def score(self, elements: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scores [n] in (0, 1) of elements [n, *input_spec.shape] uint8 RGB, n >= 1, in one batch; see `outputs`."""
        return self.outputs(elements)[0]

    def outputs(self, elements: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores [n] in (0, 1) and features [n, d] of elements [n, *input_spec.shape] uint8 RGB, n >= 1, in one batch.

        Raises:
            ArgumentError: elements of another shape.
            NetworkError: a score is not a number.
        """
        if elements.shape[1:] != self.input_spec.shape:
            expected = ", ".join(map(str, self.input_spec.shape))
            raise ArgumentError("elements", f"must be [n, {expected}] for {self.name!r}, got {[*elements.shape]}")
        scores, features = self.network(elements)
        if not np.isfinite(scores).all():
            raise NetworkError(f"model {self.name!r} gives scores that are not numbers; distil it again")
        return scores, features

    def score_images(self, images: Iterable[Image]) -> NDArray[np.float32]:
        """Scores [n] in (0, 1) of images [h, w, 3] uint8 RGB of any size, squashed to the DDNet's input.

        Images may come one by one: no more than a batch of them is held.

        Raises:
            NetworkError: a score is not a number.
            ValueError: images of another shape or type.
        """
        parts = [self.score(np.stack(batch)) for batch in batches(map(self.input_spec.squash, images), IMAGE_BATCH)]
        return np.concatenate([np.empty(0, np.float32), *parts])

    def percentiles(self, scores: NDArray[np.float32]) -> NDArray[np.float64] | None:
        """Which share of its training elements, in percent, each of the scores [n] exceeds; None if that is not
        known."""
        quantiles = quantiles_of(self.metadata)
        return None if quantiles is None else percentiles(scores, quantiles)

    def check_for(self, elements: str) -> None:
        """Raise an ArgumentError unless it can score "clips" or "frames"."""
        own = "frames" if self.input_spec.frames is None else "clips"
        problem = f"must be for {elements}, but {self.name!r} scores {own}; see load_scorer"
        check_argument(own == elements, "scorer", problem)


AnyScorer = Scorer | FunctionScorer
ScorerLike = AnyScorer | ScoringFunction | str | Path
"""What scores: a scorer, a function of a batch of elements (see `FunctionScorer`), or what `load_scorer` loads."""


def check_can_index(scorer: AnyScorer) -> None:
    """Raise an ArgumentError for a function: nothing would show later that scores are by the same one."""
    problem = (
        f"cannot be used with {scorer.name!r}, since nothing shows whether its scores are by the same function; "
        "score without an index, or with a DDNet"
    )
    check_argument("sha256" in scorer.metadata, "index", problem)


def load_scorer(
    scorer: ScorerLike | None = None, device: str = "auto", *, elements: Elements | None = None
) -> AnyScorer:
    """Whatever scores, ready to do so.

    >>> load_scorer(device="cpu").name, load_scorer("sharpness").name
    ('ddnet3d-actions', 'sharpness')

    Args:
        scorer: a DDNet, as for `load_ddnet`; FILE.onnx:NORMALISATION, a network on the CPU, see
            `clipselect.scoring.named_scorers.onnx_scorer`; FILE.py:NAME, your own code, which is run, and in it a
            function of a batch of elements; a name of `clipselect.scoring.named_scorers.QUALITIES`;
            lightqnet:FILE.pb; such a function itself, which becomes a `FunctionScorer`; or a scorer, which is returned.
        device: where a DDNet runs, as for `load_ddnet`.
        elements: what it must be for: "clips" or "frames"; either by default.

    Raises:
        ArgumentError: nothing that scores, or something for other elements.
        ClipselectError: an unusable file, or as `load_ddnet`.
    """
    check_argument(elements in (*get_args(Elements), None), "elements", f"must be clips or frames, got {elements!r}")
    found: Any = named_scorer(scorer) if isinstance(scorer, str | Path) else scorer
    if callable(found):
        found = FunctionScorer(found)
    if found is None or (found is scorer and not isinstance(found, Scorer | FunctionScorer)):
        return load_ddnet(scorer, device, elements=elements)  # type: ignore[arg-type]  # which refuses all else
    scores = isinstance(found, Scorer | FunctionScorer)
    check_argument(scores, "scorer", f"{scorer} must be a function of a batch of elements, got {found!r}")
    if elements is not None:
        found.check_for(elements)
    return found


def load_ddnet(model: str | Path | None = None, device: str = "auto", *, elements: Elements | None = None) -> Scorer:
    """A DDNet, ready to score.

    >>> scorer = load_ddnet(device="cpu")
    >>> scorer.name, scorer.clip_duration
    ('ddnet3d-actions', 1.0)
    >>> scorer.score(scorer.input_spec.blank(2)).shape
    (2,)

    Args:
        model: a name of `clipselect.scoring.shipped.DDNETS`, or a path to weights that clipselect wrote; by default
            the shipped DDNet for actions, or the one for faces if the elements are frames.
        device: "auto" (CUDA if there is one), "cpu", "cuda", "cuda:1", ... Unless it names a GPU, the first clips may
            be computed on the CPU, see `clipselect.scoring.networks.QuickStart`.
        elements: what the DDNet must be for: "clips" or "frames"; either by default.

    Raises:
        ArgumentError: of `scorer`: a model that is neither a name nor a path, other elements.
        ClipselectError: unknown model, unusable weights, weights for other elements, absent device.
    """
    check_argument(elements in (*get_args(Elements), None), "elements", f"must be clips or frames, got {elements!r}")
    if model is None:
        model = FACE_DDNET if elements == "frames" else DEFAULT_DDNET
    is_path = isinstance(model, str | Path) and model != ""
    check_argument(is_path, "scorer", f"must be a name or the path of a weights file, got {model!r}")
    path = weights_path(model, DDNETS)
    where = None if device in ("auto", "cpu") else pick_device(device)
    arrays, metadata = load_arrays(path, kind="ddnet")
    try:
        shape: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in metadata["config"].items()}
        config = DDNetConfig(**shape)
        domain = TrainingDomain.from_tensors(arrays)
        own = {name: array for name, array in arrays.items() if not name.startswith(PREFIX)}
        name, spec = str(metadata["name"]), InputSpec.from_metadata(metadata)
        if spec.geometry != SQUASH:
            raise ValueError("a DDNet sees whole frames")  # else an action at the edge of a frame could not win
        if config.dims == 3:
            exact_seconds(float(metadata["clip_duration"]), "clip_duration")
            _ = spec.size, spec.clip_frames
        quantiles_of(metadata)
        load = partial(_in_torch, own, config, spec, device)
        network = load() if where or config.dims == 2 else QuickStart(NumPyDDNet(own, config, spec), load)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, ClipselectError) as e:
        problem = "its metadata and its tensors do not describe one DDNet; distil it again"
        raise ClipselectError(f"{path}: {problem}") from e
    if config.dims == 3 and elements == "frames":
        raise ClipselectError(f"{path}: a 3D DDNet for clips; frames need a 2D one")
    if config.dims == 2 and elements == "clips":
        raise ClipselectError(f"{path}: a 2D DDNet for frames; clips need a 3D one")
    return Scorer(name, network, spec, metadata, domain)


def _in_torch(arrays: dict[str, NDArray[Any]], config: DDNetConfig, spec: InputSpec, device: str) -> TorchNetwork:
    import torch

    from clipselect.method.ddnet import DDNet

    where, net = pick_device(device), DDNet(config)
    net.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    net = net.eval().to(where)
    if config.dims == 3:
        net = net.to(memory_format=torch.channels_last_3d)  # the faster layout for clips
    return TorchNetwork(net, spec, where)
