"""What scoring costs beside decoding, and what it saves; every figure beside its baseline in the same run, in turns.

    python benchmarks/run_speed.py --out OUT                # about half an hour on 2 cores, videos made for the run
    python benchmarks/run_speed.py --out OUT --quick        # two minutes, to check that everything runs

Parts, all of them unless --parts names some:

    a   scoring and fast scoring against PyAV decoding every frame with FFmpeg's choice of threads and converting
        nothing, the same with ours, and decord reading all frames at 112 px: sizes, codecs, distances of key frames,
        durations (--full: all combinations of the first three)
    b   from opening the file to the answer, SlowFast-R50 of random weights at 256 px: DDL, uniform and dense, 5 of 30
        and 9 of 60 clips of 10 s, 9 of 60 of 1 min, through our own pipeline and PyTorchVideo's LabeledVideoDataset
    c   back ends of the DDNet, per clip
    d   `clipselect index` against one decoding process per core
    e   growth with duration and with the number of candidates
    f   memory of scoring an hour of 720p above what the imports take
    g   processor time (of all threads) of scoring against decoding, on 10 s of 240p, 360p and 720p and of VP9 and AV1;
        it means something on a busy machine, too, where waiting times do not
    h   start: `clipselect score` of 10 s of 240p as a process, against one that only imports PyAV and decodes the file
    i   heavy bases of random weights in float32 and in bf16: seconds of a clip, distance of the features
    j   `clipselect index` by 1, 2 and 4 workers of this machine, and of a Ray cluster on it
    k   processor time of scoring ten minutes within a budget against decoding them: 720p with a key frame every second,
        240p with one every 1, 2, 5 and 10 seconds

Seconds are medians over --repeats turns after one that warms up; part b takes --base-repeats turns. --video times
parts a, b, g, h and k on a file of yours instead. Writes OUT/speed.json, where parts that are not measured again stay,
and for part b OUT/results.json by the schema of clipselect/evaluation/results.py.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import made_videos
from made_videos import Made
from shared import heavy_base, write_results
from speed_backends import backends
from speed_base import HEAVY, base_rows, precisions
from speed_cpu import starting, within_budgets, working
from speed_index import growing, indexing
from speed_parts import growth, memory, reading

from clipselect.commands.exit_codes import run_command
from clipselect.errors import ClipselectError
from clipselect.evaluation.provenance import environment, network_record
from clipselect.media.files import make_folder, write_whole
from clipselect.media.sources import open_source
from clipselect.scoring.device import pick_device

Rows = list[dict[str, Any]]
PARTS = "abcdefghijk"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for speed.json")
    parser.add_argument("--parts", default=PARTS, help="letters, such as ac")
    parser.add_argument("--video", type=Path, help="a file for parts a, b, g, h and k")
    parser.add_argument("--videos", type=Path, help="folder to keep the videos that are made in, for another run")
    parser.add_argument("--scorer", help="another DDNet than the shipped one, for parts g and h")
    parser.add_argument("--device", default="cpu", help="cpu or cuda; of parts a to d")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--base-repeats", type=int, default=2)
    parser.add_argument("--full", action="store_true", help="part a on all combinations of 10 s")
    parser.add_argument("--quick", action="store_true", help="small videos, one turn")
    arguments = parser.parse_args()
    if not arguments.parts or set(arguments.parts) - set(PARTS):
        raise ClipselectError(f"--parts must be letters of {PARTS}, got {arguments.parts!r}")
    if min(arguments.repeats, arguments.base_repeats) < 1:
        raise ClipselectError("--repeats and --base-repeats must be at least 1")
    if arguments.video:
        open_source(arguments.video)  # or say now what is wrong with it
    if arguments.quick:
        arguments.repeats = arguments.base_repeats = 1
    make_folder(arguments.out)
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.videos:
            make_folder(arguments.videos)
        folder = arguments.videos or Path(scratch)
        about = environment(pick_device(arguments.device))
        found: dict[str, Rows] = {}
        for part in sorted(set(arguments.parts)):
            rows = found.setdefault(part, [])
            for row in measured(part, folder, Path(scratch), arguments):
                values = (f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
                print(part, "  ".join(values), flush=True)
                rows.append(row)
                write(arguments, about, found)  # row by row: half an hour is lost easily
            if part == "b":
                write_base(arguments, about, rows)
    for goal in goals(found):
        print(f"{goal['goal']}: {goal['measured']}  {'met' if goal['met'] else 'MISSED'}")


def write(arguments: argparse.Namespace, about: dict[str, Any], found: dict[str, Rows]) -> None:
    """Parts that are not measured now stay in the file, with what they were measured on."""
    file = arguments.out / "speed.json"
    before = json.loads(file.read_text("utf-8")) if file.exists() else {"parts": {}, "measured": {}}
    settings = {key: str(value) for key, value in vars(arguments).items() if key not in ("out", "videos", "parts")}
    parts = dict(sorted((before["parts"] | found).items()))
    now = {part: {"settings": settings, "environment": about} for part in found}
    document = {"benchmark": "speed", "goals": goals(parts), "measured": before["measured"] | now, "parts": parts}
    write_whole(file, json.dumps(document, indent=1, allow_nan=False) + "\n")


def measured(part: str, folder: Path, scratch: Path, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The rows of one part."""
    device = arguments.device
    parts: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
        "a": lambda: reading(files(folder, arguments), arguments.repeats, device),
        "b": lambda: base_rows(base_videos(folder, arguments), arguments.base_repeats, base_size(arguments), device),
        "c": lambda: backends(arguments.repeats, device),
        "d": lambda: indexing(folder, scratch, 4 if arguments.quick else 96, arguments.repeats, device),
        "e": lambda: growth(folder, (10, 20) if arguments.quick else (10, 60, 600), arguments.repeats),
        "f": lambda: memory(made_videos.make(folder, Made(seconds=20 if arguments.quick else 3600))),
        "g": lambda: working(small_files(folder, arguments), arguments.repeats, arguments.scorer),
        "h": lambda: starting(small_files(folder, arguments)[:1], arguments.repeats, arguments.scorer),
        "i": lambda: precisions(arguments.repeats, ("r3d_18",) if arguments.quick else HEAVY),
        "j": lambda: growing(folder, scratch, 12 if arguments.quick else 96),
        "k": lambda: within_budgets(long_files(folder, arguments), arguments.repeats, arguments.scorer),
    }
    return parts[part]()


