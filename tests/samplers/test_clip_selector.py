"""`select`, and `ClipSelector`, which is `select` for many videos: what `clipselect score` calls."""

import shutil
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from helpers.videos import make_damaged_video, make_video

from clipselect import build_index, load_scorer, open_source, score_video, select
from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning, VideoError
from clipselect.media.progress import Progress
from clipselect.media.scaling import upright
from clipselect.method import selection
from clipselect.method.aggregation import weights
from clipselect.method.selection import ranks
from clipselect.samplers.clip_selector import ClipSelector
from clipselect.samplers.picks import Picks
from clipselect.scoring.scorer import Scorer


@pytest.fixture(scope="module")
def scorer(model: Path) -> Scorer:
    return load_scorer(model, "cpu")


def same(one: Picks, other: Picks) -> bool:
    return [*one] == [*other] and one.candidates == other.candidates


@pytest.mark.parametrize(
    "limits", [{"k": 2}, {"k": 2, "min_gap": 0.5}, {"threshold": 0.5, "min_gap": None}, {"k": 1, "threshold": 0.1}]
)
def test_scores_and_picks_are_those_of_the_functions(scorer: Scorer, video: Path, limits: dict[str, Any]) -> None:
    found = ClipSelector(scorer=scorer, clip_duration=1, stride=0.25, **limits)(video)
    scores = score_video(video, scorer, clip_duration=1, stride=0.25)
    assert found.scores.clips == scores.clips and found.scores.scores.tolist() == scores.scores.tolist()
    kept = selection.select(scores.scores, scores.spans, **limits)
    assert found.picked.ranked.tolist() == kept.ranked.tolist()
    assert found.ranks.tolist() == ranks(scores.scores).tolist()
    assert found.weights.tolist() == weights(scores.scores, kept.ordered).tolist()
    assert same(found, select(video, scorer=scorer, clip_duration=1, stride=0.25, **limits))


def test_picks_never_overlap_by_default(scorer: Scorer, video: Path) -> None:
    """The last candidate reaches back over the one before; with a stride below their length all overlap."""
    plain = select(video, scorer=scorer)
    assert [(one.start, one.end) for one in plain.candidates] == [(0, 1), (1, 2), (1.52, 2.52)]
    assert len(plain) == 2 and plain[0].end <= plain[1].start
    dense = select(video, scorer=scorer, stride=0.1)
    assert all(one.end <= other.start for one, other in pairwise(dense))
    assert len(select(video, scorer=scorer, min_gap=None)) == 3
    assert len(select(video, scorer=scorer, stride=0.1, min_gap=None)) == 5


def test_without_limits_the_best_five_are_picked(scorer: Scorer) -> None:
    assert ClipSelector(scorer=scorer).settings()["k"] == 5 and ClipSelector(scorer=scorer).settings()["min_gap"] == 0
    assert ClipSelector(scorer=scorer, threshold=0.0).settings()["k"] is None


def test_more_than_there_are_is_all_there_are(scorer: Scorer, video: Path) -> None:
    picks = select(video, 100, scorer=scorer, clip_duration=0.6)
    assert len(picks) == 4 < len(picks.candidates) == 5


def test_progress_says_how_many_clips_are_scored(scorer: Scorer, video: Path) -> None:
    shown: list[Progress] = []
    found = ClipSelector(scorer=scorer)(video, progress=shown.append)
    assert shown[-1].done == shown[-1].total == len(found.candidates)


def test_a_model_may_be_a_name_a_file_or_loaded(model: Path, scorer: Scorer, video: Path) -> None:
    assert same(select(video, scorer=model), select(str(video), scorer=scorer))
    assert select(video).scores.model == "ddnet3d-actions"
    with pytest.raises(ArgumentError, match="device"):
        select(video, scorer=scorer, device="cpu")
    with pytest.raises(ClipselectError, match="2D DDNet"):
        select(video, scorer="ddnet2d-faces")


