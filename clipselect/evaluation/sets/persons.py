"""Re-identification of persons: how well tracklets are found again by the features of their best frames."""

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from clipselect.data import degradations
from clipselect.data.tracklets import LAYOUTS, Layout, QueryGallery
from clipselect.errors import ArgumentError, check_argument
from clipselect.evaluation.arguments import check_differ, check_fraction, check_libraries, check_numbers
from clipselect.evaluation.destination import check_replaceable, make_destination
from clipselect.evaluation.methods import methods_at
from clipselect.evaluation.metrics.intervals import BootstrapResult, bootstrap_means
from clipselect.evaluation.metrics.retrieval import Metric, retrieval
from clipselect.evaluation.results import RESULTS_NAME, Results, write_results
from clipselect.evaluation.sets.frame_networks import FrameNetworks, frame_networks
from clipselect.evaluation.sets.frame_table import FrameChange, FrameTable, degradation_code, frame_table, stacked
from clipselect.evaluation.sets.quality_scores import load_qualities, with_qualities
from clipselect.evaluation.sets.ranking import ranking_of_tracklets, true_d_scores
from clipselect.evaluation.sets.rows import Entries, Known, Measure, Record, SetMethods, set_rows
from clipselect.evaluation.sets.set_answers import feature_answers, record_of, set_networks
from clipselect.evaluation.sets.tracklet_sets import TrackletSet, degraded_places, pooled, read_tracklet_sets
from clipselect.media.images import Image
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.text import printable
from clipselect.media.unreadable import LeftOut, OnError, ignore_error
from clipselect.method.selection import check_limits
from clipselect.scoring import shipped
from clipselect.scoring.scorer import Scorer
from clipselect.sets.set_network import SetNetwork
from clipselect.zoo.embedder import Embedder

RANKS = (1, 5, 20)
State = tuple[str, FrameTable, int]
"""Frames as they are or degraded: a name, their table, and how often it holds every frame (see `stacked`)."""


