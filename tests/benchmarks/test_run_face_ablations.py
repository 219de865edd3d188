"""The ablations of faces: which commands are run, what is kept, and the table; nothing is trained here."""

import json
from pathlib import Path

import pytest
import run_face_ablations
from helpers.frame_fixtures import tiny_ddnet

from clipselect.errors import ClipselectError

BASE = "mobilefacenet_foamliu:theirs.pt"


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would be run; they leave what they are to make behind."""
    commands: list[list[str]] = []

    def call(*arguments: object) -> None:
        words = [*map(str, arguments)]
        commands.append(words)
        out = Path(words[-1])
        if "distill-frames" in words:
            tiny_ddnet(out)
        elif "train-embedder" in words:
            out.touch()
        else:
            rows = [
                {"data": data, "method": method, "k": k, "tar_at_far_1e-2": value}
                for data, value in (("val", 90), ("val, blur 11", 70))
                for method, k in (("average", None), ("ddl", 3), ("even", 3))
            ]
            (out / "results.json").write_text(json.dumps({"model": {"gflops": 0.041}, "rows": rows}))

    monkeypatch.setattr(run_face_ablations, "call", call)
    return commands


def ablate(out: Path, *variants: str) -> list[str]:
    run_face_ablations.main(["--data", "d", "--base", BASE, "--out", str(out), "--only", *variants])
    return (out / "ablations.md").read_text().splitlines()


def test_sizes_are_distilled_for_the_base_as_it_is_and_share_its_features(
    tmp_path: Path, called: list[list[str]]
) -> None:
    head, _, first, second = ablate(tmp_path, "default", "half_width")
    distilled = [words for words in called if "distill-frames" in words]
    assert [words[words.index("--base") + 1] for words in distilled] == [BASE, BASE]
    assert "--widths" not in distilled[0] and distilled[1][distilled[1].index("--widths") + 1] == "4,8,16,24"
    for variant in ("default", "half_width"):
        assert (tmp_path / variant / "ddnet.work" / "features").resolve() == (tmp_path / "features").resolve()
    columns = "variant | DDNet, M a frame | rho | val: average | val: ddl 3 | blur 11: average | blur 11: ddl 3"
    assert head == f"| {columns} |"
    assert first.startswith("| `default` | 41 |") and first.endswith("| 90.0 | 90.0 | 70.0 | 70.0 |")
    assert second.startswith("| `half_width` |")


def test_every_loss_trains_a_base_of_its_own_and_nothing_is_done_twice(tmp_path: Path, called: list[list[str]]) -> None:
    ablate(tmp_path, "cosface")
    train, distil, evaluate = called
    base = str(tmp_path / "cosface" / "base.safetensors")
    assert train[train.index("--initial") + 1] == "theirs.pt" and train[train.index("--loss") + 1] == "cosface"
    assert train[-1] == base == distil[distil.index("--base") + 1] == evaluate[evaluate.index("--base") + 1]
    assert not (tmp_path / "cosface" / "ddnet.work").exists()
    assert len(ablate(tmp_path, "cosface", "softmax")) == 4 and len(called) == 6


def test_what_other_arguments_made_is_refused(tmp_path: Path, called: list[list[str]]) -> None:
    ablate(tmp_path, "default")
    with pytest.raises(ClipselectError, match="default: was made by other arguments"):
        run_face_ablations.main(
            ["--data", "other", "--base", BASE, "--out", str(tmp_path), "--only", "cosface", "default"]
        )
    assert len(called) == 2  # nothing was run before it was refused
