"""Accuracy and cost of choosing the frames of person tracklets: DDL beside averages, single frames, random and even K.

    python benchmarks/run_reid.py --data MARS/bbox_test --base osnet_x1_0:osnet_x1_0.pth --out OUT
    python benchmarks/run_reid.py --data mars market1501_train --trained-on mars market1501_train --pool \\
        --base osnet_x0_25_msmt17.onnx --degrade 0.5 --k 1 2 4 --out OUT

1. Base and DDNet on every frame, kept under OUT/cache: a run that was stopped goes on when the command is given again,
   and another --k opens no image. An image that cannot be read, or whose name says nobody, is named and left out.
2. The feature of every tracklet by every method of clipselect/evaluation/sets.py, and how well identities are found
   again by it: mean average precision and CMC by the protocol of MARS. Of every identity and camera one tracklet is
   sought among all others; queries whose identity no other camera sees are left out and counted (`unmatched`).
3. With --degrade P the same once more after the share P of the frames of each tracklet, drawn at random, was spoilt as
   tracking spoils them (misaligned boxes, occluders, blur, low resolution), once per seed. Metrics are means over the
   seeds, intervals are over the identities, which are drawn alike for all methods.

--trained-on leaves out whom a DDNet distilled on these folders (with --shared-names) was trained on: the number of an
identity must mean the same person in all folders, as in MARS and Market-1501. --pool needs the same, and seeks in all
sets at once. Writes OUT/results.json (clipselect/evaluation/results.py describes it) and OUT/results.md.
"""

import argparse
import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from clipselect.zoo.embedder import Embedder
from clipselect.zoo.embedder_loading import load_embedder
from frame_oracle import order_record, true_scores
from frame_tables import DScoreTarget, FrameTable, Record, degradation_code, frame_table, of_oracle, set_rows, stacked
from numpy.typing import NDArray
from reid_sets import (
    ReIDSet,
    check_queries,
    pooled,
    read_sets,
    seen_in_training,
    spoilt_places,
    with_readable_frames,
)
from shared import environment, network_record, run, tell, write_results

from clipselect.commands.common import check
from clipselect.commands.stages import Failures, stage, stoppable
from clipselect.data.degradations import degrade
from clipselect.data.tracklets import DISTRACTOR, JUNK, LAYOUTS, Layout, QueryGallery, query_and_gallery
from clipselect.evaluation.metrics import BootstrapResult, bootstrap_means, retrieval
from clipselect.evaluation.metrics.retrieval import Metric
from clipselect.evaluation.sets import Method, methods
from clipselect.media.files import make_folder
from clipselect.media.images import Image
from clipselect.media.text import printable
from clipselect.scoring import shipped
from clipselect.scoring.scorer import Scorer, load_scorer

RANKS = (1, 5, 20)


def main(arguments: Sequence[str] | None = None) -> None:
    args = parsed(arguments)
    make_folder(args.out)
    scorer, base = load_scorer(args.model, args.device, elements="frames"), load_embedder(args.base, args.device)
    if scorer.metadata.get("base_sha256") and scorer.metadata["base_sha256"] != base.sha256:
        tell(
            f"{scorer.name} was distilled for the base {scorer.metadata.get('base')}, not for {base.name}: its ranking "
            "is a guess"
        )
    with stoppable(args.out):
        benchmark(args, base, scorer)


