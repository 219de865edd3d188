"""`clipselect score --explain`: what a base sees in the picks, in all outputs, and what happens when it fails."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from clipselect.zoo.loading import load_base
from helpers.command_line import Run, assert_refused, only_video
from helpers.videos import make_video

from clipselect import select
from clipselect.samplers.explanation import HOW_TO_READ

NAMES = ("nearest", "similarity", "hardest_negative", "discriminability", "answer", "probability")
FAILS = """
import torch
from clipselect.zoo.base import Base
from clipselect.scoring.input_spec import InputSpec

class Fails(torch.nn.Module):
    "On bright clips, and on those alone."

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(3, 4)

    def forward(self, x):
        if float(x.mean()) > 0.4:
            raise RuntimeError("too bright")
        return self.head(x.mean((2, 3, 4)))

def base(**options):
    return Base.from_module(Fails(), InputSpec(32, 32, (0.0,) * 3, (1.0,) * 3, 2), 1.0, name="dim", **options)

def headless():
    return base(feature_layer="head")
"""


def test_all_outputs_say_what_the_base_sees_in_the_picks(run: Run, video: Path, here: Path) -> None:
    shutil.copy(video, "v.mp4")
    run("score", "v.mp4", "--k", 2, "--explain", "r3d-actions", "--json", "j", "--csv", "c", "--html", "h.html")
    assert run.code == 0 and run.err == ""
    document = json.loads(Path("j").read_text())
    assert document["settings"]["explain"] == "r3d-actions"
    clips = only_video(document)["clips"]
    picks = select("v.mp4", 2, explain=load_base("r3d-actions", "cpu"))
    assert clips == picks.to_dict()["clips"]
    found = [clip["explanation"] for clip in clips if clip["picked"]]
    assert len(found) == 2 and all(tuple(why) == NAMES for why in found)
    rows = csv.DictReader(Path("c").read_text().splitlines())
    for row, clip in zip(rows, clips, strict=True):
        assert [row[n] for n in NAMES] == [str((clip["explanation"] or dict.fromkeys(NAMES, ""))[n]) for n in NAMES]
    page = Path("h.html").read_text()
    for caveat in picks.caveats:  # only some classes are known, and its percentages mean nothing of any other
        assert caveat in " ".join(run.out.split()) and caveat in page
    assert "hockey_fight" in picks.caveats[0] and "means nothing" in picks.caveats[1]
    assert only_video(document)["caveats"] == [*picks.caveats] and select("v.mp4", 2).caveats == ()
    assert re.search(r"nearest class +hardest negative +D +the base answers", run.out)
    assert "1: the base cannot distinguish" in " ".join(run.out.split()) and page.count(HOW_TO_READ[:20]) == 1
    assert page.index('class="picked"') < page.index(HOW_TO_READ[:20]), "the picks come first"
    for why in found:
        said = rf"{why['nearest']} +{why['hardest_negative']} +{why['discriminability']:.2f} +{why['answer']} \d+ %"
        assert re.search(said, run.out)
        assert f"nearest class {why['nearest']}, hardest negative {why['hardest_negative']}" in page


def test_a_narrow_terminal_gets_sentences(
    run: Run, video: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    run("score", video, "--k", 1, "--explain", "r3d-actions")
    assert run.code == 0 and max(map(len, run.out.splitlines())) <= 40
    assert re.search(r"rank 1: nearest class \w+, hardest negative \w+, D -?\d+\.\d\d;", " ".join(run.out.split()))


def test_without_it_nothing_is_said(run: Run, video: Path, here: Path) -> None:
    run("score", video, "--k", 1, "--csv", "c", "--html", "h.html")
    assert "nearest" not in run.out + Path("c").read_text() + Path("h.html").read_text().split("<script>")[0]


def test_a_failing_base_costs_neither_scores_nor_files_nor_other_videos(run: Run, video: Path, here: Path) -> None:
    Path("own.py").write_text(FAILS)
    shutil.copy(video, "bright.mp4")
    make_video(Path("dim.mp4"), 50, still=True)
    run("score", "bright.mp4", "dim.mp4", "--k", 1, "--explain", "own.py:base", "--json", "j", "--extract", "out")
    assert run.code == 1 and run.err.startswith("Error: bright.mp4: ") and "dim.mp4" not in run.err
    assert "too bright" in run.err
    bright, dim = json.loads(Path("j").read_text())["videos"]
    assert "too bright" in bright["error"] and len(bright["clips"]) == 3 and dim["error"] is None
    assert [c["explanation"] for c in bright["clips"]] == [None] * 3
    assert sum(c["explanation"] is not None for c in dim["clips"]) == 1
    assert all(Path(c["file"]).is_file() for c in [*bright["clips"], *dim["clips"]] if c["picked"])


@pytest.mark.parametrize(
    ("base", "says"), [("own.py:headless", "head="), ("no.safetensors", "no.safetensors"), ("own.py", "own.py")]
)
def test_a_base_that_cannot_explain_is_refused_before_the_work(
    run: Run, video: Path, here: Path, base: str, says: str
) -> None:
    Path("own.py").write_text(FAILS)
    assert_refused(run("score", video, "--explain", base), says)


def test_the_base_is_not_overwritten(run: Run, video: Path, here: Path) -> None:
    Path("base.safetensors").write_bytes(b"weights")
    assert_refused(
        run("score", video, "--explain", "base.safetensors", "--json", "base.safetensors"), "base.safetensors"
    )
    assert Path("base.safetensors").read_bytes() == b"weights"
