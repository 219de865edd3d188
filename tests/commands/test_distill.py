"""`clipselect distill` from videos to weights, card and D-scores: options, errors, going on where a run stopped."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import Result
from clipselect.zoo.loading import load_base
from clipselect.zoo.networks import NETWORKS
from helpers.command_line import Run, assert_refused
from helpers.frame_caches import images
from helpers.training_data import SMALL, assert_same_weights, distil_command, distil_data, film, with_options
from typer.testing import CliRunner

from clipselect.commands import app
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.weights_file import load_weights, save_weights
from clipselect.training import clip_elements

Distil = Callable[..., Run]
"""Options -> what became of the command."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return distil_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def command(data: Path) -> list[object]:
    return distil_command(data)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out") / "ddnet.safetensors"


@pytest.fixture(scope="module")
def made(command: list[object], data: Path, out: Path) -> Result:
    """A run with background that was left alone."""
    more = ["--background", str(data / "elsewhere"), "-o", str(out)]
    return CliRunner().invoke(app, [*map(str, command), *more])


@pytest.fixture
def distil(command: list[object], run: Run, tmp_path: Path) -> Distil:
    """The same without background, to d.safetensors; options given later count."""
    return lambda *options: run(*with_options(command, "-o", tmp_path / "d.safetensors", "--overwrite", *options))


def rows(work: Path) -> list[dict[str, Any]]:
    return pq.read_table(work / "d_scores.parquet").to_pylist()


# --- what it makes ---------------------------------------------------------------------------------------------------


def test_it_names_what_it_cannot_read_and_says_what_it_made(made: Result, out: Path, data: Path) -> None:
    assert made.exit_code == 0
    assert made.stdout.startswith(f"{out}: Spearman's rho ") and made.stdout.count("\n") == 1
    assert made.stdout.endswith(f" on held-out clips; {out.with_suffix('.md')} says more\n")
    lines = [line for line in made.stderr.splitlines() if "better than chance" not in line]  # after a few steps
    assert sum(f"Error: {data}/videos/b/[bad].mp4: is text, not a video" in line for line in lines) == 1
    assert lines[-2] == "left out: 1 video that could not be read"
    assert lines[-1].startswith(f"{out.with_suffix('.work')} holds what this run needed")
    assert "training the DDNet: 3 of 3  loss " in made.stderr and not any("warning" in line for line in lines)


def test_the_weights_say_how_they_were_made(made: Result, out: Path, data: Path) -> None:
    scorer, base = load_scorer(out, "cpu"), load_base(f"{data / 'base.py'}:base")
    about = scorer.metadata
    assert scorer.name == "ddnet" and scorer.clip_duration == 0.2 and about["stride"] == 0.1
    assert (scorer.input_spec.size, scorer.input_spec.frames) == (32, 4)
    assert about["base"] == "colours" and about["base_sha256"] == base.sha256 and about["classes"] == ["a", "b"]
    assert [about[key] for key in ("target", "metric", "contrast", "loss")] == ["labels", "cosine", "ratio", "both"]
    assert about["failed"] == 1 and about["data"] == "videos" and (about["seed"], about["steps"]) == (0, 3)
    held_out = about["held_out"]
    assert held_out["composed"] and held_out["videos"] == 4 and held_out["elements"] == 4 * 4
    assert {row["k"] for row in held_out["accuracy"] if row["method"] == "ddl"} == {1, 3, 5, 9}


def test_other_commands_take_the_weights(made: Result, out: Path, data: Path, run: Run) -> None:
    video = data / "videos" / "a" / "0.mp4"
    assert run("score", video, "--model", out, "--k", 2, "--csv", "-").code == 0 and run.out.count("\n") == 1 + 3
    run("classify", video, "--model", out, "--base", f"{data / 'base.py'}:base")
    assert run.code == 0 and "dense" in run.out


