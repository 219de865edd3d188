"""Where an LFENet looks: how related every region of a set's images is to one region of one of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.errors import ArgumentError
from clipselect.media.files import check_writable, whole_file
from clipselect.media.images import Image
from clipselect.media.optional import require
from clipselect.sets.lfenet import LFENet
from clipselect.sets.set_network import SetNetwork

SUFFIXES = (".png", ".svg", ".pdf")
INCHES = 1.6
"""Side of an image in the picture."""


@torch.inference_mode()
def attention_maps(
    network: SetNetwork, images: Sequence[Image], *, image: int = 0, at: tuple[float, float] = (0.5, 0.5)
) -> NDArray[np.float32]:
    """The relation of one region to all regions of a set: a row of the attention map A (eq. 1), [T, h, w].

    Softmax relations are shares that sum to 1. "scaled_dot" may be negative.

    >>> maps = attention_maps(network, faces, image=0, at=(0.45, 0.35))                    # doctest: +SKIP
    >>> maps.sum((1, 2))                            # how much it takes from every image   # doctest: +SKIP

    Args:
        images: T of them, [h, w, 3] uint8 RGB, at most the network's `max_segment`.
        image: number of the image whose region asks.
        at: where in it, as fractions of its height and width from the top left, in [0, 1).

    Raises:
        ArgumentError: another network, no such image or place, or more images than see each other.
    """
    lfenet = network.module
    if not isinstance(lfenet, LFENet):
        raise ArgumentError("network", f"must be an LFENet, and {network.name} does not look at regions")
    limit = lfenet.max_segment
    if not 1 <= len(images) <= limit:
        raise ArgumentError("images", f"must be 1 to {limit} images, which see each other, got {len(images)}")
    if not 0 <= image < len(images):
        raise ArgumentError("image", f"must lie in [0, {len(images) - 1}], got {image}")
    if not all(0 <= fraction < 1 for fraction in at):
        raise ArgumentError("at", f"must be two fractions in [0, 1), got {at}")
    maps = network.frame_features(images)
    row, column = (int(fraction * side) for fraction, side in zip(at, maps.shape[-2:], strict=True))
    related: NDArray[np.float32] = lfenet.transfer.attention(maps, (image, row, column)).cpu().numpy()
    return related


def draw_attention(
    network: SetNetwork,
    images: Sequence[Image],
    output: Path | str,
    *,
    image: int = 0,
    at: tuple[float, float] = (0.5, 0.5),
) -> Path:
    """Draw `attention_maps` over the images: the asking region as a red box, brighter is more related.

    All images share one scale, from the least to the most related region of the set.

    >>> draw_attention(network, faces, "left_eye.png", image=0, at=(0.45, 0.35))           # doctest: +SKIP

    Args:
        output: .png, .svg or .pdf.

    Raises:
        ArgumentError: as `attention_maps`, or an output of another kind.
        MissingLibraryError: matplotlib is missing.
    """
    output = Path(output)
    if output.suffix.lower() not in SUFFIXES:
        raise ArgumentError("output", f"must end in {', '.join(SUFFIXES)}, got {output}")
    check_writable(output)
    related = attention_maps(network, images, image=image, at=at)
    require("matplotlib", "the picture")
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    count, h, w = related.shape
    figure = Figure(figsize=(INCHES * count, 2.2 * INCHES), layout="constrained")
    axes = figure.subplots(2, count, squeeze=False)
    low, high = float(related.min()), float(related.max())
    for number, (pixels, weights) in enumerate(zip(images, related, strict=True)):
        seen, place = network.input_spec.squash(pixels), (0, 1, 1, 0)
        for axis in axes[:, number]:
            axis.imshow(seen, extent=place)
            axis.set_axis_off()
        axes[0, number].set_title(f"{weights.sum():.0%}" if network.metadata["relation"] != "scaled_dot" else "")
        axes[1, number].imshow(weights, extent=place, alpha=0.6, cmap="inferno", vmin=low, vmax=high)
    row, column = (int(fraction * side) for fraction, side in zip(at, (h, w), strict=True))
    for axis in axes[:, image]:
        box = Rectangle((column / w, row / h), 1 / w, 1 / h, fill=False, edgecolor="red", linewidth=2)
        axis.add_patch(box)
    with whole_file(output) as part:
        figure.savefig(part, dpi=110, format=output.suffix[1:].lower())
    return output
