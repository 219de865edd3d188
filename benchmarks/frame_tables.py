"""What base and DDNet say about every frame of a data set, kept on disk, and what methods on sets make of it."""

import hashlib
import inspect
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from clipselect.zoo.embedder import Embedder
from numpy.typing import NDArray

from clipselect.commands.stages import Failures, Stage
from clipselect.data import degradations
from clipselect.errors import ClipselectError, ImageError
from clipselect.evaluation.metrics import BootstrapResult, extreme_interval
from clipselect.evaluation.sets import Method, group_features
from clipselect.index.index_file import signature, stored_path
from clipselect.media.files import make_folder
from clipselect.media.images import Image, read_image
from clipselect.scoring.scorer import Scorer
from clipselect.training.array_files import read_arrays, write_arrays

FRAMES_PER_FILE = 512
FORMAT = 2
"""Of the files; those of another one are not looked at."""

Record = dict[str, Any]
DScoreTarget = Callable[[NDArray[np.float32]], dict[str, BootstrapResult]]
"""Features of all groups [g, d] -> metrics by name, shares in [0, 1] with what they are over groups drawn again. Draws
must be of the same groups for all methods, so that these can be compared draw by draw."""


@dataclass(frozen=True)
class FrameTable:
    """All frames that can be read.

    Attributes:
        frames: [m] int64, their places in the list of paths.
        features: [m, d] float32, of length 1.
        scores: [m] float32.
        seconds_base, seconds_ddnet: per frame, from the decoded image on.
        seconds_read: per frame, from the closed file to the decoded image.
        sides: [m] int64, pixels of the shorter side of every image; None where it was not kept.
    """

    frames: NDArray[np.int64]
    features: NDArray[np.float32]
    scores: NDArray[np.float32]
    seconds_base: float
    seconds_ddnet: float
    seconds_read: float = 0.0
    sides: NDArray[np.int64] | None = None

    def groups(self, groups: Sequence[Sequence[int]]) -> list[NDArray[np.int64]]:
        """Rows of this table for groups of places in the list of paths; what cannot be read is left out."""
        row = {place: i for i, place in enumerate(self.frames.tolist())}
        return [np.array([row[place] for place in group if place in row], dtype=np.int64) for group in groups]


def degradation_code() -> str:
    """Says by which version of `clipselect.data.degradations` frames are spoilt, for `frame_table`."""
    return hashlib.sha256(inspect.getsource(degradations).encode()).hexdigest()


def frame_table(
    paths: Sequence[str],
    spoil: Callable[[Image, int], Image] | None,
    spoilt: str,
    base: Embedder,
    scorer: Scorer,
    cache: Path,
    failures: Failures,
    stage: Stage,
) -> FrameTable:
    """Run both networks on every frame; what is done is kept under `cache` and not done again.

    Args:
        spoil: (image, place in `paths`) -> the image that the networks see; a function of its arguments alone. An
            ImageError of it is that of the image.
        spoilt: says what `spoil` does, for the cache, see `degradation_code`; empty without one.

    Raises:
        ClipselectError: not one image can be read.
    """
    make_folder(cache)
    about = json.dumps([FORMAT, base.identity, scorer.metadata["sha256"], spoilt], sort_keys=True, default=str)
    parts = []
    for first in range(0, len(paths), FRAMES_PER_FILE):
        places = range(first, min(first + FRAMES_PER_FILE, len(paths)))
        what = json.dumps([about, first, [(stored_path(paths[i]), signature(paths[i])) for i in places]])
        file = cache / f"{hashlib.sha256(what.encode()).hexdigest()[:32]}.npz"
        if not file.exists():
            write_arrays(file, _computed(paths, places, spoil, base, scorer, failures))
        arrays = read_arrays(file, ("frames", "features", "scores", "seconds", "sides", "errors"))
        parts.append(arrays)
        for path, why in json.loads(arrays["errors"].tobytes()).items():  # of an earlier run, too
            failures.add(path, ImageError(why))
        stage.more(len(places))
    joined = {
        name: np.concatenate([part[name] for part in parts]) for name in ("frames", "features", "scores", "sides")
    }
    if not len(joined["frames"]):
        raise ClipselectError(f"not one of the {len(paths)} images can be read; see the errors above")
    lengths = np.linalg.norm(joined["features"], axis=1, keepdims=True)
    features = joined["features"] / np.maximum(lengths, np.finfo(np.float32).tiny)
    # the median over the files: a machine that was busy for a while does not count
    per_frame = [part["seconds"] / len(part["frames"]) for part in parts if len(part["frames"])]
    embedding, scoring, reading = np.median(np.stack(per_frame), axis=0).tolist()
    return FrameTable(joined["frames"], features, joined["scores"], embedding, scoring, reading, joined["sides"])