def long_files(folder: Path, arguments: argparse.Namespace) -> list[tuple[str, Path]]:
    """Names and files of part k."""
    if arguments.video:
        return files(folder, arguments)
    wanted = [Made("h264", "720p", 30, 600)]
    wanted += [Made("h264", "240p", gop, 600) for gop in (30, 60, 150, 300)]
    if arguments.quick:
        wanted = [Made("h264", "240p", 30, 60)]
    return [(str(made), made_videos.make(folder, made)) for made in wanted]


def files(folder: Path, arguments: argparse.Namespace) -> list[tuple[str, Path]]:
    """Names and files of part a; made when they are first needed, before anything is timed."""
    if arguments.video:
        return [(arguments.video.name, arguments.video)]
    codecs, sizes, gops = made_videos.encoders(), [*made_videos.HEIGHTS], made_videos.GOPS
    if arguments.quick:
        wanted = [Made(codec, "240p", 30, 2) for codec in codecs]
    elif arguments.full:
        wanted = [Made(codec, size, gop, 10) for codec in codecs for size in sizes for gop in gops]
    else:  # one thing at a time
        wanted = [Made(codec, "720p", gop, 10) for codec in codecs for gop in gops]
        wanted += [Made("h264", size, gop, 10) for size in sizes for gop in gops]
    if not arguments.quick:
        wanted += [Made(seconds=seconds) for seconds in (10, 60, 600)]
    return [(str(made), made_videos.make(folder, made)) for made in dict.fromkeys(wanted)]


def small_files(folder: Path, arguments: argparse.Namespace) -> list[tuple[str, Path]]:
    """Names and files of parts g and h."""
    if arguments.video or arguments.quick:
        return files(folder, arguments)
    wanted = [Made("h264", size, seconds=10) for size in ("240p", "360p", "720p")]
    wanted += [Made(codec, size, seconds=10) for codec in ("vp9", "av1") for size in ("240p", "720p")]
    return [(str(made), made_videos.make(folder, made)) for made in wanted if made.codec in made_videos.encoders()]


