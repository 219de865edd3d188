"""The two networks that an evaluation on frames runs."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from clipselect.errors import ClipselectWarning
from clipselect.evaluation.provenance import network_record
from clipselect.scoring.scorer import Scorer, load_scorer
from clipselect.zoo.embedder import Embedder
from clipselect.zoo.embedder_loading import load_embedder


@dataclass(frozen=True)
class FrameNetworks:
    """The base, which embeds frames, and the DDNet, which scores them."""

    base: Embedder
    scorer: Scorer

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
        model: see `clipselect.scoring.scorer.load_scorer`; the shipped DDNet for faces by default.
    """
    scorer = model if isinstance(model, Scorer) else load_scorer(model, device, elements="frames")
    embedder = base if isinstance(base, Embedder) else load_embedder(base, device)
    made_for = scorer.metadata.get("base_sha256")
    if made_for and made_for != embedder.sha256:
        warnings.warn(
            f"{scorer.name} was distilled for the base {scorer.metadata.get('base')}, not for {embedder.name}: its "
            "ranking is a guess",
            ClipselectWarning,
            stacklevel=3,
        )
    return FrameNetworks(embedder, scorer)
