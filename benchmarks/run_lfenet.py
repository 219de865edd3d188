"""LFENet beside averaging and DDL: three seeds, and ablations in the shape of the paper's table III.

    python benchmarks/run_lfenet.py --data DATA/faces --base mobilefacenet_foamliu:FILE.pt --out OUT
    python benchmarks/run_lfenet.py ... --only seed_0 seed_1 seed_2

Trains and evaluates one run after the other; what is finished is not done again, and a run that was stopped goes on.
OUT/NAME/results.json is what `clipselect evaluate faces` writes, OUT/lfenet.csv a line per run, data set and method.
"""

from typing import Any

from set_studies import parser, study

from clipselect.commands.exit_codes import run_command

RUNS: dict[str, dict[str, Any]] = {
    **{f"seed_{seed}": {"seed": seed} for seed in range(3)},
    **{relation: {"relation": relation} for relation in ("softmax_a", "scaled_dot")},
    **{f"sets_of_{images}": {"images_per_set": images} for images in (1, 5, 7)},
    "keep_good_0": {"keep_good": 0.0},
    "softmax_loss": {"loss": "softmax"},
}
"""By name, the options that differ from the defaults; seed_0 stands for softmax_b and sets of 3."""
THETAS = {f"theta_{theta}": theta for theta in (1, 2, 5)}
"""Of seed_0's weights: training sets are shorter, so theta changes only what they are applied to."""
METHODS = ("average", "ddl", "ddl_all", "lfenet", "ddl_lfenet")


def main() -> None:
    given = parser(__doc__, {**RUNS, **THETAS}, steps=4000).parse_args()
    common = {"steps": given.steps}
    study(given, "lfenet", RUNS, common=common, segments=THETAS, methods=METHODS, blur=[7, 11, 17], degrade=True)


if __name__ == "__main__":
    run_command(main)
