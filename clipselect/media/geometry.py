"""How much of a frame a network sees, and at which scale: numbers only; `clipselect.media.scaling` has the pixels."""

import re
from dataclasses import dataclass, replace
from typing import Any

from clipselect.errors import ArgumentError

MAX_ASPECT = 16
"""Longer to shorter side of a picture whose aspect is kept; a hostile file of 2 x 8192 pixels would fill the memory."""
MAX_RESIZE = 2048
"""Pixels that a frame may be scaled to before it is cropped."""
SYNTAX = "squash, short_side, short_side:PIXELS, three_crops, three_crops:PIXELS or resize:HEIGHTxWIDTH"


@dataclass(frozen=True)
class Geometry:
    """How a frame becomes the square that a network sees: scaled, and perhaps cropped.

    As text, which `parse` reads and `str` gives:

    - "squash": the whole frame, its aspect given up;
    - "short_side:256": the shorter side is scaled to 256 pixels and the centre cropped; "short_side" alone scales it to
      the side of the network's input, so the crop is as large as it can be;
    - "three_crops:256", "three_crops": likewise, with three crops, at both ends of the longer side and in its middle,
      whose outputs are averaged;
    - "resize:128x171": squashed to 128 x 171 (height x width), and the centre cropped.

    >>> wide = Geometry(256)
    >>> wide.picture_size(224, aspect=16 / 9), wide.corners(224, 256, 455)
    ((256, 455), [(16, 116)])
    >>> str(wide), Geometry.parse("three_crops", size=224)
    ('short_side:256', Geometry(resize=224, crops=3))

    Attributes:
        resize: what the shorter side is scaled to, or height and width; None to squash to the network's own size.
        crops: 1 or 3.
    """

    resize: int | tuple[int, int] | None = None
    crops: int = 1

    @classmethod
    def parse(cls, text: "str | Geometry", size: int) -> "Geometry":
        """Read from text, or check one, for an input of size x size.

        Raises:
            ArgumentError: none of the forms above, or sides below the size, of which nothing could be cropped.
        """
        pattern = r"(squash)|(short_side|three_crops)(?::(\d{1,5}))?|resize:(\d{1,5})x(\d{1,5})"
        found = re.fullmatch(pattern, str(text), re.ASCII)
        if found is None:
            raise ArgumentError("base_geometry", f"must be {SYNTAX}, got {str(text)!r}")
        if found[1]:
            return SQUASH
        resize = (int(found[4]), int(found[5])) if found[4] else int(found[3] or size)
        geometry = cls(resize, crops=3 if found[2] == "three_crops" else 1)
        if not geometry.fits(size):
            limits = f"{size}, the side of the network's input, to {MAX_RESIZE}"
            raise ArgumentError("base_geometry", f"must scale to sides from {limits}, got {str(text)!r}")
        return geometry

    @classmethod
    def from_metadata(cls, value: Any) -> "Geometry":
        """From what `dataclasses.asdict` made of one, or None of weights from before there was a choice.

        Raises:
            KeyError, TypeError, ValueError: it makes no sense.
        """
        if value is None:
            return SQUASH
        resize, crops = value["resize"], value["crops"]
        geometry = cls(tuple(resize) if isinstance(resize, list | tuple) else resize, crops)
        if crops not in (1, 3) or (crops == 3 and len(geometry._sides) != 1) or len(geometry._sides) > 2:
            raise ValueError(f"no geometry: {value}")
        return geometry

    def scaled(self, factor: float) -> "Geometry":
        """The same for an input whose side is `factor` times as long."""
        sides = [max(round(side * factor), 1) for side in self._sides]
        return self if not sides else replace(self, resize=sides[0] if len(sides) == 1 else (sides[0], sides[1]))

    def tight(self, size: int) -> "Geometry":
        """The same, with pictures just large enough for crops of that size."""
        return self.scaled(size / min(self._sides)) if self._sides else self

    @property
    def _sides(self) -> tuple[int, ...]:
        return self.resize if isinstance(self.resize, tuple) else () if self.resize is None else (self.resize,)

    def __str__(self) -> str:
        if self.resize is None:
            return "squash"
        if isinstance(self.resize, tuple):
            return "resize:{}x{}".format(*self.resize)
        return f"{'three_crops' if self.crops == 3 else 'short_side'}:{self.resize}"

    def fits(self, size: int) -> bool:
        """Whether a crop of size x size lies within every picture."""
        return all(isinstance(side, int) and size <= side <= MAX_RESIZE for side in self._sides)

    def picture_size(self, size: int, aspect: float) -> tuple[int, int]:
        """Height and width that a frame is scaled to before it is cropped.

        Args:
            size: pixels of the side of the network's input.
            aspect: width over height of the frame as shown.
        """
        if self.resize is None:
            return size, size
        return self.resize if isinstance(self.resize, tuple) else short_side_size(self.resize, aspect)

    def corners(self, size: int, height: int, width: int) -> list[tuple[int, int]]:
        """Top and left of every crop of size x size in a picture of that size."""
        top, left = round((height - size) / 2), round((width - size) / 2)  # as torchvision rounds
        if self.crops == 1:
            return [(top, left)]
        if height > width:
            return [(y, left) for y in (0, top, height - size)]
        return [(top, x) for x in (0, left, width - size)]


SQUASH = Geometry()


def short_side_size(short_side: int, aspect: float) -> tuple[int, int]:
    """Height and width of a picture with this aspect ratio (width over height) whose shorter side has so many pixels.

    The longer side is rounded down, as torchvision does, and at most `MAX_ASPECT` times as long.

    >>> short_side_size(256, 640 / 480), short_side_size(256, 9 / 16)
    ((256, 341), (455, 256))
    """
    longer = int(short_side * min(max(aspect, 1 / aspect), MAX_ASPECT) + 1e-6)  # 360 * (1920 / 1080) is just below 640
    return (short_side, longer) if aspect >= 1 else (longer, short_side)
