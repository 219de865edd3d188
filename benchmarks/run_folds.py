"""Untrimmed videos in folds: every video is judged by a base and a DDNet that have not seen it.

    python benchmarks/run_folds.py --activitynet DATA/untrimmed/fir/fir.json --out OUT

For each fold: trains a base on the other videos, distils a DDNet for it, and sees what both say of the fold's clips.
The answers of all folds become one table. A run that was stopped goes on. OUT/results.json is of the form that
`clipselect evaluate clips --activitynet` writes; OUT/fold_* keep the networks.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from clipselect.zoo.loading import load_base

import clipselect
from clipselect.commands.exit_codes import run_command
from clipselect.commands.progress import Failures, ProgressDisplay
from clipselect.data.annotations import read_annotations
from clipselect.errors import ArgumentError, check_argument, whole_number
from clipselect.evaluation.arguments import check_numbers
from clipselect.evaluation.clip_data import ClipDataSet, untrimmed
from clipselect.evaluation.clip_entries import clip_entries
from clipselect.evaluation.clip_tables import ClipGrid, Networks
from clipselect.evaluation.labelled_videos import labelled_videos
from clipselect.evaluation.outcomes import ClipTable, Cost, Group, outcomes_of
from clipselect.evaluation.provenance import environment, network_record
from clipselect.evaluation.results import RESULTS_NAME, Results, write_results
from clipselect.evaluation.table_cache import TableCache
from clipselect.media.candidate_clips import exact_seconds
from clipselect.scoring.scorer import load_ddnet
from clipselect.training.training_call import FinishedError

Annotations = dict[str, Any]
"""ActivityNet's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--activitynet", type=Path, required=True, help="ActivityNet's JSON; its subsets do not count")
    parser.add_argument("--prefix", type=Path, help="folder of the videos; by default that of the annotations")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--without", nargs="+", default=[], metavar="LABEL", help="leave out these labels")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--pieces", type=int, default=20, help="seconds")
    parser.add_argument("--k", type=int, nargs="+", default=[1, 3, 5, 9])
    parser.add_argument("--network", default="narrow_r3d")
    parser.add_argument("--base-steps", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for name, least in (("folds", 2), ("pieces", 1), ("base_steps", 1), ("steps", 1), ("seed", 0)):
        whole_number(getattr(given, name), name, least)
    check_numbers("k", given.k, 1)
    annotations = without(read(given.activitynet, given.prefix), given.without)
    check_folds(annotations, given.folds)
    judged = [fold(given, annotations, number) for number in range(given.folds)]
    networks = [of_fold for _, of_fold in judged]
    about = {"base": network_record(networks[0].base), "model": network_record(networks[0].scorer)}
    cost = Cost(about["base"].get("gflops"), about["model"]["gflops"])
    whole = joined([data_set for data_set, _ in judged])
    outcomes = outcomes_of(whole.groups, whole.table, given.k, cost, with_map=True)
    names = ("without", "folds", "pieces", "k", "network", "base_steps", "steps", "seed")
    document: dict[str, Any] = {"benchmark": "kinetics", "group": "piece"}
    document |= {"settings": {name: getattr(given, name) for name in names}}
    document["settings"] |= {"bases": [one.base.sha256 for one in networks]}
    document["settings"] |= {"models": [one.scorer.metadata["sha256"] for one in networks]}
    document |= {"environment": environment(networks[0].scorer.device)} | about
    entries = clip_entries(whole, outcomes, cost, networks[0].base.classes)
    write_results(given.out / RESULTS_NAME, Results.model_validate(document | entries))


def fold(given: argparse.Namespace, annotations: Annotations, number: int) -> tuple[ClipDataSet, Networks]:
    """What both networks of a fold, trained on the other videos, say of its own."""
    prefix = given.prefix or given.activitynet.parent
    text = json.dumps(split(annotations, given.folds, number))
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:8]  # another split, other networks
    folder = given.out / f"fold_{number}_{fingerprint}"
    folder.mkdir(parents=True, exist_ok=True)
    data, base, ddnet = folder / given.activitynet.name, folder / "base.safetensors", folder / "ddnet.safetensors"
    data.write_text(text)
    failures = Failures()
    with ProgressDisplay() as display:
        how: dict[str, Any] = {"prefix": prefix, "seed": given.seed, "progress": display, "on_error": failures.add}
        with suppress(FinishedError):
            clipselect.train_base(data, base, network=given.network, steps=given.base_steps, **how)
        with suppress(FinishedError):
            clipselect.distill(data, base, ddnet, steps=given.steps, **how)
        networks = Networks(load_ddnet(ddnet, "auto", elements="clips"), load_base(base, "auto"))
        dataset, _, _ = labelled_videos(data, networks.base, prefix=prefix)
        grid = ClipGrid(exact_seconds(networks.scorer.clip_duration, "clip_duration"))
        cache = TableCache(folder / "cache", networks, grid, fps=30.0)
        seen: dict[str, Any] = {"progress": display, "on_error": failures.add}
        judged = untrimmed(dataset, cache, folder, pieces=Fraction(given.pieces), **seen)
    failures.report()
    return judged, networks


