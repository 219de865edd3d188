"""Scores of frames by qualities in the place of a DDNet, kept on disk: baselines that do not need the base."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError
from clipselect.evaluation.kept_arrays import Arrays, kept_arrays, states
from clipselect.evaluation.sets.frame_table import FRAMES_PER_FILE, FrameChange, FrameTable, Quality, seen_image
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.scoring.function_scorer import FunctionScorer
from clipselect.scoring.named_scorers import LIGHTQNET, named_scorer

METHOD_OF = {"sharpness": "sharpness", "jpeg-bytes": "jpeg_bytes"}
"""By the name of a scorer, the method that is named after it."""
ARRAYS = ("scores", "seconds")
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
    """The same table with the qualities of its frames; arguments as for `quality_scores`."""
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
) -> dict[str, Quality]:
    """What every scorer says of frames, and what it costs, by method.

    Args:
        frames: [m] places in the paths, of images that can be read.
        change: what is done to images before they are scored.
        cache: folder, `FRAMES_PER_FILE` frames in each file.

    Raises:
        ImageError: an image that could be read before cannot be read now.
        NetworkError: a scorer that fails.
    """
    chunks = [frames[i : i + FRAMES_PER_FILE].tolist() for i in range(0, len(frames), FRAMES_PER_FILE)]

    def scored(scorer: FunctionScorer, places: Sequence[int]) -> Arrays:
        images = [seen_image(paths[place], place, change) for place in places]
        began = time.perf_counter()
        return {"scores": scorer.score_images(images), "seconds": np.array(time.perf_counter() - began)}

    found: dict[str, Quality] = {}
    for method, (name, scorer) in qualities.items():
        parts = []
        for places in tracked(chunks, f"{scorer.name}: {stage}", len(chunks), progress):
            files = states(paths[place] for place in places)
            made_of = ["quality", name, _files_of(name), change and change.identity, places, files]
            parts.append(kept_arrays(cache, made_of, ARRAYS, partial(scored, scorer, places)))
        scores = np.concatenate([part["scores"] for part in parts])
        # the median over the files: a machine that was busy for a while does not count
        seconds = float(np.median([part["seconds"] / len(part["scores"]) for part in parts]))
        gflops = None if scorer.multiply_adds is None else scorer.multiply_adds / 1e9
        found[method] = Quality(scores, seconds, gflops)
    return found


def _files_of(name: str) -> list[tuple[str, Any]]:
    """Of a scorer that is in a file."""
    files = [name, name.removeprefix(LIGHTQNET), name.rpartition(":")[0]]
    return states(file for file in files if Path(file).is_file())
