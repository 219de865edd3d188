"""The options that several commands share, each described once."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from clipselect.media.candidate_clips import Seconds

N = TypeVar("N", int, float)


def _seconds(text: str) -> "Seconds":
    try:
        return Fraction(text) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{text!r} is no number of seconds; write it as 2.5 or 64/30") from None


def _threshold(text: str | float) -> float | str:
    try:
        return text if str(text).startswith("p") else float(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a score, such as 0.5, nor a percentile, such as p30") from None


def whole_or_none(text: str | int) -> int | None:
    return _or_none(text, int, "is no whole number; write it as 64, or none")


def _gap(text: str | float) -> float | None:
    return _or_none(text, float, "is no number of seconds; write it as 0.5, or none to allow overlap")


def _or_none(text: str | float, number: Callable[[str | float], N], problem: str) -> N | None:
    try:
        return None if text == "none" else number(text)
    except ValueError:
        raise ValueError(f"{text!r} {problem}") from None


def _clip_duration(default: str) -> Any:
    text = f"Length of a clip, as 2.5 or 64/30. (default: {default})"
    return typer.Option(parser=_seconds, metavar="SECONDS", help=text)


def _set_threads(threads: int | None) -> None:
    if threads is not None:
        from clipselect.scoring.threads import set_threads

        set_threads(threads)


# Of clips and frames alike
Threshold = Annotated[
    str | None,
    typer.Option(
        parser=_threshold,
        metavar="SCORE|pN",
        help="Pick only those with a score above this, in [0, 1], or above N % of the clips or frames that the network "
        "was trained on, as p30; at least the best.",
    ),
]
Model = Annotated[
    str | None,
    typer.Option("--scorer", "--model", metavar="NAME|PATH", help="DDNet: a name of the zoo or a weights file."),
]
AnyScorer = Annotated[
    str | None,
    typer.Option(
        "--scorer",
        "--model",
        metavar="NAME|PATH|FILE.onnx:NORMALISATION|FILE.py:NAME",
        help="What scores: a DDNet, a name of the zoo or a weights file; a network or a function of your own; "
        "sharpness, jpeg-bytes, area, motion; or lightqnet:FILE.pb.",
    ),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ... or auto.")]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write JSON; - for standard output.")]
CsvFile = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write CSV; - for standard output.")]
Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        callback=_set_threads,
        help="Threads of decoder and network, each. (default: as many as are fastest on an idle machine)",
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No table, no progress; warnings, doubts about the order, and errors only."),
]

# Of clips
ListPrefix = Annotated[
    Path | None,
    typer.Option(
        "--prefix",
        metavar="DIR",
        help="Where relative paths in lists start from. (default: the current folder, or else the list's)",
    ),
]
K = Annotated[int | None, typer.Option("--k", help="Pick the best K clips. (default: 5, or all with --threshold)")]
ClipDuration = Annotated[float | None, _clip_duration("what the DDNet was trained with")]
BaseClipDuration = Annotated[float | None, _clip_duration("what the base is made for")]
Stride = Annotated[
    float | None,
    typer.Option(
        parser=_seconds, metavar="SECONDS", help="From start to start of candidates. (default: clip duration)"
    ),
]
Candidates = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv",
        help="Windows of one video to rank instead of the grid: columns start and end in seconds, or PySceneDetect's "
        "list of scenes. Scores of windows much longer than the DDNet's clips are a guess.",
    ),
]
MinGap = Annotated[
    float | None,
    typer.Option(
        parser=_gap,
        metavar="SECONDS|none",
        help="Least time from the end of one picked clip to the start of the next; 0 forbids overlap, none allows it.",
    ),
]
DecoderName = Annotated[str, typer.Option(help="pyav or decord.")]
Fps = Annotated[float, typer.Option(help="Frames per second of folders of frames.")]
FrameFolderFps = Annotated[
    float | None, typer.Option("--fps", help="Frames per second of folders of frames. (default: 30)")
]
Fast = Annotated[
    bool,
    typer.Option(
        "--fast",
        help="Estimate the scores in less time: some frames are not decoded, and the nearest decoded ones are used "
        "instead.",
    ),
]
Budget = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Decode at most this share of a long video's frames, such as 0.3; a look at its key frames says which.",
    ),
]

# Of frames
FrameK = Annotated[int | None, typer.Option("--k", help="Pick the best K frames of a group.")]
Share = Annotated[float | None, typer.Option(help="Pick the best share of a group's frames, in (0, 1].")]
FrameGap = Annotated[
    float | None,
    typer.Option(
        "--min-gap",
        help="Least distance of two picks of a group: seconds in a video, otherwise images. (default: they may be "
        "neighbours)",
    ),
]
FramePlot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="A strip of every group, best frame first: .png, .svg or .pdf."),
]
FrameHtml = Annotated[
    Path | None, typer.Option("--html", metavar="FILE.html", help="A page with the picked frames of every group.")
]
EveryFrame = Annotated[bool, typer.Option("--all", help="Print every frame of every group rather than a summary.")]
Save = Annotated[Path | None, typer.Option(metavar="DIR", help="Save the picked frames as PNG files.")]
IndexFile = Annotated[
    Path | None, typer.Option("--index", metavar="FILE.parquet", help="Write the scores for the sampler's index.")
]

# Of bases
BASE_GEOMETRY = (
    "What the base sees of a frame: squash (all of it, made square), short_side:PIXELS (scaled, then the centre "
    "cropped), three_crops:PIXELS (likewise, crops along the longer side averaged), or resize:HEIGHTxWIDTH (squashed, "
    "then cropped)."
)
TRAINED_ON = "(default: what the base was trained on)"
BaseGeometry = Annotated[str | None, typer.Option(metavar="GEOMETRY", help=f"{BASE_GEOMETRY} {TRAINED_ON}")]
BASE = "NAME|PATH|NETWORK:CHECKPOINT|hf:FOLDER|FILE.py:NAME"
"""What a base for clips can be given as."""
BASE_PRECISION = "In which the base computes, 32 or bf16: faster for heavy networks on CPUs with AMX. (default: 32)"
BasePrecision = Annotated[str | None, typer.Option(metavar="32|bf16", help=BASE_PRECISION)]
Explain = Annotated[
    str | None,
    typer.Option(
        metavar=BASE,
        help="Say what this base sees in the picked clips, and in no others: the class nearest to its feature, the "
        "hardest negative, and D of eq. 3 between them. The rows of its head stand for the class centroids.",
    ),
]

# Of training
Data = Annotated[
    Path,
    typer.Option(
        metavar="DIR|LIST|JSON",
        help="Folder of class folders, list of paths and labels (.csv, .txt), or ActivityNet JSON.",
    ),
]
Identities = Annotated[
    list[Path],
    typer.Option(
        "--data", metavar="DIR", help="Folder with a folder of images per identity; may be given several times."
    ),
]
SHARED_NAMES = "A name is the same person in every DATA; who is held out of one is held out of all."
SharedNames = Annotated[bool, typer.Option("--shared-names", help=SHARED_NAMES)]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE.safetensors", help="The weights to write; a card goes beside.")
]
Background = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Videos that show none of the classes, in one folder per domain."),
]
Prefix = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder that the paths in a list or a JSON are relative to."),
]
Steps = Annotated[int, typer.Option(min=1, help="Batches to train on.")]
Batch = Annotated[int, typer.Option(min=2, help="Clips or images in a batch, over all processes.")]
LearningRate = Annotated[float, typer.Option(min=0, help="The highest learning rate of the one-cycle schedule.")]
Seed = Annotated[
    int, typer.Option(min=0, max=2**32 - 1, help="Decides all that is random: one seed, the same weights.")
]
Work = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder for checkpoints, frames and TensorBoard logs; delete it afterwards. (default: beside the output)",
    ),
]
Precision = Annotated[str, typer.Option(help="32, bf16, or auto: bf16 where the hardware is fast at it.")]
Workers = Annotated[
    int, typer.Option(min=0, help="Processes that prepare batches; with a GPU, as many as there are cores.")
]
CacheGigabytes = Annotated[
    float, typer.Option(min=0, help="Disk for frames of training videos; what does not fit is decoded every time.")
]
CheckpointMinutes = Annotated[float, typer.Option(min=0, help="Minutes between checkpoints.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace finished weights that were made with other options.")
]
