"""Verification of sets of faces: averaging all frames beside the best ones by the DDNet, sharp, blurred or degraded."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, ClipselectWarning
from clipselect.evaluation.arguments import check_differ, check_fraction, check_libraries, check_numbers
from clipselect.evaluation.destination import check_replaceable, make_destination
from clipselect.evaluation.methods import methods_at, names
from clipselect.evaluation.metrics.verification import min_trials
from clipselect.evaluation.results import RESULTS_NAME, Results, write_results
from clipselect.evaluation.sets.changed_frames import UNCHANGED, Condition, change_of, condition_of, degraded
from clipselect.evaluation.sets.face_data import read_face_sets
from clipselect.evaluation.sets.face_sets import FaceSets
from clipselect.evaluation.sets.frame_networks import FrameNetworks, frame_networks
from clipselect.evaluation.sets.frame_table import FrameTable, frame_table
from clipselect.evaluation.sets.quality_scores import load_qualities, with_qualities
from clipselect.evaluation.sets.ranking import ranking_of_sets, true_d_scores
from clipselect.evaluation.sets.rows import Entries, Known, MethodAtK, NetworkAnswers, Record, SetMethods, set_rows
from clipselect.evaluation.sets.set_answers import network_answers, record_of, set_networks
from clipselect.evaluation.sets.verification_protocol import FPIR, TPIR, Protocol
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.text import printable
from clipselect.media.unreadable import LeftOut, OnError, ignore_error
from clipselect.samplers.frame_sampler import FaceFrameSampler
from clipselect.scoring.scorer import Scorer
from clipselect.sets.set_network import SetNetwork
from clipselect.zoo.embedder import Embedder

MIN_DRAWS = 20
MIN_BLUR, MAX_BLUR = 3, 101
DOMAIN_METHODS = ("average", "top1", "ddl_all", "ddl_threshold", "ddl", "even", *names("oracle"))
"""Those that are measured on every domain by itself."""


@dataclass(frozen=True)
class FaceEvaluation:
    """What to verify, and how; `run` does it.

    Attributes:
        data: a folder, recognised by what is in it. `*_face_tid_mid.txt`, there or in meta/: IJB-C or IJB-B, faces in
            loose_crop/. `verify_metadata_N.csv`, anywhere below: all splits of IJB-A. IDENTITY/SET/frames: YouTube
            Faces and others. IDENTITY/*.jpg, perhaps in val/: disjoint sets are drawn of every identity, once per seed.
            Frames are faces already (see `clipselect faces`), except in IJB, whose templates are pooled medium by
            medium.
        base: what `clipselect.zoo.embedder_loading.load_embedder` loads, or an `Embedder`.
        model: the DDNet, a name, a file or a `Scorer`; None for the zoo's for faces.
        set_network: networks of sets that `clipselect.train_set_network` wrote for this base, files or `SetNetwork`s;
            each is measured on all frames, an LFENet and a FAN on the best K, too.
        max_segment: of LFENet and FAN files, see `clipselect.load_set_network`. With `set_size` N * n_avg and
            `max_segment` N, a FAN makes n_avg images of N frames each, whose features are averaged.
        flips: measure also the choice of the frames whose mirror images the base finds most similar (the idea of
            SER-FIQ), for which it embeds every frame twice.
        dropout: measure also the choice of the frames that the base embeds most alike with dropout (SER-FIQ), see
            `clipselect.zoo.dropout_agreement`.
        quality: scorers that need no base and no DDNet, each of which chooses the K best: "sharpness", "jpeg-bytes",
            "lightqnet:FILE.pb", "FILE.onnx:NORMALISATION" or "FILE.py:NAME".
        set_list: a file with a folder within `data` and its identity on every line; each folder is a set (IQIYI).
        pairs: a file of the pairs of sets to compare, in the form of YouTube Faces' splits.txt: "fold, set, set, 1 or
            0"; None for `data`/splits.txt if it is there, or else all pairs.
        set_size: frames of drawn sets, each size measured by itself on the identities that fill two; None for 5 and 10.
        blur: lengths of motion blur in pixels, each measured beside the unchanged frames; see
            clipselect/evaluation/sets/changed_frames.py.
        degrade: measure also with every frame degraded, each as severely as it comes, from hardly to beyond use.
        k: how many frames reach the base.
        threshold: of eq. 7.
        seeds: of drawn sets and of random frames; the first one of blur and degradation.
        far: false accept rates; one that needs more impostor pairs than there are is left out with a warning.
        draws: of identities, for the intervals; fewer for large data.
        domains: beginnings of names; identities with each are evaluated by themselves, too.
        name: of the data in results; None for the folder's.
        device: of both networks, such as "cpu", "cuda" or "auto".

    Raises:
        ArgumentError: values that make no sense.
    """

    data: Path
    base: str | Path | Embedder
    model: str | Path | Scorer | None = None
    set_network: str | Path | SetNetwork | Sequence[str | Path | SetNetwork] = ()
    max_segment: int | None = None
    flips: bool = False
    dropout: bool = False
    quality: str | Path | Sequence[str | Path] = ()
    set_list: Path | None = None
    pairs: Path | None = None
    set_size: Sequence[int] | None = None
    blur: Sequence[float] = ()
    degrade: bool = False
    k: Sequence[int] = (1, 3, 5)
    threshold: float = 0.15
    seeds: Sequence[int] = (0, 1, 2)
    far: Sequence[float] = (1e-2, 1e-3)
    draws: int = 2000
    domains: Sequence[str] = ()
    name: str | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        check_libraries()
        check_numbers("k", self.k, 1)
        check_numbers("seeds", self.seeds, 0)
        if self.set_size is not None:
            check_numbers("set_size", self.set_size, 1)
        check_fraction("threshold", self.threshold)
        if not self.far or not all(0 < far <= 1 for far in self.far):
            raise ArgumentError("far", f"must lie in (0, 1], got {[*self.far]}")
        if not all(MIN_BLUR <= length <= MAX_BLUR for length in self.blur):
            raise ArgumentError("blur", f"must lie in [{MIN_BLUR}, {MAX_BLUR}], got {[*self.blur]}")
        check_differ("blur", [f"{length:g}" for length in self.blur])
        check_differ("domains", self.domains)
        if self.draws < MIN_DRAWS:
            raise ArgumentError("draws", f"must be at least {MIN_DRAWS}, got {self.draws}")

    def run(self, out: Path, *, progress: ProgressCallback = no_progress, on_error: OnError = ignore_error) -> Results:
        """Evaluate, and write OUT/results.json.

        Args:
            out: folder for results.json and for a cache of the networks' outputs; the same one again continues.

        Warns:
            ClipselectWarning: a DDNet distilled for another base; identities or rates that are left out, tiny faces.

        Raises:
            ArgumentError: an argument that does not apply to these data.
            ClipselectError: data or networks that cannot be used; not one image can be read.
        """
        make_destination(out, [Path(self.data)])
        folder, networks = Path(self.data), frame_networks(self.base, self.model, self.device)
        networks_of_sets = set_networks(self.set_network, networks.base, self.max_segment)
        qualities = load_qualities(self.quality)
        sets = read_face_sets(folder, self.set_list, self.pairs, self.set_size, self.seeds)
        settings = self._record(sets.sizes) | record_of(networks_of_sets, self.flips, self.dropout, qualities)
        settings |= {} if self.max_segment is None else {"max_segment": self.max_segment}
        check_replaceable(out, {"benchmark": "faces", "settings": settings} | networks.records)
        for one, why in sets.left_out.items():
            _warn(f"{one}: left out, {why}")
        found, clean, left_out = Entries(), None, LeftOut(on_error)
        name = self.name or printable(folder.name or folder)
        conditions = [condition_of(sets, length, self.seeds[0], name) for length in (UNCHANGED, *self.blur)]
        for condition in conditions + ([degraded(sets, self.seeds[0], name)] if self.degrade else []):
            paths, change = [sets.paths[i] for i in condition.elements], change_of(condition, sets, networks.base)
            table = frame_table(
                paths, networks, change, flips=self.flips, dropout=self.dropout, cache=out / "cache",
                stage=f"frames of {condition.name}", progress=progress, on_error=left_out,
            )  # fmt: skip
            how = {"cache": out / "cache", "stage": condition.name, "progress": progress}
            table = with_qualities(table, qualities, paths, change, **how)
            clean = clean or table
            answers = partial(
                network_answers, networks_of_sets, paths=paths, table=table, change=change, threshold=self.threshold,
                seed=self.seeds[0], cache=out / "cache", progress=progress,
            )  # fmt: skip
            self._evaluate_condition(found, sets, condition, table, clean, networks, answers)
        results = found.results("faces", "set", settings, networks)
        write_results(out / RESULTS_NAME, results)
        return results

    def _record(self, set_size: Sequence[int] | None) -> Record:
        """The settings of the results file."""
        files = {"data": self.data, "list": self.set_list, "pairs": self.pairs}
        lists = {"seeds": self.seeds, "blur": self.blur, "k": self.k, "far": self.far, "domains": self.domains}
        return {
            **{name: None if file is None else printable(file) for name, file in files.items()},
            **{name: [*values] for name, values in lists.items()}, "set_size": set_size and [*set_size],
            "threshold": self.threshold, "draws": self.draws, "degrade": self.degrade,
        }  # fmt: skip

    def _evaluate_condition(
        self, found: Entries, sets: FaceSets, condition: Condition, table: FrameTable, clean: FrameTable,
        networks: FrameNetworks, answers: Callable[..., dict[MethodAtK, NetworkAnswers]],
    ) -> None:  # fmt: skip
        """Add the entries of one condition; `clean` is the table of the unchanged frames, `answers` those of the
        networks of sets by methods, groups and stage."""
        every = table.groups(condition.groups)
        present = [place for place, group in enumerate(every) if len(group)]
        groups = [every[place] for place in present]
        media = None if sets.media is None else sets.media[condition.elements[table.frames]]
        how = SetMethods(networks, self.threshold, self.seeds)
        truth = true_d_scores(table, every, sets.identities, clean, clean.groups(sets.groups), sets.identities)
        sharp = condition.lengths[table.frames] == 0
        known: Known = {} if truth is None else {"d_scores": truth}
        known = {**known, "sharp": sharp} if condition.is_blurred else known
        first = len(found.data)
        for part in self._parts(sets, condition.name, present, groups):
            for why in part.protocol.too_few().values():
                _warn(f"{part.name}: {why}; left out")
            methods = [(m, k) for m, k in methods_at("frame", self.k) if part.methods is None or m.name in part.methods]
            rows, differences = set_rows(
                part.name, table, part.groups, methods, part.protocol.measure(part.name), how,
                sources=part.identities, media=media, known=known,
                answers=answers(methods=methods, groups=part.groups, stage=f"sets of {part.name}"),
            )  # fmt: skip
            average = next(row for row in rows if row["method"] == "average")
            if "rank1" in average and TPIR not in average and not condition.is_changed:
                _warn(
                    f"{part.name}: TPIR needs at least {min_trials(FPIR)} sets of people outside the gallery; left out"
                )
            found.data.append(part.record())
            found.rows += [_accelerated(row, average) for row in rows]
            found.differences += differences
        found.data[first] |= _left_out(sets, condition, table) | {"missing": len(every) - len(groups)}
        found.ranking.append({"data": condition.name} | ranking_of_sets(table.scores, truth, sharp, groups))

    def _parts(
        self, sets: FaceSets, name: str, present: Sequence[int], groups: list[NDArray[np.int64]]
    ) -> "list[_Part]":
        """All sets of which a frame can be read, and those of every domain."""
        new = np.full(len(sets.groups), -1)
        new[present] = np.arange(len(present))
        people, identity = np.unique([sets.identities[place] for place in present], return_inverse=True)
        protocol = Protocol(identity, [pairs.kept(new) for pairs in sets.rounds], self.far, self.draws)
        every = np.ones(len(present), dtype=bool)
        if sets.sizes is None or len(sets.sizes) < 2:
            chosen = {name: every}
        else:
            of = np.array([len(sets.groups[place]) for place in present])
            chosen = {f"{name}, sets of {size}": of == size for size in sets.sizes}
        parts = []
        for part, own in chosen.items():
            parts.append(_part(part, protocol, groups, own))
            for domain in self.domains:
                members = np.array([person.startswith(domain) for person in people])
                if not members.any():
                    raise ArgumentError("domains", f"{domain}: no identity begins so; the first one is {people[0]}")
                of_domain = _part(f"{part}, {domain}", protocol, groups, own & members[identity], DOMAIN_METHODS)
                if of_domain.protocol.can_verify:
                    parts.append(of_domain)
                else:
                    _warn(f"{of_domain.name}: no genuine or no impostor pairs; left out")
        return parts


@dataclass(frozen=True)
class _Part:
    """Sets that are evaluated together: all sets of a condition, or those of a domain.

    Attributes:
        groups: [g] rows of the frame table of every set of the protocol.
        methods: those that are measured; None for all.
    """

    name: str
    protocol: Protocol
    groups: list[NDArray[np.int64]]
    methods: Sequence[str] | None = None

    @property
    def identities(self) -> int:
        return len({*self.protocol.identities.tolist()})

    def record(self) -> Record:
        """The entry `data` of a results file."""
        same = np.concatenate([pairs.same for pairs in self.protocol.rounds])
        return {
            "name": self.name, "videos": len(self.groups), "sources": self.identities,
            "candidates": float(np.mean([len(group) for group in self.groups])), "rounds": len(self.protocol.rounds),
            "genuine_pairs": int(same.sum()), "impostor_pairs": int((~same).sum()),
        }  # fmt: skip


def _part(
    name: str, protocol: Protocol, groups: Sequence[NDArray[np.int64]], own: NDArray[np.bool_],
    methods: Sequence[str] | None = None,
) -> _Part:  # fmt: skip
    kept = [group for group, inside in zip(groups, own.tolist(), strict=True) if inside]
    return _Part(name, protocol.restricted_to(own), kept, methods)


def _left_out(sets: FaceSets, condition: Condition, table: FrameTable) -> Record:
    """What was left out or is doubtful."""
    small, least = list[str](), FaceFrameSampler.min_side
    if table.sides is not None:
        tiny = table.frames[table.sides < least]
        small = [*dict.fromkeys(sets.paths[i] for i in condition.elements[tiny])]
        if small and not condition.is_blurred:
            _warn(f"{len(small)} faces are smaller than {least} px, {small[0]} the first; they count nevertheless")
    errors = table.errors | {name: f"{name}: {why}" for name, why in sets.left_out.items()}
    unreadable = [{"path": printable(path), "error": printable(error)} for path, error in errors.items()]
    return {"unreadable": unreadable, "smaller_than_20_px": len(small)}


def _accelerated(row: Record, average: Record) -> Record:
    """With how many times fewer GFLOPs and seconds it takes than averaging all frames, the DDNet's included."""
    ratios = {"gflops": "acceleration", "seconds": "acceleration_seconds"}
    return row | {name: average[cost] / row[cost] for cost, name in ratios.items() if row.get(cost)}


def _warn(text: str) -> None:
    warnings.warn(text, ClipselectWarning, stacklevel=3)
