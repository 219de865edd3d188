"""Many short videos through one process: memory and open files must stay where they are.

    python tests/fuzz/run_soak.py --count 2000 --out OUT

The small files of run_fuzz.py, whole ones and every fourth one damaged, are scored one after the other, exactly and
fast in turns, in this process. Resident memory and open file descriptors are noted every 100 videos; the first tenth
warms up. Writes OUT/soak.json; exit code 1 if descriptors are left open or memory grew by more than --megabytes.
"""

import argparse
import gc
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from run_fuzz import make_files, mutations

from clipselect import VideoError, load_scorer, open_source, score_video
from clipselect.commands.exit_codes import run_command
from clipselect.evaluation.provenance import environment
from clipselect.media.files import make_folder, write_whole

NOTED_EVERY = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--megabytes", type=float, default=20.0)
    parser.add_argument("--out", type=Path, required=True, help="folder for soak.json")
    arguments = parser.parse_args()
    make_folder(arguments.out)
    with tempfile.TemporaryDirectory() as scratch:
        found = soak(Path(scratch), arguments.count)
    document = {"benchmark": "soak", "environment": environment(torch.device("cpu")), **found}
    write_whole(arguments.out / "soak.json", json.dumps(document, indent=1) + "\n")
    print(json.dumps({key: found[key] for key in ("outcomes", "grown_mb", "descriptors_left")}))
    if found["descriptors_left"] or found["grown_mb"] > arguments.megabytes:
        sys.exit(1)


def soak(folder: Path, count: int) -> dict[str, Any]:
    """What became of the videos, and memory and descriptors after every so many."""
    originals = make_files(folder)
    damaged = [data for _, _, data in mutations(originals, seed=0, count=len(originals) * 6)]
    whole, scorer = [*originals.items()], load_scorer(device="cpu")
    outcomes: Counter[str] = Counter()
    noted: list[dict[str, float]] = []
    for i in track(range(count)):
        name, data = whole[i % len(whole)]
        path = folder / f"now{Path(name).suffix}"
        path.write_bytes(damaged[i % len(damaged)] if i % 4 == 0 else data)
        try:
            score_video(open_source(path), scorer, stride=0.5, fast=bool(i % 2))
            outcomes["scored"] += 1
        except VideoError:
            outcomes["VideoError"] += 1
        if (i + 1) % NOTED_EVERY == 0 or i + 1 == count:
            noted.append({"videos": i + 1, "resident_mb": resident_megabytes(), "descriptors": descriptors()})
    after_warm_up = next(n for n in noted if n["videos"] >= count / 10)
    return {
        "outcomes": dict(outcomes),
        "grown_mb": noted[-1]["resident_mb"] - after_warm_up["resident_mb"],
        "descriptors_left": int(noted[-1]["descriptors"] - after_warm_up["descriptors"]),
        "noted": noted,
    }


def resident_megabytes() -> float:
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def descriptors() -> int:
    gc.collect()
    return len([*Path("/proc/self/fd").iterdir()])


if __name__ == "__main__":
    run_command(main)
