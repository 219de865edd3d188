"""Tables are found again as long as they are of the same video, networks and grid, and only then."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clipselect.zoo.loading import load_base
from numpy.typing import NDArray

from clipselect.errors import ClipselectWarning
from clipselect.evaluation import table_cache
from clipselect.evaluation.clip_tables import ClipGrid, Networks
from clipselect.evaluation.synthetic import SyntheticData
from clipselect.evaluation.table_cache import TableCache

CODE = """
import torch
from clipselect.scoring.input_spec import InputSpec
from clipselect.zoo.base import Base

def make():
    def net(clips):
        features = clips.flatten(1)[:, :3]
        return features, features @ torch.tensor([[1.0, 0.0], [0.0, {weight}], [0.0, 0.0]])
    spec = InputSpec(32, 32, (0.5,) * 3, (0.5,) * 3, 4)
    return Base.from_module(net, spec, 0.5, name="mine", classes=("blinking", "moving"))
"""


def test_a_base_out_of_code_is_known_by_its_file(
    made: SyntheticData, networks: Networks, tmp_path: Path, opened: list[str]
) -> None:
    video, code = str(made.data.parent / "00.mp4"), tmp_path / "mine.py"
    (tmp_path / "cache").mkdir()

    def table(weight: float) -> NDArray[np.float32]:
        code.write_text(CODE.format(weight=weight))
        mine = replace(networks, base=load_base(f"{code}:make"))
        return TableCache(tmp_path / "cache", mine, ClipGrid(Fraction(1, 2)), 30).table(video).probabilities

    first = table(1.0)
    assert table(1.0).tolist() == first.tolist() and len(opened) == 1
    assert table(2.0).tolist() != first.tolist() and len(opened) == 2


def test_a_base_that_nothing_identifies_is_not_kept_and_said_so_once(
    made: SyntheticData, networks: Networks, tmp_path: Path, opened: list[str]
) -> None:
    code = tmp_path / "mine.py"
    code.write_text(CODE.format(weight=1.0))
    nameless = replace(load_base(f"{code}:make"), metadata={})
    cache = TableCache(tmp_path, replace(networks, base=nameless), ClipGrid(Fraction(1, 2)), 30)
    with pytest.warns(ClipselectWarning, match="nothing is kept") as warned:
        for _ in range(2):
            cache.table(str(made.data.parent / "00.mp4"))
    assert len(opened) == 2 and not [*tmp_path.glob("*.npz")] and len(warned) == 1


def test_another_version_of_the_cache_is_another_cache(
    made: SyntheticData, networks: Networks, tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (1, 2):
        monkeypatch.setattr(table_cache, "VERSION", version)
        TableCache(tmp_path, networks, ClipGrid(Fraction(1, 2)), 30).table(str(made.data.parent / "00.mp4"))
    assert len(opened) == 2
