"""FAN beside averaging and DDL: seeds, losses (the paper's table 1), images per FAN, and blur (table 4).

    python benchmarks/run_fan.py --data DATA/faces --base mobilefacenet_foamliu:FILE.pt --out OUT --only seed_0
    python benchmarks/run_fan.py ... --device cuda --workers 8 --width 32 --steps 100000 --images-per-set 10

Trains and evaluates one run after the other; what is finished is not done again, and a run that was stopped goes on.
OUT/NAME/results.json is what `clipselect evaluate faces` writes, OUT/fan.csv a line per run, data set and method.
OUT/NAME.work/samples shows what a network makes of held-out faces while it learns.
"""

from typing import Any

from set_studies import parser, study

from clipselect.commands.exit_codes import run_command

RUNS: dict[str, dict[str, Any]] = {
    **{f"seed_{seed}": {"seed": seed} for seed in range(3)},
    "without_adversarial": {"adversarial_weight": 0.0},
    "without_discriminative": {"discriminative_weight": 0.0},
    "without_reconstruction": {"reconstruction_weight": 0.0},
    "without_total_variation": {"total_variation_weight": 0.0},
    "average": {"reconstruction": "average"},
}
"""By name, the options that differ from seed_0's, which has all losses and moving centres."""
IMAGES = {f"images_{images}": images for images in (1, 2, 4, 5)}
"""N of seed_0's weights: every N images in turn become one, and the features of these n_avg are averaged. Of sets of 8,
N of 1, 2 and 4 make n_avg 8, 4 and 2; seed_0 itself makes one image of a whole set."""
BLUR = (7, 9, 11, 13, 15, 17)
METHODS = ("average", "ddl", "fan", "ddl_fan")


def main() -> None:
    options = parser(__doc__, {**RUNS, **IMAGES}, steps=20_000)
    options.add_argument("--width", type=int, default=8)
    options.add_argument("--images-per-set", type=int, default=5)
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--learning-rate", type=float, default=5e-4)
    options.add_argument("--workers", type=int, default=0)
    options.add_argument("--device", default="auto")
    given = options.parse_args()
    names = ("width", "images_per_set", "batch", "learning_rate", "steps", "workers", "device")
    common = {name: getattr(given, name) for name in names}
    study(given, "fan", RUNS, common=common, segments=IMAGES, methods=METHODS, blur=[*BLUR])


if __name__ == "__main__":
    run_command(main)
