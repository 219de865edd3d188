"""Damaged videos by the thousand: each must end in scores in (0, 1) or in a VideoError, soon and in little memory.

    python tests/fuzz/run_fuzz.py --count 1000 --out OUT

Small files of the usual containers and codecs are made, and then truncated, bits of them flipped, pieces of them
zeroed, doubled or cut out, and numbers in their headers changed; the same --seed gives the same files. A process of
its own scores them, exactly and fast in turns. One that takes longer than --seconds, needs more than --megabytes above
what it began with, ends by a signal, or fails otherwise than by a VideoError is counted, and its file is kept in OUT.
Writes OUT/fuzz.json; exit code 1 if there was any.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from rich.progress import track

from clipselect.commands.exit_codes import run_command
from clipselect.evaluation.provenance import environment
from clipselect.media.files import make_folder, write_whole

KINDS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "h264.mp4": ("libx264", {"g": "10"}, {}),
    "faststart.mp4": ("libx264", {"g": "10"}, {"movflags": "faststart"}),
    "fragmented.mp4": ("libx264", {"g": "10"}, {"movflags": "frag_keyframe+empty_moov"}),
    "h264.mkv": ("libx264", {"g": "10"}, {}),
    "h264.ts": ("libx264", {"g": "10"}, {}),
    "h264.flv": ("libx264", {"g": "10"}, {}),
    "hevc.mp4": ("libx265", {"x265-params": "log-level=none:keyint=10"}, {}),
    "vp9.webm": ("libvpx-vp9", {"g": "10", "deadline": "realtime", "cpu-used": "8"}, {}),
    "mpeg4.avi": ("mpeg4", {"g": "10", "bf": "2"}, {}),
    "mpeg2.mpg": ("mpeg2video", {"g": "10", "bf": "2"}, {}),
    "ffv1.mkv": ("ffv1", {}, {}),
    "mjpeg.avi": ("mjpeg", {}, {}),
}
"""Name -> encoder, its options, the container's options."""
FRAMES, WIDTH, HEIGHT = 40, 96, 64
GOOD = ("scored", "VideoError")

