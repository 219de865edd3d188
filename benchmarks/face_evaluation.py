"""Faces as they are and blurred: what both networks say about them, and the entries of a results file.

Blurred is by the protocol of the Face Aggregation paper, see run_faces.py.
"""

import argparse
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from clipselect.zoo.embedder import Embedder
from face_measures import Protocol
from face_sets import FaceSets
from frame_oracle import true_scores
from frame_tables import FrameTable, Record, degradation_code, frame_table, of_oracle, set_rows
from numpy.typing import NDArray
from shared import tell

from clipselect.commands.common import check
from clipselect.commands.stages import Failures, stage
from clipselect.data.degradations import motion_blur
from clipselect.errors import ClipselectError
from clipselect.evaluation.metrics import roc_auc
from clipselect.evaluation.sets import Method, methods
from clipselect.media.images import Image
from clipselect.scoring.scorer import Scorer
from clipselect.training.held_out import rank_correlation

AS_THEY_ARE = 0.0


@dataclass(frozen=True)
class Condition:
    """The elements of a data set, as they are or blurred.

    Attributes:
        of: [n] which element of the data set each is of.
        lengths: [n] pixels of motion blur, 0 for none.
        angles: [n] radians.
        groups: [g] the elements of every set.
    """

    name: str
    of: NDArray[np.int64]
    lengths: NDArray[np.float64]
    angles: NDArray[np.float64]
    groups: list[list[int]]


@dataclass(frozen=True)
class Part:
    """Sets of a condition that are evaluated together: all of them, or those of a domain.

    Attributes:
        groups: [g] rows of the frame table of every set of the protocol.
    """

    name: str
    protocol: Protocol
    groups: list[NDArray[np.int64]]

    @property
    def people(self) -> int:
        return len({*self.protocol.identities.tolist()})

    def record(self) -> Record:
        """The entry `data` of a results file."""
        same = np.concatenate([pairs.same for pairs in self.protocol.rounds])
        return {
            "name": self.name, "videos": len(self.groups), "sources": self.people,
            "candidates": float(np.mean([len(group) for group in self.groups])), "rounds": len(self.protocol.rounds),
            "genuine_pairs": int(same.sum()), "impostor_pairs": int((~same).sum()),
        }  # fmt: skip


def conditioned(sets: FaceSets, length: float, seed: int, name: str) -> Condition:
    """All frames as they are (length 0), or all but one of ten blurred."""
    if length == AS_THEY_ARE:
        n = len(sets.paths)
        return Condition(name, np.arange(n), np.zeros(n), np.zeros(n), sets.groups)
    of, lengths, angles, groups = list[int](), list[float](), list[float](), list[list[int]]()
    for number, group in enumerate(sets.groups):
        rng = np.random.default_rng([seed, number])  # not the length: the same frames stay sharp at all lengths
        spared = rng.permutation(len(group))[: max(1, round(len(group) / 10))].tolist()
        groups.append([*range(len(of), len(of) + len(group))])
        of += group
        lengths += [0 if i in spared else length for i in range(len(group))]
        angles += rng.uniform(0, np.pi, len(group)).tolist()
    return Condition(f"{name}, blur {length:g}", np.array(of), np.array(lengths), np.array(angles), groups)


def measured(
    condition: Condition, sets: FaceSets, base: Embedder, scorer: Scorer, cache: Path, failures: Failures
) -> FrameTable:
    def seen(image: Image, i: int) -> Image:
        face = image if sets.cut is None else sets.cut(image, int(condition.of[i]))
        if condition.lengths[i] == 0:
            return face
        return motion_blur(base.input_spec.squash(face), condition.lengths[i], condition.angles[i])

    plain = sets.cut is None and not condition.lengths.any()
    arrays = (condition.of, condition.lengths, condition.angles)
    what = hashlib.sha256(sets.cut_by.encode() + b"".join(a.tobytes() for a in arrays))
    if condition.lengths.any():
        what.update(degradation_code().encode())
    paths = [sets.paths[i] for i in condition.of]
    with stage(f"embedding {condition.name}", len(paths), quiet=False) as step:
        spoilt = "" if plain else what.hexdigest()
        return frame_table(paths, None if plain else seen, spoilt, base, scorer, cache, failures, step)


