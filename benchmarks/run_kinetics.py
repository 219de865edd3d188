"""Accuracy and cost of clip selection on labelled videos, trimmed, untrimmed or composed: DDL beside all its rivals.

    python benchmarks/run_kinetics.py --data kinetics400 --base slowfast_r50:pretrained --model ddnet.safetensors \\
        --dense 30 --k 1 3 5 9 --out OUT
    python benchmarks/run_kinetics.py --activitynet activity_net.v1-2.json --prefix VIDEOS ... --out OUT
    python benchmarks/run_kinetics.py --data actions --background background --compose mixed hard \\
        --domains benchmarks/actions_domains.csv --out OUT
    python benchmarks/run_kinetics.py --synthetic --out OUT

1. Both networks on every candidate clip, kept per video under OUT/cache: a run that was stopped goes on when the
   command is given again, and another --k opens no video. A video that cannot be read is named, counted, left out.
2. What every method of clipselect/evaluation.py would answer, with intervals and multiply-adds.
3. --timed N: ddl, uniform and dense on N videos, really, from the closed file to the answer.

Writes OUT/results.json (clipselect/report.py describes it, `clipselect report OUT` draws it) and OUT/results.md.

With --compose every video is one of the untrimmed ones that clipselect/composition.py makes of the trimmed videos of
--data (four clips of an action among sixteen of background); those that are timed are written as files, OUT/composed.
With --views 3 the base sees three square crops along the longer side, as high as the frame, and averages their
probabilities; otherwise it sees the whole frame squashed to a square, as the DDNet always does.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, get_args

from clip_tables import Cache, Cut, Networks
from data_sets import DataSet, as_they_are, composed, evenly, read_domains
from rich.text import Text
from shared import environment, network_record, run, write_results
from synthetic import make
from timed import MEMORY, add_seconds, timed

from clipselect.commands.common import check, stderr
from clipselect.commands.outputs import make_folder
from clipselect.commands.stages import stage, stoppable
from clipselect.composition import ACTION_CLIPS, Kind
from clipselect.datasets import Dataset, read_background, read_dataset
from clipselect.display import shown
from clipselect.errors import ClipselectError
from clipselect.evaluation import Cost, class_rows, differences, evaluate, rows
from clipselect.grid import exact_seconds
from clipselect.scorer import load_scorer
from clipselect.zoo.base import Base
from clipselect.zoo.loading import load_base

KS, SYNTHETIC_KS = [1, 3, 5, 9], [1, 2, 3]


def main(arguments: Sequence[str] | None = None) -> None:
    args = parsed(arguments)
    make_folder(args.out)
    with tempfile.TemporaryDirectory() as temporary, stoppable(args.out):
        if args.synthetic:
            made = make(Path(temporary))
            args.data, args.base, args.model = made.data, made.base, made.model
            if args.compose:
                args.background, args.domains = made.background, made.domains
        benchmark(args)
    if args.synthetic:
        stderr().print(Text("--synthetic shows that everything runs; its figures mean nothing"))


def benchmark(args: argparse.Namespace) -> None:
    scorer, base = load_scorer(args.model, args.device), load_base(args.base, args.device)
    dataset, base = labelled(args, base)
    if args.limit is not None:
        dataset = replace(dataset, videos=evenly(dataset.videos, args.limit))
    length = exact_seconds(args.clip_duration or scorer.clip_duration, "--clip-duration")
    networks = Networks(scorer, base, args.views)
    about = {"base": network_record(base), "model": network_record(scorer)}
    cost = Cost(about["base"]["gflops"], about["model"]["gflops"], args.views)

    found: dict[str, list[dict[str, Any]]] = {key: [] for key in ("data", "rows", "differences", "classes", "ranking")}
    for one in data_sets(args, dataset, networks, length):
        with_map = True if args.activitynet else None
        outcomes = evaluate(one.groups, one.table, args.k, cost, draws=args.seeds, with_map=with_map)
        measured = rows(outcomes, one.groups, cost)
        if args.timed:
            files = one.files(args.timed)
            with stage(f"timing {one.name}", len(files), quiet=False) as step:
                add_seconds(measured, timed(files, args.k, one.cut, networks, args.fps, step))
        found["data"].append(one.record())
        found["ranking"] += one.ranking()
        for key, entries in (
            ("rows", measured),
            ("differences", differences(outcomes, one.groups)),
            ("classes", class_rows(outcomes, one.groups, base.classes)),
        ):
            found[key] += [{"data": one.name} | entry for entry in entries]
    document = {"benchmark": "synthetic" if args.synthetic else "kinetics", "settings": settings(args, length)}
    write_results(args.out, document | {"environment": environment(scorer.device)} | about | found)


def data_sets(args: argparse.Namespace, dataset: Dataset, networks: Networks, length: Fraction) -> list[DataSet]:
    if not args.compose:
        cut = Cut(length, args.stride, args.dense)
        return [as_they_are(dataset, Cache(args.out / "cache", networks, cut, args.fps))]
    cache = Cache(args.out / "cache", networks, Cut(length, exactly=ACTION_CLIPS), args.fps)
    own_domain = read_domains(args.domains, dataset.classes) if args.domains else {}
    background = read_background(args.background, "val")
    return composed(
        dataset, background, args.compose, own_domain, args.per_video, args.seeds, cache, args.out / "composed"
    )


def labelled(args: argparse.Namespace, base: Base) -> tuple[Dataset, Base]:
    """The videos to evaluate, and the base with the names of its classes: those of the data where it has none."""
    data = args.activitynet or args.data
    read = partial(read_dataset, data, "val", prefix=args.prefix)
    if base.classes != tuple(map(str, range(len(base.classes)))):
        return read(classes=base.classes), base
    dataset = read()
    if len(dataset.classes) == len(base.classes):
        return dataset, replace(base, classes=dataset.classes)
    if {*dataset.classes} <= {*base.classes}:
        return read(classes=base.classes), base
    raise ClipselectError(
        f"{data}: has {len(dataset.classes)} classes, and the {len(base.classes)} outputs of the base have no names to "
        "tell which they are; give data of all its classes, or number them"
    )


def settings(args: argparse.Namespace, length: Fraction) -> dict[str, Any]:
    """What decides the figures, for the results file."""
    kept = (
        "prefix",
        "k",
        "dense",
        "stride",
        "views",
        "limit",
        "seeds",
        "compose",
        "background",
        "domains",
        "per_video",
    )
    values = {name: getattr(args, name) for name in (*kept, "timed", "fps")}
    values |= {"data": args.activitynet or args.data, "clip_duration": length}
    return {name: _plain(value) for name, value in values.items()} | {"memory": MEMORY}


def _plain(value: Any) -> Any:
    """For JSON."""
    if isinstance(value, Path):
        return shown(value)
    return float(value) if isinstance(value, Fraction) else value


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; a ClipselectError for values that make no sense."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--data", type=Path, help="folder SPLIT/CLASS/VIDEO, or a list of videos with labels (.csv)")
    data.add_argument("--activitynet", type=Path, metavar="JSON", help="ActivityNet's annotations; adds mAP")
    data.add_argument("--synthetic", action="store_true", help="make videos and networks, to see that everything runs")
    parser.add_argument("--prefix", type=Path, metavar="DIR", help="where the videos of a list or JSON lie")
    parser.add_argument("--base", metavar="NAME[:CHECKPOINT]|FILE", help="(default: the zoo's)")
    parser.add_argument("--model", metavar="NAME|FILE", help="DDNet (default: the zoo's)")
    parser.add_argument("--k", type=int, nargs="+", help="clips that reach the base (default: 1 3 5 9)")
    parser.add_argument(
        "--dense",
        type=int,
        metavar="N",
        help="at most N candidates a video: evenly spread, unless --stride gives fewer",
    )
    parser.add_argument("--clip-duration", type=seconds, help="as 2.5 or 64/30 (default: the DDNet's)")
    parser.add_argument("--stride", type=seconds, help="between the starts of candidates (default: the clip duration)")
    parser.add_argument("--views", type=int, default=1, help="of the base per clip: 1 (default), or 3 square crops")
    parser.add_argument("--limit", type=int, metavar="N", help="evaluate N videos only, evenly drawn")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of random K and of compositions")
    parser.add_argument("--compose", nargs="+", metavar="KIND", help="mixed, hard, or both")
    parser.add_argument("--background", type=Path, metavar="DIR", help="SPLIT/DOMAIN/VIDEO, for --compose")
    parser.add_argument("--domains", type=Path, metavar="CSV", help="columns class,domain, for --compose hard")
    parser.add_argument("--per-video", type=int, default=2, metavar="N", help="compositions of a video and seed")
    parser.add_argument("--timed", type=int, default=8, metavar="N", help="videos to time; 0 for none (default: 8)")
    parser.add_argument("--fps", type=float, default=30.0, help="of folders of frames")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for results.json, results.md and cache")
    args = parser.parse_args(arguments)

    args.k = args.k or (SYNTHETIC_KS if args.synthetic else KS)
    check(min(args.k) >= 1, f"--k must be at least 1, got {min(args.k)}")
    for name, least in (("dense", 1), ("limit", 1), ("per_video", 1), ("timed", 0)):
        value = getattr(args, name)
        check(value is None or value >= least, f"--{name.replace('_', '-')} must be at least {least}, got {value}")
    check(args.views in (1, 3), f"--views must be 1 or 3, got {args.views}")
    check(min(args.seeds) >= 0, f"--seeds must be at least 0, got {min(args.seeds)}")
    check(0.001 <= args.fps <= 10_000, f"--fps must lie between 0.001 and 10000, got {args.fps}")
    for value, option in ((args.clip_duration, "--clip-duration"), (args.stride, "--stride")):
        if value is not None:
            exact_seconds(value, option)
    kinds = args.compose or []
    unknown = [kind for kind in kinds if kind not in get_args(Kind)]
    check(not unknown, f"--compose must be mixed, hard or both, got {', '.join(unknown)}")
    given = {"--background": args.background, "--domains": args.domains}
    if args.synthetic:
        mine = given | {"--prefix": args.prefix, "--base": args.base, "--model": args.model}
        named = [option for option, value in mine.items() if value is not None]
        check(not named, f"--synthetic makes its own; leave out {', '.join(named)}")
    else:
        check(not kinds or args.background is not None, "--compose needs --background")
        check("hard" not in kinds or args.domains is not None, "--compose hard needs --domains")
        named = [option for option, value in given.items() if value is not None]
        check(bool(kinds) or not named, f"{', '.join(named)} is for --compose; give that too")
    check(not kinds or args.dense is args.stride is None, "--dense and --stride are not for --compose; leave them out")
    args.compose = [*dict.fromkeys(kinds)]
    return args


def seconds(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; write it as 2.5 or 64/30") from None


if __name__ == "__main__":
    run(main)
