"""What every training does around its loop: outputs that are checked, errors that are counted, weights as written."""

from pathlib import Path

import pytest
import torch
from helpers.training_data import call_of
from torch import nn

from clipselect.errors import ClipselectError, VideoError
from clipselect.media.unreadable import LeftOut
from clipselect.scoring.weights_file import load_weights
from clipselect.training.cards import CARD
from clipselect.training.run import TrainingRun, to_half_precision


def test_a_file_that_is_left_out_twice_counts_once() -> None:
    seen: list[str] = []
    left_out = LeftOut(lambda path, error: seen.append(str(error)))
    for path, why in (("a", "a: first"), ("b", "b: first"), ("a", "a: second")):
        left_out(path, VideoError(why))
    assert seen == ["a: first", "b: first"] and left_out.paths == {"a", "b"}


def test_a_run_has_a_work_folder_beside_its_output_and_ends_with_weights_and_a_card(tmp_path: Path) -> None:
    run = TrainingRun.begin(call_of(tmp_path / "net.safetensors", command="clipselect train-base"))
    assert run.work == tmp_path / "net.work" and run.work.is_dir()
    metadata = run.origin("base", "videos", 1, 2)
    result = run.finish({"w": torch.ones(2)}, metadata, f"# net\n\n{CARD}\n")
    assert result.card.read_text() == f"# net\n\n{CARD}\n" and result.metadata["name"] == "net"
    tensors, found = load_weights(result.weights, kind="base")
    assert torch.equal(tensors["w"], torch.ones(2)) and metadata.items() <= found.items()
    assert (metadata["command"], found["call"]) == ("clipselect train-base", "clipselect.train_base()")
    run.call.check_outputs([])  # both are its own, and may be written again
    result.card.write_text("my notes")
    with pytest.raises(ClipselectError, match=r"net\.md: is no card of weights and would be lost"):
        run.call.check_outputs([])


def test_weights_are_rounded_as_they_are_written_but_for_those_that_half_precision_cannot_hold() -> None:
    net = nn.Linear(2, 1)
    net.weight.data = torch.tensor([[1 / 3, 2 / 3]])
    net.bias.data = torch.tensor([1e6])
    written = to_half_precision(net)
    assert written["weight"].dtype == torch.float16 and written["bias"].dtype == torch.float32
    assert torch.equal(net.weight.data, written["weight"].float()) and net.weight.dtype == torch.float32
    assert net.bias.item() == 1e6
