"""What networks of sets make of the frames that methods keep, kept on disk."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.errors import ArgumentError
from clipselect.evaluation.kept_arrays import Arrays, kept_arrays, states
from clipselect.evaluation.sets.frame_table import FrameChange, FrameTable, seen_image
from clipselect.evaluation.sets.quality_scores import Qualities
from clipselect.evaluation.sets.rows import MethodAtK, NetworkAnswers, candidates_of
from clipselect.media.images import Image
from clipselect.media.progress import Progress, ProgressCallback, no_progress
from clipselect.media.text import printable
from clipselect.sets.set_network import SetNetwork, check_base, load_set_network
from clipselect.zoo.embedder import Embedder

SETS_PER_FILE = 32
FORMAT = 1
"""Of the cached files."""
ARRAYS = ("features", "seconds")
MAX_BYTES_KEPT = 512 << 20
"""Of what networks make of single frames."""
Kept = Sequence[Sequence[int]]
"""What every method keeps of the frames of one group."""


def set_networks(
    given: str | Path | SetNetwork | Sequence[str | Path | SetNetwork], base: Embedder, max_segment: int | None = None
) -> dict[str, SetNetwork]:
    """Networks of sets by the `network` of the methods that use them.

    Args:
        given: files that `clipselect.train_set_network` wrote, or networks.
        max_segment: of those in files, see `load_set_network`.

    Raises:
        ArgumentError: two of one kind, or one for another base; a segment beside a network that is loaded, or for no
            network that has any.
        ClipselectError: a file that cannot be used.
    """
    found: dict[str, SetNetwork] = {}
    listed = [given] if isinstance(given, str | Path | SetNetwork) else given
    if max_segment is not None and any(isinstance(one, SetNetwork) for one in listed):
        raise ArgumentError("max_segment", "is for files; give it to load_set_network")
    for one in listed:
        network = one if isinstance(one, SetNetwork) else load_set_network(one, base, max_segment=max_segment)
        check_base(network.metadata, base, network.name)
        kind = str(network.metadata["network"])
        if kind in found:
            raise ArgumentError("set_network", f"may hold one {kind} at a time, got {found[kind].name} and {one}")
        found[kind] = network
    if max_segment is not None and not any("max_segment" in one.metadata for one in found.values()):
        raise ArgumentError("max_segment", "is for LFENet and FAN in set_network, and there is none; leave it out")
    return found


def record_of(networks: Mapping[str, SetNetwork], flips: bool, dropout: bool, qualities: Qualities) -> dict[str, Any]:
    """The settings of a results file for baselines that are measured only where they are asked for."""
    about = [{"name": one.name, "sha256": one.sha256} for one in networks.values()]
    names = [printable(name) for name, _ in qualities.values()]
    asked_for = {"set_network": about, "flips": flips, "dropout": dropout, "quality": names}
    return {name: value for name, value in asked_for.items() if value}


def feature_answers(
    networks: Mapping[str, SetNetwork],
    methods: Sequence[MethodAtK],
    table: FrameTable,
    groups: Sequence[NDArray[np.int64]],
) -> dict[MethodAtK, NetworkAnswers]:
    """The answers of methods whose network works on the base's features, which the table has; see `network_answers`."""
    found: dict[MethodAtK, NetworkAnswers] = {}
    counts = np.array([len(rows) for rows in groups], dtype=np.int64)
    for one in methods:
        network = networks.get(one[0].network or "")
        if network is None or not network.works_on_features:
            continue
        features, ticks = [], [time.perf_counter()]
        for rows in groups:
            features.append(network.set_feature(torch.from_numpy(table.features[rows]).to(network.device)))
            ticks.append(time.perf_counter())
        found[one] = _network_answers(network, np.array(features), counts, np.diff(ticks))
    return found