def read(file: Path, prefix: Path | None) -> Annotations:
    """A file of annotations in which the package finds no fault."""
    check_argument(file.suffix.lower() == ".json", "activitynet", f"must be ActivityNet's .json, got {file}")
    read_annotations(file, prefix)
    found: Annotations = json.loads(file.read_bytes())
    return found


def without(annotations: Annotations, left_out: Sequence[str]) -> Annotations:
    """The annotations without some labels, and without videos that show nothing, or nothing else."""
    database, known = {}, set[str]()
    for name, video in annotations["database"].items():
        shown = video.get("annotations", [])
        known |= {one["label"].strip() for one in shown}
        if kept := [one for one in shown if one["label"].strip() not in left_out]:
            database[name] = video | {"annotations": kept}
    if unknown := sorted({*left_out} - known):
        problem = f"names {', '.join(unknown)}, which nothing shows; there are {', '.join(sorted(known))}"
        raise ArgumentError("without", problem)
    check_argument(bool(database), "without", "leaves no video; name fewer labels")
    return annotations | {"database": database}


def split(annotations: Annotations, folds: int, number: int) -> Annotations:
    """The annotations with every n-th video, by name, for validation and the others for training."""
    videos = annotations["database"]
    held_out = sorted(videos)[number::folds]
    database = {
        name: video | {"subset": "validation" if name in held_out else "training"} for name, video in videos.items()
    }
    return annotations | {"database": database}


def check_folds(annotations: Annotations, folds: int) -> None:
    """Refuse more folds than videos, and classes that a fold could not train on: all of their videos are its own."""
    videos = len(annotations["database"])
    check_argument(folds <= videos, "folds", f"must be at most the number of videos, {videos}, got {folds}")
    for number in range(folds):
        parts = split(annotations, folds, number)
        if missing := labels(parts, "validation") - labels(parts, "training"):
            problem = f"all videos of {', '.join(sorted(missing))} lie in one of {folds}"
            raise ArgumentError("folds", f"{problem}; give another number, or leave it out by --without")


def labels(annotations: Annotations, subset: str) -> set[str]:
    videos = annotations["database"].values()
    return {one["label"] for video in videos if video["subset"] == subset for one in video["annotations"]}


def joined(parts: Sequence[ClipDataSet]) -> ClipDataSet:
    """Data sets of different videos and the same classes as one."""
    starts = np.cumsum([0, *(len(part.table.scores) for part in parts)]).tolist()
    names = [f.name for f in fields(ClipTable) if getattr(parts[0].table, f.name) is not None]
    table = ClipTable(**{name: np.concatenate([getattr(part.table, name) for part in parts]) for name in names})

    def moved(attribute: str) -> list[Group]:
        return [
            replace(group, rows=group.rows + start)
            for part, start in zip(parts, starts, strict=False)
            for group in getattr(part, attribute)
        ]

    counts = {name: sum(getattr(part, name) for part in parts) for name in ("missing", "other_split", "unlabelled")}
    errors = {path: error for part in parts for path, error in part.errors.items()}
    return replace(parts[0], groups=moved("groups"), rarest=moved("rarest"), table=table, errors=errors, **counts)


if __name__ == "__main__":
    run_command(main)
