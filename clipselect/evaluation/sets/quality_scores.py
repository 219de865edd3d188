"""Scores of frames by qualities in the place of a DDNet, cached on disk: rivals that do not need the base."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError
from clipselect.evaluation.sets.frame_table import FRAMES_PER_FILE, FrameChange, FrameTable, load_arrays
from clipselect.index.index_file import signature, stored_path
from clipselect.media.files import whole_file
from clipselect.media.images import Image, read_image
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.scoring.function_scorer import FunctionScorer
from clipselect.scoring.named_scorers import LIGHTQNET, named_scorer

METHOD_OF = {"sharpness": "sharpness", "jpeg-bytes": "jpeg_bytes"}
"""By the name of a scorer, the method that is named after it."""
Qualities = Mapping[str, tuple[str, FunctionScorer]]
"""By method: the scorer as it was named, and the scorer."""


def load_qualities(given: str | Path | Sequence[str | Path]) -> Qualities:
    """The scorers that were asked for, by the methods that choose by them.

    Args:
        given: sharpness, jpeg-bytes, lightqnet:FILE.pb, FILE.onnx:NORMALISATION or FILE.py:NAME, one or several.

    Raises:
        ArgumentError: no scorer of frames, or two for one method.
        ClipselectError: a file that cannot be used.
    """
    found: dict[str, tuple[str, FunctionScorer]] = {}
    for name in map(str, [given] if isinstance(given, str | Path) else given):
        scorer = named_scorer(name)
        if not isinstance(scorer, FunctionScorer):
            known = "sharpness, jpeg-bytes, lightqnet:FILE.pb, FILE.onnx:NORMALISATION or FILE.py:NAME"
            raise ArgumentError("quality", f"must be {known}, got {name}")
        scorer.check_for("frames")
        method = METHOD_OF.get(name, "lightqnet" if name.startswith(LIGHTQNET) else "own_scorer")
        if method in found:
            raise ArgumentError("quality", f"may name one scorer for {method}, got {found[method][0]} and {name}")
        found[method] = name, scorer
    return found


def with_qualities(
    table: FrameTable, qualities: Qualities, paths: Sequence[str], change: FrameChange | None, **how: Any
) -> FrameTable:
    """The same table with the scores of its frames; arguments as for `quality_scores`."""
    return replace(table, qualities=quality_scores(qualities, paths, table.frames, change, **how))


def quality_scores(
    qualities: Qualities,
    paths: Sequence[str],
    frames: NDArray[np.int64],
    change: FrameChange | None,
    *,
    cache: Path,
    stage: str,
    progress: ProgressCallback = no_progress,
) -> dict[str, NDArray[np.float32]]:
    """The scores [m] of frames by every quality, by method.

    Args:
        frames: [m] places in the paths, of images that can be read.
        change: what is done to images before they are scored.
        cache: folder, `FRAMES_PER_FILE` frames in each file.

    Raises:
        ImageError: an image that could be read before cannot be read now.
        NetworkError: a scorer that fails.
    """
    chunks = [frames[i : i + FRAMES_PER_FILE].tolist() for i in range(0, len(frames), FRAMES_PER_FILE)]

    def images(places: Sequence[int]) -> Iterator[Image]:
        for place in places:
            image = read_image(paths[place])
            yield image if change is None else change.apply(image, place)

    found: dict[str, NDArray[np.float32]] = {}
    for method, (name, scorer) in qualities.items():
        parts = []
        for places in tracked(chunks, f"{scorer.name}: {stage}", len(chunks), progress):
            file = cache / f"{_key(name, paths, places, change)}.npz"
            if (arrays := load_arrays(file, ("scores",))) is None:
                arrays = {"scores": scorer.score_images(images(places))}
                with whole_file(file) as part, part.open("wb") as out:
                    np.savez(out, scores=arrays["scores"])
            parts.append(arrays["scores"])
        found[method] = np.concatenate(parts)
    return found


def _key(name: str, paths: Sequence[str], places: Sequence[int], change: FrameChange | None) -> str:
    """Of a scorer with the state of its file, of images with theirs, and of what is done to these."""
    files = [Path(name), Path(name.removeprefix(LIGHTQNET)), Path(name.rpartition(":")[0])]
    own = [signature(str(file)) for file in files if file.is_file()]
    seen = [(place, stored_path(paths[place]), signature(paths[place])) for place in places]
    text = json.dumps(["quality", name, own, change and change.identity, seen], default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
