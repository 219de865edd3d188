"""What the tests of training and distilling share: tiny videos of two classes, networks that cost nearly nothing."""

import os
import subprocess
import sys
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import av
import numpy as np
import safetensors.torch
import torch
from clipselect.zoo.base import MEAN, STD, Base
from torch import Tensor, nn

from clipselect import train_base
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.training_call import TrainingCall
from helpers.videos import make_video

FRAMES, SIZE = 12, 32
SMALL = InputSpec(SIZE, SIZE, MEAN, STD, 2)
TINY = ("--clip-duration", "0.2", "--size", 32, "--frames", 4, "--steps", 3, "--batch", 4, "--device", "cpu")
"""The options of a training that takes seconds; its clips need every frame of the films."""

BASE = """
import os, time
import numpy as np
import torch
from clipselect.commands.progress import ProgressDisplay
from clipselect.scoring.input_spec import InputSpec
from clipselect.zoo.base import MEAN, STD, Base

SMALL = InputSpec(32, 32, MEAN, STD, 2)

def wait(where):
    if os.environ.get("WAIT") == where:
        open(os.environ["HERE"], "w").close()
        time.sleep(600)

class Colours(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = torch.nn.Linear(6, 4), torch.nn.Linear(4, 2)
        self.embed.weight.data[:2, :2] = torch.tensor([[1.0, -1], [-1, 1]])  # redder or greener
        self.head.weight.data[:, :2] = torch.tensor([[9.0, -9], [-9, 9]])
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        wait(f"video {self.calls}")
        x = x.flatten(2)
        return self.head(self.embed(torch.cat([x.mean(2), x.std(2)], 1)).sigmoid())

def show(display, progress, show=ProgressDisplay.__call__):
    show(display, progress)
    if progress.stage == "training the DDNet":
        wait(f"step {progress.done}")

ProgressDisplay.__call__ = show
torch.manual_seed(0)
net = Colours()

def base(classes=("a", "b")):
    return Base.from_module(net, SMALL, 0.2, name="colours", classes=classes, device="cpu")

def nameless():
    return base(None)

def mistaken():
    return base(("b", "a"))

def strangers():
    return base(("cat", "dog"))

def elsewhere():  # a network of another framework
    def function(x):
        mean = x.cpu().numpy().mean((2, 3, 4))
        return torch.from_numpy(mean), torch.from_numpy(np.stack([mean[:, 0], mean[:, 1]], 1))
    return Base.from_module(function, SMALL, 0.2, name="numbers", classes=("a", "b"), device="cpu")
"""
"""A user's own bases, as FILE.py:NAME, without training. The environment says where a process waits to be killed."""


class Colours(nn.Module):
    """The mean colour, and a head on it; counts the clips that it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)
        self.seen = 0

    def forward(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        return self.head(x.mean((2, 3, 4)))


def colours(seed: int = 0) -> Base:
    torch.manual_seed(seed)
    return Base.from_module(Colours(), SMALL, 0.2, name="colours", classes=("a", "b"), device="cpu")


def film(path: Path, kind: str, seed: int, frames: int = FRAMES) -> Path:
    """A video of `SIZE` x `SIZE` at 25 frames per second: noise, redder in "a", greener in "b", grey otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    tint = np.array({"a": (120, 0, 0), "b": (0, 120, 0)}.get(kind, (60, 60, 60)))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25, options={"qscale": "5", "g": "4"})
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for _ in range(frames):
            blocks = rng.integers(0, 130, (4, 4, 3)).repeat(8, 0).repeat(8, 1)
            out.mux(stream.encode(av.VideoFrame.from_ndarray((blocks + tint).astype(np.uint8), format="rgb24")))
        out.mux(stream.encode(None))
    return path


def data_set(folder: Path, each: int = 3, frames: int = FRAMES) -> Path:
    """So many videos of "a" and of "b", in a folder per class; one of each is held out."""
    for k, kind in enumerate("ab"):
        for i in range(each):
            film(folder / kind / f"{i}.mp4", kind, 100 * k + i, frames)
    return folder


def background(folder: Path, domains: Sequence[str] = ("street", "wood"), each: int = 2) -> Path:
    for k, domain in enumerate(domains):
        for i in range(each):
            film(folder / domain / f"{i}.mp4", "noise", 1000 + 100 * k + i)
    return folder


def damaged(path: Path, start: float, end: float) -> Path:
    """Four seconds of which that share does not decode, though the index promises it."""
    make_video(path, 100, options={"g": "10"}, size=(128, 96))
    data = bytearray(path.read_bytes())
    first, last = data.index(b"mdat") + 4, data.index(b"moov") - 4
    hole = slice(first + int(start * (last - first)), first + int(end * (last - first)))
    data[hole] = b"\xff" * len(data[hole])
    path.write_bytes(data)
    return path


def begin(
    *arguments: object, launcher: Sequence[str] = ("-m", "clipselect"), **environment: str
) -> "subprocess.Popen[str]":
    """`clipselect ARGUMENTS` as a process of its own, on one core."""
    command = [sys.executable, *launcher, *map(str, arguments)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **environment}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def distil_data(folder: Path) -> Path:
    """Classes in `videos`, with one file that is no video, background in `elsewhere`, and bases in base.py."""
    (data_set(folder / "videos") / "b" / "[bad].mp4").write_bytes(b"no video")
    background(folder / "elsewhere")
    (folder / "base.py").write_text(BASE)
    return folder


def distil_command(data: Path) -> list[object]:
    """`distill` on that, without background and output."""
    base = f"{data / 'base.py'}:base"
    how = ("--stride", "0.1", *TINY, "--checkpoint-minutes", 0)
    return ["distill", "--data", data / "videos", "--base", base, *how]


def with_options(command: Sequence[object], *options: object) -> list[object]:
    """The command with further options, of which a `--data` replaces the command's own."""
    at = command.index("--data") if "--data" in options else len(command)
    return [*command[:at], *command[at + 2 :], *options]


def assert_same_weights(one: Path, other: Path) -> None:
    """Two weights files whose tensors are the same, bit for bit."""
    first, second = map(safetensors.torch.load_file, (one, other))
    assert (
        first.keys() == second.keys() and [name for name in first if not torch.equal(first[name], second[name])] == []
    )


TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "clipselect")


def stamps(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in folder.glob("*.npz")}


def call_of(output: Path | str, work: Path | None = None, **changes: Any) -> TrainingCall:
    """A call of `clipselect.train_base` with these outputs."""
    defaults = {name: p.default for name, p in signature(train_base).parameters.items() if name != "data"}
    return TrainingCall.from_arguments(
        train_base, {**defaults, "output": output, "work": work, "device": "cpu", **changes}
    )
