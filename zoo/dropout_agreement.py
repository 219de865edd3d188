"""How sure a base is of an image: how well its features agree under dropout, the idea of SER-FIQ.

Terhörst, Kolf, Damer, Kirchbuchner, Kuijper: SER-FIQ: Unsupervised Estimation of Face Image Quality Based on Stochastic
Embedding Robustness, CVPR 2020.
"""

from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import torch
from clipselect.zoo.embedder import Embedder
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from clipselect.errors import NetworkError, whole_number

PASSES = 100
"""As in the paper."""
PROBABILITY = 0.5
"""Of dropout that a base does not have itself."""


def dropout_agreement(base: Embedder, *, passes: int = PASSES, seed: int = 0) -> Embedder:
    """An embedder whose feature of an image [1] is its quality: `2 sigmoid(-d)`, in (0, 1], higher is better.

    d is the mean Euclidean distance of the base's features, each of length 1, between all pairs of passes with dropout.
    Of the base as it is:

    - dropout layers (`nn.Dropout` with p > 0) drop, as in training. What comes before the first one runs once for an
      image; where the network cannot be divided there, such as within a residual block, all of it runs in every pass.
    - Without any, what goes into its last linear layer is dropped with p = 0.5, as SER-FIQ does with networks that were
      trained without dropout.
    - Without a linear layer, and in ONNX files and functions, the feature itself is.

    What is dropped depends on the seed alone. It is the same for all images, so a quality does not depend on its batch.

    Args:
        passes: T.

    Returns:
        With the multiply-adds of all passes of an image as `gflops`.

    Raises:
        ArgumentError: fewer than two passes.
        NetworkError: the base fails with dropout, or its dropout layers see something else than images first.

    >>> from clipselect.scoring.input_spec import InputSpec
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(12, 8))
    >>> base = Embedder.from_module(network, InputSpec(2, 2, (0.5,) * 3, (0.5,) * 3), device="cpu")
    >>> quality = dropout_agreement(base)  # FaceFrameSampler(scorer=quality.embed) chooses by it
    >>> quality.embed([np.zeros((2, 2, 3), np.uint8)]).shape, base.gflops * 1e9, round(quality.gflops * 1e9)
    ((1, 1), 96.0, 9600)
    """
    whole_number(passes, "passes", 2)
    counted = None if isinstance(base.run, nn.Module) else base.gflops  # the passes of a function are not seen

    def made(divided: bool) -> Embedder:
        return Embedder.from_module(
            _DropoutAgreement(base.run, passes, seed, divided),
            base.input_spec,
            name=f"{base.name} with dropout",
            gflops=counted,
            metadata={"sha256": f"{base.sha256} dropout {passes} {seed}"},
            device=str(base.device),
        )

    try:
        return made(divided=True)
    except NetworkError:
        quality = made(divided=False)
    _check_alone(quality)
    return quality


def _check_alone(quality: Embedder) -> None:
    """Raise a NetworkError if an image has another quality in a batch, as where dropout sees tokens before images."""
    shape = (quality.input_spec.height, quality.input_spec.width, 3)
    images = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    if not np.allclose(quality.embed([*images])[1:], quality.embed([images[1]]), atol=1e-3):
        raise NetworkError(
            f"{quality.name} gives an image another quality beside others; give a network whose layers "
            "have the images first (batch_first=True)"
        )


class _DropoutAgreement(nn.Module):
    """Normalised images [n, 3, height, width] -> their qualities [n, 1]."""

    def __init__(self, run: Callable[[Tensor], Tensor], passes: int, seed: int, divided: bool) -> None:
        super().__init__()
        self.run, self.passes, self.seed, self.divided = run, passes, seed, divided
        self.masks: dict[tuple[int, ...], NDArray[np.float32]] = {}
        modules = [*run.modules()] if isinstance(run, nn.Module) else []
        layers = [module for module in modules if isinstance(module, nn.Dropout) and module.p > 0]
        linear = [module for module in modules if isinstance(module, nn.Linear)][-1:]
        self.places = {module: getattr(module, "p", PROBABILITY) for module in layers or linear}

    def forward(self, images: Tensor) -> Tensor:
        every = range(self.passes)
        parts = [every] if self.divided else [range(i, i + 1) for i in every]
        features = torch.cat([self._features(images, part) for part in parts], dim=1).float()
        rows = functional.normalize(features, dim=-1)
        distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")  # products round small ones
        mean = distances.sum((1, 2)) / (self.passes * (self.passes - 1))
        return 2 * torch.sigmoid(-mean)[:, None]

    def _features(self, images: Tensor, passes: range) -> Tensor:
        """[n, passes, d] of some of the passes, together: the first dropout repeats every row for each of them."""
        dropouts = 0

        def drop(x: Tensor, p: float) -> Tensor:
            nonlocal dropouts
            x = x.repeat_interleave(len(passes), dim=0) if dropouts == 0 else x
            mask = torch.from_numpy(self._mask(dropouts, x.shape[1:], p)[passes.start : passes.stop]).to(x)
            dropouts += 1
            return (x.unflatten(0, (-1, len(passes))) * mask).flatten(0, 1)

        with ExitStack() as hooks:
            for module, p in self.places.items():
                hook = module.register_forward_pre_hook(lambda _, inputs, p=p: (drop(inputs[0], p), *inputs[1:]))
                hooks.enter_context(hook)
            features = self.run(images)
        features = features if dropouts else drop(features, PROBABILITY)
        if len(features) != len(images) * len(passes):
            raise ValueError("the first dropout does not divide the network")
        return features.unflatten(0, (-1, len(passes)))

    def _mask(self, number: int, shape: torch.Size, p: float) -> NDArray[np.float32]:
        """[passes, *shape], of the dropout with that number: 0 for what is dropped, and 1 / (1 - p)."""
        key = (number, *shape)
        if key not in self.masks:
            kept = np.random.default_rng([self.seed, number]).random((self.passes, *shape), dtype=np.float32) >= p
            self.masks[key] = kept.astype(np.float32) / max(1 - p, np.finfo(np.float32).tiny)
        return self.masks[key]
