"""What every choice in distilling buys: one DDNet per variant, all judged by benchmarks/run_kinetics.py.

    python benchmarks/run_ablations.py --base base.safetensors --data actions --background background \\
        --domains benchmarks/actions_domains.csv --out OUT

Every variant changes one thing of the default recipe (`VARIANTS`), is distilled by `clipselect distill` with the same
seed and steps, and evaluated on composed untrimmed videos. What is done is kept, with the commands that made it
(OUT/VARIANT/command.json): a run that was stopped goes on, another variant is only added, and what other arguments made
is refused. Writes OUT/VARIANT/results.json, and OUT/ablations.md with a line for each.
"""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kept import call, check_command, keep_command, table
from shared import run

from clipselect.media.files import make_folder, write_whole

VARIANTS: dict[str, list[str]] = {
    "default": [],
    "confidence": ["--target", "confidence"],
    "unlabelled": ["--target", "head"],
    "euclidean": ["--metric", "euclidean"],
    "difference": ["--contrast", "difference"],
    "mse": ["--loss", "mse"],
    "ranking": ["--loss", "ranking"],
    "stride_1": ["--stride", "1"],
    "half_width": ["--widths", "4,8,16,24"],
    "double_width": ["--widths", "16,32,64,96"],
    "one_block": ["--depths", "1,1,1,1"],
    "resnet34": ["--depths", "3,4,6,3"],
    "4_frames": ["--frames", "4"],
    "16_frames": ["--frames", "16"],
    "80_px": ["--size", "80"],
    "full_stem": ["--stem-stride", "1"],
}
KS = (1, 3, 5)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="as for clipselect distill")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--background", type=Path, required=True)
    parser.add_argument("--domains", type=Path, required=True, help="CSV of class,domain for the hard compositions")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=[*VARIANTS], default=[*VARIANTS], help="these variants")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    make_folder(args.out)
    for variant in args.only:
        check_command(args.out / variant, commands(variant, args))
    for variant in args.only:
        keep_command(args.out / variant, commands(variant, args))
        evaluate(variant, distilled(variant, args), args)
        write_whole(args.out / "ablations.md", table(args.out, VARIANTS, _line))
    print(table(args.out, VARIANTS, _line))


def commands(variant: str, args: argparse.Namespace) -> dict[str, list[str]]:
    """What is run for a variant, but for the files that it writes."""
    data = ["--data", args.data, "--background", args.background, "--base", args.base]
    recipe = ["--stride", 0.5, "--steps", args.steps, "--seed", args.seed, *VARIANTS[variant]]
    compositions = ["--compose", "mixed", "hard", "--domains", args.domains, "--k", *KS, "--timed", 0]
    return {"distill": [str(a) for a in (*data, *recipe)], "evaluate": [str(a) for a in (*data, *compositions)]}


def distilled(variant: str, args: argparse.Namespace) -> Path:
    """The DDNet of a variant; made now, if it is not there."""
    model = args.out / variant / "ddnet.safetensors"
    if not model.exists():
        work = model.with_suffix(".work")
        make_folder(work)
        for shared in ("frames", "features"):  # the same for all, but for features of other candidates
            if shared == "frames" or "--stride" not in VARIANTS[variant]:
                make_folder(args.out / shared)
                if not (work / shared).exists():
                    (work / shared).symlink_to((args.out / shared).resolve())
        call("-m", "clipselect", "distill", *commands(variant, args)["distill"], "-o", model)
    return model


def evaluate(variant: str, model: Path, args: argparse.Namespace) -> None:
    folder = model.parent
    if not (folder / "results.json").exists():
        script = Path(__file__).with_name("run_kinetics.py")
        call(script, *commands(variant, args)["evaluate"], "--model", model, "--out", folder)


def _line(variant: str, document: dict[str, Any], rho: float | None) -> dict[str, str]:
    line = {
        "variant": f"`{shlex.join(VARIANTS[variant]) or variant}`",
        "G a clip": f"{document['model']['gflops']:.3f}",
    }
    line["rho"] = "" if rho is None else f"{rho:.3f}"
    for entry in document["ranking"]:
        line[f"AUC {entry['data']}"] = "" if entry["auc_ddnet"] is None else f"{entry['auc_ddnet']:.3f}"
    for row in document["rows"]:
        if row["method"] == "ddl":
            line[f"{row['data']}, K = {row['k']}"] = f"{row['top1']:.1f}"
    return line


if __name__ == "__main__":
    run(main)
