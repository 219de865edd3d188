"""`clipselect evaluate faces` and `clipselect evaluate persons`: every method on sets of frames."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clipselect.commands.evaluate import Out, Quiet, run_evaluation
from clipselect.commands.options import Device, Threads
from clipselect.scoring import shipped

if TYPE_CHECKING:
    from clipselect.evaluation.sets.faces import FaceEvaluation
    from clipselect.evaluation.sets.persons import PersonEvaluation

Base = Annotated[
    str, typer.Option("--base", metavar="NETWORK:CHECKPOINT|FILE", help="Embedder, as for clipselect distill.")
]
FaceModel = Annotated[str | None, typer.Option("--model", metavar="NAME|FILE", help="DDNet. (default: for faces)")]
SetNetworks = Annotated[
    list[Path],
    typer.Option(
        "--set-network",
        metavar="FILE",
        help="Weights by train-set-network, on all frames; LFENet and FAN also on the best K.",
    ),
]
Weighers = Annotated[
    list[Path],
    typer.Option(
        "--set-network",
        metavar="FILE",
        help="Weights of nan, qan, gfan or temporal by train-set-network, on all frames.",
    ),
]
Flips = Annotated[
    bool, typer.Option("--flips", help="Also the frames that are most like their mirror images to the base.")
]
Dropout = Annotated[
    bool, typer.Option("--dropout", help="Also the frames that the base embeds most alike with dropout (SER-FIQ).")
]
Qualities = Annotated[
    list[str],
    typer.Option(
        "--quality",
        metavar="NAME|FILE",
        help="Also the frames best by sharpness, jpeg-bytes, lightqnet:FILE.pb, FILE.onnx:NORMALISATION or "
        "FILE.py:NAME.",
    ),
]
PersonModel = Annotated[str, typer.Option("--model", metavar="NAME|FILE", help="DDNet that scores the frames.")]
Ks = Annotated[list[int], typer.Option("--k", help="Frames that reach the base.")]
Threshold = Annotated[float, typer.Option(help="ddl_threshold keeps the frames that score above it (eq. 7).")]
FaceData = Annotated[Path, typer.Option("--data", metavar="DIR", help="Faces, see above.")]
SetList = Annotated[
    Path | None, typer.Option("--list", metavar="FILE", help='"folder identity" on every line, folders within DIR.')
]
Pairs = Annotated[
    Path | None, typer.Option(metavar="FILE", help="As YouTube Faces' splits.txt: fold, set, set, 1 or 0.")
]
LongestSegment = Annotated[
    int | None,
    typer.Option(
        "--max-segment", metavar="N", help="Frames that an LFENet or FAN takes at once. (default: as it was trained)"
    ),
]
Blur = Annotated[list[float], typer.Option(metavar="PIXELS", help="Lengths of motion blur, such as 7 11 17.")]
DegradeAll = Annotated[bool, typer.Option("--degrade", help="Also with every frame degraded, more or less.")]
SetSize = Annotated[
    list[int] | None,
    typer.Option(metavar="N", help="Frames of a drawn set; each size is measured by itself. (default: 5 10)"),
]
FaceSeeds = Annotated[list[int], typer.Option(help="Each draws sets, and K frames at random; the first also degrades.")]
Fars = Annotated[list[float], typer.Option(help="False accept rates.")]
Draws = Annotated[int, typer.Option(help="Bootstrap samples of the identities for the intervals; 200 for IJB-C.")]
Prefixes = Annotated[
    list[str],
    typer.Option(metavar="PREFIX", help="Also measure the identities whose names begin with PREFIX by themselves."),
]
Name = Annotated[str | None, typer.Option(help="What results call the data. (default: the folder's name)")]
TrackletData = Annotated[list[Path], typer.Option("--data", metavar="DIR", help="Folders of tracklets.")]
LayoutName = Annotated[str | None, typer.Option(help="How files are named. (default: recognised by the names)")]
TrainedOn = Annotated[list[Path], typer.Option(metavar="DIR", help="Leave out identities of this training data.")]
Identities = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Whom to evaluate: names, or tracks_test_info.mat of X-MARS."),
]
Pool = Annotated[bool, typer.Option("--pool", help="Search in all folders of --data at once, too.")]
Degrade = Annotated[float, typer.Option(metavar="P", help="Fraction of frames to degrade; 0 for none.")]
PersonSeeds = Annotated[list[int], typer.Option(help="Each degrades frames, and draws K at random.")]
ImageGap = Annotated[
    float | None,
    typer.Option("--min-gap", metavar="N", help="Least distance of images that are kept; 2 leaves one out."),
]
Metric = Annotated[str, typer.Option(help="Distance of features: euclidean or cosine.")]


def faces(
    *,
    data: FaceData,
    base: Base,
    out: Out,
    model: FaceModel = None,
    set_network: SetNetworks = [],  # noqa: B006
    max_segment: LongestSegment = None,
    flips: Flips = False,
    dropout: Dropout = False,
    quality: Qualities = [],  # noqa: B006
    set_list: SetList = None,
    pairs: Pairs = None,
    k: Ks = [1, 3, 5],  # noqa: B006, typer copies it
    threshold: Threshold = 0.15,
    blur: Blur = [],  # noqa: B006
    degrade: DegradeAll = False,
    set_size: SetSize = None,
    seeds: FaceSeeds = [0, 1, 2],  # noqa: B006
    far: Fars = [1e-2, 1e-3],  # noqa: B006
    draws: Draws = 2000,
    domains: Prefixes = [],  # noqa: B006
    name: Name = None,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Frames of sets of faces: accuracy of verification.

    Averaging all frames beside the best ones, sharp, motion-blurred or degraded.
    DIR holds IDENTITY/*.jpg (sets are drawn), IDENTITY/SET/frames (as YouTube Faces), or IJB-A, -B or -C as published.

    An evaluation that was stopped continues when the same command is given again; another --k is quick.
    `clipselect report OUT` draws the results. Several values follow one option: --k 1 3 5.
    """
    values = dict(locals())
    from clipselect.evaluation.sets.faces import FaceEvaluation

    options = _options(FaceEvaluation, values) | {"set_size": set_size or None}
    run_evaluation(FaceEvaluation(**options), out, quiet=quiet, what="image")


