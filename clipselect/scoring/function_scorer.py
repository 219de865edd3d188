"""Any function that scores elements, in the place of a DDNet: a quality network, or the sharpness."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, ClipselectError, NetworkError, check_argument, whole_number
from clipselect.media.candidate_clips import exact_seconds
from clipselect.media.images import Image, check_image, height_and_width, squash_image
from clipselect.scoring.input_spec import MAX_FRAMES, MAX_SIDE, InputSpec, batches

ScoringFunction = Callable[[NDArray[np.uint8]], Any]
"""From n elements, [n, h, w, 3] frames or [n, T, h, w, 3] clips, uint8 RGB, to n finite numbers, a higher one for a
better element: an array, a tensor or a list, [n] or [n, 1]."""

CLIP_SIDE, CLIP_FRAMES, CLIP_SECONDS = 112, 8, 1.0
"""What a function gets of a clip by default: what the shipped base sees."""
BATCH = 32
"""Frames given to a function at a time."""


@dataclass(frozen=True)
class FunctionScorer:
    """A function that scores elements, wherever a `scorer` is taken; a bare function is taken with these defaults.

    Higher numbers are better. Their order alone chooses; as they may lie anywhere, they are no weights: picks count
    the same unless the scores of a group are rescaled (eq. 9 to 11).

    >>> brightness = FunctionScorer(lambda frames: frames.mean(axis=(1, 2, 3)), name="brightness")
    >>> brightness.score(np.full((2, 4, 4, 3), 51, np.uint8))
    array([51., 51.], dtype=float32)

    Attributes:
        function: see `ScoringFunction`; one call gets up to 32 frames of a group of the same size, or some clips.
        name: as shown in results; by default the function's.
        size: pixels of the squashed elements, a side or (height, width). By default frames stay as they are, and those
            of clips are 112 x 112.
        num_frames: T of a clip.
        clip_duration: seconds of a clip where no other length is asked for.
        whole_group: whether the function gets all frames of a group in one call; not for clips, which are never all in
            memory.
        elements: what it is for, "clips" or "frames"; None for both.
        multiply_adds: for one element, for tables of costs; None where they are not known.

    Raises:
        ArgumentError: not a function, or an argument out of range.
    """

    function: ScoringFunction
    name: str = ""
    size: int | tuple[int, int] | None = None
    num_frames: int = CLIP_FRAMES
    clip_duration: float = CLIP_SECONDS
    whole_group: bool = False
    elements: Literal["clips", "frames"] | None = None
    multiply_adds: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict, init=False)

    in_unit_interval: ClassVar[bool] = False
    device: ClassVar[None] = None
    device_name: ClassVar[None] = None
    training_domain: ClassVar[None] = None

    def __post_init__(self) -> None:
        check_argument(callable(self.function), "scorer", f"must be a function of elements, got {self.function!r}")
        check_argument(
            whole_number(self.num_frames, "num_frames", 1) <= MAX_FRAMES, "num_frames", f"exceeds {MAX_FRAMES}"
        )
        exact_seconds(self.clip_duration, "clip_duration")
        for side in self._sides or ():
            check_argument(whole_number(side, "size", 1) <= MAX_SIDE, "size", f"must be at most {MAX_SIDE}, got {side}")
        own = getattr(self.function, "__name__", type(self.function).__name__)
        object.__setattr__(self, "name", self.name or own)

    @property
    def input_spec(self) -> InputSpec:
        """Of clips; the pixels reach the function as they are, not normalised."""
        height, width = self._sides or (CLIP_SIDE, CLIP_SIDE)
        return InputSpec(height, width, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), self.num_frames)

    def score(self, elements: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scores [n] of elements [n, h, w, 3] or [n, T, h, w, 3] uint8 RGB, n >= 1, in one call of the function.

        Raises:
            NetworkError: the function fails, or returns something else than n finite numbers.
        """
        import torch

        try:
            with torch.inference_mode():
                found = self.function(elements)
        except ClipselectError:
            raise
        except Exception as e:  # whatever the user's code runs into
            problem = f"fails on elements {[*elements.shape]} uint8 ({type(e).__name__}: {e}); fix the function"
            raise NetworkError(f"scorer {self.name!r}: {problem}") from e
        return self._checked(found, len(elements))

    def outputs(self, elements: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores as `score`, and features [n, 0]: a function has none."""
        return self.score(elements), np.empty((len(elements), 0), np.float32)

    def score_images(self, images: Iterable[Image]) -> NDArray[np.float32]:
        """Scores [n] of the images [h, w, 3] uint8 RGB of one group, of any size.

        Raises:
            NetworkError: as `score`.
            ArgumentError: images of several sizes where the function gets the whole group and no `size` is set.
            ValueError: images of another shape or type.
        """
        parts = [self.score(np.stack(batch)) for batch in self._batches(map(self._as_asked, images))]
        return np.concatenate([np.empty(0, np.float32), *parts])

    def percentiles(self, scores: NDArray[np.float32]) -> None:
        """None: nothing is known of scores of training elements."""

    def check_for(self, elements: str) -> None:
        """Raise an ArgumentError unless it can score "clips" or "frames"."""
        if self.elements not in (None, elements):
            raise ArgumentError("scorer", f"must be for {elements}, but {self.name!r} scores {self.elements}")
        spec = self.input_spec
        if elements == "clips" and self.whole_group:
            raise ArgumentError("scorer", f"must be for clips, but {self.name!r} needs a whole group in one call")
        if elements == "clips" and spec.height != spec.width:
            problem = f"must take square frames of clips, but {self.name!r} takes {spec.height} x {spec.width}"
            raise ArgumentError("scorer", problem)

    @property
    def _sides(self) -> tuple[int, int] | None:
        if self.size is None:
            return None
        sides = height_and_width(self.size)
        check_argument(len(sides) == 2, "size", f"must be a side or (height, width) in pixels, got {self.size!r}")
        return sides[0], sides[1]

    def _as_asked(self, image: Image) -> Image:
        check_image(image)
        return image if self._sides is None else squash_image(image, *self._sides)

    def _batches(self, images: Iterable[Image]) -> Iterator[list[Image]]:
        if not self.whole_group:
            for _, same in groupby(images, key=lambda image: image.shape):
                yield from batches(same, BATCH)
            return
        group = [*images]
        shapes = sorted({image.shape[:2] for image in group})
        problem = f"must be set for {self.name!r}, which gets a whole group, as its images differ: {shapes[:3]}"
        check_argument(len(shapes) <= 1, "size", problem)
        if group:
            yield group

    def _checked(self, found: Any, count: int) -> NDArray[np.float32]:
        """What a function returned, as scores [count]."""
        wanted = f"must return {count} numbers for {count} elements"
        try:
            if hasattr(found, "detach"):  # a tensor
                found = found.detach().cpu().double().numpy()
            values = np.asarray(found)
            got = f"an array {values.dtype} {[*values.shape]}"
        except (TypeError, ValueError, RuntimeError) as e:
            raise NetworkError(f"scorer {self.name!r} {wanted}, got {type(found).__name__}: {e}") from e
        if values.shape == (count, 1):
            values = values[:, 0]
        if values.shape != (count,) or values.dtype.kind not in "fiub":
            raise NetworkError(
                f"scorer {self.name!r} {wanted}, one each, got {got}; a function gets a batch, not an element"
            )
        with np.errstate(over="ignore"):
            scores = values.astype(np.float32)
        if not np.isfinite(scores).all():
            bad = values[~np.isfinite(scores)][0]
            raise NetworkError(
                f"scorer {self.name!r} gives {bad} for an element; it must give a finite number for each"
            )
        return scores
