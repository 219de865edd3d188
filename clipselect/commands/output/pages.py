"""Results to look at: a plot of the scores and one self-contained HTML page."""

import base64
import io
import warnings
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import jinja2
import numpy as np

from clipselect import __version__
from clipselect.commands.output.display import clock
from clipselect.commands.output.results import Result, clip_records
from clipselect.media.squash import Frame
from clipselect.media.text import printable

PICKED, OTHER = "#1a7f37", "#b8c0c8"
MAX_PLOTS = 50


def jpeg(frame: Frame) -> bytes:
    """A frame [h, w, 3] uint8 RGB as JPEG bytes."""
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = frame.shape[:2]
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1)
    encoder.options = {"q": "4"}
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24").reformat(format="yuvj420p")
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])


def plot_png(results: Sequence[Result]) -> bytes:
    """PNG bytes: one axis per scored video, a bar per clip over its time, picked ones green."""
    from matplotlib.figure import Figure  # slow to import, and not always needed

    scored = [r for r in results if r.scores is not None and r.selection is not None][:MAX_PLOTS]
    figure = Figure(figsize=(11, 0.6 + 2.3 * len(scored)), layout="constrained")
    for axis, result in zip(np.atleast_1d(figure.subplots(len(scored), squeeze=True)), scored, strict=True):
        records = clip_records(result)
        axis.bar(
            [r["start"] for r in records],
            [r["score"] for r in records],
            [r["end"] - r["start"] for r in records],
            align="edge",
            color=[PICKED if r["picked"] else OTHER for r in records],
            edgecolor="white",
            linewidth=0.5,
            alpha=0.85,
        )
        assert result.scores is not None
        axis.set(xlim=(0, float(result.scores.duration)), ylim=(0, 1), xlabel="seconds", ylabel="score")
        axis.set_title(printable(Path(result.path).name).replace("$", r"\$"), loc="left", fontsize=10)
        axis.grid(axis="y", alpha=0.3)
    left_out = sum(r.scores is not None for r in results) - len(scored)
    if left_out:
        figure.suptitle(f"the first {len(scored)} videos; {left_out} more are in the other outputs", fontsize=10)
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that the font lacks
        figure.savefig(out, format="png", dpi=110)
    return out.getvalue()


def html_page(results: Sequence[Result], settings: dict[str, Any]) -> str:
    """One page without outside references: per video a timeline of scores and a thumbnail of every clip."""
    environment = jinja2.Environment(loader=jinja2.PackageLoader("clipselect.commands.output", ""), autoescape=True)
    return environment.get_template("page.html.jinja").render(
        version=__version__, settings=settings, videos=[_video(r) for r in results if r.scores is not None],
        failed=[(printable(r.path), printable(r.error)) for r in results if r.error is not None],
    )  # fmt: skip


def _video(result: Result) -> dict[str, Any]:
    scores = result.scores
    assert scores is not None
    duration = float(scores.duration)
    clips = [
        {
            **record,
            "x": 1000 * record["start"] / duration,
            "width": 1000 * (record["end"] - record["start"]) / duration,
            "when": f"{clock(record['start'])} - {clock(record['end'])}",
            "thumbnail": base64.b64encode(picture).decode(),
        }
        for record, picture in zip(clip_records(result), scores.thumbnails, strict=True)
    ]
    return {
        "path": printable(result.path),
        "duration": clock(duration),
        "model": scores.model,
        "warnings": scores.source.warnings,
        "aspect": scores.source.aspect,
        "seconds": scores.seconds,
        "clips": clips,
        "picked": sum(c["picked"] for c in clips),
        "ticks": [{"x": 100 * i / 8, "label": clock(duration * i / 8)} for i in range(9)],
    }
