"""The call of a training: how it is shown, and outputs that are refused before the work."""

import shutil
from pathlib import Path

import pytest
import torch
from helpers.training_data import call_of
from torch import nn

from clipselect.errors import ArgumentError
from clipselect.scoring.weights_file import save_weights
from clipselect.training.training_call import FinishedError, python_call


def test_a_call_is_shown_as_it_would_be_written(tmp_path: Path) -> None:
    def train(data: Path, output: str, *, steps: int = 3, seed: int = 0, on_error: object = None) -> None: ...

    arguments = {"data": Path("my videos"), "output": "o'1", "steps": 4, "seed": 0, "on_error": print, "other": 1}
    assert python_call(train, arguments) == """clipselect.train(data='my videos', output="o'1", steps=4)"""


@pytest.mark.parametrize("base", ["{}", "slow_r50:{}", "torchvision:r3d_18:{}", "{}:network", "dir/../{}"])
def test_an_output_that_is_the_base_is_refused(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dir").mkdir()
    save_weights("base.safetensors", {"w": torch.ones(2)}, {"kind": "base"})
    for name in (base.format("base.safetensors"), Path(base.format("base.safetensors"))):
        with pytest.raises(ArgumentError, match=r"^output base\.safetensors is also the base; choose another name"):
            call_of("base.safetensors").check_outputs([], {"base": name})
    call_of("other.safetensors").check_outputs([], {"base": base.format("base.safetensors")})
    call_of("base.safetensors", overwrite=True).check_outputs([], {"base": nn.Linear(1, 1), "initial": None})


def test_an_output_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (out := tmp_path / "text.safetensors").write_text("a novel")
    with pytest.raises(ArgumentError, match=r"^output .*text\.safetensors exists, is no weights file"):
        call_of(out).check_outputs([])
    out.write_bytes(b"")
    call_of(out).check_outputs([])  # nothing is lost


def test_outputs_inside_the_data_are_refused(tmp_path: Path) -> None:
    data, link = tmp_path / "videos", tmp_path / "link"
    (data / "a").mkdir(parents=True)
    link.symlink_to(data)
    for output, work, argument in (
        (data / "a" / "x.safetensors", None, "output"),
        (link / "x.safetensors", tmp_path / "work", "output"),
        (tmp_path / "x.safetensors", data, "work"),
        (tmp_path / "x.safetensors", link / "a" / "work", "work"),
    ):
        with pytest.raises(ArgumentError, match=r"lies in the data, .*videos") as caught:
            call_of(output, work).check_outputs([tmp_path / "others", data])
        assert caught.value.argument == argument
    call_of(tmp_path / "x.safetensors", tmp_path).check_outputs([data])


def test_finished_weights_are_replaced_by_the_call_that_made_them_alone(tmp_path: Path) -> None:
    call = call_of(tmp_path / "net.safetensors", steps=9)
    save_weights(call.output, {"w": torch.ones(2)}, {"kind": "base", "call": call.relevant_call})
    assert call.relevant_call == "clipselect.train_base(steps=9)"
    call.work.mkdir()
    call_of(call.output, steps=9, workers=2, device="cuda").check_outputs([])  # goes on in the work folder
    with pytest.raises(ArgumentError, match="finished weights of another run"):
        call_of(call.output, steps=8).check_outputs([])
    call_of(call.output, steps=8, overwrite=True).check_outputs([])
    shutil.rmtree(call.work)
    with pytest.raises(FinishedError, match="the same call has finished"):
        call.check_outputs([])
