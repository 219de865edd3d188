"""Scoring in one pass equals scoring the slow way, for every kind of file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.videos import make_uneven_video, make_video

from clipselect.errors import ArgumentError, ClipselectError, VideoError
from clipselect.media.candidate_clips import candidate_clips, frames_to_score
from clipselect.media.progress import Progress
from clipselect.media.sources import open_source
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.video_scores import score_video


@pytest.fixture(scope="module")
def many_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_uneven_video(tmp_path_factory.mktemp("video") / "uneven.mkv")


@pytest.mark.parametrize(("clip_duration", "stride"), [(1, None), (0.7, 0.13), (100, None), (0.2, 0.5)])
def test_one_pass_equals_decoding_everything_first(
    many_clips: Path, clip_duration: float, stride: float | None
) -> None:
    scorer = load_scorer(device="cpu")
    source = open_source(many_clips)
    streamed = score_video(source, scorer, clip_duration=clip_duration, stride=stride)

    frames = np.stack([f for _, f in source.frames(np.arange(len(source.timeline.pts)), scorer.input_spec.size)])
    clips = candidate_clips(source.timeline, clip_duration, stride)
    pixels = np.stack([frames[frames_to_score(source.timeline, c, scorer.input_spec.frames)] for c in clips])
    mean, std = torch.tensor(scorer.input_spec.mean), torch.tensor(scorer.input_spec.std)
    x = (torch.from_numpy(pixels).float() / 255 - mean) / std
    with torch.inference_mode():
        slow = scorer.net(x.permute(0, 4, 1, 2, 3))
    assert streamed.clips == clips
    assert streamed.scores == pytest.approx(slow.numpy(), abs=1e-5)


def test_a_video_that_changes_between_passes_is_scored_again(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 100)
    source = open_source(path)
    make_video(path, 50)
    scored = score_video(source, load_scorer(device="cpu"))
    assert float(scored.duration) == pytest.approx(2.0)
    assert len(scored.clips) == 2


def test_a_path_will_do(many_clips: Path) -> None:
    expected = score_video(open_source(many_clips), load_scorer()).scores.tolist()
    assert score_video(many_clips).scores.tolist() == score_video(str(many_clips)).scores.tolist() == expected
    with pytest.raises(VideoError, match=r"nothing\.mp4: no such file"):
        score_video("nothing.mp4")


def test_a_scorer_for_frames_is_refused(many_clips: Path) -> None:
    with pytest.raises(ArgumentError, match="must be for clips, but 'ddnet2d-faces'") as raised:
        score_video(many_clips, load_scorer(elements="frames"), clip_duration=1)
    assert raised.value.argument == "scorer"


def test_a_scorer_may_be_given_by_its_name_and_a_source_must_be_one(many_clips: Path) -> None:
    expected = score_video(many_clips).scores.tolist()
    assert score_video(many_clips, "ddnet3d-actions").scores.tolist() == expected
    for source, scorer, argument in ((None, None, "source"), (5, None, "source"), (many_clips, 5, "scorer")):
        with pytest.raises(ArgumentError) as raised:
            score_video(source, scorer)  # type: ignore[arg-type]
        assert raised.value.argument == argument


def test_progress_reaches_one_and_never_steps_back(many_clips: Path) -> None:
    reports: list[Progress] = []
    scored = score_video(open_source(many_clips), load_scorer(device="cpu"), stride=0.1, progress=reports.append)
    done = [report.done for report in reports]
    assert done == sorted(done) and done[-1] == len(scored.clips)
    assert {(report.stage, report.total) for report in reports} == {("scoring", len(scored.clips))}


def test_clip_duration_defaults_to_what_the_ddnet_was_distilled_with(many_clips: Path) -> None:
    scorer = load_scorer(device="cpu")
    first = score_video(open_source(many_clips), scorer).clips[0]
    assert float(first.end - first.start) == scorer.clip_duration
    with pytest.raises(ClipselectError, match="clip_duration"):
        score_video(open_source(many_clips), scorer, clip_duration=0)


EXPECTED: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("decode_expected.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_file(shared: Path, name: str) -> None:
    path, expected = shared / "decode" / name, EXPECTED[name]
    if "error" in expected:
        with pytest.raises(VideoError, match=expected["error"]) as caught:
            score_video(open_source(path), load_scorer(device="cpu"))
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
        return
    scored = score_video(open_source(path), load_scorer(device="cpu"))
    assert len(scored.source.timeline.pts) == expected["frames"]
    assert float(scored.duration) == pytest.approx(expected["duration"], abs=1e-5)
    assert len(scored.clips) == len(scored.scores) == expected["clips"]
    assert ((scored.scores > 0) & (scored.scores < 1)).all()
    assert bool(scored.source.warnings) == expected.get("warning", False)


def test_no_file_was_forgotten(shared: Path) -> None:
    found = {str(p.relative_to(shared / "decode")) for p in (shared / "decode").rglob("*") if p.is_file()}
    assert found - {"matrix.json"} == set(EXPECTED)