CHILD = """
import sys, traceback
from multiprocessing.connection import Connection
from clipselect import VideoError, load_scorer, open_source, score_video
import numpy as np, torch

torch.set_num_threads(1)
scorer = load_scorer(device="cpu")
pipe = Connection(int(sys.argv[1]))
pipe.send("ready")
while True:
    path, fast = pipe.recv()
    try:
        scores = score_video(open_source(path), scorer, stride=0.5, fast=fast).scores
        fine = len(scores) > 0 and np.isfinite(scores).all() and (scores > 0).all() and (scores < 1).all()
        pipe.send(("scored" if fine else "bad scores", ""))
    except VideoError as e:
        pipe.send(("VideoError", str(e)))
    except Exception as e:
        pipe.send((type(e).__name__, traceback.format_exc()))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--megabytes", type=float, default=400.0)
    parser.add_argument("--out", type=Path, required=True, help="folder for fuzz.json and the files that did harm")
    arguments = parser.parse_args()
    make_folder(arguments.out)
    with tempfile.TemporaryDirectory() as scratch:
        document = fuzz(Path(scratch), arguments)
    settings = {key: str(value) for key, value in vars(arguments).items() if key != "out"}
    document = {"benchmark": "fuzz", "settings": settings, "environment": environment(torch.device("cpu")), **document}
    write_whole(arguments.out / "fuzz.json", json.dumps(document, indent=1) + "\n")
    print(
        json.dumps({key: document[key] for key in ("outcomes", "slowest_seconds", "slowest", "largest_mb_above_start")})
    )
    if set(document["outcomes"]) - set(GOOD):
        sys.exit(1)


def fuzz(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """What became of all the files."""
    originals = make_files(folder)
    outcomes: Counter[str] = Counter()
    by_kind: dict[str, Counter[str]] = {name: Counter() for name in originals}
    harmful: list[dict[str, Any]] = []
    slowest, largest = (0.0, ""), 0.0
    with Child() as child:
        for i, (name, how, data) in enumerate(track([*mutations(originals, arguments.seed, arguments.count)])):
            path = folder / f"mutated{Path(name).suffix}"
            path.write_bytes(data)
            begin = time.perf_counter()
            outcome, said = child.score(path, fast=bool(i % 2), seconds=arguments.seconds)
            seconds, megabytes = time.perf_counter() - begin, child.megabytes
            slowest = max(slowest, (seconds, f"{how} of {name}, number {i}"))
            largest = max(largest, megabytes)
            if outcome in GOOD and megabytes > arguments.megabytes:
                outcome, said = "memory", f"{megabytes:.0f} MB"
            outcomes[outcome] += 1
            by_kind[name][outcome] += 1
            if outcome not in GOOD:
                kept = arguments.out / f"{i:05}_{outcome.replace(' ', '_')}_{name}"
                kept.write_bytes(data)
                harmful.append(
                    {"number": i, "of": name, "how": how, "outcome": outcome, "said": said, "file": kept.name}
                )
                child.restart()
    return {
        "outcomes": dict(outcomes),
        "by_kind": {name: dict(count) for name, count in by_kind.items()},
        "slowest_seconds": slowest[0],
        "slowest": slowest[1],
        "largest_mb_above_start": largest,
        "harmful": harmful,
    }


class Child:
    """The process that scores; it may be brought down."""

    def __enter__(self) -> "Child":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        self.pipe, theirs = Pipe()
        paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", CHILD, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
                stderr=subprocess.DEVNULL,
            )
        assert isinstance(self.pipe, Connection) and self.pipe.recv() == "ready"
        self.begun_with = self._memory("VmRSS")

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        self.end()
        self.start()

    def score(self, path: Path, fast: bool, seconds: float) -> tuple[str, str]:
        """The outcome and what was said: one of `GOOD`, or the name of another exception, "hang", or the signal."""
        try:
            self.pipe.send((str(path), fast))
            if not self.pipe.poll(seconds):
                return "hang", f"over {seconds} s"
            answer: tuple[str, str] = self.pipe.recv()
        except (EOFError, OSError):
            return f"exit {self.process.wait()}", ""
        return answer

    @property
    def megabytes(self) -> float:
        """Its peak so far above what it began with."""
        return self._memory("VmHWM") - self.begun_with if self.process.poll() is None else 0.0

    def _memory(self, key: str) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:")), 0.0)


def make_files(folder: Path) -> dict[str, bytes]:
    """Whole files of all `KINDS` that FFmpeg here can make, by name."""
    return {name: _make(folder / name).read_bytes() for name in KINDS if KINDS[name][0] in av.codecs_available}


def _make(path: Path) -> Path:
    codec, options, container_options = KINDS[path.name]
    random = np.random.default_rng(0)
    texture = random.integers(40, 200, (HEIGHT, WIDTH * 2, 3), dtype=np.uint8)
    with av.open(str(path), "w", options=container_options) as out:
        stream = out.add_stream(codec, rate=25, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for i in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(texture[:, 2 * i : 2 * i + WIDTH]), format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def mutations(originals: dict[str, bytes], seed: int, count: int) -> Iterator[tuple[str, str, bytes]]:
    """The original's name, what was done to it, and the damaged file; kinds and ways in turn."""
    names, ways = [*originals], [*_WAYS]
    for i in range(count):
        name, way = names[i % len(names)], ways[i // len(names) % len(ways)]
        data = bytearray(originals[name])
        _WAYS[way](data, np.random.default_rng([seed, i]))
        yield name, way, bytes(data)


def _truncate(data: bytearray, random: np.random.Generator) -> None:
    del data[int(random.integers(0, len(data))) :]


def _flip_bits(data: bytearray, random: np.random.Generator) -> None:
    for at in random.integers(0, len(data), int(2 ** random.uniform(0, 8))).tolist():
        data[at] ^= 1 << int(random.integers(8))


def _edit_header(data: bytearray, random: np.random.Generator) -> None:
    """Numbers of the container's header become small, large or random ones; it lies at the start or the end."""
    box = max(data.find(b"moov"), 0)
    for _ in range(int(random.integers(1, 6))):
        at = min(box + int(random.integers(0, 800)), len(data) - 4)
        value = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, int(random.integers(2**32)))[int(random.integers(6))]
        data[at : at + 4] = value.to_bytes(4, "big")


def _zero(data: bytearray, random: np.random.Generator) -> None:
    start, length = _piece(data, random)
    data[start : start + length] = bytes(len(data[start : start + length]))


def _cut_out(data: bytearray, random: np.random.Generator) -> None:
    start, length = _piece(data, random)
    del data[start : start + length]


def _double(data: bytearray, random: np.random.Generator) -> None:
    start, length = _piece(data, random)
    data[start:start] = data[start : start + length]


def _piece(data: bytearray, random: np.random.Generator) -> tuple[int, int]:
    return int(random.integers(0, len(data))), int(2 ** random.uniform(0, 11))


_WAYS = {
    "truncate": _truncate,
    "flip bits": _flip_bits,
    "edit header": _edit_header,
    "zero": _zero,
    "cut out": _cut_out,
    "double": _double,
}


if __name__ == "__main__":
    run_command(main)
