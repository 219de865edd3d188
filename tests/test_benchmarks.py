"""The accuracy table: its methods choose and count what they say."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from measures import Tables, bootstrap_interval, method_rows

from clipselect.zoo.recipes.actions import Composition

GFLOPS = {"base": 2.0, "ddnet": 0.1}


@pytest.fixture
def rows() -> dict[tuple[str, int], dict[str, Any]]:
    """Twelve videos of twenty clips; the four action clips alone are recognised, and the DDNet knows them."""
    pairs, row = [], {}
    scores, probabilities = [], []
    for video in range(12):
        action = np.zeros(20, dtype=bool)
        action[video : video + 4] = True
        clips = [(video, Fraction(i)) for i in range(20)]
        for clip, is_action in zip(clips, action, strict=True):
            row[clip] = len(scores)
            scores.append(0.9 if is_action else 0.2)
            probabilities.append([0.6, 0.2] if is_action else [0.3, 0.5])
        pairs.append((0, Composition("mixed", "a", clips, action)))
    tables = Tables(row, np.array(scores), np.array(probabilities), None, None, ("a", "b"))
    return {(r["method"], r["k"]): r for r in method_rows(pairs, tables, [1, 4], GFLOPS)}


def test_a_perfect_ddnet_reaches_the_ceiling_where_others_miss(rows: dict[tuple[str, int], dict[str, Any]]) -> None:
    assert rows["ddl", 1]["top1"] == rows["ddl", 4]["top1"] == rows["action_clips_only", 4]["top1"] == 100
    assert rows["dense", 20]["top1"] == 0  # 4 x 0.6 + 16 x 0.3 < 4 x 0.2 + 16 x 0.5
    assert rows["dense_weighted", 20]["top1"] == 100  # the background weighs nothing
    assert rows["uniform", 1]["top1"] < 100 and rows["random", 4]["top1"] < 100


def test_costs_count_the_ddnet_on_every_clip(rows: dict[tuple[str, int], dict[str, Any]]) -> None:
    assert rows["ddl", 4]["gflops"] == pytest.approx(4 * 2.0 + 20 * 0.1)
    assert rows["uniform", 4]["gflops"] == pytest.approx(8)
    assert rows["uniform_equal_cost", 4]["gflops"] == pytest.approx(10)  # one clip more for the same total
    assert rows["confidence", 1]["gflops"] == rows["dense", 20]["gflops"] == pytest.approx(40)


def test_the_interval_holds_the_mean_and_narrows_with_more_videos() -> None:
    few, many = np.array([0.0, 1.0] * 10), np.array([0.0, 1.0] * 500)
    (low, high), (lower, higher) = bootstrap_interval(few), bootstrap_interval(many)
    assert low < 0.5 < high and high - low > 3 * (higher - lower)