def benchmark(args: argparse.Namespace, base: Embedder, scorer: Scorer) -> None:
    paths, sets = read_sets(args.data, args.layout, seen_in_training(args.trained_on))
    failures = Failures(what="images")
    about = {"base": network_record(base), "model": network_record(scorer)}
    clean, spoilt = frame_tables(args, paths, sets, base, scorer, failures)
    for table in (clean, spoilt):
        told = f"{base.name} gives features of length 0, which have no cosine; take --metric euclidean"
        check(table is None or args.metric != "cosine" or bool(table.features.any(axis=1).all()), told)
    found: dict[str, list[Record]] = {"data": [], "rows": [], "differences": [], "ranking": []}
    for one in [*sets, *([pooled(sets)] if args.pool else [])]:
        whole = with_readable_frames(one, paths, clean, failures)
        sought = query_and_gallery(whole.tracklets)
        check_queries(whole, sought)
        identities = [t.identity for t in whole.tracklets]
        known = [i for i, identity in enumerate(identities) if identity not in (JUNK, DISTRACTOR)]
        people = [identities[i] for i in known]
        as_they_are = clean.groups(whole.places)
        drawn = len(sought_identities(sought))
        for table, times in [(clean, 1), *([(spoilt, len(args.seeds))] if spoilt else [])]:
            name = f"{one.name}, {f'{args.degrade:g} spoilt' if table is spoilt else 'as they are'}"
            groups = table.groups([[p + i * len(paths) for p in r] for i in range(times) for r in whole.places])

            measured = partial(
                set_rows, name, groups=groups, measure=measure_of(sought, times, args.metric), base=base,
                scorer_gflops=about["model"]["gflops"], sources=drawn, threshold=args.threshold,
                seeds=args.seeds,
            )  # fmt: skip
            rows, differences = measured(table, methods=methods(args.k))
            own = [groups[i + j * len(identities)] for j in range(times) for i in known]
            true = true_scores(table, own, people * times, clean, [as_they_are[i] for i in known], people)
            if true is not None:
                by = [Method("average"), *(Method("ddl_average", k) for k in args.k)]
                best, gains = of_oracle("oracle", *measured(replace(table, scores=true), methods=by), table)
                rows, differences = rows + best, differences + gains
                found["ranking"].append({"data": name} | order_record(table, own, people, true))
            found["rows"] += rows
            found["differences"] += differences
            found["data"].append(data_record(name, whole, sought, groups, times))
    kept = ("data", "layout", "trained_on", "pool", "degrade", "seeds", "k", "threshold", "metric")
    settings = {name: plain(getattr(args, name)) for name in kept}
    words = {"benchmark": "reid", "element": "frame", "group": "tracklet", "files": "images"}
    write_results(args.out, words | {"settings": settings, "environment": environment(scorer.device)} | about | found)


def frame_tables(
    args: argparse.Namespace,
    paths: Sequence[str],
    sets: Sequence[ReIDSet],
    base: Embedder,
    scorer: Scorer,
    failures: Failures,
) -> tuple[FrameTable, FrameTable | None]:
    """All frames as they are, and with the share of --degrade spoilt, once per seed; see `stacked`."""
    cache, passes = args.out / "cache", 1 + (len(args.seeds) if args.degrade else 0)
    spoilt = []
    with stage("frames", passes * len(paths), quiet=False) as step:
        clean = frame_table(paths, None, "", base, scorer, cache, failures, step)
        readable = [clean.frames[rows] for rows in clean.groups([places for one in sets for places in one.places])]
        for seed in args.seeds if args.degrade else ():
            bad = spoilt_places(readable, args.degrade, seed)

            def spoil(image: Image, place: int, seed: int = seed, bad: set[int] = bad) -> Image:
                return degrade(image, "tracklets", np.random.default_rng([seed, place])) if place in bad else image

            which = hashlib.sha256(np.array(sorted(bad), np.int64).tobytes()).hexdigest()
            words = f"tracklets, seed {seed}, {which}, {degradation_code()}"
            spoilt.append(frame_table(paths, spoil, words, base, scorer, cache, failures, step))
    failures.tell()
    return clean, stacked(spoilt, len(paths)) if spoilt else None


def measure_of(sought: QueryGallery, times: int, metric: Metric) -> DScoreTarget:
    """mAP and CMC of the features of all tracklets, `times` over; means over these, draws of identities."""
    ids, cameras = sought.identities, sought.cameras

    def of(values: Sequence[Hashable], places: NDArray[np.int64]) -> list[Hashable]:
        return [values[i] for i in places.tolist()]

    queries, gallery = sought.queries, sought.gallery
    names = of(ids, queries), of(cameras, queries), of(ids, gallery), of(cameras, gallery)

    def measure(features: NDArray[np.float32]) -> dict[str, BootstrapResult]:
        parts = []
        for one in features.reshape(times, len(ids), -1):
            found = retrieval(one[queries], one[gallery], *names, ranks=RANKS, metric=metric)
            parts.append(np.stack([found.average_precision, *(found.first_match <= r for r in RANKS)], axis=1))
        columns = np.mean(parts, axis=0)
        draws = bootstrap_means(columns, clusters=of(names[0], found.queries))
        values = zip(columns.mean(axis=0).tolist(), draws.T, strict=True)
        return {
            name: BootstrapResult(*value)
            for name, value in zip(("map", *(f"rank{r}" for r in RANKS)), values, strict=True)
        }

    return measure


