"""What the benchmarks of speed share: a heavy base, a results file and its tables."""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from clipselect.zoo.base import Base
from clipselect.zoo.networks import NETWORKS
from clipselect.zoo.torchvision_networks import CLIPS, torchvision_network

from clipselect.commands.common import write_stdout
from clipselect.evaluation import results
from clipselect.report.write import render, write_report
from clipselect.scoring.input_spec import InputSpec


@cache
def heavy_base(name: str, device: str, size: int | None = None) -> Base:
    """A published network of PyTorchVideo or torchvision with random weights: its speed does not depend on them."""
    torch.manual_seed(0)
    published = torchvision_network(name) if name in CLIPS else NETWORKS[name]
    side = size or published.size
    spec = InputSpec(side, side, published.mean, published.std, published.frames)
    return Base.from_module(published.build(400), spec, published.seconds, name=name, device=device)


def write_results(out: Path, document: dict[str, Any]) -> None:
    """OUT/results.json (clipselect/evaluation/results.py describes it), and OUT/results.md, which is also printed."""
    file = out / results.RESULTS_NAME
    results.write_results(file, results.Results.model_validate(document))
    write_stdout(render(write_report([file], markdown=out / "results.md"), "markdown"))