def base_videos(folder: Path, arguments: argparse.Namespace) -> list[tuple[Path, int, int]]:
    """Files of part b with the numbers of their dense clips and K."""
    if arguments.quick:
        return [(made_videos.make(folder, Made("h264", "240p", 30, 4)), 4, 1)]
    if arguments.video:
        return [(arguments.video, 30, 5), (arguments.video, 60, 9)]
    ten, sixty = (made_videos.make(folder, Made("h264", "240p", 250, seconds)) for seconds in (10, 60))
    return [(ten, 30, 5), (ten, 60, 9), (sixty, 60, 9)]


def base_size(arguments: argparse.Namespace) -> int:
    return 112 if arguments.quick else 256


def goals(found: dict[str, Rows]) -> Rows:
    """The goals, and what was measured."""
    out: Rows = []

    def add(goal: str, measured: float | None, met: Callable[[float], bool]) -> None:
        if measured is not None:
            out.append({"goal": goal, "measured": round(measured, 3), "met": met(measured)})

    hd = next((r for r in found.get("a", []) if r["video"] == str(Made())), None)
    if hd:
        add("a: scoring / decoding <= 1.25 (h264 720p, 1 min)", hd["score / decode"], lambda x: x <= 1.25)
        add("a: scoring / decord at 112 px < 1 (h264 720p, 1 min)", hd.get("score / decord"), lambda x: x < 1)
        add("a: fast scoring / decoding <= 0.7 (h264 720p, 1 min)", hd["fast / decode"], lambda x: x <= 0.7)
    for row in found.get("b", []):
        least = {30: 5.5, 60: 6.2}.get(row["clips"])
        if row["method"] == "ddl" and least:
            name = f"b: dense / ddl >= {least} ({row['k']} of {row['clips']} clips, {row['video']}, {row['pipeline']})"
            add(name, row["dense / ddl"], lambda x, least=least: x >= least)
    for row in found.get("d", []):
        each = row["index / decoding, without starting"]
        add(f"d: index / decoding, without starting <= 1.25 (many files of {row['size']})", each, lambda x: x <= 1.25)
    for row in found.get("e", []):
        if "exponent" in row:
            add("e: growth with duration at most linear (exponent <= 1.05)", row["exponent"], lambda x: x <= 1.05)
    for row in found.get("f", []):
        add(f"f: {row['video']}, MB above the imports < 400", row["above_imports_mb"], lambda x: x < 400)
    for row in found.get("g", []):
        add(
            f"g: processor time of scoring / decoding <= 1.1 ({row['video']})",
            row["score / decode"],
            lambda x: x <= 1.1,
        )
    for row in found.get("h", []):
        add("h: clipselect score / PyAV as processes <= 2.5", row["score / decode"], lambda x: x <= 2.5)
        add("h: clipselect --help, seconds of processor time <= 0.3", row["help"], lambda x: x <= 0.3)
    of_engine: dict[str, list[dict[str, Any]]] = {}
    for row in found.get("j", []):
        of_engine.setdefault(row["engine"], []).append(row)
    for engine, rows in of_engine.items():
        first, last = rows[0], rows[-1]
        more = f"{last['workers']} workers on {last['cores']} cores / {first['workers']} on {first['cores']}"
        ratio = last["per core"] / first["per core"]
        add(f"j: videos per second and core, {more} >= 1 ({engine})", ratio, lambda x: x >= 1)
    for row in found.get("k", []):
        add(f"k: budget 0.4 / decoding <= 0.45 ({row['video']})", row["budget 0.4 / decode"], lambda x: x <= 0.45)
    return out


def write_base(arguments: argparse.Namespace, about: dict[str, Any], rows: Rows) -> None:
    """Part b in the common schema."""
    common = []
    for row in rows:
        data = f"{row['k']} of {row['clips']} clips, {row['video']}, {row['pipeline']}"
        k = None if row["method"] == "dense" else row["k"]
        entry = {"data": data, "method": row["method"], "k": k, "videos": 1, "seconds": row["seconds"]}
        common.append(entry | {key: value for key, value in row.items() if key.startswith("seconds_")})
    document = {
        "benchmark": "speed",
        "settings": {"weights": "random", "repeats": arguments.base_repeats},
        "environment": about,
        "base": network_record(heavy_base("slowfast_r50", arguments.device, base_size(arguments))),
        "data": [{"name": name, "videos": 1} for name in dict.fromkeys(entry["data"] for entry in common)],
        "rows": common,
    }
    write_results(arguments.out, document)


if __name__ == "__main__":
    run_command(main)