def stacked(tables: Sequence[FrameTable], paths: int) -> FrameTable:
    """Tables of the same list of so many paths in one: place p of table i becomes place i * paths + p."""
    seconds = np.mean([(t.seconds_base, t.seconds_ddnet, t.seconds_read) for t in tables], axis=0).tolist()
    frames = np.concatenate([table.frames + i * paths for i, table in enumerate(tables)])
    features, scores = (np.concatenate([getattr(t, name) for t in tables]) for name in ("features", "scores"))
    return FrameTable(frames, features, scores, *seconds)


def _computed(
    paths: Sequence[str],
    places: range,
    spoil: Callable[[Image, int], Image] | None,
    base: Embedder,
    scorer: Scorer,
    failures: Failures,
) -> dict[str, NDArray[Any]]:
    kept: list[int] = []
    sides: list[int] = []
    errors: dict[str, str] = {}
    reading = 0.0

    def images() -> Iterator[Image]:
        nonlocal reading
        for i in places:
            begun = time.perf_counter()
            try:
                image = read_image(paths[i])
                reading += time.perf_counter() - begun
                seen = image if spoil is None else spoil(image, i)
            except ImageError as e:
                errors[paths[i]] = str(e)
                failures.add(paths[i], e)
                continue
            kept.append(i)
            sides.append(min(image.shape[:2]))
            yield seen

    frames = [*images()]
    ticks = [time.perf_counter()]
    features = base.embed(frames) if frames else np.empty((0, base.dim), np.float32)
    ticks.append(time.perf_counter())
    scores = scorer.score_images(frames)
    ticks.append(time.perf_counter())
    return {
        "frames": np.array(kept, dtype=np.int64),
        "features": features,
        "scores": scores,
        "seconds": np.array([*np.diff(ticks), reading]),
        "sides": np.array(sides, dtype=np.int64),
        "errors": np.frombuffer(json.dumps(errors).encode(), np.uint8),
    }