def test_the_card_says_what_it_is_how_it_was_made_and_what_was_measured(made: Result, out: Path, data: Path) -> None:
    card, about = out.with_suffix(".md").read_text(), load_scorer(out, "cpu").metadata
    assert card.startswith("# ddnet\n\nA DDNet for clipselect, distilled from the base colours (SHA-256 ")
    assert "3D, widths 8, 16, 32, 48, depths 2, 2, 2, 2, clips of 0.2 s as 4 frames of 32 x 32." in card
    assert "Trained on videos, 3 steps, seed 0, clipselect " in card and "\n    clipselect" in card
    assert "\nD-scores: " in card and "loss: eq. 6 and a ranking loss. Could not be read: 1 video." in card
    assert "The base is right about 100.0 % of the training clips." in card
    assert "4 videos, 16 clips." in card
    named = {"Spearman's rho of scores and D-scores": "spearman", "AUC of action": "auc_ddnet"}
    for name, key in {**named, "the same by `motion`": "auc_motion", "the same by `packets`": "auc_packets"}.items():
        (line,) = (line for line in card.splitlines() if line.startswith(f"| {name}"))
        assert line.endswith(f"| {about['held_out'][key]:.3f} |")
    assert "in videos composed of the held-out ones: 4 clips of an action" in card
    ddl = [row for row in about["held_out"]["accuracy"] if row["method"] == "ddl"]
    cells = [f"{row['top1']:.1f} ({row['top1_low']:.1f}-{row['top1_high']:.1f})" for row in ddl]
    assert "| method | K = 1 | K = 3 | K = 5 | K = 9 |\n" in card and f"| ddl | {' | '.join(cells)} |" in card
    assert all(f"| {name} | " in card for name in ("dense (20 clips)", "uniform_equal_cost", "motion", "packets"))


def test_the_work_folder_holds_the_d_scores_of_all_training_clips(made: Result, out: Path, data: Path) -> None:
    table, work = rows(out.with_suffix(".work")), out.with_suffix(".work")
    plain = [row for row in table if not row["variant"]]
    of_classes = [row for row in plain if row["shows"]]
    assert len(of_classes) == 4 * 4 and len(plain) == 4 * 4 + 2 * 4 * 4  # four videos, two of background, four labels
    assert len(table) == 4 * len(plain) and {row["variant"] for row in table} == {0, 1, 2, 3}
    assert {row["label"] for row in of_classes if "/a/" in row["path"]} == {"a"}
    assert all(0 < row["d_score"] < 1 and row["start"] < row["end"] for row in table)
    centroids = np.load(work / "centroids.npy")
    # of a and b, of background within their videos, which is not known, and of each domain of background
    assert centroids.shape == (5, 4) and np.isfinite(centroids).all(1).tolist() == [True, True, False, True, True]
    assert [*(work / "logs").glob("events.out.tfevents.*")]