@dataclass(frozen=True)
class PersonEvaluation:
    """Whom to find again, and how; `run` does it.

    Mean average precision and CMC are by the protocol of MARS: of every identity and camera one tracklet is searched
    among all others. Queries whose identity no other camera sees are left out and counted (`unmatched`). Intervals are
    over identities, which are drawn alike for all methods.

    Attributes:
        data: folders of tracklets, see `clipselect.data.tracklets.read_tracklets`; each is a data set.
        base: what `clipselect.zoo.embedder_loading.load_embedder` loads, or an `Embedder`.
        model: the DDNet, a name, a file or a `Scorer`.
        layout: of all folders; None to recognise it.
        trained_on: folders that the DDNet was distilled on, with shared names: its training identities are left out.
            The number of an identity must mean the same person in all folders, as in MARS and Market-1501.
        identities: a file that names whom to evaluate: a name on every line, or the .mat file of the test tracks of
            MARS or X-MARS. X-MARS divides MARS as Market-1501 is divided, for embedders trained on Market-1501.
        pool: search in all folders at once, too; this needs the same.
        degrade: above 0, everything is measured again after this fraction of the frames of each tracklet, drawn at
            random, was degraded as tracking does it (misaligned boxes, occluders, blur, low resolution), once per seed;
            metrics are then means over the seeds.
        set_network: networks of sets that `clipselect.train_set_network` wrote for this base and that work on its
            features, files or `SetNetwork`s; each is measured on all frames.
        flips: measure also the choice of the frames whose mirror images the base finds most similar (the idea of
            SER-FIQ), for which it embeds every frame twice.
        dropout: measure also the choice of the frames that the base embeds most alike with dropout (SER-FIQ), see
            `clipselect.zoo.dropout_agreement`.
        quality: scorers that need no base and no DDNet, each of which chooses the K best: "sharpness", "jpeg-bytes",
            "lightqnet:FILE.pb", "FILE.onnx:NORMALISATION" or "FILE.py:NAME".
        k: how many frames are kept.
        threshold: of eq. 7.
        min_gap: between two images that a method keeps, counted in the images of the tracklet that can be
            read: 2 leaves one out; None for any.
        seeds: of degraded frames and of random frames.
        metric: distance of features.
        device: of both networks, such as "cpu", "cuda" or "auto".

    Raises:
        ArgumentError: values that make no sense.
    """

    data: Path | Sequence[Path]
    base: str | Path | Embedder
    model: str | Path | Scorer = shipped.PERSON_DDNET
    layout: Layout | None = None
    trained_on: Sequence[Path] = ()
    identities: Path | None = None
    pool: bool = False
    degrade: float = 0.0
    set_network: str | Path | SetNetwork | Sequence[str | Path | SetNetwork] = ()
    flips: bool = False
    dropout: bool = False
    quality: str | Path | Sequence[str | Path] = ()
    k: Sequence[int] = (1, 2, 4)
    threshold: float = 0.5
    min_gap: float | None = None
    seeds: Sequence[int] = (0, 1, 2)
    metric: Metric = "euclidean"
    device: str = "auto"

    def __post_init__(self) -> None:
        check_libraries()
        check_numbers("k", self.k, 1)
        check_numbers("seeds", self.seeds, 0)
        check_fraction("threshold", self.threshold)
        check_fraction("degrade", self.degrade)
        check_limits(min_gap=self.min_gap)
        if self.metric not in get_args(Metric):
            raise ArgumentError("metric", f"must be euclidean or cosine, got {self.metric}")
        if self.layout is not None and self.layout not in LAYOUTS:
            raise ArgumentError("layout", f"must be one of {', '.join(LAYOUTS)}, got {self.layout}")
        if self.pool and len(self.folders) < 2:
            raise ArgumentError("pool", "needs at least two folders of data; give another, or leave it out")
        check_differ("data", [printable(folder.resolve()) for folder in self.folders])

    @property
    def folders(self) -> list[Path]:
        return [Path(self.data)] if isinstance(self.data, (str, Path)) else [Path(folder) for folder in self.data]

    def run(self, out: Path, *, progress: ProgressCallback = no_progress, on_error: OnError = ignore_error) -> Results:
        """Evaluate, and write OUT/results.json.

        Args:
            out: folder for results.json and for a cache of the networks' outputs; the same one again continues.

        Warns:
            ClipselectWarning: a DDNet distilled for another base; queries without a true match.

        Raises:
            ArgumentError: an argument that does not apply to these data.
            ClipselectError: data or networks that cannot be used; not one image can be read.
        """
        make_destination(out, self.folders)
        networks, left_out = frame_networks(self.base, self.model, self.device), LeftOut(on_error)
        networks_of_sets = set_networks(self.set_network, networks.base)
        for network in networks_of_sets.values():
            check_argument(
                network.works_on_features, "set_network",
                f"must hold networks that work on features, and {network.name} takes aligned faces",
            )  # fmt: skip
        own = None if self.identities is None else Path(self.identities)
        qualities = load_qualities(self.quality)
        settings = self._record() | record_of(networks_of_sets, self.flips, self.dropout, qualities)
        check_replaceable(out, {"benchmark": "reid", "settings": settings} | networks.records)
        paths, sets = read_tracklet_sets(self.folders, self.layout, [*map(Path, self.trained_on)], own, left_out)
        read = partial(
            frame_table, paths, networks, flips=self.flips, dropout=self.dropout, cache=out / "cache",
            progress=progress, on_error=left_out,
        )  # fmt: skip

        def scored(table: FrameTable, stage: str, change: FrameChange | None) -> FrameTable:
            how = {"cache": out / "cache", "stage": stage, "progress": progress}
            return with_qualities(table, qualities, paths, change, **how)

        def state(name: str, changes: Sequence[tuple[str, FrameChange | None]]) -> State:
            """All frames, once per change, each of which has a stage."""
            tables = [scored(read(change, stage=stage), stage, change) for stage, change in changes]
            return name, stacked(tables, len(paths)) if len(tables) > 1 else tables[0], len(changes)

        states = [state("as they are", [("frames", None)])]
        clean = states[0][1]
        if self.degrade:
            readable = [clean.frames[rows] for rows in clean.groups([places for one in sets for places in one.places])]
            changes = [
                (f"frames degraded with seed {seed}", _degraded(readable, self.degrade, seed)) for seed in self.seeds
            ]
            states.append(state(f"{self.degrade:g} degraded", changes))
        if self.metric == "cosine" and any(table.has_zero_features for _, table, _ in states):
            name = networks.base.name
            raise ArgumentError("metric", f"must be euclidean: {name} gives features of length 0, which have no cosine")
        found = Entries()
        for one in [*sets, *([pooled(sets)] if self.pool else [])]:
            self._evaluate_set(found, one.readable(paths, clean), len(paths), states, networks, networks_of_sets)
        results = found.results("reid", "tracklet", settings, networks)
        write_results(out / RESULTS_NAME, results)
        return results

    def _record(self) -> Record:
        """The settings of the results file."""
        names = ("layout", "pool", "degrade", "threshold", "metric")
        return {
            "data": [printable(folder) for folder in self.folders],
            "trained_on": [printable(folder) for folder in self.trained_on],
            "k": sorted(self.k), "seeds": [*self.seeds], **{name: getattr(self, name) for name in names},
            **({} if self.identities is None else {"identities": printable(self.identities)}),
            **({} if self.min_gap is None else {"min_gap": self.min_gap}),
        }  # fmt: skip

    def _evaluate_set(
        self, found: Entries, one: TrackletSet, paths: int, states: Sequence[State], networks: FrameNetworks,
        networks_of_sets: Mapping[str, SetNetwork],
    ) -> None:  # fmt: skip
        """Add the entries of one set in all states."""
        search, how = one.queries(), SetMethods(networks, self.threshold, self.seeds, self.min_gap)
        sources = len(matched_identities(search))
        (_, clean, *_), people = states[0], [one.identities[i] for i in one.people]
        clean_groups = clean.groups([one.places[i] for i in one.people])
        for state, table, times in states:
            name = f"{one.name}, {state}"
            groups = table.groups([[p + i * paths for p in places] for i in range(times) for places in one.places])
            measure, methods = measure_of(search, times, self.metric), methods_at("frame", sorted(self.k))
            of_people = [groups[i + j * len(one.tracklets)] for j in range(times) for i in one.people]
            truth = true_d_scores(table, of_people, people * times, clean, clean_groups, people)
            known: Known = {} if truth is None else {"d_scores": truth}
            rows, differences = set_rows(
                name, table, groups, methods, measure, how, sources=sources, known=known,
                answers=feature_answers(networks_of_sets, methods, table, groups),
            )  # fmt: skip
            found.rows += rows
            found.differences += differences
            found.data.append(_data_record(name, one, search, groups, times, sources))
            if truth is not None:
                ranking = ranking_of_tracklets(table.scores, truth, of_people, people * times)
                found.ranking.append({"data": name} | ranking)


