"""What a results file says about the machine and the networks."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers.frame_fixtures import blocks, tiny_ddnet

from clipselect.evaluation import provenance
from clipselect.evaluation.result_entries import Environment, Network
from clipselect.scoring.scorer import load_scorer


def test_environment_fits_the_results_file_and_names_the_device() -> None:
    found = Environment.model_validate(provenance.environment(torch.device("cpu")))
    assert found.device == "cpu" and found.cores and found.cores >= 1


def test_commit_is_that_of_clipselect_not_of_the_folder_it_is_installed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "REPOSITORY", tmp_path)
    assert "commit" not in provenance.environment(torch.device("cpu"))


def test_networks_for_frames_say_height_and_width(tmp_path: Path) -> None:
    scorer = load_scorer(tiny_ddnet(tmp_path / "d.safetensors", height=32, width=16), "cpu", elements="frames")
    record = provenance.network_record(scorer)
    assert Network.model_validate(record).name == "tiny0"
    assert record["size"] == "32 x 16" and record["sha256"] == scorer.metadata["sha256"] and record["gflops"] > 0
    base = blocks()[0]
    assert provenance.network_record(base)["gflops"] == 1.0 == base.gflops


def test_a_ddnet_is_counted_on_its_own_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "multiply_adds", lambda net, spec, device: {"meta": 2e9}[device.type])
    scorer = load_scorer(tiny_ddnet(tmp_path / "d.safetensors"), "cpu", elements="frames")
    elsewhere: Any = SimpleNamespace(net=scorer.net, device=torch.device("meta"))
    assert provenance.network_record(replace(scorer, network=elsewhere))["gflops"] == 2
