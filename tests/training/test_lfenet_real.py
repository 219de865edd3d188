"""LFENet around a real embedder, on real faces: the machinery restores what blur took away. Skips without the data."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest

import clipselect
from clipselect.media.progress import Progress

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

STEPS = 60


def test_the_loss_falls_on_a_few_people(shared: Path, tmp_path: Path) -> None:
    for number in range(1, 8):
        name = f"web_{number:03d}"
        shutil.copytree(shared / "faces" / "train" / name, tmp_path / "people" / "train" / name)
    base = f"mobilefacenet_foamliu:{shared / 'weights' / 'mobilefacenet_foamliu.pt'}"
    losses, clock = list[float](), list[float]()

    def note(progress: Progress) -> None:
        if progress.stage == "training the LFENet" and progress.note:
            losses.append(float(progress.note.removeprefix("loss ")))
            clock.append(time.process_time())

    made = clipselect.train_set_network(
        "lfenet", tmp_path / "people", tmp_path / "lfenet.safetensors", base=base, steps=STEPS, batch=4,
        learning_rate=3e-3, device="cpu", progress=note,
    )  # fmt: skip
    print(
        f"\n{np.median(np.diff(clock)):.3f} CPU seconds per step of 12 images; loss {losses[0]:.3f} to {losses[-1]:.3f}"
    )
    print(made.metadata["held_out"], made.metadata["best_step"])
    assert losses[-1] < 0.9 * losses[0]  # the moving average lags behind
    decidability = made.metadata["held_out"]["decidability"]
    gains = [decidability["lfenet"][name] / average for name, average in decidability["average"].items()]
    assert np.mean(gains) > 0.999  # the step is chosen so, and rounding to float16 costs next to nothing
    assert made.weights.stat().st_size < 300_000  # the base is not in the file
