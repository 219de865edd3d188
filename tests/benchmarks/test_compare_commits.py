"""Two commits side by side: whether a slowdown is noticed, and noise is not taken for one."""

import json
import sys
from pathlib import Path

import compare_commits
import numpy as np
import pytest
from compare_commits import checked_out, main, took

from clipselect.errors import ClipselectError

NOISE = np.exp(np.random.default_rng(0).normal(0, 0.05, (40, 2)))


@pytest.mark.parametrize(("times_slower", "code"), [(1.0, 0), (1.1, 1), (0.7, 0)])
def test_a_slowdown_beyond_the_noise_is_an_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], times_slower: float, code: int
) -> None:
    """Of processor time; waiting times, here ten times as long, are printed only."""
    noise = iter(NOISE)
    trees: list[Path] = []

    def fake(tree: Path, job: tuple[str, ...]) -> tuple[float, float]:
        trees.append(tree)
        used, waited = next(noise)
        return (used * times_slower, 10 * waited) if tree == compare_commits.ROOT else (used, waited)

    monkeypatch.setattr(compare_commits, "took", fake)
    monkeypatch.setattr(compare_commits, "jobs", lambda folder: {"work": ("-c",)})
    monkeypatch.setattr(compare_commits, "MIN_TURNS", 20)
    arguments = ["compare_commits.py", "HEAD", ".", "--minutes", "0", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == code and ("SLOWER" in capsys.readouterr().out) == bool(code)
    [first, second, third, fourth] = trees[:4]
    assert first == fourth == compare_commits.ROOT and second == third != first and not second.exists()
    [file] = tmp_path.glob("compare_*_cores.json")
    found = json.loads(file.read_text())
    [row] = found["jobs"]
    assert found["environment"]["cpu"] and row["turns"] == 20
    assert row["processor time"]["ratio"] == pytest.approx(times_slower, rel=0.05)
    assert row["waiting time"]["from"] > 8


def test_a_job_reports_its_own_times_or_those_of_its_process(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("print('1.5 2.5')")
    assert took(tmp_path, ("-c", "import mine")) == (1.5, 2.5)
    used, waited = took(tmp_path, ("-m", "mine"))
    assert 0 < used < 1.5 and waited > 0
    with pytest.raises(ClipselectError, match="ZeroDivisionError"):
        took(tmp_path, ("-c", "1 / 0"))


def test_what_is_no_commit_is_named() -> None:
    with pytest.raises(ClipselectError, match=r"^no-such-commit: "), checked_out("no-such-commit"):
        pass
