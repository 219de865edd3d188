"""Accuracy and cost of choosing the frames of person tracklets: DDL beside averages, single frames, random and even K.

    python benchmarks/run_reid.py --data MARS/bbox_test --base osnet_x1_0:osnet_x1_0.pth --out OUT
    python benchmarks/run_reid.py --data mars market1501_train --trained-on mars market1501_train --pool \\
        --base osnet_x0_25_msmt17.onnx --degrade 0.5 --k 1 2 4 --out OUT

1. Base and DDNet on every frame, kept under OUT/cache: a run that was stopped goes on when the command is given again,
   and another --k opens no image. An image that cannot be read, or whose name says nobody, is named and left out.
2. The feature of every tracklet by every method of clipselect/set_evaluation.py, and how well identities are found
   again by it: mean average precision and CMC by the protocol of MARS. Of every identity and camera one tracklet is
   sought among all others; queries whose identity no other camera sees are left out and counted (`unmatched`).
3. With --degrade P the same once more after the share P of the frames of each tracklet, drawn at random, was spoilt as
   tracking spoils them (misaligned boxes, occluders, blur, low resolution), once per seed. Metrics are means over the
   seeds, intervals are over the identities, which are drawn alike for all methods.

--trained-on leaves out whom a DDNet distilled on these folders (with --shared-names) was trained on: the number of an
identity must mean the same person in all folders, as in MARS and Market-1501. --pool needs the same, and seeks in all
sets at once. Writes OUT/results.json (clipselect/report.py describes it) and OUT/results.md.
"""

import argparse
import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from frame_tables import FrameTable, Measure, frame_table, set_rows, stacked
from numpy.typing import NDArray
from rich.text import Text
from shared import environment, frame_network_record, run, write_results

from clipselect import zoo
from clipselect.commands.common import check, stderr
from clipselect.commands.outputs import make_folder
from clipselect.commands.stages import TOLD_AT_MOST, Failures, stage, stoppable
from clipselect.degradations import degrade
from clipselect.display import shown
from clipselect.errors import ClipselectError
from clipselect.frame_scorer import FrameScorer, load_frame_scorer
from clipselect.identities import read_identities
from clipselect.images import Image
from clipselect.metrics import Drawn, bootstrap_means, retrieval
from clipselect.metrics.retrieval import Metric
from clipselect.set_evaluation import methods
from clipselect.tracklets import LAYOUTS, Layout, QueryGallery, Tracklet, query_and_gallery, read_tracklets
from clipselect.zoo.embedder import Embedder
from clipselect.zoo.embedder_loading import load_embedder

RANKS = (1, 5)
Record = dict[str, Any]


