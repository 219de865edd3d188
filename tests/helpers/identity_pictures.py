"""What the tests of embedders share: pictures of identities, each with stripes of its own in whatever colours."""

from pathlib import Path

import cv2
import numpy as np

from clipselect.data.identities import LabelledImages


def picture(path: Path, identity: int, seed: int, size: tuple[int, int] = (40, 20)) -> Path:
    """Stripes whose direction and width the identity decides, in two colours of the picture's own, under noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([identity, seed])
    dark, light = rng.integers(0, 100, 3), rng.integers(150, 256, 3)
    along = np.indices(size)[identity % 2] + rng.integers(20)
    is_light = (along // (2 + identity // 2)) % 2 == 1
    image = np.where(is_light[..., None], light, dark) + rng.integers(-30, 30, (*size, 3))
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
