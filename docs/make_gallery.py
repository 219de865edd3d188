"""Makes the outputs in docs/gallery.md and README.md: runs the recipes on videos that it makes, keeps what comes out.

    python docs/make_gallery.py [NAME ...]

Between the markers it puts the recipe and its output. Run it again when weights or recipes have changed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import numpy as np
from marked_blocks import ROOT, blocks, fill_pages, filled
from numpy.typing import NDArray
from PIL import Image

from clipselect.data.degradations import degrade
from clipselect.media.extract import write_frames

PAGE = ROOT / "docs" / "gallery.md"
EXAMPLES, PICTURES = ROOT / "examples", ROOT / "docs" / "gallery"
OUTPUT = re.compile(r"```text\n(.*?)```", re.DOTALL)
FIRST_LINES = 6
FACE = (152, 34, 273, 155)
"""Left, top, right, bottom of a clear face in docs/faces.png, a photograph in the public domain."""


def recipe(name: str, output: str) -> str:
    """The block of a recipe: its code as the file has it, and what it printed."""
    code = (EXAMPLES / f"{name}.py").read_text("utf-8").partition('"""\n\n')[2]
    return f"\n<!-- not run: tests/test_examples.py does -->\n```python\n{code}```\n\n```text\n{output}```\n\n"


def with_the_code_of_now(page: str) -> str:
    """The page with every recipe as its file has it; outputs stay."""
    outputs = {name: OUTPUT.search(block) for name, block in blocks(page).items()}
    return filled(page, {name: partial(recipe, name, found[1] if found else "") for name, found in outputs.items()})


def first_lines() -> str:
    """The first lines that `clipselect score` prints of the demo's video."""
    here, command = Path.cwd(), [sys.executable, "-m", "clipselect"]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            subprocess.run([*command, "demo"], capture_output=True, check=True)
            score = [*command, "score", "clipselect-demo/demo.mp4", "--k", "3"]
            wide = {**os.environ, "COLUMNS": "200"}
            output = subprocess.run(score, capture_output=True, check=True, encoding="utf-8", env=wide).stdout
        finally:
            os.chdir(here)
    lines = [line.rstrip() for line in output.splitlines()[:FIRST_LINES]]
    return "\n".join(["```console", "$ clipselect " + " ".join(score[3:]), *lines, "```\n"])


def made_face_video() -> list[str]:
    """A face that moves through a grey room, with what makes frames of videos bad."""
    rng, size = np.random.default_rng(4), 240
    with Image.open(ROOT / "docs" / "faces.png") as strip:
        face = np.asarray(strip.convert("RGB").crop(FACE))

    def frame(number: int) -> NDArray[np.uint8]:
        image = np.full((size, size + 80, 3), 128, np.uint8)
        shown = face if number % 3 == 0 else degrade(face, "faces", rng, severity=0.4)
        image[50 : 50 + len(face), 20 + 4 * number : 20 + 4 * number + face.shape[1]] = shown
        return image

    write_frames(Path("party.mp4"), (frame(number) for number in range(24)), 12, size + 80, size)
    return ["party.mp4"]


def all_faces_in_a_row() -> None:
    """The frames of the video beside the one that was chosen."""
    with av.open("party.mp4") as video:
        frames = [frame.to_image().crop((0, 40, 320, 190)) for frame in video.decode(video=0)][::4]
    best = Image.open("best_faces/track_1.png")
    row = Image.new("RGB", (sum(frame.width for frame in frames[:3]) + 20 + 150, 310), "white")
    for i, frame in enumerate(frames[:6]):
        row.paste(frame, (i % 3 * 322, i // 3 * 155))
    row.paste(best.resize((150, 150)), (3 * 322 + 14, 80))
    row.save("best_faces.png")


RECIPES: dict[str, tuple[Callable[[], list[str]], Callable[[], None]]] = {
    "rank_video": (list, lambda: None),
    "distil_in_five_minutes": (list, lambda: None),
    "which_k": (list, lambda: None),
    "best_faces": (made_face_video, all_faces_in_a_row),
    "clips_in_dataloader": (list, lambda: None),
    "explain_pick": (list, lambda: None),
}
"""Recipe -> what is made for it and given to it, and what is drawn of its output."""


def run(name: str) -> str:
    """What a recipe prints, in a folder of its own; its pictures are kept."""
    before, after = RECIPES[name]
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            command = [sys.executable, str(EXAMPLES / f"{name}.py"), *before()]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            after()
            if (picture := Path(f"{name}.png")).exists():
                PICTURES.mkdir(exist_ok=True)
                shutil.copy(picture, PICTURES / picture.name)
        finally:
            os.chdir(here)
    return output


if __name__ == "__main__":
    for name in sys.argv[1:] or ["first_lines", *RECIPES]:
        print(name)
        made = first_lines() if name == "first_lines" else recipe(name, run(name))
        fill_pages({name: partial(str, made)})
