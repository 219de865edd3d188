"""What the tests of embedders share: pictures of identities, each of colours and stripes of its own."""

from pathlib import Path

import cv2
import numpy as np

from clipselect.identities import LabelledImages


def picture(path: Path, identity: int, seed: int, size: tuple[int, int] = (40, 20)) -> Path:
    """Stripes in two colours that the identity decides, under noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = np.random.default_rng(identity).integers(40, 216, (2, 3))
    rng = np.random.default_rng([identity, seed])
    rows = (np.arange(size[0]) // (2 + identity % 4) + rng.integers(2)) % 2
    image = np.repeat(colours[rows][:, None], size[1], axis=1) + rng.integers(-30, 30, (*size, 3))
    path.write_bytes(cv2.imencode(".png", image.clip(0, 255).astype(np.uint8))[1].tobytes())
    return path


def data_set(folder: Path, identities: int = 6, each: int = 4, val: int = 3) -> Path:
    """`train` and `val` with a folder per identity."""
    for i in range(identities + val):
        for n in range(each):
            picture(folder / ("train" if i < identities else "val") / f"p{i}" / f"{n}.png", i, n)
    return folder


def labelled(counts: list[int]) -> LabelledImages:
    """So many images of every identity, none of which is there."""
    labels = tuple(label for label, count in enumerate(counts) for _ in range(count))
    return LabelledImages(tuple(f"{i}.png" for i in range(len(labels))), labels, tuple(map(str, range(len(counts)))))
