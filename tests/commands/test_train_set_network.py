"""`clipselect train-set-network` from folders of identities to weights."""

import signal
from pathlib import Path

import pytest
import typer
from helpers.command_line import Run, assert_refused, stop_at
from helpers.identity_pictures import data_set
from helpers.set_networks import tiny_base, tiny_base_file
from helpers.training_data import assert_same_weights

import clipselect
from clipselect.commands import app
from clipselect.sets.set_network import AGGREGATORS, LOADERS
from clipselect.training.set_training import RECIPES

pytestmark = pytest.mark.usefixtures("one_thread")

OPTIONS = ("--device", "cpu", "--batch", 4, "--steps", 3, "--width", 3, "--bottleneck", 2, "--checkpoint-minutes", 0)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    folder = tmp_path_factory.mktemp("data")
    people = data_set(folder / "people", each=5)
    (people / "train" / "p1" / "[bad].png").write_bytes(b"no picture")
    return ["train-set-network", "lfenet", "--data", people, "--base", tiny_base_file(folder), *OPTIONS]


def test_it_says_what_it_made_and_goes_on_where_it_was_stopped(
    command: list[object], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    assert run(*command, "-o", whole).code == 0
    assert (
        run.out.startswith(f"{whole}: lfenet, decidability (of averaging): as they are ") and run.out.count("\n") == 1
    )
    assert "[bad].png: not an image" in run.err and "left out: 1 image that could not be read" in run.err
    with monkeypatch.context() as patch:
        stop_at(patch, "training the LFENet", 2, signal.SIGTERM)
        run(*command, "-o", parts)
    assert run.code == 128 + signal.SIGTERM and not parts.exists() and "give the same command again to go on" in run.err
    assert run(*command, "-o", parts, "--quiet").code == 0 and run.out == ""
    assert_same_weights(whole, parts)
    assert_refused(run(*command, "--relation", "softmax_a", "-o", whole), str(whole), "finished weights of another run")
    assert "--base" in whole.with_suffix(".md").read_text()


def test_all_networks_have_a_command_with_the_options_and_defaults_of_their_recipe() -> None:
    commands = typer.main.get_group(app).commands["train-set-network"].commands  # type: ignore[attr-defined]
    assert commands.keys() == RECIPES.keys() == LOADERS.keys()
    shared = {"help", "data", "base", "output", "seed", "work", "device", "precision", "workers", "checkpoint_minutes"}
    shared |= {"shared_names", "overwrite", "quiet"}
    for network, recipe in RECIPES.items():
        shown = {parameter.name: parameter.default for parameter in commands[network].params}
        assert {name: default for name, default in shown.items() if name not in shared} == vars(recipe())


def test_a_fan_is_trained_from_the_command_line(command: list[object], run: Run, tmp_path: Path) -> None:
    own = ["train-set-network", "fan", *command[2:6], "--device", "cpu", "--batch", 2, "--steps", 3, "--width", 2]
    out = tmp_path / "fan.safetensors"
    assert run(*own, "--images-per-set", 2, "-o", out).code == 0
    assert run.out.startswith(f"{out}: fan, decidability (of averaging): as they are ") and run.out.count("\n") == 1
    assert_refused(run(*own, "--reconstruction", "mean", "-o", out), "--reconstruction must be one of centre, average")
    assert_refused(
        run(*own, "--adversarial-weight", -1, "-o", out), "--adversarial-weight must be a number of at least 0"
    )


@pytest.mark.parametrize("network", AGGREGATORS)
def test_networks_on_features_are_trained_from_the_command_line(
    network: str, command: list[object], run: Run, tmp_path: Path
) -> None:
    data, base = command[2:4], command[4:6]
    how = ("--device", "cpu", "--batch", 4, "--steps", 3, "--variants", 1, "--degradations", "tracklets")
    how += ("--images-per-set", 6)
    out = tmp_path / "o.safetensors"
    assert run("train-set-network", network, *data, *base, *how, "-o", out).code == 0, run.err
    assert run.out.startswith(f"{out}: {network}, decidability (of averaging): as they are ")
    assert "warning: 5 identities have fewer than 6 images; their sets repeat images" in run.err.splitlines()
    assert clipselect.load_set_network(out, str(base[1])).works_on_features
    run("train-set-network", network, *data, *base, "--variants", 0, "-o", tmp_path / "p.safetensors")
    assert run.code == 2 and "--variants must be a whole number of at least 1" in run.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--loss", "triplet"), "--loss must be one of restoration, softmax, "),
        (("--relation", "cosine"), "--relation must be one of softmax_a, softmax_b, scaled_dot, got cosine"),
        (("--images-per-set", 0), "--images-per-set must be a whole number of at least 1, got 0"),
        (("--keep-good", -1), "--keep-good must be a number of at least 0, got -1"),
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
    with pytest.raises(clipselect.ClipselectError, match="of kind set_network; give a file of kind embedder"):
        clipselect.load_embedder(out)
    with pytest.raises(clipselect.ArgumentError, match="base must be tiny"):
        clipselect.load_set_network(out, tiny_base(seed=3))
