"""Candidates from a score index: nothing is scored again, stale and missing entries, other models and clips."""

import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.command_line import Run
from helpers.sampling import VIDEO_FRAMES, names, sampled, tiny_ddnet, without_frames
from helpers.videos import make_video

from clipselect import DDLClipSampler
from clipselect.errors import ClipselectError, ClipselectWarning


@pytest.fixture
def index(videos: Path, model: Path, run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "scores.parquet"
    where = [videos, videos / "frames", "-o", path, "--model", model, "--clip-duration", 1, "--device", "cpu"]
    assert run("index", *where, "--workers", 0, "-q").code == 0
    return path


def never(*_: Any, **__: Any) -> Any:
    raise AssertionError("scored, though the index knows it")


def test_with_an_index_nothing_is_scored_and_the_rows_are_the_same(
    videos: Path, model: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = sampled(videos, DDLClipSampler(1, k=2, scorer=model))
    monkeypatch.setattr("clipselect.samplers.candidate_reader.score_video", never)
    monkeypatch.setattr("clipselect.samplers.candidate_reader.open_source", never)
    assert sampled(videos, DDLClipSampler(1, k=2, scorer=model, index=index)) == without


@pytest.mark.processes
def test_workers_share_an_index(videos: Path, model: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forked workers, in which the function is replaced, too."""
    sampler = DDLClipSampler(1, k=2, scorer=model, index=index, on_missing="raise")
    alone = sampled(videos, sampler)
    monkeypatch.setattr("clipselect.samplers.candidate_reader.score_video", never)
    assert sampled(videos, sampler, 2, "fork") == alone
    assert len(pickle.dumps(sampler)) < 20_000


@pytest.mark.parametrize(("change", "says"), [("stale", "is older than"), ("missing", "has no entry for")])
def test_a_stale_or_missing_entry_is_scored_with_a_warning_or_raises(
    videos: Path, model: Path, index: Path, change: str, says: str
) -> None:
    changed = "two.mp4" if change == "stale" else "new.mp4"
    make_video(videos / changed, 60)
    with pytest.warns(ClipselectWarning, match=rf"scores\.parquet: {says} .*{changed}") as caught:
        found = sampled(videos, DDLClipSampler(1, k=2, scorer=model, index=index))
    assert sum("scores.parquet" in str(w.message) for w in caught) == 1
    assert found == sampled(videos, DDLClipSampler(1, k=2, scorer=model))
    with pytest.raises(ClipselectError, match=rf"scores\.parquet: {says} .*{changed}"):
        sampled(videos, DDLClipSampler(1, k=2, scorer=model, index=index, on_missing="raise"))


def test_an_index_made_otherwise_is_refused_and_both_are_named(model: Path, index: Path, tmp_path: Path) -> None:
    other = tiny_ddnet(tmp_path / "other.safetensors", seed=1)
    with pytest.raises(ClipselectError, match=r"model tiny0 .* clips of 1 s every 1 s.*but model tiny1"):
        DDLClipSampler(1, scorer=other, index=index)
    with pytest.raises(ClipselectError, match=r"clips of 1 s every 1 s, but .* clips of 2 s every 2 s"):
        DDLClipSampler(2, scorer=model, index=index)
    with pytest.raises(ClipselectError, match=r"clips of 1 s every 1 s, but .* clips of 1 s every 0\.5 s"):
        DDLClipSampler(1, stride=0.5, scorer=model, index=index)


def test_a_video_that_failed_in_the_index_is_named_and_passed_over(
    videos: Path, model: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_frames(videos / "pale.mp4")
    path = tmp_path / "failed.parquet"
    assert run("index", videos, "-o", path, "--model", model, "--clip-duration", 1, "--workers", 0, "-q").code == 1
    shutil.rmtree(videos / "frames")
    monkeypatch.setattr("clipselect.samplers.candidate_reader.score_video", never)
    with pytest.warns(ClipselectWarning, match=r"pale\.mp4.*the dataset goes on without it"):
        found = sampled(videos, DDLClipSampler(1, k=2, scorer=model, index=path, on_missing="raise"))
    assert names(found) == set(VIDEO_FRAMES)