def _degraded(groups: Sequence[NDArray[np.int64]], fraction: float, seed: int) -> FrameChange:
    """Degrades that fraction of the frames of every group of places."""
    bad = degraded_places(groups, fraction, seed)

    def apply(image: Image, place: int) -> Image:
        rng = np.random.default_rng([seed, place])
        return degradations.degrade(image, "tracklets", rng) if place in bad else image

    which = hashlib.sha256(np.array(sorted(bad), np.int64).tobytes()).hexdigest()
    return FrameChange(apply, f"tracklets, seed {seed}, {which}, {degradation_code()}")


def measure_of(search: QueryGallery, times: int, metric: Metric) -> Measure:
    """A function that gives mAP and CMC of the features [times * tracklets, d] of all tracklets, `times` over: means
    over these, with draws of identities."""
    ids, cameras = search.identities, search.cameras

    def at(values: Sequence[Hashable], places: NDArray[np.int64]) -> list[Hashable]:
        return [values[i] for i in places.tolist()]

    queries, gallery = search.queries, search.gallery
    names = at(ids, queries), at(cameras, queries), at(ids, gallery), at(cameras, gallery)

    def measure(features: NDArray[np.float32]) -> dict[str, BootstrapResult]:
        parts = []
        for one in features.reshape(times, len(ids), -1):
            found = retrieval(one[queries], one[gallery], *names, ranks=RANKS, metric=metric)
            parts.append(np.stack([found.average_precision, *(found.first_match <= r for r in RANKS)], axis=1))
        columns = np.mean(parts, axis=0)
        draws = bootstrap_means(columns, clusters=at(names[0], found.queries))
        metrics = ("map", *(f"rank{r}" for r in RANKS))
        values = zip(metrics, columns.mean(axis=0).tolist(), draws.T, strict=True)
        return {name: BootstrapResult(mean, drawn) for name, mean, drawn in values}

    return measure


def matched_identities(search: QueryGallery) -> set[Hashable]:
    """Those of queries that have a true match: what the intervals draw."""
    seen_by: dict[Hashable, set[Hashable]] = {}
    for i in search.queries.tolist():
        seen_by.setdefault(search.identities[i], set()).add(search.cameras[i])
    return {identity for identity, cameras in seen_by.items() if len(cameras) > 1}


def _data_record(
    name: str, one: TrackletSet, search: QueryGallery, groups: Sequence[NDArray[np.int64]], times: int, sources: int
) -> Record:
    sizes = [len(group) for group in groups]
    return {
        "name": name, "videos": len(groups), "sources": sources,
        "tracklets": len(one.tracklets), "times": times,
        "frames_per_tracklet": float(np.mean(sizes)), "tracklets_of_one_frame": sizes.count(1) // times,
        "queries": len(search.queries) - search.unmatched, "unmatched": search.unmatched,
        "gallery": len(search.gallery), "unreadable": [*one.unreadable],
    }  # fmt: skip