@pytest.mark.parametrize("as_tensor", [False, True])
def test_frames_in_memory_are_scored_as_the_folder_that_holds_them(
    scorer: Scorer, video: Path, tmp_path: Path, as_tensor: bool
) -> None:
    pixels = np.stack([upright(frame) for frame in open_source(video).pictures(0, 62)])
    for i, image in enumerate(pixels):
        av.VideoFrame.from_ndarray(image, "rgb24").to_image().save(tmp_path / f"{i}.png")
    frames: Any = torch.from_numpy(pixels) if as_tensor else pixels
    found = select(frames, fps=25, scorer=scorer, stride=0.3)
    assert same(found, select(tmp_path, fps=25, scorer=scorer, stride=0.3))
    assert found.path is None and found.to_dict()["path"] is None
    for clip, pick in zip(found.decode(layout="THWC"), found, strict=True):
        assert (clip.numpy() == pixels[pick.first_frame : pick.last_frame + 1]).all()
    assert all(path.name.startswith("frames_rank") for path in found.save(tmp_path / "out"))


def test_frames_that_were_not_kept_cannot_be_decoded(scorer: Scorer, tmp_path: Path) -> None:
    picks = select(np.zeros((30, 8, 8, 3), np.uint8), fps=25, scorer=scorer, keep_frames=False)
    assert len(picks) == 1 and picks.duration == 1.2
    for use in (picks.decode, lambda: picks.save(tmp_path / "out")):
        with pytest.raises(ClipselectError, match="not kept; select with keep_frames=True"):
            use()
    assert not (tmp_path / "out").exists()


def test_windows_of_the_callers_own(scorer: Scorer, video: Path, tmp_path: Path) -> None:
    grid = select(video, scorer=scorer, min_gap=None)
    windows = [(one.start, one.end) for one in grid.candidates]
    (tmp_path / "windows.csv").write_text("start,end\n" + "".join(f"{start},{end}\n" for start, end in windows))
    for candidates in (windows, windows[::-1], tmp_path / "windows.csv"):
        assert same(grid, select(video, scorer=scorer, candidates=candidates, min_gap=None))
    mixed = select(video, 9, scorer=scorer, candidates=[(2, 2.52), (0, 2.5), (0.5, 0.6), (0, 3)], min_gap=None)
    assert [(one.start, one.end) for one in mixed.candidates] == [(0, 2.5), (0, 2.52), (0.5, 0.6), (2, 2.52)]
    for one in mixed.candidates:  # however they lie to each other, each is scored as on its own
        [alone] = select(video, scorer=scorer, candidates=[(one.start, one.end)]).candidates
        assert alone.score == pytest.approx(one.score, abs=1e-6)
        assert (alone.first_frame, alone.last_frame) == (one.first_frame, one.last_frame)
    assert ClipSelector(scorer=scorer, candidates=windows).settings()["clip_duration"] is None


def test_windows_outside_of_the_video_are_refused(scorer: Scorer, video: Path) -> None:
    for window in ((3, 4), (0, 4), (-1, 1), (1, 1), (2, 1), (float("nan"), 1)):
        with pytest.raises(ArgumentError) as caught:
            select(video, scorer=scorer, candidates=[(0, 1), window])
        assert caught.value.argument == "candidates"


