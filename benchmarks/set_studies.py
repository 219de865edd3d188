"""What run_lfenet.py and run_fan.py share: a network of sets, trained in several ways, and every one of them evaluated.

What is finished is not done again: the library goes on with what lies in OUT, and refuses what other options made.
"""

import argparse
import csv
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import clipselect
from clipselect.commands.progress import Failures, ProgressDisplay
from clipselect.data.identities import read_identities
from clipselect.errors import ArgumentError
from clipselect.evaluation.results import RESULTS_NAME
from clipselect.training.training_call import FinishedError

Options = Mapping[str, Any]

IDENTITIES = {f"identities_{count}": count for count in (60, 120)}
"""By name, the numbers of training identities beside all of them: the learning curve."""


def parser(description: str | None, runs: Iterable[str], steps: int) -> argparse.ArgumentParser:
    """The options of every study; `runs` are the names of its trainings besides the learning curve."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, required=True)
    made.add_argument("--base", required=True)
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--steps", type=int, default=steps)
    made.add_argument("--set-size", type=int, nargs="+", default=[3, 5, 10])
    made.add_argument("--blur", type=int, nargs="+", help="pixels, in place of those of the study")
    made.add_argument("--only", nargs="+", choices=[*runs, *IDENTITIES], metavar="RUN", help="these alone")
    return made


def study(
    given: argparse.Namespace,
    network: str,
    runs: Mapping[str, Options],
    *,
    common: Options,
    segments: Mapping[str, int],
    methods: Sequence[str],
    **how: Any,
) -> None:
    """Train and evaluate one run after the other, and write OUT/NETWORK.csv: a line per run, data set and method.

    Args:
        given: what `parser` parsed.
        runs: by name, the options of a training that differ from `common`.
        segments: by name, the longest segment of sets with which seed_0's weights are evaluated, too.
        methods: whose rows the file has.
        how: options of `clipselect.evaluate`.
    """
    if given.only and "seed_0" not in given.only and {*segments} & {*given.only}:
        raise ArgumentError("only", "must hold seed_0, too: segments are of its weights")
    given.out.mkdir(parents=True, exist_ok=True)
    how = {"set_size": given.set_size, **how} | ({"blur": given.blur} if given.blur else {})
    weights = dict[str, Path]()
    for name in (*runs, *IDENTITIES):
        if given.only is None or name in given.only:
            data = fewer(given.data, given.out, IDENTITIES[name]) if name in IDENTITIES else given.data
            weights[name] = given.out / f"{name}.safetensors"
            train(network, data, weights[name], given.base, {**common, **runs.get(name, {})})
    if "seed_0" in weights:
        weights |= {name: weights["seed_0"] for name in segments if given.only is None or name in given.only}
    rows = [
        {"run": name, **row}
        for name, file in weights.items()
        for row in evaluate(
            file, given.data, given.base, given.out / name, given.out / "cache", **how, max_segment=segments.get(name)
        )
        if row["method"] in methods
    ]
    columns = dict.fromkeys(column for row in rows for column in row)
    with (given.out / f"{network}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*columns])
        writer.writeheader()
        writer.writerows(rows)


def train(network: str, data: Path, output: Path, base: str, options: Options) -> None:
    with ProgressDisplay() as display, suppress(FinishedError):
        how = {**options, "progress": display, "on_error": Failures("image").add}
        clipselect.train_set_network(network, data, output, base=base, **how)


def fewer(data: Path, out: Path, identities: int) -> Path:
    """A copy of the first so many training identities in an order that does not go by name."""
    folder = out / f"data_{identities}"
    if not folder.exists():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        everyone = read_identities([data], "train").identities
        for name in sorted(everyone, key=lambda name: name[::-1])[:identities]:
            shutil.copytree(data / "train" / name, part / "train" / name)
        part.rename(folder)
    return folder


def evaluate(weights: Path, data: Path, base: str, out: Path, cache: Path, **how: Any) -> list[dict[str, Any]]:
    """The rows of its table. All runs share the base's features of the frames, which lie in `cache`."""
    for folder in (cache, out):
        folder.mkdir(exist_ok=True)
    if not (out / "cache").exists():
        (out / "cache").symlink_to(os.path.relpath(cache, out), target_is_directory=True)
    how = {"k": [1, 3, 5], "name": "faces", **how}
    with ProgressDisplay() as display:
        clipselect.evaluate(data, out, elements="faces", base=base, set_network=weights, progress=display, **how)
    rows: list[dict[str, Any]] = json.loads((out / RESULTS_NAME).read_text())["rows"]
    return rows
