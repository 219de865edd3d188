"""What the DDNet's size and the base's loss change: the paper's tables 5 and 6, in small.

    python benchmarks/run_face_ablations.py --data DATA/faces --base mobilefacenet_foamliu:FILE.pt --out OUT

Table 5: DDNets of several sizes, distilled for the base as it is. Table 6: the base trained on for --base-steps steps
with another loss each, and the default DDNet distilled for every one. `clipselect train-embedder` and `clipselect
distill-frames` make them, all with the same seed, benchmarks/run_faces.py judges them. D-scores
are the paper's, by cosine. What is done is kept: a run that
was stopped goes on. Writes OUT/VARIANT/results.json, and OUT/ablations.md with a line for each.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kept import call, check_command, keep_command, table
from shared import run

from clipselect.commands.outputs import make_folder
from clipselect.media.files import write_whole

DDNETS: dict[str, list[str]] = {
    "default": [],
    "half_width": ["--widths", "4,8,16,24"],
    "double_width": ["--widths", "16,32,64,96"],
    "one_block": ["--depths", "1,1,1,1"],
}
LOSSES = ("arcface", "cosface", "sphereface", "softmax")
METHODS = ("average", "ddl_threshold", "ddl_threshold_no_rescale", "ddl 3")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", required=True, help="NETWORK:CHECKPOINT, as for clipselect distill-frames")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=[*DDNETS, *LOSSES], default=[*DDNETS, *LOSSES])
    parser.add_argument("--steps", type=int, default=400, help="of every DDNet")
    parser.add_argument("--base-steps", type=int, default=150)
    parser.add_argument("--variants", type=int, default=4, help="degraded variants of every image")
    parser.add_argument("--blur", type=int, default=11, help="as for run_faces.py")
    args = parser.parse_args(arguments)
    for variant in args.only:
        check_command(args.out / variant, commands(variant, args))
    for variant in args.only:
        folder = args.out / variant
        keep_command(folder, commands(variant, args))
        base = trained(variant, folder, args) if variant in LOSSES else args.base
        model = distilled(DDNETS.get(variant, []), base, folder, args)
        if not (folder / "results.json").exists():
            script = Path(__file__).with_name("run_faces.py")
            evaluation = ["--data", args.data, "--base", base, "--model", model, "--blur", args.blur, "--k", 3]
            call(script, *evaluation, "--name", "val", "--out", folder)
        write_whole(args.out / "ablations.md", table(args.out, (*DDNETS, *LOSSES), _line))
    print(table(args.out, (*DDNETS, *LOSSES), _line))


def commands(variant: str, args: argparse.Namespace) -> dict[str, list[str]]:
    """What decides what is made for a variant."""
    made: dict[str, list[object]] = {
        "base": [args.base, *(["--loss", variant, "--steps", args.base_steps] if variant in LOSSES else [])],
        "distill": ["--data", args.data, "--steps", args.steps, "--variants", args.variants, *DDNETS.get(variant, [])],
        "evaluate": ["--blur", args.blur],
    }
    return {name: [str(word) for word in words] for name, words in made.items()}


def trained(loss: str, folder: Path, args: argparse.Namespace) -> str:
    """The base, trained on with a loss."""
    base = folder / "base.safetensors"
    network, _, checkpoint = args.base.partition(":")
    if not base.exists():
        options = ["--network", network, "--initial", checkpoint, "--loss", loss, "--steps", args.base_steps]
        call("-m", "clipselect", "train-embedder", "--data", args.data, *options, "--learning-rate", 3e-4, "-o", base)
    return str(base)


def distilled(sizes: Sequence[str], base: str, folder: Path, args: argparse.Namespace) -> Path:
    model = folder / "ddnet.safetensors"
    if not model.exists():
        if base == args.base:  # the same features for all
            for shared in ("features", "features_held_out"):
                make_folder(args.out / shared)
                make_folder(model.with_suffix(".work"))
                if not (link := model.with_suffix(".work") / shared).exists():
                    link.symlink_to((args.out / shared).resolve())
        recipe = ["--degradations", "faces", "--metric", "cosine", "--variants", args.variants]
        options = [*recipe, "--steps", args.steps, *sizes]
        call("-m", "clipselect", "distill-frames", "--data", args.data, "--base", base, *options, "-o", model)
    return model


def _line(variant: str, document: dict[str, Any], rho: float | None) -> dict[str, str]:
    line = {"variant": f"`{variant}`", "DDNet, M a frame": f"{1000 * document['model']['gflops']:.0f}"}
    line["rho"] = "" if rho is None else f"{rho:.3f}"
    for row in document["rows"]:
        name = f"{row['method']} {row['k'] or ''}".strip()
        if name in METHODS:
            line[f"{row['data'].removeprefix('val, ')}: {name}"] = f"{row['tar_at_far_1e-2']:.1f}"
    return line


if __name__ == "__main__":
    run(main)