def test_the_same_command_again_trains_no_more_and_gives_the_same(
    made: Result, out: Path, command: list[object], data: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, scores = load_weights(out, kind="ddnet")[0], rows(out.with_suffix(".work"))
    outputs: list[str] = []
    compute = clip_elements.clip_outputs
    monkeypatch.setattr(clip_elements, "clip_outputs", lambda *a: outputs.append("computed") or compute(*a))
    run(*command, "--background", data / "elsewhere", "-o", out)
    assert run.code == 0 and "training the DDNet" not in run.err and outputs == []
    assert f"Error: {data}/videos/b/[bad].mp4" in run.err and "left out: 1 video that could not be read" in run.err
    after = load_weights(out, kind="ddnet")[0]
    assert all(torch.equal(before[name], after[name]) for name in before) and rows(out.with_suffix(".work")) == scores


def test_finished_weights_are_not_replaced_unless_asked(
    made: Result, out: Path, command: list[object], data: Path, run: Run, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.safetensors"
    shutil.copy(out, copy)
    same = [*command, "--background", data / "elsewhere", "-o", copy]
    assert_refused(run(*same), str(copy), "the same call has finished", "--overwrite must be set")
    for other in (["--seed", 7], ["--target", "confidence"]):
        assert_refused(run(*same, *other), str(copy), "finished weights of another run", "overwrite")
    assert copy.read_bytes() == out.read_bytes()
    assert run(*same, "--overwrite").code == 0


# --- what the data are -----------------------------------------------------------------------------------------------


def test_folders_of_frames_are_videos_for_a_base_that_is_known_to_be_for_clips(
    distil: Distil, data: Path, tmp_path: Path
) -> None:
    for kind in "ab":
        (tmp_path / "videos" / kind).mkdir(parents=True)
        for i in range(3):
            images(tmp_path / "videos" / kind / f"{i}", 12)
    about = {"kind": "base", "name": "small", "network": "narrow_r3d", "outputs": 2, "classes": ["a", "b"]}
    net = NETWORKS["narrow_r3d"].build(2)
    save_weights(tmp_path / "base.safetensors", net.state_dict(), {**about, "clip_duration": 0.2, **asdict(SMALL)})
    torch.save(net.state_dict(), tmp_path / "c.pyth")
    checkpoint = (f"narrow_r3d:{tmp_path / 'c.pyth'}", "--base-size", 32, "--base-frames", 2, "--clip-duration", 0.2)
    for base in ((tmp_path / "base.safetensors",), checkpoint):
        assert distil("--data", tmp_path / "videos", "--base", *base).code == 0
        assert {Path(row["path"]).name for row in rows(tmp_path / "d.work")} <= {"0", "1", "2"}
        assert load_scorer(tmp_path / "d.safetensors", "cpu").metadata["held_out"]["videos"] == 2
        shutil.rmtree(tmp_path / "d.work")
    own = ("--data", tmp_path / "videos", "--base", f"{data / 'base.py'}:base")
    assert_refused(distil(*own), "--elements must be clips or frames")
    assert distil(*own, "--elements", "clips").code == 0
    assert_refused(
        distil(*own, "--base", tmp_path / "base.safetensors", "--elements", "frames"),
        "--base is for clips, and frames were asked for",
    )


# --- options ---------------------------------------------------------------------------------------------------------


def test_workers_cache_and_checkpoints_change_nothing(distil: Distil, tmp_path: Path) -> None:
    assert distil().code == 0
    other = tmp_path / "other.safetensors"
    assert distil("-o", other, "--cache-gigabytes", 0, "--workers", 1, "--checkpoint-minutes", 5).code == 0
    assert_same_weights(tmp_path / "d.safetensors", other)
    assert [*(tmp_path / "d.work").rglob("frames/**/*.npy")] and not [
        *(tmp_path / "other.work").rglob("frames/**/*.npy")
    ]


def test_without_labels_the_answers_of_the_base_stand_for_them(distil: Distil, data: Path, tmp_path: Path) -> None:
    for i in range(4):
        film(tmp_path / "any" / f"{i}.mp4", "ab"[i % 2], i)
    run = distil("--unlabelled", "--data", tmp_path / "any")
    assert run.code == 0 and "Spearman's rho" in run.out
    table = rows(tmp_path / "d.work")
    plain = [row for row in table if not row["variant"]]
    assert len(plain) == 3 * 4 and len(table) == 4 * len(plain)
    assert all(row["label"] == row["predicted"] and row["shows"] is None for row in table)
    about = load_scorer(tmp_path / "d.safetensors", "cpu").metadata
    assert about["target"] == "answers" and about["held_out"]["videos"] == 1 and "accuracy" not in about["held_out"]
    card = (tmp_path / "d.md").read_text()
    assert "| AUC of action against background clips | not known |" in card


def test_the_confidence_of_the_base_is_a_choice(distil: Distil, tmp_path: Path) -> None:
    assert distil("--target", "confidence", "--precision", "bf16", "--cache-gigabytes", "inf").code == 0
    table = rows(tmp_path / "d.work")
    assert [row["discriminability"] for row in table] == pytest.approx([row["confidence"] for row in table])
    weights, about = load_weights(tmp_path / "d.safetensors", kind="ddnet")
    assert about["target"] == "confidence"
    assert all(bool(t.isfinite().all()) for t in weights.values())


def test_a_base_without_names_takes_those_of_the_data(distil: Distil, data: Path, tmp_path: Path) -> None:
    assert distil("--base", f"{data / 'base.py'}:nameless").code == 0
    assert load_scorer(tmp_path / "d.safetensors", "cpu").metadata["classes"] == ["a", "b"]
    film(tmp_path / "three" / "c" / "0.mp4", "a", 0)
    for name in "ab":
        (tmp_path / "three" / name).symlink_to(data / "videos" / name)
    run = distil("--base", f"{data / 'base.py'}:nameless", "--data", tmp_path / "three")
    assert_refused(run, "colours has 2 outputs and no names for them, but the data have 3 classes")


def test_a_base_whose_outputs_are_taken_for_the_wrong_classes_is_doubted(distil: Distil, data: Path) -> None:
    run = distil("--base", f"{data / 'base.py'}:mistaken")
    assert run.code == 0 and "warning: the base is right about 0.0 % of its own training clips" in run.err


def test_a_base_of_another_framework_gives_features_and_outputs(distil: Distil, data: Path, tmp_path: Path) -> None:
    base = f"{data / 'base.py'}:elsewhere"
    run = distil("--base", base, "--background", data / "elsewhere")
    assert run.code == 0
    accuracy = load_scorer(tmp_path / "d.safetensors", "cpu").metadata["held_out"]["accuracy"]
    methods = {row["method"] for row in accuracy}  # nobody can count what it costs
    assert {"ddl", "uniform", "dense"} <= methods and "uniform_equal_cost" not in methods
    assert not any("gflops" in key for row in accuracy for key in row)
    run(
        "classify",
        data / "videos" / "a" / "0.mp4",
        "--base",
        base,
        "--model",
        tmp_path / "d.safetensors",
        "--json",
        "-",
    )
    assert run.code == 0 and [row["gflops"] for row in json.loads(run.out)["rows"]] == [None] * 3
    assert distil("--base", base, "--unlabelled", "-o", tmp_path / "e.safetensors").code == 0


def test_no_held_out_videos_are_no_trouble(distil: Distil, tmp_path: Path) -> None:
    assert "no held-out clips to rank" in distil("--max-held-out", 0).out
    assert "| Spearman's rho of scores and D-scores | not known |" in (tmp_path / "d.md").read_text()


def test_held_out_background_that_cannot_be_read_is_left_out(distil: Distil, data: Path, tmp_path: Path) -> None:
    film(tmp_path / "bg" / "train" / "street" / "0.mp4", "n", 0)
    (tmp_path / "bg" / "val" / "street").mkdir(parents=True)
    for i in range(2):
        (tmp_path / "bg" / "val" / "street" / f"{i}.mp4").write_bytes(b"no video")
    run = distil("--background", tmp_path / "bg")
    assert run.code == 0 and "left out: 3 videos that could not be read" in run.err
    held_out = load_scorer(tmp_path / "d.safetensors", "cpu").metadata["held_out"]
    assert not held_out["composed"] and held_out["videos"] == 2 and held_out["accuracy"]


def test_names_of_all_kinds_and_videos_that_are_not_there_are_named_and_survived(
    distil: Distil, data: Path, tmp_path: Path
) -> None:
    lines = []
    for k, kind in enumerate("ab"):
        for i, name in enumerate(("[red]ü", "\udcff", "<script>&")):
            path = film(tmp_path / f"{kind}{i}.mp4", kind, 10 * k + i)
            lines.append(f"{path.rename(tmp_path / f'{name} {kind}.mp4')},{kind}")
    listing = tmp_path / "list.csv"
    listing.write_bytes("\n".join([*lines, "gone.mp4,a", "away.mp4,b"]).encode("utf-8", "surrogateescape"))
    run = distil("--data", listing)
    assert run.code == 0, run.err
    assert "listed but not there: " in run.err and "gone.mp4" in run.err
