"""LFENet beside averaging and DDL: three seeds, and ablations in the shape of the paper's table III.

    python benchmarks/run_lfenet.py --data DATA/faces --base mobilefacenet_foamliu:FILE.pt --out OUT
    python benchmarks/run_lfenet.py ... --only seed_0 seed_1 seed_2

Trains and evaluates one run after the other; what is finished is not done again, and a run that was stopped goes on.
OUT/NAME/results.json is what `clipselect evaluate faces` writes, OUT/lfenet.csv a line per run, data set and method.
"""

import argparse
import csv
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import clipselect
from clipselect.commands.progress import Failures, ProgressDisplay
from clipselect.data.identities import read_identities
from clipselect.scoring.weights_file import load_weights, save_weights
from clipselect.sets.set_network import KIND

RUNS: dict[str, dict[str, Any]] = {
    **{f"seed_{seed}": {"seed": seed} for seed in range(3)},
    **{relation: {"relation": relation} for relation in ("softmax_a", "scaled_dot")},
    **{f"sets_of_{images}": {"images_per_set": images} for images in (1, 5, 7)},
    "keep_good_0": {"keep_good": 0.0},
    "softmax_loss": {"loss": "softmax"},
}
"""By name, the options that differ from the defaults; seed_0 stands for softmax_b and sets of 3."""
THETAS = (1, 2, 5)
"""Of seed_0's weights: training sets are shorter, so theta changes only what they are applied to."""
IDENTITIES = (60, 120)
"""Numbers of training identities beside all of them."""
METHODS = ("average", "ddl", "ddl_all", "lfenet", "ddl_lfenet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--only", nargs="*", default=None)
    given = parser.parse_args()
    runs = {name: (given.data, options) for name, options in RUNS.items()}
    runs |= {f"identities_{n}": (fewer(given.data, given.out / f"data_{n}", n), {}) for n in IDENTITIES}
    weights = {}
    for name, (data, options) in runs.items():
        if given.only is None or name in given.only:
            weights[name] = given.out / f"{name}.safetensors"
            train(data, weights[name], given.base, {"steps": given.steps, **options})
    if "seed_0" in weights:
        weights |= {
            f"theta_{n}": with_theta(weights["seed_0"], given.out / f"theta_{n}.safetensors", n) for n in THETAS
        }
    lines = [line for name, path in weights.items() for line in evaluate(name, path, given.data, given.base, given.out)]
    write_table(given.out / "lfenet.csv", lines)


def write_table(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """The columns of the first line, which is of a method without networks; others may have more."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*lines[0]], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(lines)


def train(data: Path, output: Path, base: str, options: dict[str, Any], network: str = "lfenet") -> None:
    if output.exists():
        return
    with ProgressDisplay() as display:
        how = {**options, "progress": display, "on_error": Failures("images").add}
        clipselect.train_set_network(network, data, output, base=base, **how)


def fewer(data: Path, folder: Path, identities: int) -> Path:
    """A copy of the first so many training identities in an order that does not go by name."""
    if not folder.exists():
        everyone = read_identities([data], "train").identities
        for name in sorted(everyone, key=lambda name: name[::-1])[:identities]:
            shutil.copytree(data / "train" / name, folder / "train" / name)
    return folder


def with_theta(weights: Path, output: Path, theta: int) -> Path:
    """The same weights with segments of another length."""
    tensors, metadata = load_weights(weights, KIND)
    save_weights(output, tensors, {**metadata, "name": output.stem, "max_segment": theta})
    return output


def evaluate(
    name: str, weights: Path, data: Path, base: str, out: Path, methods: Sequence[str] = METHODS, **options: Any
) -> list[dict[str, Any]]:
    """Sets of 3, 5 and 10, as they are, blurred and degraded. All runs share the base's features of the frames.

    Args:
        methods: whose rows are returned.
        options: of `clipselect.evaluate`, that differ.
    """
    folder, cache = out / name, out / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    if not (folder / "cache").exists():
        (folder / "cache").symlink_to(os.path.relpath(cache, folder), target_is_directory=True)
    if not (folder / "results.json").exists():
        how: dict[str, Any] = {"set_size": [3, 5, 10], "blur": [7, 11, 17], "degrade": True, "k": [1, 3, 5]}
        with ProgressDisplay() as display:
            how |= {"set_network": weights, "base": base, "name": "faces", "progress": display} | options
            clipselect.evaluate(data, folder, elements="faces", **how)
    rows = json.loads((folder / "results.json").read_text())["rows"]
    return [{"run": name, **row} for row in rows if row["method"] in methods]


if __name__ == "__main__":
    main()
