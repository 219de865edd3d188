"""`clipselect distill` for frames, from folders of images to weights, card and D-scores."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from clipselect.zoo.embedder_loading import load_embedder
from helpers.command_line import Run
from helpers.frame_fixtures import EMBEDDER, frames_command, pattern, people, textured, write
from helpers.training_data import with_options
from typer.testing import CliRunner

from clipselect.commands import app
from clipselect.data.degradations import low_resolution, motion_blur
from clipselect.media.images import read_image
from clipselect.scoring.scorer import load_scorer

Distil = Callable[..., Run]
"""Options -> what became of the command."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve identities to learn from and four held out; one image of either is none."""
    folder = tmp_path_factory.mktemp("data")
    people(folder / "people" / "train", 12, draw=textured)
    people(folder / "people" / "val", 4, first=20, draw=textured)
    for bad in ("train/p00/[bad].jpg", "val/p20/bad.png"):
        (folder / "people" / bad).write_bytes(b"no image")
    (folder / "base.py").write_text(EMBEDDER)
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out") / "frames.safetensors"


@pytest.fixture(scope="module")
def made(data: Path, out: Path) -> Result:
    """A run of forty steps, long enough to learn what a picture without its grain looks like."""
    base = ("--base", f"{data / 'base.py'}:sharp")
    options = (*base, "--steps", 40, "--batch", 32, "--size", "32x32", "--learning-rate", 0.01, "-o", out)
    return CliRunner().invoke(app, [*map(str, (*frames_command(data), *options))])


@pytest.fixture
def distil(data: Path, run: Run, tmp_path: Path) -> Distil:
    """A run of three steps, to d.safetensors; options given later count."""
    return lambda *options: run(*with_options(frames_command(data), "-o", tmp_path / "d.safetensors", *options))


def rows(work: Path) -> list[dict[str, Any]]:
    return pq.read_table(work / "d_scores.parquet").to_pylist()


# --- what it makes ---------------------------------------------------------------------------------------------------


def test_it_names_what_it_cannot_read_and_says_what_it_made(made: Result, out: Path, data: Path) -> None:
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith(f"{out}: Spearman's rho ") and made.stdout.count("\n") == 1
    assert made.stdout.endswith(f" on held-out frames; {out.with_suffix('.md')} says more\n")
    lines = [line for line in made.stderr.splitlines() if "better than chance" not in line]  # after a few steps
    for bad in ("train/p00/[bad].jpg", "val/p20/bad.png"):
        assert sum(f"Error: {data}/people/{bad}: not an image" in line for line in lines) == 1
    assert lines[-2] == "left out: 2 images that could not be read"
    assert lines[-1].startswith(f"{out.with_suffix('.work')} holds what this run needed")
    assert "training the DDNet: 40 of 40  loss " in made.stderr and not any("warning" in line for line in lines)


def test_it_learns_to_rank_degraded_below_plain_images(made: Result, out: Path) -> None:
    scorer = load_scorer(out, "cpu", elements="frames")
    held_out = scorer.metadata["held_out"]
    assert held_out["spearman"] > 0.4, held_out  # 0.62 to 0.79 for three seeds
    plain = [textured(identity, 0) for identity in range(40, 50)]  # of nobody it has seen
    for spoilt in ([motion_blur(image, 7, 0.5) for image in plain], [low_resolution(image, 4) for image in plain]):
        better = np.subtract.outer(scorer.score_images(plain), scorer.score(np.stack(spoilt))) > 0
        assert better.mean() > 0.7  # 0.89 to 0.99


def test_the_weights_say_how_they_were_made(made: Result, out: Path, data: Path) -> None:
    scorer, base = load_scorer(out, "cpu", elements="frames"), load_embedder(f"{data / 'base.py'}:sharp")
    about = scorer.metadata
    assert scorer.name == "frames" and (scorer.input_spec.height, scorer.input_spec.width) == (32, 32)
    assert about["base"] == "sharp" and about["base_sha256"] == base.sha256 and about["data"] == "people"
    assert [about[key] for key in ("degradations", "variants", "metric", "contrast", "loss")] == [
        "faces", 2, "euclidean", "ratio", "both",
    ]  # fmt: skip
    assert (about["identities"], about["images"], about["failed"], about["steps"], about["seed"]) == (12, 49, 2, 40, 0)
    held_out = about["held_out"]
    assert (held_out["identities"], held_out["images"], held_out["elements"]) == (4, 16, 48)
    assert not held_out["constant"] and -1 <= held_out["spearman_as_they_are"] <= 1
    assert about["low"] <= about["mu"] <= about["high"] and about["sigma"] > 0


