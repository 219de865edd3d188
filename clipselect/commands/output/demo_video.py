"""A short untrimmed video out of nothing: a room in which two figures scuffle."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipselect.media.extract import write_frames

WIDTH, HEIGHT, RATE, SECONDS = 320, 240, 25, 12
ACTION = (5.0, 8.0)
"""Start and end of the scuffle in seconds."""


def write_demo_video(path: Path) -> None:
    write_frames(path, demo_scenes(np.arange(RATE * SECONDS) / RATE), RATE, WIDTH, HEIGHT)


def demo_scenes(times: NDArray[np.float64]) -> Iterator[NDArray[np.uint8]]:
    """The demo's frames [HEIGHT, WIDTH, 3] RGB at some seconds, with a little grain."""
    rng = np.random.default_rng(0)
    background = _room()
    return (_scene(background, t, rng) for t in times.tolist())


def _room() -> NDArray[np.float64]:
    """[h, w, 3] floats: a wall and a floor."""
    image = np.empty((HEIGHT, WIDTH, 3))
    image[:180], image[180:] = (150, 148, 142), (116, 88, 64)
    return image


def _scene(background: NDArray[np.float64], t: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    image = background.copy()
    fighting = ACTION[0] <= t < ACTION[1]
    sway = 3 * np.sin(2 * t)
    for side, colour in ((-1, (150, 60, 50)), (1, (50, 70, 140))):
        reach = (18 + 14 * np.sin(17 * t + side)) if fighting else 62
        x = WIDTH / 2 + side * reach + (10 * np.sin(23 * t) if fighting else sway * side)
        arm = 26 * abs(np.sin(19 * t + (side > 0) * 1.5)) + 8 if fighting else 6
        _person(image, x, 210 + (4 * np.sin(21 * t) if fighting else 0), -side, arm, fighting, colour)
    return (image + rng.normal(0, 3, image.shape)).clip(0, 255).astype(np.uint8)


def _person(
    image: NDArray[np.float64],
    x: float,
    ground: float,
    facing: int,
    arm: float,
    raised: bool,
    colour: tuple[int, int, int],
) -> None:
    y, xs = np.mgrid[:HEIGHT, :WIDTH]
    torso = (abs(xs - x) < 11) & (y > ground - 80) & (y < ground - 34)
    legs = ((abs(xs - x + 6) < 4) | (abs(xs - x - 6) < 4)) & (y >= ground - 34) & (y < ground)
    head = (xs - x) ** 2 + (y - ground + 91) ** 2 < 100
    along = (xs - x) * facing
    height = ground - (72 if raised else 58)
    limb = (along > 0) & (along < 10 + arm) & (abs(y - height) < 4)
    image[legs] = (40, 40, 48)
    image[torso] = colour
    image[limb] = tuple(0.85 * c for c in colour)
    image[head] = (205, 165, 140)
