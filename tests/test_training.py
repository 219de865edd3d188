"""The recipes' loop: an interrupted run ends as an uninterrupted one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from clipselect.zoo.recipes import training


def loss_of_step(net: nn.Module, step: int) -> Tensor:
    x = torch.from_numpy(np.random.default_rng([7, step]).normal(size=(16, 3))).float()
    return (net(x).squeeze(1) - x.sum(1)).square().mean()


def fresh() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))


def run(checkpoint: Path, stop_at: int | None = None) -> dict[str, Tensor]:
    def loss(net: nn.Module, step: int) -> Tensor:
        if step == stop_at:
            raise KeyboardInterrupt
        return loss_of_step(net, step)

    net = training.train(fresh(), loss, steps=30, learning_rate=0.05, weight_decay=0.01, checkpoint=checkpoint)
    return net.state_dict()


def test_resuming_gives_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0)
    whole = run(tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts.pt", stop_at=17)
    resumed = run(tmp_path / "parts.pt")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_training_learns(tmp_path: Path) -> None:
    net = training.train(
        fresh(), loss_of_step, steps=300, learning_rate=0.05, weight_decay=0, checkpoint=tmp_path / "c.pt"
    )
    before = loss_of_step(fresh().eval(), 1000)
    assert loss_of_step(net, 1000) < 0.3 * before