def set_rows(
    data: str,
    table: FrameTable,
    groups: Sequence[NDArray[np.int64]],
    methods: Sequence[Method],
    measure: DScoreTarget,
    base: Embedder,
    scorer_gflops: float,
    *,
    sources: int,
    threshold: float,
    seeds: Sequence[int],
    media: NDArray[np.int64] | None = None,
) -> tuple[list[Record], list[Record]]:
    """The entries of `rows` and of `differences` of a results file: each method less "average", choices by score less
    as many even frames, and ddl at every K less even frames at every K and ddl at its best K.

    Costs are per group, from the closed files on: frames embedded by the base, and the DDNet on all frames for methods
    that read scores. "random" is the mean over the seeds.

    Args:
        sources: how many identities the groups stem from.
        threshold: of eq. 7.
        media: of every frame of the table, see `group_features`.

    Raises:
        ClipselectError: features that cannot be pooled by media.
    """
    if media is not None and not table.features.any(axis=1).all():
        raise ClipselectError(f"{base.name} gives features of length 0, which have no direction; take another base")
    rows, measured = [], dict[Method, dict[str, BootstrapResult]]()
    frames = float(np.mean([len(group) for group in groups]))
    for method in methods:
        found, embedded = [], []
        for seed in seeds if method.name == "random" else seeds[:1]:
            try:
                features, counts = group_features(
                    table.features, table.scores, groups, method, threshold=threshold, seed=seed, media=media
                )
            except ValueError as e:  # those of a template cancel out
                raise ClipselectError(f"{base.name}: {e}; take another base") from e
            found.append(measure(features))
            embedded.append(float(counts.mean()))
        metrics = {name: _mean([one[name] for one in found]) for name in found[0]}
        measured[method] = metrics
        clips, scored = float(np.mean(embedded)), frames if method.reads_scores else 0.0
        row: Record = {"data": data, "method": method.name, "k": method.k, "clips": clips}
        row |= {"videos": len(groups), "sources": sources}
        for name, drawn in metrics.items():
            # where all or none are right, drawing them again says nothing; and taking off what draws are too high by
            # on average can shift an interval beyond what is possible
            exact = extreme_interval(np.array([drawn.value]), sources)
            low, high = np.clip(exact or drawn.interval, 0, 1).tolist()
            row |= {name: 100 * drawn.value, f"{name}_low": 100 * low, f"{name}_high": 100 * high}
        if base.gflops:
            costs = base.gflops * clips, scorer_gflops * scored
            row |= {"gflops": sum(costs), "gflops_base": costs[0], "gflops_ddnet": costs[1]}
        seconds = {
            "seconds_decode": table.seconds_read * max(clips, scored),
            "seconds_ddnet": table.seconds_ddnet * scored,
            "seconds_base": table.seconds_base * clips,
        }
        rows.append(row | {"seconds": sum(seconds.values())} | seconds)
    differences = [
        _difference(data, name, method, rival, measured[method][name] - measured[rival][name])
        for name in measured[methods[0]]
        for method, rival in _pairs(measured, name)
    ]
    return rows, differences


def of_oracle(
    oracle: str, rows: Sequence[Record], differences: Sequence[Record], table: FrameTable
) -> tuple[list[Record], list[Record]]:
    """What `set_rows` gives for "average" and for methods that were given an oracle's scores, as rows of the oracle
    and its differences to the average."""

    def renamed(entry: Record) -> Record:
        return entry | {"method": f"{oracle}_all" if entry["method"] == "ddl_all" else oracle}

    own = [free_of_ddnet(renamed(row), table.seconds_read) for row in rows if row["method"] != "average"]
    return own, [renamed(entry) for entry in differences if entry["than"] == "average"]


def free_of_ddnet(row: Record, seconds_read: float) -> Record:
    """A row of a choice that is known beforehand: nothing is scored, and only frames that are kept are opened."""
    row = row | {"seconds_decode": seconds_read * row["clips"], "seconds_ddnet": 0.0}
    row["seconds"] = row["seconds_decode"] + row["seconds_base"]
    return row | ({"gflops": row["gflops_base"], "gflops_ddnet": 0.0} if "gflops" in row else {})


def _pairs(measured: dict[Method, dict[str, BootstrapResult]], metric: str) -> Iterator[tuple[Method, Method]]:
    """Which methods are compared by a metric, each with its rival."""
    own, evens = ([m for m in measured if m.name == name] for name in ("ddl", "even"))
    best = max(own, key=lambda method: measured[method][metric].value, default=None)  # the first of equals
    for method in measured:
        even = Method("even_half") if method.name.startswith("ddl_half") else Method("even", method.k)
        more = [*evens, best] if method in own else [even] if method.name.startswith("ddl") else []
        rivals = (rival for rival in (Method("average"), *more) if rival in measured and rival != method)
        yield from ((method, rival) for rival in rivals)


def _difference(data: str, metric: str, method: Method, than: Method, gain: BootstrapResult) -> Record:
    low, high = gain.interval
    return {
        "data": data, "metric": metric, "method": method.name, "k": method.k, "than": than.name, "than_k": than.k,
        "difference": 100 * gain.value, "low": 100 * low, "high": 100 * high,
    }  # fmt: skip


def _mean(drawn: Sequence[BootstrapResult]) -> BootstrapResult:
    return BootstrapResult(float(np.mean([d.value for d in drawn])), np.mean([d.draws for d in drawn], axis=0))
