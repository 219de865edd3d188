"""The ablations keep what was done and by which command; nothing is distilled here."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import run_ablations
import synthetic
from helpers.benchmark_fixtures import made, one_thread

from clipselect.errors import ClipselectError

__all__ = ["made", "one_thread"]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, made: synthetic.Synthetic) -> list[list[str]]:
    """The commands that would be run; they leave a DDNet and results behind."""
    commands: list[list[str]] = []

    def call(*arguments: object) -> None:
        words = [*map(str, arguments)]
        commands.append(words)
        out = Path(words[-1])
        if "distill" in words:
            shutil.copy(made.model, out)
        else:
            row = {"data": "mixed", "method": "ddl", "k": 1, "top1": 70.0 + len(commands)}
            ranking = [{"data": f"mixed {len(commands)}", "auc_ddnet": 0.9}]
            document = {"model": {"gflops": 0.1}, "rows": [row], "ranking": ranking}
            (out / "results.json").write_text(json.dumps(document))

    monkeypatch.setattr(run_ablations, "call", call)
    return commands


def ablate(out: Path, *options: object, base: str = "base.safetensors") -> str:
    given: list[Any] = ["--base", base, "--data", "d", "--background", "b", "--domains", "c.csv", "--out", out]
    run_ablations.main([str(a) for a in (*given, *options)])
    return (out / "ablations.md").read_text()


def test_what_is_done_is_kept_and_another_variant_only_added(tmp_path: Path, called: list[list[str]]) -> None:
    ablate(tmp_path, "--only", "default")
    assert called[0][-8:-1] == ["--stride", "0.5", "--steps", "1500", "--seed", "0", "-o"]
    table = ablate(tmp_path, "--only", "default", "mse")
    assert len(called) == 4 and called[2][-4:-2] == ["--loss", "mse"]
    # each of the two has a column that the other lacks
    head, _, *lines = table.splitlines()
    assert "AUC mixed 2" in head and "AUC mixed 4" in head and len(lines) == 2
    assert {line.count("|") for line in table.splitlines()[2:]} == {head.count("|")}


def test_what_other_arguments_made_is_refused(tmp_path: Path, called: list[list[str]]) -> None:
    ablate(tmp_path, "--only", "mse")
    for options, base in ((["--steps", 9], "base.safetensors"), (["--seed", 1], "base.safetensors"), ([], "other")):
        with pytest.raises(ClipselectError, match=r"mse: was made by other arguments .*another --out"):
            ablate(tmp_path, "--only", "default", "mse", *options, base=base)
    assert len(called) == 2 and not (tmp_path / "default").exists()  # refused before anything is begun
    (tmp_path / "mse/command.json").write_text("[")
    with pytest.raises(ClipselectError, match=r"command\.json"):
        ablate(tmp_path, "--only", "mse")


def test_a_folder_that_says_nothing_of_its_command_is_taken_as_it_is(tmp_path: Path, called: list[list[str]]) -> None:
    ablate(tmp_path, "--only", "mse")
    (tmp_path / "mse/command.json").unlink()
    ablate(tmp_path, "--only", "mse", "--steps", 9)
    assert len(called) == 2 and not (tmp_path / "mse/command.json").exists()