@dataclass(frozen=True)
class ReIDSet:
    """The tracklets of one or several folders that are sought in each other.

    Attributes:
        places: of their frames in the list of all paths, per tracklet.
        unreadable: what was left out.
    """

    name: str
    tracklets: tuple[Tracklet, ...]
    places: tuple[range, ...]
    unreadable: tuple[Record, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    args = parsed(arguments)
    make_folder(args.out)
    scorer, base = load_frame_scorer(args.model, args.device), load_embedder(args.base, args.device)
    if scorer.metadata.get("base_sha256") and scorer.metadata["base_sha256"] != base.sha256:
        tell(
            f"{scorer.name} was distilled for the base {scorer.metadata.get('base')}, not for {base.name}: its ranking "
            "is a guess"
        )
    with stoppable(args.out):
        benchmark(args, base, scorer)


def benchmark(args: argparse.Namespace, base: Embedder, scorer: FrameScorer) -> None:
    paths, sets = read_sets(args.data, args.layout, seen_in_training(args.trained_on))
    failures = Failures(what="images")
    about = {"base": frame_network_record(base), "model": frame_network_record(scorer)}
    found: dict[str, list[Record]] = {"data": [], "rows": [], "differences": []}
    passes = 1 + (len(args.seeds) if args.degrade else 0)
    with stage("frames", passes * len(paths), quiet=False) as step:
        tables = {"as they are": frame_table(paths, None, "", base, scorer, args.out / "cache", failures, step)}
        if args.degrade:
            groups = tables["as they are"].groups([range_ for one in sets for range_ in one.places])
            readable = [tables["as they are"].frames[rows] for rows in groups]
            spoilt = []
            for seed in args.seeds:
                bad = spoilt_places(readable, args.degrade, seed)
                digest = hashlib.sha256(np.array(sorted(bad), np.int64).tobytes()).hexdigest()

                def spoil(image: Image, place: int, seed: int = seed, bad: set[int] = bad) -> Image:
                    return degrade(image, "tracklets", np.random.default_rng([seed, place])) if place in bad else image

                words = f"tracklets, seed {seed}, {digest}"
                spoilt.append(frame_table(paths, spoil, words, base, scorer, args.out / "cache", failures, step))
            tables[f"{args.degrade:g} spoilt"] = stacked(spoilt, len(paths))
    failures.tell()
    for one in [*sets, *([pooled(sets)] if args.pool else [])]:
        whole = with_readable_frames(one, paths, tables["as they are"], failures)
        sought = query_and_gallery(whole.tracklets)
        check_queries(whole, sought)
        for condition, table in tables.items():
            name = f"{one.name}, {condition}"
            times = 1 if condition == "as they are" else len(args.seeds)
            groups = table.groups([[p + i * len(paths) for p in r] for i in range(times) for r in whole.places])
            rows, differences = set_rows(
                name, table, groups, methods(args.k), measure_of(sought, times, args.metric), base,
                about["model"]["gflops"], sources=len({t.identity for t in whole.tracklets}),
                threshold=args.threshold, seeds=args.seeds,
            )  # fmt: skip
            found["rows"] += rows
            found["differences"] += differences
            found["data"].append(data_record(name, whole, sought, groups, times))
    kept = ("data", "layout", "trained_on", "pool", "degrade", "seeds", "k", "threshold", "metric")
    settings = {name: plain(getattr(args, name)) for name in kept}
    write_results(
        args.out,
        {"benchmark": "reid", "settings": settings, "environment": environment(scorer.device)} | about | found,
    )


def read_sets(folders: Sequence[Path], layout: Layout | None, seen: frozenset[str]) -> tuple[list[str], list[ReIDSet]]:
    """The paths of all frames, and the sets with their places among them; who was seen in training is left out."""
    paths: list[str] = []
    sets = []
    for folder, name in zip(folders, names_of(folders), strict=True):
        found = read_tracklets(folder, layout)
        for sentence in found.skipped[:TOLD_AT_MOST]:
            stderr().print(Text.assemble(("Error: ", "bold red"), shown(sentence)))
        if len(found.skipped) > TOLD_AT_MOST:
            tell(f"{folder}: {len(found.skipped)} images or folders are left out, see results.json")
        kept = tuple(t for t in found.tracklets if number_of(t.identity) not in seen)
        if not kept:
            raise ClipselectError(f"{folder}: all its identities are among those of --trained-on; give others")
        places = []
        for tracklet in kept:
            places.append(range(len(paths), len(paths) + len(tracklet.paths)))
            paths += map(str, tracklet.paths)
        # a sentence begins with the path
        skipped = tuple({"path": shown(s.split(": ")[0]), "error": shown(s)} for s in found.skipped)
        sets.append(ReIDSet(name, kept, tuple(places), skipped))
    return paths, sets


def seen_in_training(folders: Sequence[Path]) -> frozenset[str]:
    """Numbers or names of the identities that `clipselect distill-frames --shared-names` trains on."""
    if not folders:
        return frozenset()
    return frozenset(map(number_of, read_identities(folders, "train", shared_names=True).identities))


def number_of(identity: str | int) -> str:
    """An identity without leading zeros, which its names differ in from layout to layout."""
    text = str(identity)
    return str(int(text)) if text.isdecimal() else text


def names_of(folders: Sequence[Path]) -> list[str]:
    """What folders are called in results: by their names, or by their paths where two have the same."""
    names = [folder.resolve().name for folder in folders]
    return [shown(folder if names.count(name) > 1 else name) for folder, name in zip(folders, names, strict=True)]


def spoilt_places(groups: Sequence[NDArray[np.int64]], share: float, seed: int) -> set[int]:
    """Places of the frames to spoil: of each group that share, rounded up or down at random so that it is met on
    average."""
    bad: set[int] = set()
    for group in groups:
        if len(group):
            rng = np.random.default_rng([seed, int(group[0])])
            bad |= {*rng.permutation(group)[: int(len(group) * share + rng.random())].tolist()}
    return bad


def pooled(sets: Sequence[ReIDSet]) -> ReIDSet:
    """All sets as one."""
    return ReIDSet(
        "pooled",
        tuple(t for one in sets for t in one.tracklets),
        tuple(p for one in sets for p in one.places),
        tuple(u for one in sets for u in one.unreadable),
    )


def with_readable_frames(one: ReIDSet, paths: Sequence[str], table: FrameTable, failures: Failures) -> ReIDSet:
    """The tracklets of a set of which a frame at least can be read."""
    some = [len(rows) > 0 for rows in table.groups(one.places)]
    if not any(some):
        raise ClipselectError(f"{one.name}: not one of its images can be read; see the errors above")
    mine = [paths[place] for places in one.places for place in places]
    broken = tuple({"path": shown(p), "error": shown(failures.errors[p])} for p in mine if p in failures.errors)
    return replace(
        one,
        tracklets=tuple(t for t, keep in zip(one.tracklets, some, strict=True) if keep),
        places=tuple(p for p, keep in zip(one.places, some, strict=True) if keep),
        unreadable=(*one.unreadable, *broken),
    )


def check_queries(one: ReIDSet, sought: QueryGallery) -> None:
    """Refuse what cannot be evaluated; count what is left out."""
    if not len(sought.gallery):
        raise ClipselectError(f"{one.name}: the gallery is empty: all its tracklets are junk (identity -1); add others")
    if sought.unmatched == len(sought.queries):
        raise ClipselectError(
            f"{one.name}: no query has a true match: it takes an identity that two cameras see, and of folders"
            " IDENTITY/CAMERA/TRACK or tracks with cameras unknown; add such"
        )
    if sought.unmatched:
        tell(f"{one.name}: {sought.unmatched} of {len(sought.queries)} queries have no true match and are left out")


def measure_of(sought: QueryGallery, times: int, metric: Metric) -> Measure:
    """mAP and CMC of the features of all tracklets, `times` over; means over these, draws of identities."""
    ids, cameras = sought.identities, sought.cameras

    def of(values: Sequence[Hashable], places: NDArray[np.int64]) -> list[Hashable]:
        return [values[i] for i in places.tolist()]

    queries, gallery = sought.queries, sought.gallery
    names = of(ids, queries), of(cameras, queries), of(ids, gallery), of(cameras, gallery)

    def measure(features: NDArray[np.float32]) -> dict[str, Drawn]:
        parts = []
        for one in features.reshape(times, len(ids), -1):
            found = retrieval(one[queries], one[gallery], *names, ranks=RANKS, metric=metric)
            parts.append(np.stack([found.average_precision, *(found.first_match <= r for r in RANKS)], axis=1))
        columns = np.mean(parts, axis=0)
        draws = bootstrap_means(columns, clusters=of(names[0], found.queries))
        values = zip(columns.mean(axis=0).tolist(), draws.T, strict=True)
        return {name: Drawn(*value) for name, value in zip(("map", *(f"rank{r}" for r in RANKS)), values, strict=True)}

    return measure


def data_record(
    name: str, one: ReIDSet, sought: QueryGallery, groups: Sequence[NDArray[np.int64]], times: int
) -> Record:
    sizes = [len(group) for group in groups]
    return {
        "name": name, "videos": len(groups), "sources": len({t.identity for t in one.tracklets}),
        "tracklets": len(one.tracklets), "times_spoilt": times if "spoilt" in name else 0,
        "frames_per_tracklet": float(np.mean(sizes)), "tracklets_of_one_frame": sizes.count(1) // times,
        "queries": len(sought.queries) - sought.unmatched, "unmatched": sought.unmatched,
        "gallery": len(sought.gallery), "unreadable": [*one.unreadable],
    }  # fmt: skip


def tell(text: str) -> None:
    stderr().print(Text(shown(text), style="yellow"))


def plain(value: Any) -> Any:
    """For JSON."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    return shown(value) if isinstance(value, Path) else value


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; a ClipselectError for values that make no sense."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders of tracklets")
    parser.add_argument("--layout", help=f"of all folders, of {', '.join(LAYOUTS)} (default: as the names say)")
    parser.add_argument("--trained-on", type=Path, nargs="+", default=[], metavar="DIR", help="see above")
    parser.add_argument("--pool", action="store_true", help="the sets of --data as one, too")
    parser.add_argument("--base", required=True, metavar="NETWORK:CHECKPOINT|FILE", help="embedder of persons")
    parser.add_argument("--model", default=zoo.PERSON_DDNET, metavar="NAME|FILE", help="DDNet (default: the zoo's)")
    parser.add_argument("--k", type=int, nargs="+", default=[1, 2, 4], help="frames that are kept (default: 1 2 4)")
    parser.add_argument("--threshold", type=float, default=0.15, help="of eq. 7 (default: 0.15, the paper's for faces)")
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
