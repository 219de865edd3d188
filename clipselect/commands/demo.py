"""`clipselect demo`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from clipselect.commands.options import Device, Settings
from clipselect.commands.output import pages
from clipselect.commands.output.demo import write_demo_video
from clipselect.commands.output.results import Result
from clipselect.commands.outputs import Outputs
from clipselect.media.files import check_writable, make_folder
from clipselect.scoring.scorer import load_scorer


def demo(
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the video and the page go.")] = Path(
        "clipselect-demo"
    ),
    device: Device = "auto",
) -> None:
    """Make a short untrimmed video, score it, and show the result. Needs no data and no network."""
    settings = Settings(k=3, threshold=None, clip_duration=None, stride=None, min_gap=None, decoder="pyav", fps=30.0)
    make_folder(out)
    outputs = Outputs(html=out / "demo.html")
    video = out / "demo.mp4"
    check_writable(video)
    scorer = load_scorer(None, device)
    action = write_demo_video(video)
    scores = settings.score(video, scorer, thumbnail=pages.jpeg)
    result = Result(video, scorer.name, scores, settings.select(scores))
    outputs.show(result)
    outputs.save([result], settings.record(scorer))
    outputs.console.print(
        Text(f"A cartoon: two figures stand about, and scuffle from {action[0]:g} to {action[1]:g} s.")
    )
    outputs.console.print(Text(f"The same with thumbnails: {outputs.html}"))
    outputs.console.print(Text("Now your own: clipselect score VIDEO --html page.html"))
