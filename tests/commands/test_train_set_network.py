"""`clipselect train-set-network` from folders of identities to weights."""

import signal
from pathlib import Path
from typing import Any

import pytest
import typer
from helpers.command_line import Run, assert_refused, stop_at
from helpers.identity_pictures import data_set
from helpers.set_networks import tiny_base, tiny_base_file
from helpers.training_data import assert_same_weights

import clipselect
from clipselect.commands import app
from clipselect.sets.set_network import AGGREGATORS
from clipselect.training.lfenet_training import LFENetRecipe
from clipselect.training.set_training import RECIPES

pytestmark = pytest.mark.usefixtures("one_thread")

OPTIONS = ("--device", "cpu", "--batch", 4, "--steps", 3, "--width", 3, "--bottleneck", 2, "--checkpoint-minutes", 0)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    folder = tmp_path_factory.mktemp("data")
    people = data_set(folder / "people", each=5)
    (people / "train" / "p1" / "[bad].png").write_bytes(b"no picture")
    return ["train-set-network", "lfenet", "--data", people, "--base", tiny_base_file(folder), *OPTIONS]


def subcommand(network: str) -> Any:
    return typer.main.get_group(app).commands["train-set-network"].commands[network]  # type: ignore[attr-defined]


def test_it_says_what_it_made_and_goes_on_where_it_was_stopped(
    command: list[object], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    assert run(*command, "-o", whole).code == 0
    assert (
        run.out.startswith(f"{whole}: lfenet, decidability (of averaging): as they are ") and run.out.count("\n") == 1
    )
    assert "[bad].png: not an image" in run.err and "1 images could not be read" in run.err
    with monkeypatch.context() as patch:
        stop_at(patch, "training the LFENet", 2, signal.SIGTERM)
        run(*command, "-o", parts)
    assert run.code == 128 + signal.SIGTERM and not parts.exists() and "give the same command again to go on" in run.err
    assert run(*command, "-o", parts, "--quiet").code == 0 and run.out == ""
    assert_same_weights(whole, parts)
    assert_refused(run(*command, "--relation", "softmax_a", "-o", whole), str(whole), "finished weights of another run")
    assert "--base" in whole.with_suffix(".md").read_text()


def test_the_defaults_are_those_of_the_library() -> None:
    shown = {parameter.name: parameter.default for parameter in subcommand("lfenet").params}
    assert {name: shown[name] for name in vars(LFENetRecipe())} == vars(LFENetRecipe())


@pytest.mark.parametrize("network", AGGREGATORS)
def test_networks_on_features_are_trained_and_have_the_defaults_of_the_library(
    network: str, command: list[object], run: Run, tmp_path: Path
) -> None:
    data, base = command[2:4], command[4:6]
    how = ("--device", "cpu", "--batch", 4, "--steps", 3, "--variants", 1, "--degradations", "tracklets")
    out = tmp_path / "o.safetensors"
    assert run("train-set-network", network, *data, *base, *how, "-o", out).code == 0, run.err
    assert run.out.startswith(f"{out}: {network}, decidability (of averaging): as they are ")
    assert clipselect.load_set_network(out, str(base[1])).works_on_features
    shown = {p.name: p.default for p in subcommand(network).params}
    recipe = vars(RECIPES[network]())
    assert {name: shown[name] for name in recipe} == recipe
    run("train-set-network", network, *data, *base, "--variants", 0, "-o", tmp_path / "p.safetensors")
    assert run.code == 2 and "--variants must be a whole number of at least 1" in run.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--loss", "triplet"), "--loss must be one of restoration, softmax, "),
        (("--relation", "cosine"), "--relation must be one of softmax_a, softmax_b, scaled_dot, got cosine"),
        (("--images-per-set", 0), "--images-per-set must be at least 1, got 0"),
        (("--keep-good", -1), "--keep-good must be at least 0, got -1"),
        (("--max-segment", 0), "--max-segment must be a whole number of at least 1"),
        (("--data", "nowhere"), "nowhere: no such folder"),
        (("--base", "mobilefacenet:nowhere.pt"), "nowhere.pt: no such checkpoint"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: tuple[object, ...], says: str, command: list[object], run: Run, tmp_path: Path
) -> None:
    run(*command, *options, "-o", tmp_path / "o.safetensors")
    assert run.code == 2 and says in run.err.splitlines()[-1] and "Traceback" not in run.err


def test_a_base_that_cannot_be_cut_is_refused_with_its_layers(command: list[object], run: Run, tmp_path: Path) -> None:
    (tmp_path / "flat.py").write_text(
        "from torch import nn\nfrom helpers.set_networks import SPEC\n"
        "from clipselect.zoo.embedder import Embedder\n"
        "net = nn.Sequential(nn.Flatten(), nn.Linear(768, 4))\n"
        "base = Embedder.from_module(net, SPEC, name='flat', device='cpu')\n"
    )
    at = command.index("--base") + 1
    command = [*command[:at], f"{tmp_path / 'flat.py'}:base", *command[at + 1 :]]
    run(*command, "-o", tmp_path / "o.safetensors")
    assert run.code == 2 and "'flat' cannot be cut before its last pooling (its layers: 0, 1)" in run.err


def test_weights_are_no_embedder(command: list[object], run: Run, tmp_path: Path) -> None:
    out = tmp_path / "o.safetensors"
    run(*command, "-o", out, "--quiet")
    assert clipselect.load_set_network(out, str(command[command.index("--base") + 1])).name == "o"
    with pytest.raises(clipselect.ClipselectError, match="of kind set_network, not embedder"):
        clipselect.load_embedder(out)
    with pytest.raises(clipselect.ArgumentError, match="base must be tiny"):
        clipselect.load_set_network(out, tiny_base(seed=3))
