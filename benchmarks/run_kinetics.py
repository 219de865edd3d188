"""Accuracy and cost of clip selection on labelled videos, trimmed, untrimmed or composed: DDL beside all its rivals.

    python benchmarks/run_kinetics.py --data kinetics400 --base slowfast_r50:pretrained --model ddnet.safetensors \\
        --dense 30 --k 1 3 5 9 --out OUT
    python benchmarks/run_kinetics.py --activitynet activity_net.v1-2.json --prefix VIDEOS ... --out OUT
    python benchmarks/run_kinetics.py --data actions --background background --compose mixed hard \\
        --domains benchmarks/actions_domains.csv --out OUT
    python benchmarks/run_kinetics.py --synthetic --out OUT

1. Both networks on every candidate clip, kept per video under OUT/cache: a run that was stopped goes on when the
   command is given again, and another --k opens no video. A video that cannot be read is named, counted, left out.
2. What every method of clipselect/evaluation/methods.py would answer, with intervals and multiply-adds.
3. --timed N: ddl, uniform, uniform for the cost of ddl and dense on N videos, really, from the closed file to the
   answer.

Writes OUT/results.json (clipselect/evaluation/results.py describes it, `clipselect report OUT` draws it) and
OUT/results.md.

With --compose every video is one of the untrimmed ones that clipselect/data/composition.py makes of the trimmed ones of
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

from clip_tables import Cut, Networks
from clipselect.zoo.base import Base
from clipselect.zoo.loading import load_base, read_classes
from data_sets import DataSet, as_they_are, composed, evenly, read_domains
from rich.text import Text
from shared import environment, network_record, run, write_results
from synthetic import make
from table_cache import Cache
from timed import add_seconds, methods, timed

from clipselect.commands.common import check, stderr
from clipselect.commands.stages import stage, stoppable
from clipselect.data.composition import ACTION_CLIPS, BACKGROUND_CLIPS, Kind
from clipselect.data.datasets import Dataset, read_background, read_dataset
from clipselect.errors import ClipselectError
from clipselect.evaluation.outcomes import Cost, outcomes_of
from clipselect.evaluation.rows import class_rows, differences, rows
from clipselect.media.candidates import exact_seconds
from clipselect.media.files import make_folder
from clipselect.media.text import printable
from clipselect.scoring.scorer import Scorer, load_scorer

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
    dataset, base, named_by = labelled(args, base)
    if args.limit is not None:
        dataset = replace(dataset, videos=evenly(dataset.videos, args.limit))
    length = exact_seconds(args.clip_duration or scorer.clip_duration, "--clip-duration")
    networks = Networks(scorer, base, args.views)
    about = {"base": network_record(base), "model": network_record(scorer)}
    cost = Cost(about["base"].get("gflops"), about["model"]["gflops"], args.views)
    warn(args, scorer, base, cost)

    found: dict[str, list[dict[str, Any]]] = {key: [] for key in ("data", "rows", "differences", "classes", "ranking")}
    used: set[int] = set()
    for one in data_sets(args, dataset, networks, length):
        ks = ks_of(args, one)
        used |= {*ks}
        with_map = True if args.activitynet else None
        outcomes = outcomes_of(one.groups, one.table, ks, cost, seeds=args.seeds, with_map=with_map)
        measured = rows(outcomes, one.groups, cost)
        if args.timed:
            files, every = one.files(args.timed), methods(ks, one.cut, networks, cost, args.fps)
            with stage(f"timing {one.name}", len(files), quiet=False) as step:
                add_seconds(measured, timed(files, every, base.device, step))
        found["data"].append(one.record())
        found["ranking"] += one.ranking()
        for key, entries in (
            ("rows", measured),
            ("differences", differences(outcomes, one.groups, measured)),
            ("classes", class_rows(outcomes, one.groups, base.classes)),
        ):
            found[key] += [{"data": one.name} | entry for entry in entries]
    decided = settings(args, length) | {"k": sorted(used), "classes": named_by}
    document = {"benchmark": "synthetic" if args.synthetic else "kinetics", "settings": decided}
    write_results(args.out, document | {"environment": environment(scorer.device)} | about | found)


def warn(args: argparse.Namespace, scorer: Scorer, base: Base, cost: Cost) -> None:
    """Say what does not fit together, and goes on nevertheless."""
    said = scorer.metadata
    if said.get("base_sha256") and said["base_sha256"] != base.sha256:
        tell(
            f"{scorer.name} was distilled for the base {said.get('base')}, not for {base.name}: its ranking is a guess"
        )
    if args.clip_duration is None and abs(base.clip_duration - scorer.clip_duration) > 0.01:
        tell(
            f"{scorer.name} was distilled on clips of {scorer.clip_duration:g} s, {base.name} trained on clips of "
            f"{base.clip_duration:g} s; taken is the first, --clip-duration takes another"
        )
    if cost.base is None:
        tell(f"the multiply-adds of {base.name} cannot be counted: there are no GFLOPs, and no uniform at equal cost")


def tell(text: str) -> None:
    stderr().print(Text(printable(text), style="yellow"))


def ks_of(args: argparse.Namespace, one: DataSet) -> list[int]:
    """The K that were asked for; by default those that the candidates allow."""
    if args.k is not None:
        return args.k
    most = max(len(group.rows) for group in one.groups)
    defaults = SYNTHETIC_KS if args.synthetic else KS
    kept = [k for k in defaults if k <= most]
    if kept != defaults:
        left_out = ", ".join(str(k) for k in defaults if k > most)
        tell(f"{one.name}: no video has more than {most} candidates; K = {left_out} is left out")
    return kept


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


def labelled(args: argparse.Namespace, base: Base) -> tuple[Dataset, Base, str]:
    """The videos to evaluate, the base with the names of its classes, and who says so: those of the data, in their
    order, where it has none."""
    data = args.activitynet or args.data
    read = partial(read_dataset, data, "val", prefix=args.prefix)
    if args.classes is not None:
        names = read_classes(args.classes)
        if len(names) != len(base.classes):
            raise ClipselectError(
                f"{args.classes}: names {len(names)} classes, and the base has {len(base.classes)} outputs; name each"
            )
        base = base.named(names)
        return read(classes=base.classes), base, printable(args.classes)
    if base.has_names:
        return read(classes=base.classes), base, "named by the base"
    dataset = read()
    if {*dataset.classes} <= {*base.classes}:
        return read(classes=base.classes), base, "numbers, in the data as in the base"
    if len(dataset.classes) == len(base.classes):
        tell(
            f"the outputs of {base.name} have no names; taken are those of the data, sorted "
            f"({dataset.classes[0]}, ...); --classes names them in another order"
        )
        return dataset, base.named(dataset.classes), "those of the data, assumed to be sorted"
    raise ClipselectError(
        f"{data}: has {len(dataset.classes)} classes, and the {len(base.classes)} outputs of the base have no names to "
        "tell which they are; name them with --classes"
    )


def settings(args: argparse.Namespace, length: Fraction) -> dict[str, Any]:
    """What decides the figures, for the results file."""
    kept = ("prefix", "dense", "stride", "views", "limit", "seeds", "compose", "background", "domains", "per_video")
    values = {name: getattr(args, name) for name in (*kept, "timed", "fps")}
    values |= {"data": args.activitynet or args.data, "clip_duration": length}
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    """For JSON."""
    if isinstance(value, Path):
        return printable(value)
    return float(value) if isinstance(value, Fraction) else value


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; a ClipselectError for values that make no sense."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--data", type=Path, help="folder SPLIT/CLASS/VIDEO, or a list of videos with labels (.csv)")
    data.add_argument("--activitynet", type=Path, metavar="JSON", help="ActivityNet's annotations; adds mAP")
    data.add_argument("--synthetic", action="store_true", help="make videos and networks, to see that everything runs")
    parser.add_argument("--prefix", type=Path, metavar="DIR", help="where the videos of a list or JSON lie")
    parser.add_argument(
        "--classes", type=Path, metavar="FILE", help="names of the base's outputs, one a line, in order"
    )
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
    check_numbers(args)
    check_sources(args)
    args.compose = [*dict.fromkeys(args.compose or [])]
    return args


def check_numbers(args: argparse.Namespace) -> None:
    for name, least in (("dense", 1), ("limit", 1), ("per_video", 1), ("timed", 0)):
        value = getattr(args, name)
        check(value is None or value >= least, f"--{name.replace('_', '-')} must be at least {least}, got {value}")
    most = ACTION_CLIPS + BACKGROUND_CLIPS if args.compose else args.dense
    if args.k is not None:
        check(min(args.k) >= 1, f"--k must be at least 1, got {min(args.k)}")
        check(
            most is None or max(args.k) <= most, f"--k must lie between 1 and {most}, the most candidates of any video"
        )
    check(args.views in (1, 3), f"--views must be 1 or 3, got {args.views}")
    check(min(args.seeds) >= 0, f"--seeds must be at least 0, got {min(args.seeds)}")
    check(len({*args.seeds}) == len(args.seeds), "--seeds names one of them twice; each is drawn once")
    check(0.001 <= args.fps <= 10_000, f"--fps must lie between 0.001 and 10000, got {args.fps}")
    for value, option in ((args.clip_duration, "--clip-duration"), (args.stride, "--stride")):
        if value is not None:
            exact_seconds(value, option)


def check_sources(args: argparse.Namespace) -> None:
    kinds = args.compose or []
    unknown = [kind for kind in kinds if kind not in get_args(Kind)]
    check(not unknown, f"--compose must be mixed, hard or both, got {', '.join(unknown)}")
    check(not kinds or args.activitynet is None, "--compose is for --data; --activitynet is untrimmed already")
    given = {"--background": args.background, "--domains": args.domains}
    if args.synthetic:
        mine = given | {"--prefix": args.prefix, "--base": args.base, "--model": args.model, "--classes": args.classes}
        named = [option for option, value in mine.items() if value is not None]
        check(not named, f"--synthetic makes its own; leave out {', '.join(named)}")
    else:
        check(not kinds or args.background is not None, "--compose needs --background")
        check("hard" not in kinds or args.domains is not None, "--compose hard needs --domains")
        named = [option for option, value in given.items() if value is not None]
        check(bool(kinds) or not named, f"{', '.join(named)} is for --compose; give that too")
    check(not kinds or args.dense is args.stride is None, "--dense and --stride are not for --compose; leave them out")


def seconds(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; write it as 2.5 or 64/30") from None


if __name__ == "__main__":
    run(main)
