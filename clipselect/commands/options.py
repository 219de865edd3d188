"""The options that `score` and `classify` share, and what they mean."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer

from clipselect.commands.common import check
from clipselect.media.candidates import Seconds, exact_seconds
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.sources import Backend, open_source
from clipselect.media.squash import Frame
from clipselect.method.selection import Selection, select
from clipselect.scoring.scorer import Scorer
from clipselect.scoring.video_scores import VideoScores, score_video

DEFAULT_K = 5

K = Annotated[
    int | None, typer.Option("--k", help=f"Pick the best K clips. (default: {DEFAULT_K}, or all with --threshold)")
]
Threshold = Annotated[float | None, typer.Option(help="Pick clips with a score above this, in [0, 1]; never none.")]


def _seconds(text: str) -> Seconds:
    try:
        return Fraction(text) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{text!r} is no number of seconds; write it as 2.5 or 64/30") from None


ClipDuration = Annotated[
    float | None,
    typer.Option(
        parser=_seconds,
        metavar="SECONDS",
        help="Length of a clip, as 2.5 or 64/30. (default: what the network was trained with)",
    ),
]
Stride = Annotated[
    float | None,
    typer.Option(parser=_seconds, metavar="SECONDS", help="Between the starts of candidates. (default: clip duration)"),
]
MinGap = Annotated[
    float | None,
    typer.Option(help="Seconds between the end of one picked clip and the start of the next; 0 forbids overlap."),
]
Model = Annotated[str | None, typer.Option(metavar="NAME|PATH", help="DDNet: a name of the zoo or a weights file.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ... or auto.")]
DecoderName = Annotated[str, typer.Option(help="pyav or decord.")]
Fps = Annotated[float, typer.Option(help="Frames per second of folders of frames.")]
Fast = Annotated[bool, typer.Option("--fast", help="Estimate the scores without decoding every frame, in less time.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="[FILE]", help="Write JSON; without FILE to standard output.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No table, no progress; warnings and errors only.")]


@dataclass(frozen=True)
class Settings:
    """How to score and select; a ClipselectError that names the option if a value makes no sense."""

    k: int | None
    threshold: float | None
    clip_duration: float | None
    stride: float | None
    min_gap: float | None
    decoder: str
    fps: float
    fast: bool = False

    def __post_init__(self) -> None:
        check(self.k is None or self.k >= 1, f"--k must be at least 1, got {self.k}")
        in_range = self.threshold is None or 0 <= self.threshold <= 1
        check(in_range, f"--threshold must lie in [0, 1], got {self.threshold}")
        far = self.min_gap is None or 0 <= self.min_gap < float("inf")
        check(far, f"--min-gap must be at least 0 seconds, got {self.min_gap}")
        check(self.decoder in get_args(Backend), f"--decoder must be pyav or decord, got {self.decoder}")
        check(not self.fast or self.decoder == "pyav", "--fast is for --decoder pyav; leave one of them out")
        for value, option in (
            (self.clip_duration, "clip_duration"),
            (self.stride, "stride"),
            (self.fps, "fps"),
        ):
            if value is not None:
                exact_seconds(value, option)
        check(0.001 <= self.fps <= 10_000, f"--fps must lie between 0.001 and 10000, got {self.fps}")

    def score(
        self,
        path: Path,
        scorer: Scorer,
        progress: ProgressCallback = no_progress,
        thumbnail: Callable[[Frame], bytes] | None = None,
    ) -> VideoScores:
        source = open_source(path, decoder=cast(Backend, self.decoder), fps=self.fps)
        return score_video(
            source,
            scorer,
            clip_duration=self.clip_duration,
            stride=self.stride,
            fast=self.fast,
            progress=progress,
            thumbnail=thumbnail,
        )

    def select(self, scores: VideoScores) -> Selection:
        """The best K, those above the threshold, or the best K of those above the threshold."""
        k = DEFAULT_K if self.k is None and self.threshold is None else self.k
        return select(scores.scores, scores.spans, k=k, threshold=self.threshold, min_gap=self.min_gap)

    def record(self, scorer: Scorer) -> dict[str, Any]:
        """The settings as they go into results, with defaults filled in."""
        duration = scorer.clip_duration if self.clip_duration is None else self.clip_duration
        return {
            "model": scorer.name,
            "k": DEFAULT_K if self.k is None and self.threshold is None else self.k,
            "threshold": self.threshold,
            "clip_duration": float(duration),
            "stride": float(duration if self.stride is None else self.stride),
            "min_gap": self.min_gap,
            "decoder": self.decoder,
            "fps": self.fps,
            "fast": self.fast,
            "device": str(scorer.device),
        }
