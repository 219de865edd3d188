"""The benchmarks of data times and of costs measure what they say."""

import sys
from pathlib import Path

import pytest
import run_cost
import run_data_time
from clipselect.zoo.networks import NETWORKS, Architecture
from helpers.base_fixtures import Tiny
from helpers.videos import make_video

from clipselect.evaluation.results import read_results


def test_data_times_of_all_methods_in_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "videos").mkdir()
    for i in range(2):
        make_video(tmp_path / "videos" / f"{i}.mp4", 75 + 50 * i)
    out = tmp_path / "out"
    arguments = ["--data", str(tmp_path / "videos"), "--out", str(out), "--k", "2", "--clip-duration", "1"]
    monkeypatch.setattr(sys, "argv", ["run_data_time.py", *arguments, "--repeats", "1"])
    run_data_time.main()
    assert "ddl_index / uniform: " in capfd.readouterr().out
    results = read_results(out)
    assert {row.method: row.clips for row in results.rows} == {
        "dense": 4, "uniform": 2, "ddl": 2, "ddl_index": 2, "decode_once": None,
    }  # fmt: skip
    assert all(row.costs["seconds"] > 0 for row in results.rows)
    mean = {row.method: row.costs["seconds"] for row in results.rows}
    assert results.record()["ratios"]["ddl_index / uniform"] == pytest.approx(mean["ddl_index"] / mean["uniform"])


def test_the_cost_of_both_sides_comes_from_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS, "slowfast_r50", Architecture(lambda _: Tiny().eval(), 32, 256, 64 / 30))
    video, out = make_video(tmp_path / "a.mp4", 150), tmp_path / "out"
    arguments = ["--video", str(video), "--out", str(out), "--size", "32", "--repeats", "1"]
    monkeypatch.setattr(sys, "argv", ["run_cost.py", *arguments])
    run_cost.main()
    results = read_results(out)
    rows = results.record()["rows"]
    for ddl, dense in zip(rows[:-3:2], rows[1:-3:2], strict=True):
        assert (ddl["method"], dense["method"]) == ("ddl", "dense")
        assert ddl["fewer"] == pytest.approx(dense["gflops"] / ddl["gflops"])
        assert ddl["gflops_base"] == pytest.approx(dense["gflops"] * ddl["k"] / dense["k"])
    timed = {row.method: row for row in results.rows[-3:]}
    assert {method: row.k for method, row in timed.items()} == {"ddl": 5, "uniform": 5, "dense": 30}
    assert all(row.costs["seconds"] > 0 for row in timed.values())