def network_answers(
    networks: Mapping[str, SetNetwork],
    methods: Sequence[MethodAtK],
    paths: Sequence[str],
    table: FrameTable,
    groups: Sequence[NDArray[np.int64]],
    change: FrameChange | None,
    *,
    threshold: float,
    seed: int,
    cache: Path,
    stage: str = "sets",
    progress: ProgressCallback = no_progress,
) -> dict[MethodAtK, NetworkAnswers]:
    """The answers of all methods whose network is there.

    Networks that work on the base's features take those of the table. For others the frames of a set go through the
    first step of a network once, for all methods.

    Args:
        paths: [n] of the frames, of which `table` names those that can be read.
        groups: [g] rows of the table.
        change: what is done to images before the networks see them.
        threshold, seed: for the methods' choices.
        cache: folder for the answers, `SETS_PER_FILE` sets in each file.

    Raises:
        ImageError: an image that could be read before cannot be read now.
    """
    found = feature_answers(networks, methods, table, groups)

    def image_of(row: int) -> Image:
        place = int(table.frames[row])
        return seen_image(paths[place], place, change)

    for kind, network in networks.items():
        own = [one for one in methods if one[0].network == kind]
        if network.works_on_features or not own:
            continue
        kept = [
            [m.keep(candidates_of(table.scores[rows], k, (seed, number), threshold))[0].tolist() for m, k in own]
            for number, rows in enumerate(groups)
        ]
        parts, name, features_of = [], f"{network.name}: {stage}", FrameFeatures(network, image_of)
        progress(Progress(name, 0, len(groups)))
        for start in range(0, len(groups), SETS_PER_FILE):
            chunk, chosen = groups[start : start + SETS_PER_FILE], kept[start : start + SETS_PER_FILE]
            places = [table.frames[rows].tolist() for rows in chunk]  # `change` may depend on them
            files = [states(paths[place] for place in group) for group in places]
            made_of = [FORMAT, network.sha256, change and change.identity, places, files, chosen]
            parts.append(kept_arrays(cache, made_of, ARRAYS, partial(_answers, network, chunk, chosen, features_of)))
            progress(Progress(name, start + len(chunk), len(groups)))
        features, seconds = (np.concatenate([part[name] for part in parts]) for name in ARRAYS)
        for number, one in enumerate(own):
            counts = np.array([len(of_group[number]) for of_group in kept], dtype=np.int64)
            found[one] = _network_answers(network, features[:, number], counts, seconds[:, number])
    return found


class FrameFeatures:
    """What the first step of a network makes of frames. The latest are kept, since drawn sets share frames."""

    def __init__(self, network: SetNetwork, image_of: Callable[[int], Image]) -> None:
        self.network, self.image_of = network, image_of
        self.kept: dict[int, torch.Tensor] = {}  # the latest last

    def __call__(self, rows: Sequence[int]) -> torch.Tensor:
        """[T, ...] of the frames of these rows."""
        new = [row for row in dict.fromkeys(rows) if row not in self.kept]
        if new:
            computed = self.network.frame_features([self.image_of(row) for row in new])
            self.kept |= {row: one.clone() for row, one in zip(new, computed, strict=True)}  # not views of all
        for row in rows:
            self.kept[row] = self.kept.pop(row)
        found = torch.stack([self.kept[row] for row in rows])
        room = MAX_BYTES_KEPT // found[0].nbytes
        for row in [*self.kept][: max(len(self.kept) - room, 0)]:
            del self.kept[row]
        return found


def _network_answers(
    network: SetNetwork, features: NDArray[np.float32], counts: NDArray[np.int64], seconds: NDArray[np.float64]
) -> NetworkAnswers:
    """Of features [g, d] of sets of so many frames [g], whose second step took so many seconds [g]."""
    cost, sizes = network.multiply_adds, counts.tolist()
    gflops = None if cost is None else float(np.mean([cost(size) for size in sizes])) / 1e9
    embedded = np.array([network.module.images_embedded(size) for size in sizes], dtype=np.int64)
    return NetworkAnswers(features, counts, embedded, network.module.embeds_frames, float(np.median(seconds)), gflops)


def _answers(
    network: SetNetwork,
    groups: Sequence[NDArray[np.int64]],
    kept: Sequence[Kept],
    features_of: Callable[[Sequence[int]], torch.Tensor],
) -> Arrays:
    """Features [g, methods, d] and seconds [g, methods] of the second step."""
    features, seconds = [], []
    for rows, choices in zip(groups, kept, strict=True):
        maps = features_of(rows.tolist())
        of_group, ticks = [], [time.perf_counter()]
        for choice in choices:
            of_group.append(network.set_feature(maps[choice]))
            ticks.append(time.perf_counter())
        features.append(of_group)
        seconds.append(np.diff(ticks))
    return {"features": np.array(features, dtype=np.float32), "seconds": np.array(seconds)}
