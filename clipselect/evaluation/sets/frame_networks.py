"""The base and the DDNet of an evaluation of frames."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from clipselect.errors import ClipselectWarning
from clipselect.evaluation.provenance import network_record, other_base
from clipselect.scoring.scorer import Scorer, load_ddnet
from clipselect.zoo.dropout_agreement import dropout_agreement
from clipselect.zoo.embedder import Embedder
from clipselect.zoo.embedder_loading import load_embedder


@dataclass(frozen=True)
class FrameNetworks:
    """The base, which embeds frames, and the DDNet, which scores them."""

    base: Embedder
    scorer: Scorer

    @cached_property
    def base_with_dropout(self) -> Embedder:
        """It gives the qualities of `clipselect.zoo.dropout_agreement` in place of the base's features."""
        return dropout_agreement(self.base)

    @cached_property
    def records(self) -> dict[str, dict[str, Any]]:
        """The entries `base` and `model` of a results file."""
        return {"base": network_record(self.base), "model": network_record(self.scorer)}

    @property
    def ddnet_gflops(self) -> float:
        """10^9 multiply-adds of scoring one frame."""
        return float(self.records["model"].get("gflops", 0.0))


def frame_networks(
    base: str | Path | Embedder, model: str | Path | Scorer | None = None, device: str = "auto"
) -> FrameNetworks:
    """Load what is not loaded yet; a `ClipselectWarning` for a DDNet that was distilled for another base.

    Args:
        base: see `clipselect.zoo.embedder_loading.load_embedder`.
        model: see `clipselect.scoring.scorer.load_ddnet`; the shipped DDNet for faces by default.
    """
    scorer = model if isinstance(model, Scorer) else load_ddnet(model, device, elements="frames")
    embedder = base if isinstance(base, Embedder) else load_embedder(base, device)
    if other := other_base(scorer.metadata, embedder.name, embedder.sha256):
        sentence = f"{scorer.name} was distilled for {other}: its ranking is a guess"
        warnings.warn(sentence, ClipselectWarning, stacklevel=3)
    return FrameNetworks(embedder, scorer)
