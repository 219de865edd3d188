"""`ClipSelector`: what `clipselect score` does, for Python callers."""

from pathlib import Path
from typing import Any

import pytest
from helpers.sampling import tiny_ddnet

from clipselect import ClipSelector, load_scorer, open_source, score_video
from clipselect.errors import ArgumentError, VideoError
from clipselect.media.progress import Progress
from clipselect.method.selection import ranks, select
from clipselect.scoring.scorer import Scorer


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return load_scorer(tiny_ddnet(tmp_path_factory.mktemp("model") / "tiny.safetensors"), "cpu")


@pytest.mark.parametrize("limits", [{"k": 2}, {"k": 2, "min_gap": 0.5}, {"threshold": 0.5}, {"k": 1, "threshold": 0.1}])
def test_scores_and_picks_are_those_of_the_functions(scorer: Scorer, video: Path, limits: dict[str, Any]) -> None:
    found = ClipSelector(scorer=scorer, clip_duration=1, stride=0.25, **limits)(video)
    scores = score_video(open_source(video), scorer, clip_duration=1, stride=0.25)
    assert found.scores.clips == scores.clips and found.scores.scores.tolist() == scores.scores.tolist()
    assert found.picked.ranked.tolist() == select(scores.scores, scores.spans, **limits).ranked.tolist()
    assert found.ranks.tolist() == ranks(scores.scores).tolist()


def test_without_limits_the_best_five_are_picked(scorer: Scorer, video: Path) -> None:
    selector = ClipSelector(scorer=scorer, stride=0.1)
    assert len(selector(video).picked.ranked) == selector.settings()["k"] == 5
    assert ClipSelector(scorer=scorer, threshold=0.0).settings()["k"] is None


def test_progress_and_thumbnails_come_with_the_scores(scorer: Scorer, video: Path) -> None:
    shown: list[Progress] = []
    found = ClipSelector(scorer=scorer)(video, progress=shown.append, thumbnail=lambda frame: bytes([len(frame)]))
    assert shown[-1].done == shown[-1].total == len(found.scores.clips)
    assert found.scores.thumbnails == [bytes([32])] * len(found.scores.clips)


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"k": 0}, "k"),
        ({"threshold": float("nan")}, "threshold"),
        ({"min_gap": -1}, "min_gap"),
        ({"clip_duration": 0}, "clip_duration"),
        ({"stride": float("inf")}, "stride"),
        ({"fps": 0}, "fps"),
        ({"fps": 1e9}, "fps"),
        ({"decoder": "vlc"}, "decoder"),
        ({"decoder": "decord", "fast": True}, "fast"),
    ],
)
def test_arguments_out_of_range_are_named_before_any_video_is_read(
    scorer: Scorer, options: dict[str, Any], argument: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        ClipSelector(scorer=scorer, **options)
    assert caught.value.argument == argument


def test_a_video_that_is_not_there_is_named(scorer: Scorer, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"none\.mp4: no such file"):
        ClipSelector(scorer=scorer)(tmp_path / "none.mp4")


def test_what_is_no_scorer_of_clips_is_refused_at_once() -> None:
    for scorer in ("ddnet3d-actions", None, load_scorer("ddnet2d-faces", "cpu")):
        with pytest.raises(ArgumentError) as caught:
            ClipSelector(scorer=scorer)  # type: ignore[arg-type]
        assert caught.value.argument == "scorer"
