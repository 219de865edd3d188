"""Parts d and j of run_speed.py: many files, and what more workers bring."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import made_videos
from made_videos import Made
from speed_parts import Row, run_python, turns

from clipselect.media.cores import usable_cores

DECODE_ALL = """
import multiprocessing, os, sys
import av

def decode(path):
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))

if __name__ == "__main__":
    with multiprocessing.Pool(int(sys.argv[2])) as pool:
        folder = sys.argv[1]
        print(sum(pool.imap_unordered(decode, [os.path.join(folder, name) for name in sorted(os.listdir(folder))])))
"""
INDEX = """
import logging, os, sys, time
from clipselect import build_index

engine, workers, few, many, out = sys.argv[1:]
how = {"workers": int(workers)}
if engine == "ray":
    import ray

    ray.init(num_cpus=int(workers), log_to_driver=False, logging_level=logging.ERROR)
    how = {"engine": "ray"}

def seconds(folder):
    index = os.path.join(out, "index.parquet")
    begin = time.perf_counter()
    build_index([folder], index, device="cpu", **how)
    taken = time.perf_counter() - begin
    os.remove(index)
    return taken

seconds(few)  # imports
start = seconds(few)
print(seconds(many) - start)
"""
"""Only what comes after the start of the workers."""
ENGINES = ("local", *(["ray"] if find_spec("ray") else []))
WORKERS, FEW = (1, 2, 4), 4


def indexing(folder: Path, scratch: Path, videos: int, repeats: int, device: str) -> Iterator[Row]:
    """Part d: whole processes, from start to end, over copies of one video of 10 s; of 720p a quarter as many.

    Without starting: the difference to a run over as many copies as there are processes, for both sides.
    """
    for size, wanted in (("240p", videos), ("720p", videos // 4)):
        count = max(wanted, 2 * usable_cores())
        one = made_videos.make(folder, Made("h264", size, 250, 10))
        many = scratch / size
        many.mkdir()
        for i in range(count):
            shutil.copy(one, many / f"{i:04}.mp4")
        yield {"size": size, **_indexing(many, scratch, count, repeats, device)}


def _indexing(many: Path, scratch: Path, videos: int, repeats: int, device: str) -> Row:
    cores = usable_cores()
    out, script, few = scratch / "scores.parquet", scratch / "decode_all.py", scratch / f"few_{many.name}"
    script.write_text(DECODE_ALL)
    few.mkdir()
    for path in sorted(many.iterdir())[:cores]:
        shutil.copy(path, few)

    def index(folder: Path, *options: str) -> None:
        out.unlink(missing_ok=True)
        run_python(["-m", "clipselect", "index", str(folder), "-o", str(out), "--quiet", "--device", device, *options])

    ways: dict[str, Callable[[Path], Any]] = {
        "index": index,
        "index --fast": lambda folder: index(folder, "--fast"),
        "decoding": lambda folder: run_python([str(script), str(folder), str(cores)]),
    }
    seconds = turns({way: partial(call, many) for way, call in ways.items()}, repeats)
    start = turns({way: partial(call, few) for way, call in ways.items()}, repeats)
    more = {way: seconds[way] - start[way] for way in ways}
    return {
        "videos": videos,
        "processes": cores,
        **seconds,
        **{f"{way}, {cores} videos": start[way] for way in ways},
        "index / decoding": seconds["index"] / seconds["decoding"],
        "index / decoding, without starting": more["index"] / more["decoding"],
        "index --fast / decoding, without starting": more["index --fast"] / more["decoding"],
        "videos per second": videos / seconds["index"],
    }


def growing(folder: Path, scratch: Path, videos: int) -> Iterator[Row]:
    """Part j: an index of copies of 10 s of 240p by 1, 2 and 4 workers of this machine, and of a Ray cluster on it."""
    one = made_videos.make(folder, Made("h264", "240p", 250, 10))
    few, many, script = scratch / "few", scratch / "many", scratch / "index.py"
    script.write_text(INDEX)
    for place, count in ((few, FEW), (many, videos)):
        place.mkdir()
        for i in range(count):
            shutil.copy(one, place / f"{i:04}.mp4")
    for engine in ENGINES:
        for workers in WORKERS:
            out = scratch / f"{engine}_{workers}"
            out.mkdir()
            taken = float(run_python([str(script), engine, str(workers), str(few), str(many), str(out)]))
            rate = (videos - FEW) / taken
            cores = min(workers, usable_cores())
            row = {"engine": engine, "workers": workers, "cores": cores, "videos per second": rate}
            yield row | {"per core": rate / cores}
