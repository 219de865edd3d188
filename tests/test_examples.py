"""The example runs as it stands."""

import sys
from pathlib import Path

import pytest
import torch
from helpers.videos import make_video

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