def sought_identities(sought: QueryGallery) -> set[Hashable]:
    """Those of queries that have a true match: what is drawn for the intervals."""
    seen_by: dict[Hashable, set[Hashable]] = {}
    for i in sought.queries.tolist():
        seen_by.setdefault(sought.identities[i], set()).add(sought.cameras[i])
    return {identity for identity, cameras in seen_by.items() if len(cameras) > 1}


def data_record(
    name: str, one: ReIDSet, sought: QueryGallery, groups: Sequence[NDArray[np.int64]], times: int
) -> Record:
    sizes = [len(group) for group in groups]
    return {
        "name": name, "videos": len(groups), "sources": len(sought_identities(sought)),
        "tracklets": len(one.tracklets), "times": times,
        "frames_per_tracklet": float(np.mean(sizes)), "tracklets_of_one_frame": sizes.count(1) // times,
        "queries": len(sought.queries) - sought.unmatched, "unmatched": sought.unmatched,
        "gallery": len(sought.gallery), "unreadable": [*one.unreadable],
    }  # fmt: skip


def plain(value: Any) -> Any:
    """For JSON."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    return printable(value) if isinstance(value, Path) else value


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; a ClipselectError for values that make no sense."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders of tracklets")
    parser.add_argument("--layout", help=f"of all folders, of {', '.join(LAYOUTS)} (default: as the names say)")
    parser.add_argument("--trained-on", type=Path, nargs="+", default=[], metavar="DIR", help="see above")
    parser.add_argument("--pool", action="store_true", help="the sets of --data as one, too")
    parser.add_argument("--base", required=True, metavar="NETWORK:CHECKPOINT|FILE", help="embedder of persons")
    parser.add_argument("--model", default=shipped.PERSON_DDNET, metavar="NAME|FILE", help="DDNet (default: the zoo's)")
    parser.add_argument("--k", type=int, nargs="+", default=[1, 2, 4], help="frames that are kept (default: 1 2 4)")
    parser.add_argument("--threshold", type=float, default=0.5, help="of eq. 7 (default: 0.5, the training set's mean)")
    parser.add_argument("--degrade", type=float, default=0.0, metavar="P", help="share of spoilt frames (default: 0)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of spoilt frames and of random K")
    parser.add_argument("--metric", default="euclidean", help="distance of features: euclidean (default) or cosine")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for results.json, results.md and cache")
    args = parser.parse_args(arguments)
    check(min(args.k) >= 1, f"--k must be at least 1, got {min(args.k)}")
    args.k = sorted({*args.k})
    check(0 <= args.threshold <= 1, f"--threshold must lie in [0, 1], got {args.threshold:g}")
    check(0 <= args.degrade <= 1, f"--degrade must lie in [0, 1], got {args.degrade:g}")
    check(min(args.seeds) >= 0, f"--seeds must be at least 0, got {min(args.seeds)}")
    check(len({*args.seeds}) == len(args.seeds), "--seeds names one of them twice; each is drawn once")
    check(args.metric in get_args(Metric), f"--metric must be euclidean or cosine, got {args.metric}")
    check(args.layout is None or args.layout in LAYOUTS, f"--layout must be one of {', '.join(LAYOUTS)}")
    args.layout = cast(Layout | None, args.layout)
    check(not args.pool or len(args.data) > 1, "--pool is for several folders of --data; give another")
    resolved = [folder.resolve() for folder in args.data]
    check(len({*resolved}) == len(resolved), "--data names a folder twice; give each once")
    return args


if __name__ == "__main__":
    run(main)
