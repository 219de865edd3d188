"""The example runs as it stands, and the benchmark of data times measures what it says."""

import argparse
import json
import sys
from pathlib import Path

import pytest
import torch
from conftest import make_video

ROOT = Path(__file__).parents[1]


def test_the_slowfast_example_answers_once_per_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples")
    import pytorchvideo_kinetics as example

    for name in ("running", "sleeping"):
        (tmp_path / name).mkdir()
        make_video(tmp_path / name / "a.mp4", 80)
    arguments = ["--data", str(tmp_path), "--random", "--workers", "0", "--side", "224"]
    monkeypatch.setattr(sys, "argv", ["example", *arguments])
    example.main()
    assert capsys.readouterr().out.startswith("2 videos, top-1 ")


def test_the_transforms_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples")
    import pytorchvideo_kinetics as example

    video = torch.arange(10.0).view(1, 10, 1, 1).expand(3, 10, 20, 40) * 255 / 10
    steps = example.ApplyToVideo(
        example.UniformTemporalSubsample(8),
        example.Normalize(0.45, 0.225),
        example.ShortSideScale(16),
        example.CenterCrop(16),
        example.PackPathway(4),
    )
    slow, fast = steps({"video": video})["video"]
    assert fast.shape == (3, 8, 16, 16) and slow.shape == (3, 2, 16, 16)
    assert slow[0, :, 0, 0].tolist() == fast[0, [0, 7], 0, 0].tolist() == pytest.approx([-2.0, 2.0])


def test_data_times_of_all_methods_in_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import run_data_time

    videos = [make_video(tmp_path / f"{i}.mp4", 75 + 50 * i) for i in range(2)]
    arguments = argparse.Namespace(clip_duration=1.0, k=2, decoder="pyav", repeats=1)
    document = json.loads(json.dumps(run_data_time.measure(videos, tmp_path, arguments)))
    clips = {(row["method"], row["index"]): row["clips"] for row in document["rows"]}
    assert clips == {("dense", False): 4, ("uniform", False): 2, ("ddl", False): 2, ("ddl", True): 2}
    assert all(row["data_seconds"] > 0 for row in document["rows"]) and document["decode_once_seconds"] > 0
    assert "| ddl with index | 2.0 |" in run_data_time.markdown(document)


def test_the_cost_of_both_sides_comes_from_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import run_cost
    from test_bases import Tiny

    from clipselect.zoo.networks import Architecture

    monkeypatch.setitem(run_cost.NETWORKS, "slowfast_r50", Architecture(lambda _: Tiny().eval(), 32, 256, 64 / 30))
    computed, measured = run_cost.computed(), run_cost.measured(make_video(tmp_path / "a.mp4", 150), 32, 1)
    for row in computed:
        ddl = row["k"] * row["gflops_per_clip"] + row["clips"] * row["ddnet_gflops_per_clip"]
        assert row["ratio"] == pytest.approx(row["clips"] * row["gflops_per_clip"] / ddl)
    assert (measured["clips"], measured["k"]) == (30, 5) and set(measured["seconds"]) == {"ddl", "uniform", "dense"}
    assert "| 5 of 30 |" in run_cost.markdown({"computed": computed, "measured": measured})
