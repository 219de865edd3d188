"""`clipselect train-embedder` from folders of identities to weights."""

import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from clipselect.zoo.embedder import Embedder
from clipselect.zoo.embedder_loading import EMBEDDERS, load_trained
from helpers.command_line import Run, assert_refused, stop_at
from helpers.identity_pictures import data_set
from helpers.training_data import assert_same_weights
from numpy.typing import NDArray
from torch import nn
from typer.testing import CliRunner

from clipselect.commands import app
from clipselect.data.identities import read_identities
from clipselect.errors import ClipselectError
from clipselect.media.images import read_image
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.weights_file import load_weights
from clipselect.training.embedder_losses import LOSSES
from clipselect.training.embedder_training import leave_one_out

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = ("--network", "narrow_reid", "--height", 48, "--width", 24, "--batch", 8, "--device", "cpu")
OPTIONS = (*SMALL, "--images-per-identity", 2, "--steps", 3, "--checkpoint-minutes", 0)


def embedded(net: nn.Module, paths: Sequence[str], input_spec: InputSpec) -> NDArray[np.float32]:
    return Embedder.from_module(net, input_spec, device="cpu").embed(map(read_image, paths))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = data_set(tmp_path_factory.mktemp("data") / "people")
    (folder / "train" / "p1" / "[bad].png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def command(data: Path) -> list[object]:
    return ["train-embedder", "--data", data, *OPTIONS]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out") / "people.safetensors"


@pytest.fixture(scope="module")
def made(command: list[object], out: Path) -> Result:
    """A run that was left alone."""
    return CliRunner().invoke(app, [*map(str, command), "-o", str(out)])


def test_it_names_what_it_cannot_read_and_says_what_it_made(made: Result, out: Path, data: Path) -> None:
    assert made.exit_code == 0
    assert made.stdout.startswith(f"{out}: narrow_reid, 6 identities, rank 1 ") and made.stdout.count("\n") == 1
    assert made.stdout.endswith(" % on 12 held-out images\n")
    lines = made.stderr.splitlines()
    assert lines[0].startswith(f"Error: {data}/train/p1/[bad].png: not an image")
    assert lines[-1] == "left out: 1 image that could not be read"
    assert "training the embedder: 3 of 3  loss " in made.stderr


def test_the_weights_are_an_embedder_that_does_what_the_card_says(made: Result, out: Path, data: Path) -> None:
    net, input_spec, metadata = load_trained(out)
    assert not net.training and (input_spec.height, input_spec.width) == (48, 24)
    expected = {"network": "narrow_reid", "identities": 6, "images": 24, "failed": 1, "loss": "triplet", "dim": 256,
                "steps": 3, "seed": 0, "data": "people", "mean": [0.485, 0.456, 0.406], "name": "people"}  # fmt: skip
    assert {key: metadata[key] for key in expected} == expected
    val = read_identities([data], "val")
    found = leave_one_out(embedded(net, val.paths, input_spec), val.labels)
    held_out = metadata["held_out"]
    assert held_out["rank1"] == 100 * found.cmc[1] and held_out["map"] == 100 * found.mean_average_precision
    assert (held_out["identities"], held_out["images"]) == (3, 12)
    card = out.with_suffix(".md").read_text()
    assert card.startswith(
        "# people\n\nA base for clipselect: narrow_reid, which gives 256 features for an image of 48"
    )
    assert f"| rank 1 | {held_out['rank1']:.1f} % |" in card and "\n    clipselect" in card


def test_a_stopped_run_ends_as_one_left_alone(
    made: Result, out: Path, command: list[object], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "people.safetensors"
    with monkeypatch.context() as patch:
        stop_at(patch, "training the embedder", 2, signal.SIGTERM)
        run(*command, "-o", other)
    assert run.code == 128 + signal.SIGTERM and not other.exists() and "give the same command again to go on" in run.err
    assert run(*command, "-o", other).code == 0
    assert_same_weights(out, other)


def test_a_work_folder_of_other_options_is_refused(made: Result, out: Path, command: list[object], run: Run) -> None:
    other = [*command, "--loss", "softmax", "-o", out]
    assert_refused(run(*other), str(out), "finished weights of another run", "overwrite")
    run(*other, "--overwrite")
    assert run.code == 2 and "embedder.ckpt: a checkpoint of a run with other options" in run.err


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
def test_it_learns_by_every_loss(loss: str, data: Path, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "o.safetensors"
    how = ("--loss", loss, "--steps", 30, "--batch", 12, "--images-per-identity", 2, "--learning-rate", 0.003)
    run("train-embedder", "--data", data, *SMALL, *how, "-o", out, "--quiet")
    assert run.code == 0 and run.out == "", run.err
    net, input_spec, _ = load_trained(out)
    people = read_identities([data], "train")
    there = [i for i, path in enumerate(people.paths) if "bad" not in path]
    torch.manual_seed(0)
    before, after = (
        leave_one_out(
            embedded(one, [people.paths[i] for i in there], input_spec), [people.labels[i] for i in there]
        ).mean_average_precision
        for one in (EMBEDDERS["narrow_reid"].build().eval(), net)
    )
    assert after > before + 0.15


def test_it_begins_from_given_weights(data: Path, run: Run, tmp_path: Path) -> None:
    start, out = tmp_path / "start.pth", tmp_path / "o.safetensors"
    torch.manual_seed(5)
    state = EMBEDDERS["narrow_reid"].build().state_dict()
    torch.save({f"backbone.{name}": tensor for name, tensor in state.items() if "neck" not in name}, start)
    run("train-embedder", "--data", data, *OPTIONS, "--learning-rate", 0, "--initial", start, "-o", out)
    assert run.code == 0 and "The training began from start.pth." in out.with_suffix(".md").read_text()
    kept = load_weights(out, kind="embedder")[0]
    torch.testing.assert_close(kept["layer4.0.conv3.weight"].float(), state["layer4.0.conv3.weight"], atol=1e-3, rtol=0)
    torch.save({"conv1.weight": torch.zeros(1)}, start)
    run("train-embedder", "--data", data, *OPTIONS, "--initial", start, "-o", tmp_path / "p.safetensors")
    assert_refused(run, "start.pth: does not fit the network")


def test_a_single_held_out_identity_is_not_measured(run: Run, tmp_path: Path) -> None:
    data_set(tmp_path, identities=4, val=0)
    (tmp_path / "train").rename(tmp_path / "people")
    out = tmp_path / "o.safetensors"
    run("train-embedder", "--data", tmp_path / "people", *OPTIONS, "--batch", 4, "-o", out)
    assert run.code == 0 and "3 identities, not measured: " in run.out and "give more identities" in run.out
    assert "Not measured" in out.with_suffix(".md").read_text()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--network", "vit"), "--network must be one of reid_resnet50, "),
        (("--loss", "center"), "--loss must be one of arcface, cosface, sphereface, softmax, triplet, got center"),
        (("--height", 0), "--height must lie in [16, 1024], got 0"),
        (("--width", 2000), "--width must lie in [16, 1024], got 2000"),
        (
            ("--images-per-identity", 3),
            "--batch must be a multiple of images_per_identity, 3, got 8; choose 6 or another multiple of 3",
        ),
        (("--batch", 20), "takes 10 identities with 2 images each, but the data have 6"),
        (("--data", "nowhere"), "nowhere: no such folder"),
        (("--initial", "nowhere.pth"), "nowhere.pth: no such checkpoint"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: tuple[object, ...], says: str, command: list[object], run: Run, tmp_path: Path
) -> None:
    run(*command, *options, "-o", tmp_path / "o.safetensors")
    assert run.code == 2 and says in run.err.splitlines()[-1] and "Traceback" not in run.err


def test_other_weights_are_no_embedder(tmp_path: Path, made: Result, out: Path) -> None:
    with pytest.raises(ClipselectError, match="holds weights of kind embedder; give a file of kind base"):
        load_weights(out, kind="base")
    with pytest.raises(ClipselectError, match="no such weights file"):
        load_trained(tmp_path / "nowhere.safetensors")
