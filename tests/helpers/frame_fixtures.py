"""What the tests of images and frames share: small pictures of made-up identities, an embedder, a tiny 2D DDNet."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from clipselect.zoo.embedder import Embedder
from numpy.typing import NDArray

from clipselect.data.identities import LabelledImages
from clipselect.method.ddnet import DDNet, DDNetConfig
from clipselect.samplers.frame_sampler import (
    FrameSelection,
)
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.weights_file import save_weights

HALF = (0.5, 0.5, 0.5)
SMALL = InputSpec(16, 16, HALF, HALF)

EMBEDDER = """
import torch
from clipselect.scoring.input_spec import InputSpec
from clipselect.zoo.embedder import Embedder

HALF = (0.5, 0.5, 0.5)

class Blocks(torch.nn.Module):  # the picture in 4 x 4 blocks
    def forward(self, x):
        return torch.nn.functional.avg_pool2d(x, 4).flatten(1)

class Sharp(torch.nn.Module):  # the less contrast from pixel to pixel, the more alike is everybody
    def forward(self, x):
        coarse = torch.nn.functional.avg_pool2d(x, 8).flatten(1)
        fine = (x[..., 1:] - x[..., :-1]).abs().mean((1, 2, 3)).view(-1, 1)
        return torch.cat([coarse * fine, torch.full((len(x), 1), 0.5)], 1)

def base():
    return Embedder.from_module(Blocks(), InputSpec(16, 16, HALF, HALF), name="blocks", device="cpu")

def sharp():
    return Embedder.from_module(Sharp(), InputSpec(32, 32, HALF, HALF), name="sharp", device="cpu")

def blind():
    spec = InputSpec(16, 16, HALF, HALF)
    return Embedder.from_module(lambda x: torch.ones(len(x), 3), spec, name="blind", device="cpu")
"""
"""A user's own embedders, as FILE.py:NAME; they need no training."""


class Blocks(torch.nn.Module):
    """The picture in 4 x 4 blocks; counts the batches and the images it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.batches, self.seen = 0, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.batches += 1
        self.seen += len(x)
        return torch.nn.functional.avg_pool2d(x, 4).flatten(1)


def blocks() -> tuple[Embedder, Blocks]:
    """An embedder and its network, which has seen nothing yet."""
    net = Blocks()
    embedder = Embedder.from_module(net, SMALL, name="blocks", gflops=1.0, device="cpu")
    net.batches = net.seen = 0
    return embedder, net


def noise(height: int = 24, width: int = 24, seed: int = 0) -> NDArray[np.uint8]:
    """[height, width, 3] of independent values."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pattern(identity: int, number: int, side: int = 32) -> NDArray[np.uint8]:
    """[side, side, 3] RGB: the identity's 4 x 4 coloured squares, every time a little different."""
    squares = np.random.default_rng(identity).integers(30, 226, (4, 4, 3))
    squares = squares + np.random.default_rng([identity, number]).integers(-30, 31, (4, 4, 3))
    return squares.clip(0, 255).astype(np.uint8).repeat(side // 4, 0).repeat(side // 4, 1)


def textured(identity: int, number: int) -> NDArray[np.uint8]:
    """The same with a fine grain, which is lost in bad frames."""
    grain = np.random.default_rng([9, identity, number]).integers(-60, 61, (32, 32, 1))
    return (pattern(identity, number) + grain).clip(0, 255).astype(np.uint8)


def write(path: Path, image: NDArray[np.uint8]) -> Path:
    """An image file of RGB pixels, in the format that its suffix names; the path may be any."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, data = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert ok
    data.tofile(path)
    return path


def people(
    folder: Path,
    identities: int = 10,
    each: int = 4,
    first: int = 0,
    draw: Callable[[int, int], NDArray[np.uint8]] = pattern,
) -> Path:
    """So many identities, each a folder of pictures."""
    for identity in range(first, first + identities):
        for number in range(each):
            write(folder / f"p{identity:02d}" / f"{number}.png", draw(identity, number))
    return folder


def labelled(folder: Path) -> LabelledImages:
    """All images of a folder of folders."""
    paths = sorted(map(str, folder.glob("*/*.png")))
    names = [Path(path).parent.name for path in paths]
    identities = tuple(sorted(set(names)))
    return LabelledImages(tuple(paths), tuple(map(identities.index, names)), identities)


def tiny_ddnet(path: Path, seed: int = 0, height: int = 16, width: int = 16, spread: float = 60.0) -> Path:
    """Weights of a small 2D DDNet whose scores are spread over the whole range."""
    torch.manual_seed(seed)
    config = {"dims": 2, "widths": (4, 4, 8, 8), "depths": (1, 1, 1, 1), "stem_stride": 1}
    net = DDNet(DDNetConfig(**config))  # type: ignore[arg-type]
    torch.nn.init.normal_(net.head.weight, std=spread)
    about = {"height": height, "width": width, "mean": HALF, "std": HALF}
    save_weights(path, net.state_dict(), {"kind": "ddnet", "name": f"tiny{seed}", "config": config, **about})
    return path


def cut(path: Path, share: float) -> Path:
    """Leave the first share of a file."""
    os.truncate(path, int(path.stat().st_size * share))
    return path


def frames_command(data: Path) -> list[object]:
    """`distill` on ten identities in `people` with the embedder in base.py, without output."""
    how = ("--size", 16, "--variants", 2, "--steps", 3, "--batch", 4, "--device", "cpu", "--checkpoint-minutes", 0)
    return ["distill", "--data", data / "people", "--base", f"{data / 'base.py'}:base", *how]


def frames() -> NDArray[np.uint8]:
    """[9, 20, 18, 3], the later the darker."""
    return np.stack([noise(20, 18, seed) // (1 + seed) for seed in range(9)])


def same(one: FrameSelection, other: FrameSelection) -> bool:
    return all(
        np.array_equal(getattr(one, n), getattr(other, n)) for n in ("indices", "weights", "candidates", "scores")
    )


def with_exif(path: Path, orientation: int, thumbnail: bytes = b"") -> Path:
    """Put an EXIF header with a maker and that orientation, and anything behind it, into a JPEG."""
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHI4s", 2, 0x010F, 2, 4, b"abc")
    tiff += struct.pack(">HHIHHI", 0x0112, 3, 1, orientation, 0, 0) + thumbnail
    segment = b"Exif\0\0" + tiff
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:])
    return path
