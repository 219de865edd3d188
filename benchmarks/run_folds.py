"""Untrimmed videos in folds: every video is judged by a base and a DDNet that have not seen it.

    python benchmarks/run_folds.py --activitynet DATA/untrimmed/fir/fir.json --out OUT

For each fold: trains a base on the other videos, distils a DDNet for it, and sees what both say of the fold's clips.
The answers of all folds become one table. A run that was stopped goes on. OUT/results.json is of the form that
`clipselect evaluate clips --activitynet` writes; OUT/fold_N keeps the networks.
"""

import argparse
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
from clipselect.commands.progress import Failures, ProgressDisplay
from clipselect.evaluation.clip_data import ClipDataSet, untrimmed
from clipselect.evaluation.clip_entries import clip_entries
from clipselect.evaluation.clip_tables import ClipGrid, Networks
from clipselect.evaluation.labelled_videos import labelled_videos
from clipselect.evaluation.outcomes import ClipTable, Cost, Group, outcomes_of
from clipselect.evaluation.provenance import environment, network_record
from clipselect.evaluation.results import RESULTS_NAME, Results, write_results
from clipselect.evaluation.table_cache import TableCache
from clipselect.scoring.scorer import load_ddnet
from clipselect.training.training_call import FinishedError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--activitynet", type=Path, required=True, help="the annotations, ActivityNet's JSON")
    parser.add_argument("--prefix", type=Path, help="folder of the videos; by default that of the annotations")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--pieces", type=int, default=20, help="seconds")
    parser.add_argument("--k", type=int, nargs="+", default=[1, 3, 5, 9])
    parser.add_argument("--network", default="narrow_r3d")
    parser.add_argument("--base-steps", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    judged = [fold(given, number) for number in range(given.folds)]
    networks = judged[-1][1]
    classes = networks.base.classes
    if any(one.base.classes != classes for _, one in judged):
        raise SystemExit(f"a class is in one fold alone; give fewer --folds than {given.folds}")
    about = {"base": network_record(networks.base), "model": network_record(networks.scorer)}
    cost = Cost(about["base"].get("gflops"), about["model"]["gflops"])
    whole = joined([data_set for data_set, _ in judged])
    outcomes = outcomes_of(whole.groups, whole.table, given.k, cost, with_map=True)
    names = ("folds", "pieces", "k", "network", "base_steps", "steps", "seed")
    document: dict[str, Any] = {"benchmark": "kinetics", "group": "piece"}
    document |= {"settings": {name: getattr(given, name) for name in names}}
    document |= {"environment": environment(networks.scorer.device)} | about
    entries = clip_entries(whole, outcomes, cost, classes)
    write_results(given.out / RESULTS_NAME, Results.model_validate(document | entries))


def fold(given: argparse.Namespace, number: int) -> tuple[ClipDataSet, Networks]:
    """What both networks of a fold, trained on the other videos, say of its own."""
    folder = given.out / f"fold_{number}"
    folder.mkdir(parents=True, exist_ok=True)
    prefix = given.prefix or given.activitynet.parent
    data, base, ddnet = folder / given.activitynet.name, folder / "base.safetensors", folder / "ddnet.safetensors"
    data.write_text(json.dumps(split(json.loads(given.activitynet.read_text()), given.folds, number)))
    with ProgressDisplay() as display:
        how: dict[str, Any] = {"prefix": prefix, "seed": given.seed, "progress": display}
        how["on_error"] = Failures().add
        with suppress(FinishedError):
            clipselect.train_base(data, base, network=given.network, steps=given.base_steps, **how)
        with suppress(FinishedError):
            clipselect.distill(data, base, ddnet, steps=given.steps, **how)
        networks = Networks(load_ddnet(ddnet, "auto", elements="clips"), load_base(base, "auto"))
        dataset, _, _ = labelled_videos(data, networks.base, prefix=prefix)
        grid = ClipGrid(Fraction(networks.scorer.clip_duration))
        cache = TableCache(folder / "cache", networks, grid, fps=30.0)
        return untrimmed(dataset, cache, folder, pieces=Fraction(given.pieces), progress=display), networks


def split(document: dict[str, Any], folds: int, number: int) -> dict[str, Any]:
    """The annotations with every n-th video, by name, for validation and the others for training."""
    videos = document["database"]
    held_out = sorted(videos)[number::folds]
    database = {
        name: video | {"subset": "validation" if name in held_out else "training"} for name, video in videos.items()
    }
    return document | {"database": database}


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

    errors = {path: error for part in parts for path, error in part.errors.items()}
    unlabelled = sum(part.unlabelled for part in parts)
    return replace(
        parts[0], groups=moved("groups"), rarest=moved("rarest"), table=table, errors=errors, unlabelled=unlabelled
    )


if __name__ == "__main__":
    main()