def persons(
    *,
    data: TrackletData,
    base: Base,
    out: Out,
    model: PersonModel = shipped.PERSON_DDNET,
    layout: LayoutName = None,
    trained_on: TrainedOn = [],  # noqa: B006, typer copies it
    identities: Identities = None,
    pool: Pool = False,
    degrade: Degrade = 0.0,
    set_network: Weighers = [],  # noqa: B006
    flips: Flips = False,
    dropout: Dropout = False,
    quality: Qualities = [],  # noqa: B006
    k: Ks = [1, 2, 4],  # noqa: B006
    threshold: Threshold = 0.5,
    min_gap: ImageGap = None,
    seeds: PersonSeeds = [0, 1, 2],  # noqa: B006
    metric: Metric = "euclidean",
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Frames of tracklets of persons: accuracy of re-identification.

    Mean average precision and CMC by the protocol of MARS.
    DIR is a folder of MARS, Market-1501, iLIDS-VID or PRID 2011, or IDENTITY/CAMERA/TRACK/*.jpg.

    An evaluation that was stopped continues when the same command is given again; another --k opens no image.
    `clipselect report OUT` draws the results. Several values follow one option: --k 1 2 4.
    """
    values = dict(locals())
    from clipselect.evaluation.sets.persons import PersonEvaluation

    run_evaluation(PersonEvaluation(**_options(PersonEvaluation, values)), out, quiet=quiet, what="image")


def _options(kind: "type[FaceEvaluation | PersonEvaluation]", values: dict[str, Any]) -> dict[str, Any]:
    return {field.name: values[field.name] for field in fields(kind)}