def test_the_held_out_figures_are_what_the_scores_give(made: Result, out: Path, data: Path) -> None:
    """By hand: distance to the nearest other centroid over that to the own, ranked, against the ranked scores."""
    scorer, base = load_scorer(out, "cpu", elements="frames"), load_embedder(f"{data / 'base.py'}:sharp")
    paths = sorted((data / "people" / "val").glob("*/[0-9].png"))
    images = [read_image(path) for path in paths]
    features, own = base.embed(images).astype(float), np.arange(16) // 4
    centroids = features.reshape(4, 4, -1).mean(1)
    distance = np.linalg.norm(features[:, None] - centroids, axis=2)
    d = np.where(own[:, None] == np.arange(4), np.inf, distance).min(1) / distance[np.arange(16), own]
    ranks = [np.argsort(np.argsort(values)) for values in (d, scorer.score_images(images))]
    rho = float(np.corrcoef(*ranks)[0, 1])
    assert scorer.metadata["held_out"]["spearman_as_they_are"] == pytest.approx(rho, abs=0.02)


def test_the_card_says_what_it_is_how_it_was_made_and_what_was_measured(made: Result, out: Path) -> None:
    card, about = out.with_suffix(".md").read_text(), load_scorer(out, "cpu", elements="frames").metadata
    assert card.startswith("# frames\n\nA DDNet for clipselect, distilled from the base sharp (SHA-256 ")
    assert "2D, widths 8, 16, 32, 48, depths 2, 2, 2, 2, frames of 32 x 32." in card
    assert "Trained on people, 40 steps, seed 0, clipselect " in card and "\n    clipselect" in card
    assert "49 images of 12 identities, each also 2 times degraded (faces). D-scores: euclidean, ratio; " in card
    assert (
        "loss: eq. 6 and a ranking loss. Could not be read: 2 images." in card
        and "4 identities, 16 images, 48 elements." in card
    )
    assert f"| all elements | {about['held_out']['spearman']:.3f} |" in card
    assert f"| images as they are | {about['held_out']['spearman_as_they_are']:.3f} |" in card


def test_the_work_folder_holds_the_d_scores_of_all_training_elements(made: Result, out: Path) -> None:
    table = rows(out.with_suffix(".work"))
    assert len(table) == 48 * 3 and {row["identity"] for row in table} == {f"p{i:02d}" for i in range(12)}
    d = {v: np.mean([row["d_score"] for row in table if (row["variant"] == 0) == v]) for v in (True, False)}
    assert all(0 < row["d_score"] < 1 for row in table) and d[True] > d[False] + 0.1
    assert [*(out.with_suffix(".work") / "logs").glob("events.out.tfevents.*")]


def test_a_repaired_image_is_picked_up_and_nothing_else_is_done_again(
    distil: Distil, data: Path, tmp_path: Path
) -> None:
    assert distil().code == 0 and len(rows(tmp_path / "d.work")) == 48 * 3
    bad = data / "people" / "val" / "p20" / "bad.png"
    write(bad, pattern(20, 9))
    try:
        run = distil()
    finally:
        bad.write_bytes(b"no image")
    assert run.code == 0 and "left out: 1 image that could not be read" in run.err
    assert load_scorer(tmp_path / "d.safetensors", "cpu", elements="frames").metadata["held_out"]["images"] == 17
    assert "training the DDNet" not in run.err  # the checkpoint is of the last step


def test_without_degradations_and_quietly(
    run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data / "people")
    begin = frames_command(data)
    begin[2] = "."
    more = ("--degradations", "none", "--quiet")
    run(*begin, "-o", tmp_path / "d.safetensors", *more)
    assert run.code == 0 and run.out == "" and len(rows(tmp_path / "d.work")) == 48
    lines = [line for line in run.err.splitlines() if "better than chance" not in line]  # after a few steps
    assert len(lines) == 3 and lines[-1] == "left out: 2 images that could not be read"
    card = (tmp_path / "d.md").read_text()
    assert "degraded" not in card and "Trained on people, 3 steps" in card


def test_a_base_that_sees_no_difference_is_doubted(distil: Distil, data: Path) -> None:
    run = distil("--base", f"{data / 'base.py'}:blind")
    assert run.code == 0 and "no held-out frames to rank" in run.out
    assert "nan" not in (run.out + run.err).lower()
