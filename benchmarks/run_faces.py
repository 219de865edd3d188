"""Verification of sets of faces: averaging all frames beside the best ones by the DDNet, sharp or motion-blurred.

    python benchmarks/run_faces.py --data DATA/faces --base mobilefacenet_foamliu:FILE.pt --blur 7 11 17 --out OUT
    python benchmarks/run_faces.py --data YouTubeFaces/aligned_images_DB --pairs splits.txt --base ... --out OUT
    python benchmarks/run_faces.py --data IJB-C --base r101:FILE.pt --far 1e-4 1e-3 --draws 200 --out OUT

DATA is recognised by what lies in it:
- *_face_tid_mid.txt, there or in meta/: IJB-C or IJB-B with their pairs of templates, faces in loose_crop/;
- verify_metadata_N.csv, anywhere below: IJB-A, all its splits; faces are cut out of images/ by their boxes;
- IDENTITY/SET/frames: YouTube Faces and the like, with the pairs of --pairs (or of DATA/splits.txt), or all pairs;
- IDENTITY/*.jpg, perhaps in val/: disjoint sets are drawn of every identity, once for every seed; all pairs of a draw.
With --list FILE, "folder identity" on every line, DATA/folder is a set of that identity (IQIYI).
Frames are faces already (see `clipselect faces`), but in IJB. Templates of IJB are pooled medium by medium.

--blur: the protocol of the Face Aggregation paper (ICIP 2021): nine of ten frames of every set are blurred along a line
of so many pixels at a random angle, in the 112 x 112 (or whatever the base takes) that the networks see; of a set of n
all but max(1, round(n / 10)). Which, and the angles, depend on the first of --seeds and the set alone.

Writes OUT/results.json (clipselect/evaluation/results.py describes it, `clipselect report OUT` draws it) and
OUT/results.md.
What the networks say about every frame is kept under OUT/cache: a run that was stopped goes on, another --k is quick.
Intervals: identities are drawn again. The rows `oracle...` know the true D-scores, or which frame is sharp.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from clipselect.zoo.embedder_loading import load_embedder
from face_evaluation import AS_THEY_ARE, Condition, conditioned, evaluated, measured
from face_sets import YOUTUBE, FaceSets, drawn_sets, listed_sets, sets_in_folders
from frame_tables import FrameTable, Record
from ijb_sets import ijba, ijbc
from shared import environment, network_record, run, tell, write_results

from clipselect.commands.common import check
from clipselect.commands.stages import Failures, stoppable
from clipselect.data.splits import split_root
from clipselect.errors import ClipselectError
from clipselect.index.inputs import is_folder, visible
from clipselect.media.files import make_folder
from clipselect.media.text import printable
from clipselect.samplers.frame_sampler import FaceFrameSampler
from clipselect.scoring.scorer import load_scorer

SET_SIZES = [5, 10]


def main(arguments: Sequence[str] | None = None) -> None:
    args = parsed(arguments)
    make_folder(args.out)
    with stoppable(args.out):
        benchmark(args)


def benchmark(args: argparse.Namespace) -> None:
    scorer, base = load_scorer(args.model, args.device, elements="frames"), load_embedder(args.base, args.device)
    sets = read(args)
    for name, why in (sets.left_out or {}).items():
        tell(f"{name}: left out, {why}")
    about = {"base": network_record(base), "model": network_record(scorer)}
    if scorer.metadata.get("base_sha256") not in (None, base.sha256):
        tell(f"{scorer.name} was distilled for {scorer.metadata.get('base')}, not for {base.name}: a guess")
    found: dict[str, list[Record]] = {key: [] for key in ("data", "rows", "differences", "ranking")}
    name = args.name or printable(args.data.name or args.data)
    sharp: FrameTable | None = None
    for length in (AS_THEY_ARE, *args.blur):
        condition = conditioned(sets, length, args.seeds[0], name)
        failures = Failures(what="images")
        table = measured(condition, sets, base, scorer, args.out / "cache", failures)
        sharp = sharp or table
        one = evaluated(args, condition, sets, table, sharp, base, about["model"]["gflops"])
        one["data"][0] |= told(sets, condition, table, failures)
        for key in found:
            found[key] += one[key]
        failures.tell()
    words = {"benchmark": "faces", "element": "frame", "group": "set", "files": "images"}
    document = words | {"settings": settings(args), "environment": environment(base.device)}
    write_results(args.out, document | about | found)


def read(args: argparse.Namespace) -> FaceSets:
    """The data set, by what lies in the folder."""
    data: Path = args.data
    if not data.is_dir():
        raise ClipselectError(f"{data}: no such folder; give one with faces, see --help")
    pairs = args.pairs or (data / YOUTUBE if (data / YOUTUBE).is_file() else None)
    root = split_root(data, "val")[0]
    people = [Path(entry.path) for entry in visible(root) if is_folder(entry)]
    ijb_c = any(data.glob("*_face_tid_mid.txt")) or any(data.glob("meta/*_face_tid_mid.txt"))
    ijb_a = next(data.rglob("verify_metadata_*.csv"), None) is not None
    in_folders = any(is_folder(entry) for person in people for entry in visible(person))
    listed = args.list is not None
    drawn = not (listed or ijb_c or ijb_a or in_folders)
    check(drawn or args.set_size is None, f"--set-size is for drawn sets, and {data} has its own; leave it out")
    if listed:
        return listed_sets(data, args.list, pairs)
    if ijb_c or ijb_a:
        check(args.pairs is None, f"--pairs is for sets in folders, and {data} has the pairs of IJB; leave it out")
        return ijbc(data) if ijb_c else ijba(data)
    if in_folders:
        return sets_in_folders(root, pairs)
    check(pairs is None, f"--pairs names sets, and {root} holds none but images of identities; leave it out")
    args.set_size = args.set_size or SET_SIZES  # for the results
    return drawn_sets(data, args.set_size, args.seeds)


def told(sets: FaceSets, condition: Condition, table: FrameTable, failures: Failures) -> Record:
    """What was left out or is doubtful, for the results and on standard error."""
    small, least = list[str](), FaceFrameSampler.min_side
    if table.sides is not None:
        tiny = table.frames[table.sides < least]
        small = [*dict.fromkeys(sets.paths[i] for i in condition.of[tiny])]
        if small and not condition.lengths.any():
            tell(f"{len(small)} faces are smaller than {least} px, {small[0]} the first; they count nevertheless")
    broken = failures.errors | {name: f"{name}: {why}" for name, why in (sets.left_out or {}).items()}
    unreadable = [{"path": printable(path), "error": printable(error)} for path, error in broken.items()]
    return {"unreadable": unreadable, "smaller_than_20_px": len(small)}


def settings(args: argparse.Namespace) -> Record:
    """What decides the figures, for the results file."""
    kept = ("data", "list", "pairs", "set_size", "seeds", "blur", "k", "threshold", "far", "draws", "domains")
    values = {name: getattr(args, name) for name in kept}
    return {name: printable(value) if isinstance(value, Path) else value for name, value in values.items()}


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; a ClipselectError for values that make no sense."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR")
    add("--list", type=Path, metavar="FILE", help='"folder identity" on every line, folders within DIR')
    add("--pairs", type=Path, metavar="FILE", help='as YouTube Faces\' splits.txt: "fold, set, set, 1 or 0"')
    add("--base", required=True, metavar="NETWORK:CHECKPOINT|FILE", help="as for clipselect distill")
    add("--model", metavar="NAME|FILE", help="DDNet (default: the zoo's for faces)")
    add("--k", type=int, nargs="+", default=[1, 3, 5], help="frames that reach the base (default: 1 3 5)")
    add("--threshold", type=float, default=0.15, help="of eq. 7 (default: 0.15)")
    add("--blur", type=float, nargs="+", default=[], metavar="PIXELS", help="lengths of motion blur, as 7 11 17")
    add("--set-size", type=int, nargs="+", metavar="N", help="of drawn sets (default: 5 10)")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of drawn sets and of random K (default: 0 1 2)")
    add("--far", type=float, nargs="+", default=[1e-2, 1e-3], help="false accept rates (default: 1e-2 1e-3)")
    add("--draws", type=int, default=2000, help="of identities, for intervals (default: 2000); fewer for IJB-C")
    add("--domains", nargs="+", default=[], metavar="PREFIX", help="identities to look at by themselves, by name")
    add("--name", help="what results call the data (default: the folder's name)")
    add("--device", default="auto")
    add("--out", type=Path, required=True, metavar="DIR", help="for results.json, results.md and cache")
    args = parser.parse_args(arguments)
    for name, least in (("k", 1), ("set_size", 1), ("seeds", 0)):
        values = getattr(args, name) or SET_SIZES
        option = f"--{name.replace('_', '-')}"
        check(min(values) >= least, f"{option} must be at least {least}, got {min(values)}")
        check(len({*values}) == len(values), f"{option} names one of them twice; name each once")
    check(all(0 < far <= 1 for far in args.far), f"--far must lie in (0, 1], got {args.far}")
    check(all(2 < length <= 101 for length in args.blur), f"--blur must lie in [3, 101], got {args.blur}")
    check(0 <= args.threshold <= 1, f"--threshold must lie in [0, 1], got {args.threshold}")
    check(args.draws >= 20, f"--draws must be at least 20, got {args.draws}")
    return args


if __name__ == "__main__":
    run(main)