def evaluated(
    args: argparse.Namespace,
    condition: Condition,
    sets: FaceSets,
    table: FrameTable,
    sharp: FrameTable,
    base: Embedder,
    scorer_gflops: float,
) -> dict[str, list[Record]]:
    """The entries `data`, `rows`, `differences` and `ranking` of one condition, for a results file.

    Args:
        args: k, threshold, seeds, far, draws and domains, see run_faces.py.
        table: of the condition.
        sharp: of the data set as it is.
    """
    every = table.groups(condition.groups)
    present = [place for place, group in enumerate(every) if len(group)]
    groups = [every[place] for place in present]
    new = np.full(len(every), -1)
    new[present] = np.arange(len(present))
    names, person = np.unique([sets.identities[place] for place in present], return_inverse=True)
    protocol = Protocol(person, [pairs.kept(new) for pairs in sets.rounds], args.far, args.draws)
    few = [Method("average"), Method("top1"), Method("ddl_all"), Method("ddl_threshold")]
    few += [Method(kind, k) for kind in ("ddl", "even") for k in args.k]
    parts = [(Part(condition.name, protocol, groups), methods(args.k))]
    for domain in args.domains:
        members = np.array([name.startswith(domain) for name in names])
        check(bool(members.any()), f"--domains {domain}: no identity begins so; the first one is {names[0]}")
        own = [group for group, inside in zip(groups, members[person], strict=True) if inside]
        parts.append((Part(f"{condition.name}, {domain}", protocol.of(members), own), few))
    whose = sets.identities
    truth = true_scores(table, every, whose, sharp, sharp.groups(sets.groups), whose)
    spared = condition.lengths[table.frames] == 0
    oracles = {} if truth is None else {"oracle": truth}
    oracles |= {} if spared.all() else {"oracle_sharp": spared.astype(np.float32)}
    rows_of = partial(
        set_rows, base=base, scorer_gflops=scorer_gflops, threshold=args.threshold, seeds=args.seeds,
        media=None if sets.media is None else sets.media[condition.of[table.frames]],
    )  # fmt: skip
    found: dict[str, list[Record]] = {"data": [], "rows": [], "differences": [], "ranking": []}
    for part, wanted in parts:
        for why in part.protocol.too_few().values():
            tell(f"{part.name}: {why}; left out")
        rows, differences = evaluated_part(part, wanted, table, oracles, args.k, rows_of)
        found["data"].append(part.record())
        found["rows"] += rows
        found["differences"] += differences
    found["data"][0]["missing"] = len(every) - len(groups)
    found["ranking"].append({"data": condition.name} | ranked(table.scores, truth, spared, groups))
    return found


def evaluated_part(
    part: Part,
    wanted: Sequence[Method],
    table: FrameTable,
    oracles: dict[str, NDArray[np.float32]],
    ks: Sequence[int],
    rows_of: Callable[..., tuple[list[Record], list[Record]]],
) -> tuple[list[Record], list[Record]]:
    """The entries `rows` and `differences` of the `wanted` methods and of the oracles, those less the average.

    Args:
        oracles: scores [m] of the frames of the table, by the oracle's name.
        rows_of: `set_rows` with what is the same for all parts.
    """
    try:
        measure = part.protocol.measure()
    except ClipselectError as e:
        raise ClipselectError(f"{part.name}: {e}") from e
    measured = partial(rows_of, part.name, groups=part.groups, measure=measure, sources=part.people)
    rows, differences = measured(table, methods=wanted)
    for oracle, scores in oracles.items():
        by = [Method("top1")] if oracle == "oracle_sharp" else [Method("ddl_average", k) for k in ks]
        by += [Method("ddl_all")] if oracle == "oracle" else []
        more = measured(replace(table, scores=scores), methods=[Method("average"), *by])
        own, less = of_oracle(oracle, *more, table)
        rows, differences = [*rows, *own], [*differences, *less]
    return [accelerated(row, rows[0]) for row in rows], differences


def ranked(
    scores: NDArray[np.float32],
    truth: NDArray[np.float32] | None,
    sharp: NDArray[np.bool_],
    groups: Sequence[NDArray[np.int64]],
) -> dict[str, float]:
    """How well the DDNet ranks: Spearman's rho within sets, and whether the sharp frame comes first."""
    found: dict[str, float] = {}
    if truth is not None:
        some = [rank_correlation(scores[g], truth[g]) for g in groups if len(g) > 2]
        rhos = [rho for rho in some if rho is not None]
        best = [np.argmax(scores[g]) == np.argmax(truth[g]) for g in groups]
        found |= {"rho_within_sets": float(np.mean(rhos))} if rhos else {}
        found["best_by_score_is_best_by_d"] = float(np.mean(best))
    mixed = [g for g in groups if sharp[g].any() and not sharp[g].all()]
    if mixed:
        found["auc_sharp"] = float(np.mean([roc_auc(scores[g], sharp[g]) for g in mixed]))
        found["best_by_score_is_sharp"] = float(np.mean([sharp[g[np.argmax(scores[g])]] for g in mixed]))
        if truth is not None:
            found["best_by_d_is_sharp"] = float(np.mean([sharp[g[np.argmax(truth[g])]] for g in mixed]))
    return found


def accelerated(row: Record, average: Record) -> Record:
    """With how many times fewer GFLOPs and seconds it takes than averaging all frames, the DDNet's included."""
    names = {"gflops": "acceleration", "seconds": "acceleration_seconds"}
    return row | {name: average[cost] / row[cost] for cost, name in names.items() if row.get(cost)}
