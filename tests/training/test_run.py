"""What every training does around its loop: outputs that are checked, errors that are counted, weights as written."""

from pathlib import Path

import pytest
import torch
from torch import nn

from clipselect.errors import ArgumentError, ClipselectError, VideoError
from clipselect.media.progress import no_progress
from clipselect.media.unreadable import LeftOut, ignore_error
from clipselect.scoring.weights_file import load_weights, save_weights
from clipselect.training.cards import CARD
from clipselect.training.run import TrainingRun, check_outputs, origin, python_call, to_half_precision


def test_a_call_is_shown_as_it_would_be_written(tmp_path: Path) -> None:
    def train(data: Path, output: str, *, steps: int = 3, seed: int = 0, on_error: object = None) -> None: ...

    arguments = {"data": Path("my videos"), "output": "o'1", "steps": 4, "seed": 0, "on_error": print, "other": 1}
    assert python_call(train, arguments) == """clipselect.train(data='my videos', output="o'1", steps=4)"""


def test_a_file_that_is_left_out_twice_counts_once() -> None:
    seen: list[str] = []
    left_out = LeftOut(lambda path, error: seen.append(str(error)))
    for path, why in (("a", "a: first"), ("b", "b: first"), ("a", "a: second")):
        left_out(path, VideoError(why))
    assert seen == ["a: first", "b: first"] and left_out.paths == {"a", "b"}


def test_a_run_has_a_work_folder_beside_its_output_and_ends_with_weights_and_a_card(tmp_path: Path) -> None:
    run = TrainingRun.begin(tmp_path / "net.safetensors", None, "cpu", "32", no_progress, ignore_error)
    assert run.work == tmp_path / "net.work" and run.work.is_dir()
    metadata = origin("base", run.output, "videos", 1, 2, "clipselect train-base")
    result = run.finish({"w": torch.ones(2)}, metadata, f"# net\n\n{CARD}\n")
    assert result.card.read_text() == f"# net\n\n{CARD}\n" and result.metadata["name"] == "net"
    tensors, found = load_weights(result.weights, kind="base")
    assert torch.equal(tensors["w"], torch.ones(2)) and metadata.items() <= found.items()
    check_outputs(run.output)  # both are its own, and may be written again
    result.card.write_text("my notes")
    with pytest.raises(ClipselectError, match=r"net\.md: is no card of weights and would be lost"):
        check_outputs(run.output)


@pytest.mark.parametrize("base", ["{}", "slow_r50:{}", "torchvision:r3d_18:{}", "{}:network", "dir/../{}"])
def test_an_output_that_is_the_base_is_refused(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dir").mkdir()
    save_weights("base.safetensors", {"w": torch.ones(2)}, {"kind": "base"})
    for name in (base.format("base.safetensors"), Path(base.format("base.safetensors"))):
        with pytest.raises(ArgumentError, match=r"^output base\.safetensors is also the base; choose another name"):
            check_outputs(Path("base.safetensors"), networks={"base": name})
    check_outputs(Path("other.safetensors"), networks={"base": base.format("base.safetensors")})
    check_outputs(Path("base.safetensors"), networks={"base": nn.Linear(1, 1), "initial": None})


def test_an_output_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (out := tmp_path / "text.mp4").write_text("a video")
    with pytest.raises(ArgumentError, match=r"^output .*text\.mp4 exists, is no weights file"):
        check_outputs(out)
    out.write_bytes(b"")
    check_outputs(out)  # nothing is lost


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
            check_outputs(output, work, data=[tmp_path / "others", data])
        assert caught.value.argument == argument
    check_outputs(tmp_path / "x.safetensors", tmp_path, data=[data])


def test_weights_are_rounded_as_they_are_written_but_for_those_that_half_precision_cannot_hold() -> None:
    net = nn.Linear(2, 1)
    net.weight.data = torch.tensor([[1 / 3, 2 / 3]])
    net.bias.data = torch.tensor([1e6])
    written = to_half_precision(net)
    assert written["weight"].dtype == torch.float16 and written["bias"].dtype == torch.float32
    assert torch.equal(net.weight.data, written["weight"].float()) and net.weight.dtype == torch.float32
    assert net.bias.item() == 1e6
