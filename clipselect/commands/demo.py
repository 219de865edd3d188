"""`clipselect demo`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from clipselect import pages, results
from clipselect.commands.score import Device, report
from clipselect.demo import write_demo_video
from clipselect.errors import ClipselectError
from clipselect.results import Result
from clipselect.scorer import load_scorer, score_video
from clipselect.selection import top_k
from clipselect.sources import open_source

K = 3


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the video and the page go.")] = Path("clipselect-demo"),
    device: Device = "auto",
) -> None:
    """Make a short untrimmed video, score it, and show the result. Needs no data and no network."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ClipselectError(f"{out}: cannot be made a folder ({e.strerror}); choose another with --out") from e
    console = Console(highlight=False)
    video, page = out / "demo.mp4", out / "demo.html"
    results.check_writable(video)
    results.check_writable(page)
    scorer = load_scorer(None, device)
    action = write_demo_video(video)
    scores = score_video(open_source(video), scorer, thumbnail=pages.jpeg)
    result = Result(video, scorer.name, scores, top_k(scores.scores, K))
    results.write_whole(page, pages.html_page([result], {"k": K, "clip_duration": scorer.clip_duration, "model": scorer.name}))
    report(result, console, quiet=False)
    console.print(Text(f"A cartoon: two figures stand about, and scuffle between {action[0]:g} s and {action[1]:g} s."))
    console.print(Text(f"The same with thumbnails: {page}. Now your own: clipselect score VIDEO --html page.html"))
