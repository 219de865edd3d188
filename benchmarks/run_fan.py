"""FAN beside averaging and DDL: seeds, losses (the paper's table 1), images per FAN, and blur (table 4).

    python benchmarks/run_fan.py --data DATA/faces --base mobilefacenet_foamliu:FILE.pt --out OUT --only seed_0
    python benchmarks/run_fan.py ... --device cuda --workers 8 --width 32 --steps 100000 --images-per-set 10

Trains and evaluates one run after the other; what is finished is not done again, and a run that was stopped goes on.
OUT/NAME/results.json is what `clipselect evaluate faces` writes, OUT/fan.csv a line per run, data set and method.
OUT/NAME.work/samples shows what a network makes of held-out faces while it learns.
"""

import argparse
from pathlib import Path
from typing import Any

from run_lfenet import evaluate, fewer, train, with_theta, write_table

RUNS: dict[str, dict[str, Any]] = {
    **{f"seed_{seed}": {"seed": seed} for seed in range(3)},
    "without_adversarial": {"adversarial_weight": 0.0},
    "without_discriminative": {"discriminative_weight": 0.0},
    "without_reconstruction": {"reconstruction_weight": 0.0},
    "without_total_variation": {"total_variation_weight": 0.0},
    "average": {"reconstruction": "average"},
}
"""By name, the options that differ from seed_0's, which has all losses and moving centres."""
IMAGES = (1, 5)
"""N of seed_0's weights: every N images in turn become one, and the features of these are averaged. With sets of 3, 5
and 10 that is n_avg; seed_0 itself makes one image of a whole set."""
IDENTITIES = (60, 120)
"""Numbers of training identities beside all of them: the learning curve."""
BLUR = (7, 9, 11, 13, 15, 17)
METHODS = ("average", "ddl", "fan", "ddl_fan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--images-per-set", type=int, default=5)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", nargs="*", default=None)
    given = parser.parse_args()
    names = ("width", "images_per_set", "batch", "learning_rate", "steps", "workers", "device")
    common = {name: getattr(given, name) for name in names}
    weights = {}
    for name, options in (RUNS | {f"identities_{n}": {} for n in IDENTITIES}).items():
        if given.only is None or name in given.only:
            count = name.removeprefix("identities_")
            data = fewer(given.data, given.out / f"data_{count}", int(count)) if count.isdigit() else given.data
            weights[name] = given.out / f"{name}.safetensors"
            train(data, weights[name], given.base, {**common, **options}, "fan")
    if "seed_0" in weights:
        weights |= {
            f"images_{n}": with_theta(weights["seed_0"], given.out / f"images_{n}.safetensors", n) for n in IMAGES
        }
    how = {"blur": [*BLUR], "degrade": False}
    lines = [
        line
        for name, path in weights.items()
        for line in evaluate(name, path, given.data, given.base, given.out, METHODS, **how)
    ]
    write_table(given.out / "fan.csv", lines)


if __name__ == "__main__":
    main()
