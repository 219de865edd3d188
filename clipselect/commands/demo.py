"""`clipselect demo`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from clipselect.commands.options import Device
from clipselect.media.files import check_writable, make_folder


def demo(
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the video and the page go.")] = Path(
        "clipselect-demo"
    ),
    device: Device = "auto",
) -> None:
    """Make a short untrimmed video, score it, and show the result. Needs no data and no network."""
    from clipselect.commands.output.demo_video import ACTION, write_demo_video
    from clipselect.commands.output.records import scored_video
    from clipselect.commands.outputs import VideoOutputs
    from clipselect.samplers.clip_selector import ClipSelector
    from clipselect.scoring.scorer import load_ddnet

    make_folder(out)
    video, page = out / "demo.mp4", out / "demo.html"
    check_writable(video)
    outputs = VideoOutputs(html=page)
    selector = ClipSelector(scorer=load_ddnet(None, device), k=3)
    write_demo_video(video)
    picks = selector(video)
    result = scored_video(picks, thumbnails=outputs.thumbnails(picks, videos=1))
    outputs.show(result)
    outputs.save([result], selector.settings())
    for line in (
        f"A cartoon: two figures stand about, and scuffle from {ACTION[0]:g} to {ACTION[1]:g} s.",
        f"The same with thumbnails: {page}",
        "Now your own: clipselect score VIDEO --html page.html",
    ):
        outputs.console.print(Text(line))
