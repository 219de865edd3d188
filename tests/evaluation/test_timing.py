"""What is timed gives the answers of the tables, and the methods take turns."""

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from clipselect.errors import VideoError
from clipselect.evaluation.clip_tables import ClipGrid, Networks, video_table
from clipselect.evaluation.outcomes import Cost
from clipselect.evaluation.synthetic import SyntheticData
from clipselect.evaluation.timing import Timed, add_seconds, time_methods, timed_methods
from clipselect.media.sources import open_source
from clipselect.method.aggregation import aggregate, weights
from clipselect.method.selection import top_k, uniform

COST = Cost(1.0, 0.1)
CPU = torch.device("cpu")


@pytest.mark.parametrize(("geometry", "crops"), [("squash", 1), ("three_crops", 3)])
def test_what_is_timed_answers_as_the_tables_do(
    made: SyntheticData, networks: Networks, geometry: str, crops: int
) -> None:
    path, cut = str(made.data.parent / "00.mp4"), ClipGrid(Fraction(1, 2))
    networks = replace(networks, base=networks.base.with_geometry(geometry))
    table = video_table(open_source(path), cut, networks)
    answers = {
        key: method(path)[0] for key, method in timed_methods([3], cut, networks, replace(COST, base=crops), 30).items()
    }
    kept = top_k(table.scores, 3).ordered
    assert answers["dense", None] == pytest.approx(table.probabilities.mean(axis=0), abs=1e-6)
    expected = aggregate(torch.from_numpy(table.probabilities[kept]), weights(table.scores, kept)).numpy()
    assert answers["ddl", 3] == pytest.approx(expected, abs=1e-6)
    for name, values in (("motion", table.motion), ("packets", table.packets)):
        best = top_k(values, 3).ordered
        assert answers[name, 3] == pytest.approx(table.probabilities[best].mean(axis=0), abs=1e-6)
    more = uniform(len(table.scores), 3 + math.ceil(len(table.scores) * COST.ddnet / crops))
    assert answers["uniform_equal_cost", 3] == pytest.approx(table.probabilities[more].mean(axis=0), abs=1e-6)


def constant(name: str, called: list[tuple[str, str]], fails: str = "") -> Timed:
    def method(path: str) -> tuple[NDArray[np.float64], dict[str, float]]:
        called.append((name, Path(path).name))
        if Path(path).name == fails:
            raise VideoError(f"{path}: torn")
        return np.zeros(2), {"total": 0.5, "decode": 0.3, "ddnet": 0.1, "base": 0.1}

    return method


def test_methods_take_turns_in_being_first_and_a_video_that_fails_is_left_out(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c", "d")]
    for path in paths[:3]:
        path.write_bytes(b"video")
    called: list[tuple[str, str]] = []
    failed: list[str] = []
    every = {("ddl", 1): constant("ddl", called), ("uniform", 1): constant("uniform", called, fails="b")}
    found = time_methods(
        [str(path) for path in paths], every, CPU, on_error=lambda path, error: failed.append(str(error))
    )
    warm, counted = called[:2], called[2:]
    assert warm == [("ddl", "a"), ("uniform", "a")]
    assert counted == [("ddl", "a"), ("uniform", "a"), ("uniform", "b"), ("uniform", "c"), ("ddl", "c")]
    assert found["ddl", 1]["timed_videos"] == found["uniform", 1]["timed_videos"] == 2
    assert found["ddl", 1]["seconds"] == 0.5 and found["ddl", 1]["videos_per_second"] == 2
    assert len(failed) == 2 and "b: torn" in failed[0] and str(tmp_path / "d") in failed[1]
    rows = [{"method": "ddl_average", "k": 1}, {"method": "random", "k": 1}]
    add_seconds(rows, found)
    assert rows[0]["seconds"] == 0.5 and "seconds" not in rows[1]