@pytest.mark.processes
def test_a_video_that_the_index_knows_is_not_scored_again(
    model: Path, scorer: Scorer, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / "a.mp4", make_damaged_video(tmp_path / "damaged.mp4")]
    shutil.copy(video, paths[0])
    index = tmp_path / "scores.parquet"
    build_index(paths, index, scorer=model, clip_duration=0.5, stride=0.25, device="cpu")
    scored = [select(path, 3, scorer=scorer, clip_duration=0.5, stride=0.25) for path in paths]
    with monkeypatch.context() as patch:
        patch.setattr(Scorer, "score", None)
        known = [select(path, 3, scorer=scorer, index=index) for path in paths]
        for one in ({"clip_duration": 0.5}, {"stride": 0.25}):
            assert same(select(paths[0], 3, scorer=scorer, index=index, **one), known[0])
    for one, other in zip(known, scored, strict=True):
        assert same(one, other) and one.warnings == other.warnings and one.duration == other.duration
        for clip, expected in zip(one.decode(4, size=16), other.decode(4, size=16), strict=True):
            assert torch.equal(clip, expected)
    paths[0].touch()
    with pytest.raises(ClipselectError, match="older than"):
        select(paths[0], scorer=scorer, index=index, on_missing="raise")
    with pytest.warns(ClipselectWarning, match="older than"):
        assert same(select(paths[0], 3, scorer=scorer, index=index), scored[0])
    for wrong in ({"clip_duration": 1}, {"stride": 0.5}, {"fast": True}):
        with pytest.raises(ClipselectError, match=r"scores\.parquet: was made with"):
            select(paths[0], scorer=scorer, index=index, **wrong)
    with pytest.raises(ArgumentError, match="candidates"):
        select(paths[0], scorer=scorer, index=index, candidates=[(0, 1)])
    with pytest.raises(ArgumentError, match="index cannot be given with frames"):
        select(np.zeros((9, 8, 8, 3), np.uint8), fps=25, scorer=scorer, index=index)


def test_a_damaged_video_is_selected_from_the_frames_that_decode(scorer: Scorer, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picks = select(make_damaged_video(tmp_path / "damaged.mp4"), 2, scorer=scorer)
    assert "broken at" in picks.warnings[0]
    assert [len(clip) for clip in picks.decode(size=8)] == [one.last_frame - one.first_frame + 1 for one in picks]


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
        ({"candidates": [(0, 1)], "stride": 1}, "stride"),
        ({"candidates": [(0, 1)], "clip_duration": 1}, "clip_duration"),
        ({"candidates": 5}, "candidates"),
        ({"on_missing": "skip"}, "on_missing"),
    ],
)
def test_arguments_out_of_range_are_named_before_any_video_is_read(
    scorer: Scorer, options: dict[str, Any], argument: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        ClipSelector(scorer=scorer, **options)
    assert caught.value.argument == argument
    with pytest.raises(ArgumentError) as caught:
        select("none.mp4", scorer=scorer, **options)
    assert caught.value.argument == argument


def test_what_is_no_video_is_named(scorer: Scorer, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"none\.mp4: no such file"):
        select(tmp_path / "none.mp4", scorer=scorer)
    for video in (None, 5, [tmp_path]):
        with pytest.raises(ArgumentError, match="video must be"):
            select(video, scorer=scorer, fps=25)


def test_what_is_no_scorer_of_clips_is_refused_at_once() -> None:
    for scorer in ("ddnet3d-actions", None, load_scorer("ddnet2d-faces", "cpu")):
        with pytest.raises(ArgumentError) as caught:
            ClipSelector(scorer=scorer)  # type: ignore[arg-type]
        assert caught.value.argument == "scorer"


def test_a_single_frame_is_a_video(scorer: Scorer, tmp_path: Path) -> None:
    picks = select(make_video(tmp_path / "one.mp4", 1), scorer=scorer)
    assert [(one.first_frame, one.last_frame, one.rank, one.weight) for one in picks] == [(0, 0, 1, picks[0].score)]
    [clip] = picks.decode(8)
    assert clip.shape == (8, 3, 48, 64)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"fast": "yes"}, "^fast must be True or False, got 'yes'"),
        ({"fps": 25}, "^fps is for folders of frames; a video file has its own rate"),
        ({"scorer": "nix.safetensors"}, "nix.safetensors: no such file; check the path"),
    ],
)
def test_what_would_be_ignored_or_misread_is_refused(
    options: dict[str, Any], says: str, video: Path, scorer: Scorer
) -> None:
    with pytest.raises(ClipselectError, match=says):
        select(video, **{"scorer": scorer, **options})


@pytest.mark.parametrize("given", ["https://a.org/v/b.mp4", Path("https://a.org/v/b.mp4")])
def test_an_address_is_named_as_it_is(given: Path | str, scorer: Scorer) -> None:
    with pytest.raises(VideoError, match=r"^https://a\.org/v/b\.mp4: an address, not a file; download it first"):
        select(given, scorer=scorer)
