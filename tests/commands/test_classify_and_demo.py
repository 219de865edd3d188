"""`clipselect classify` and `clipselect demo`."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from clipselect.zoo.loading import load_base
from helpers.command_line import Run, assert_refused
from helpers.videos import make_video

from clipselect.commands.output.demo_video import ACTION
from clipselect.evaluation.classify import Answer, compare
from clipselect.media.sources import open_source
from clipselect.method.selection import top_k, uniform
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.video_scores import score_video


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("video") / "long.mp4", 25 * 12)


def test_classify_compares_three_methods_with_their_costs(run: Run, long_video: Path) -> None:
    shown = " ".join(run("classify", long_video, "--k", 3).out.split())
    assert "answer, one of 22 classes" in shown and "none of these" in shown
    assert "Every video gets one of these 22 answers" in shown and "means nothing" in shown
    assert all(name in shown for name in load_base(device="cpu").classes) and " more" not in shown
    document = json.loads(run("classify", long_video, "--k", 3, "--json", "-").out)
    assert run.code == 0
    rows = {row["method"]: row for row in document["rows"]}
    assert [(m, row["k"]) for m, row in rows.items()] == [("ddl", 3), ("uniform", 3), ("dense", 12)]
    per_clip = rows["dense"]["gflops"] / 12
    assert rows["uniform"]["gflops"] == pytest.approx(3 * per_clip, rel=1e-3)
    assert rows["uniform"]["gflops"] < rows["ddl"]["gflops"] < rows["dense"]["gflops"]
    for row in rows.values():
        assert row["seconds"] > 0 and len(row["probabilities"]) == 22
        assert row["background"] == pytest.approx(1 - sum(row["probabilities"].values()), abs=1e-4)
        best = max(row["probabilities"], key=row["probabilities"].__getitem__)
        assert row["answer"] == ("none of these" if row["background"] > row["probabilities"][best] else best)
    assert (
        document["videos"][0]["caveats"][0].startswith("Classes that the base knows: ")
        and document["videos"][0]["doubts"]
    )
    assert sum(c["picked"] for c in document["videos"][0]["clips"]) == 3


def test_classify_shows_a_table(run: Run, long_video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (40, 80, 150):
        monkeypatch.setenv("COLUMNS", str(width))
        run("classify", long_video)
        shown = run.out.partition("Classes that the base knows")[0]
        assert len(re.findall(r"[a-z] \d+ %", shown)) == 3 * 4, "three classes and none of these for each method"
        assert run.code == 0 and all(word in shown for word in ("ddl", "uniform", "dense"))
        assert ("GFLOPs" in shown and "seconds" in shown) == (width > 40)


def test_classify_with_another_geometry_gives_another_answer(run: Run, long_video: Path) -> None:
    answers = []
    for geometry in ("squash", "short_side", "three_crops:128"):
        run("classify", long_video, "--base-geometry", geometry, "--json", "-", "-q")
        dense = json.loads(run.out)["rows"][2]
        answers.append((dense["gflops"], dense["probabilities"]))
    assert answers[0][1] != answers[1][1] != answers[2][1]
    assert [gflops / answers[0][0] for gflops, _ in answers] == pytest.approx([1, 1, 3], rel=1e-3)


def test_classify_in_bf16_answers_nearly_the_same(run: Run, long_video: Path) -> None:
    answers = []
    for precision in ("32", "bf16"):
        run("classify", long_video, "--base-precision", precision, "--json", "-", "-q")
        document = json.loads(run.out)
        assert document["settings"]["base_precision"] == precision
        answers.append(list(document["rows"][2]["probabilities"].values()))
    assert answers[0] != answers[1] and answers[0] == pytest.approx(answers[1], abs=0.05)


def test_all_methods_agree_when_everything_is_picked(long_video: Path) -> None:
    scorer, base = load_scorer(device="cpu"), load_base(device="cpu")
    scored = score_video(open_source(long_video), scorer)
    ddl, even, dense = compare(scored, top_k(scored.scores, 12), scorer, base)
    assert torch.allclose(even.probabilities, dense.probabilities, atol=1e-6)
    assert ddl.clips == even.clips == dense.clips == 12


def test_classify_refuses_bad_bases(run: Run, long_video: Path, tmp_path: Path) -> None:
    assert_refused(run("classify", long_video, "--base", "nothing"), "unknown model 'nothing'")
    assert_refused(run("classify", tmp_path / "none.mp4"), "no such file")
    wrong = run("classify", long_video, "--base-geometry", "crop")
    assert_refused(wrong, "--base-geometry must be squash, short_side, ")
    assert_refused(run("classify", long_video, "--base-precision", "16"), "--base-precision must be one of 32, bf16")


@pytest.mark.parametrize(("n", "k"), [(20, 1), (20, 3), (20, 20), (7, 5), (1, 1)])
def test_uniform_is_distinct_even_and_symmetric(n: int, k: int) -> None:
    chosen = uniform(n, k)
    assert len(set(chosen.tolist())) == k and chosen.min() >= 0 and chosen.max() < n
    assert np.ptp(np.diff(chosen)) <= 1 if k > 2 else True


def test_demo_makes_a_video_and_a_page(run: Run, tmp_path: Path) -> None:
    run("demo", "--out", tmp_path / "demo")
    assert run.code == 0 and "✔" in run.out
    assert (tmp_path / "demo" / "demo.mp4").exists()
    assert (tmp_path / "demo" / "demo.html").read_text().count("<figure") == 12
    scored = score_video(open_source(tmp_path / "demo" / "demo.mp4"), load_scorer(device="cpu"))
    best = scored.clips[int(scored.scores.argmax())]
    assert ACTION[0] <= best.start and best.end <= ACTION[1], "the best clip shows the scuffle"
    assert_refused(run("demo", "--out", "/proc/demo"), "/proc/demo")


def test_a_base_that_sees_background_says_none_of_these() -> None:
    def answer(*probabilities: float) -> Answer:
        return Answer("ddl", 5, torch.tensor(probabilities), None, 0.1)

    assert answer(0.2, 0.1).none_of_these and not answer(0.5, 0.1).none_of_these and not answer(0.4, 0.6).none_of_these
