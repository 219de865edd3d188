"""`--fast` in the commands, the index and the samplers."""

from pathlib import Path

import pytest
from helpers.command_line import Run, assert_refused, only_video
from helpers.videos import make_video
from pytorchvideo.data import LabeledVideoDataset
from torch.utils.data import SequentialSampler

from clipselect import DDLClipSampler
from clipselect.errors import ClipselectError
from clipselect.index.entry import Scoring
from clipselect.index.score_index import ScoreIndex
from clipselect.media.sources import open_source
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.video_scores import score_video

NOTHING_ADAPTIVE = "b-adapt=0:b-pyramid=none:scenecut=0"


B_FRAMES = {"bf": "2", "x264-params": NOTHING_ADAPTIVE, "g": "24", "crf": "12"}
"""Every third frame is a reference frame."""


@pytest.fixture
def grouped(tmp_path: Path) -> Path:
    return make_video(tmp_path / "grouped.mp4", 96, options=B_FRAMES)


def test_an_index_made_fast_says_so_and_takes_no_exact_scores(run: Run, grouped: Path, tmp_path: Path) -> None:
    fast, exact = tmp_path / "fast.parquet", tmp_path / "exact.parquet"
    assert run("index", grouped, "-o", fast, "--fast", "--workers", 1).code == 0
    assert run("index", grouped, "-o", exact, "--workers", 0).code == 0
    assert ScoreIndex(fast).scoring.fast and not ScoreIndex(exact).scoring.fast
    run("index", grouped, "-o", fast)
    assert_refused(run, "every 1 s, fast, not with", "every 1 s)", "--overwrite")
    run("index", grouped, "-o", exact, "--fast")
    assert_refused(run, "not with model", "every 1 s, fast)")
    with pytest.raises(ClipselectError, match="every 1 s, fast, but "):
        DDLClipSampler(1, index=fast)
    entry = ScoreIndex(fast).entry(grouped)
    assert entry is not None
    expected = score_video(open_source(grouped), load_scorer(), fast=True)
    assert entry.scores.tolist() == expected.scores.tolist()
    for sampler in (DDLClipSampler(1, k=2, index=fast, fast=True), DDLClipSampler(1, k=2, fast=True)):
        videos = [(str(grouped), {"label": 0})]
        samples = LabeledVideoDataset(videos, sampler, SequentialSampler, decode_audio=False)
        best = sorted(entry.scores.tolist(), reverse=True)[:2]
        assert sorted((sample["clip_score"] for sample in samples), reverse=True) == pytest.approx(best)


def test_exact_scores_are_recorded_as_before(run: Run) -> None:
    assert "fast" not in Scoring("m", "0", "1", "1").record()
    assert Scoring(**Scoring("m", "0", "1", "1", True).record()).fast


def test_the_commands_take_it(run: Run, grouped: Path) -> None:
    import json

    run("score", grouped, "--fast", "--json", "-", "--stride", "0.3")
    document = json.loads(run.out)
    scores = [clip["score"] for clip in only_video(document)["clips"]]
    expected = score_video(open_source(grouped), load_scorer(), stride=0.3, fast=True).scores
    assert document["settings"]["fast"] is True and scores == pytest.approx(expected.tolist(), abs=1e-6)
    assert only_video(document)["fast"] is True
    assert "s, ddnet3d-actions, fast)" in run("score", grouped, "--fast", "--html", grouped.with_name("page.html")).out
    assert "fast: scores are estimates" in grouped.with_name("page.html").read_text()
    assert ",fast,decoded,skipped\n" in run("score", grouped, "--fast", "--csv", "-").out
    assert "fast" not in run("score", grouped, "--csv", "-").out.splitlines()[0]
    assert run("classify", grouped, "--fast", "--quiet").code == 0
    run("score", grouped, "--fast", "--decoder", "decord")
    assert_refused(run, "--fast", "decord")
