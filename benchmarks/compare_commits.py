"""Two commits side by side on this machine: is the newer one slower?

    python benchmarks/compare_commits.py OLD NEW          # such as main HEAD; "." is this folder as it is

Both are checked out and run in turns, with this Python and its libraries, on the same made videos. Printed is new / old
in processor time (user and system, all threads) and in waiting time, over the turns: geometric mean and 95 % interval.
Only on an idle machine do waiting times mean something, so processor time decides: the exit code is 1 if the interval
of a job lies above 1 + --tolerance, 0 if none does, and 2 for wrong usage.
--out keeps the figures in a folder, as compare_PROCESSOR.json: one file per kind of machine.
"""

import argparse
import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import made_videos
import numpy as np
from made_videos import Made
from scipy.stats import ttest_1samp
from speed_cpu import processes_time

from clipselect.commands.exit_codes import run_command
from clipselect.errors import ArgumentError, ClipselectError
from clipselect.evaluation.provenance import environment
from clipselect.media.files import make_folder, write_whole
from clipselect.scoring.device import pick_device

ROOT = Path(__file__).parents[1]
MIN_TURNS = 3
CLOCKS = ("processor time", "waiting time")
Job = tuple[str, ...]  # arguments of Python
SCORE = """
import sys, time, torch
from clipselect import load_scorer, open_source, score_video
scorer = load_scorer(device="cpu")
score_video(open_source(sys.argv[1]), scorer)
begin = time.process_time(), time.perf_counter()
for _ in range(int(sys.argv[2])):
    score_video(open_source(sys.argv[1]), scorer)
print(time.process_time() - begin[0], time.perf_counter() - begin[1])
"""
"""Prints what it took after its start, in processor time and waiting time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", metavar="OLD", help="a commit")
    parser.add_argument("new", metavar="NEW", help="a commit, or . for this folder")
    parser.add_argument("--minutes", type=float, default=7, help="for the turns; at least three are made")
    parser.add_argument("--tolerance", type=float, default=0.02, help="slowdowns up to this share are none")
    parser.add_argument("--out", type=Path, help="folder for compare_PROCESSOR.json")
    arguments = parser.parse_args()
    if not 0 <= arguments.minutes < math.inf:  # NaN is not
        raise ArgumentError("minutes", f"must be a number of at least 0, got {arguments.minutes}")
    if arguments.out:
        make_folder(arguments.out)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the checkouts are removed
    with tempfile.TemporaryDirectory() as scratch, checked_out(arguments.old) as old, checked_out(arguments.new) as new:
        rows = compare(old, new, jobs(Path(scratch)), 60 * arguments.minutes)
    slower = [row["job"] for row in rows if row["processor time"]["from"] > 1 + arguments.tolerance]
    for row in rows:
        shown = ("{} {ratio:.3f} ({from:.3f} to {to:.3f})".format(name, **row[name]) for name in CLOCKS)
        print(f"{row['job']:22}", *shown, "SLOWER" * (row["job"] in slower), sep="  ")
    if arguments.out:
        about = environment(pick_device("cpu"))
        name = re.sub(r"\W+", "_", f"compare {about['cpu']} {about['cores']} cores").strip("_")
        document = {"old": arguments.old, "new": arguments.new, "environment": about, "jobs": rows}
        write_whole(arguments.out / f"{name}.json", json.dumps(document, indent=1) + "\n")
    sys.exit(1 if slower else 0)


def jobs(folder: Path) -> dict[str, Job]:
    """What is timed, by name; the videos are made in this folder."""
    small, large = (made_videos.make(folder, Made("h264", size, seconds=10)) for size in ("240p", "720p"))
    many = folder / "many"
    many.mkdir()
    for i in range(8):
        (many / f"{i}.mp4").symlink_to(small)
    index = ("index", str(many), "-o", str(folder / "scores.parquet"), "--quiet")
    return {
        "score, as a process": ("-m", "clipselect", "score", str(small), "--quiet"),
        "score_video, 240p": ("-c", SCORE, str(small), "8"),
        "score_video, 720p": ("-c", SCORE, str(large), "1"),
        "index, as a process": ("-m", "clipselect", *index),
    }


def compare(old: Path, new: Path, wanted: dict[str, Job], seconds: float) -> list[dict[str, Any]]:
    """Ratios new / old of every job, from turns that take about so long together; who begins alternates."""
    times: dict[str, Any] = {name: [] for name in wanted}
    turn, begin = 0, time.perf_counter()
    while turn < MIN_TURNS or (time.perf_counter() - begin) * (turn + 1) / turn < seconds:
        for name, job in wanted.items():
            found = [took(tree, job) for tree in ((old, new) if turn % 2 else (new, old))]
            times[name].append(found if turn % 2 else found[::-1])
        turn += 1
        print(f"turn {turn}: {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    return [{"job": name, "turns": turn, **_ratios(np.array(found))} for name, found in times.items()]


def _ratios(times: Any) -> dict[str, dict[str, float]]:
    """Of [turns, old and new, clocks] seconds."""
    ratios = {}
    for name, logs in zip(CLOCKS, np.log(times[:, 1] / times[:, 0]).T, strict=True):
        interval = ttest_1samp(logs, 0).confidence_interval()
        mean, low, high = np.exp([logs.mean(), interval.low, interval.high]).tolist()
        ratios[name] = {"ratio": mean, "from": low, "to": high}
    return ratios


def took(tree: Path, job: Job) -> tuple[float, float]:
    """Processor time and waiting time of a job of the checkout `tree`, in seconds: its own, or those of its process."""
    for output in (part for part in job if part.endswith(".parquet")):
        Path(output).unlink(missing_ok=True)  # or the index would be continued
    begin = processes_time(), time.perf_counter()
    run = {"env": {**os.environ, "PYTHONPATH": str(tree), "OMP_WAIT_POLICY": "PASSIVE"}, "cwd": tree}
    done = subprocess.run([sys.executable, *job], capture_output=True, text=True, check=False, **run)
    used, waited = processes_time() - begin[0], time.perf_counter() - begin[1]
    if done.returncode:
        raise ClipselectError(f"{tree}: {' '.join(job)[:80]} fails ({done.stderr.strip()[-200:]}); give another commit")
    if job[0] == "-c":
        used, waited = map(float, done.stdout.split())
    return used, waited


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A folder with the files of a commit, removed afterwards; of "." this checkout itself."""
    if commit == ".":
        yield ROOT
        return
    git = ("git", "-C", str(ROOT), "worktree")
    with tempfile.TemporaryDirectory() as folder:
        added = subprocess.run([*git, "add", "--detach", folder, commit], capture_output=True, text=True, check=False)
        if added.returncode:
            raise ClipselectError(f"{commit}: git cannot check it out ({added.stderr.strip()[-200:]}); give a commit")
        try:
            yield Path(folder)
        finally:
            subprocess.run([*git, "remove", "--force", folder], capture_output=True, check=True)


if __name__ == "__main__":
    run_command(main)
