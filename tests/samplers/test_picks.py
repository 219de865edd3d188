"""The picked clips as a sequence, pixels, files and tables."""

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from helpers.sampling import tiny_ddnet
from helpers.videos import make_video
from hypothesis import given
from hypothesis import strategies as st

from clipselect import Pick, Picks, aggregate, load_scorer, open_source, select
from clipselect.errors import ArgumentError, MissingLibraryError, VideoError
from clipselect.scoring.scorer import Scorer


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return load_scorer(tiny_ddnet(tmp_path_factory.mktemp("model") / "tiny.safetensors"), "cpu")


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("long") / "long.mp4", 250)


@pytest.fixture
def picks(scorer: Scorer, long_video: Path) -> Picks:
    return select(long_video, 3, scorer=scorer)


def test_they_are_a_sequence_in_time_order(picks: Picks) -> None:
    assert len(picks) == 3 and [*picks] == [picks[0], picks[1], picks[2]] == list(picks[:3])
    assert isinstance(picks[-1], Pick) and picks[-1] in picks and picks.index(picks[1]) == 1
    with pytest.raises(IndexError):
        _ = picks[3]
    with pytest.raises(AttributeError):
        picks.path = None  # type: ignore[misc]
    assert re.fullmatch(r"<3 of 10 clips of .*long\.mp4: (\d\.00-\d+\.00 s \(0\.\d{4}\)(, )?){3}>", repr(picks))


@given(
    st.integers(1, 12),
    st.sampled_from([0.2, 0.5, 1, 3]),
    st.sampled_from([None, 0.1, 0.7, 2]),
    st.sampled_from([None, 0, 0.3]),
)
def test_what_always_holds(
    scorer: Scorer, long_video: Path, k: int, length: float, stride: float | None, min_gap: float | None
) -> None:
    picks = select(long_video, k, scorer=scorer, clip_duration=length, stride=stride, min_gap=min_gap)
    starts = [one.start for one in picks]
    assert starts == sorted(starts) and 1 <= len(picks) <= k
    if min_gap is not None:
        gaps = [other.start - one.end for one, other in pairwise(picks)]
        assert all(gap >= min_gap - 1e-9 for gap in gaps)
        assert all(one.last_frame < other.first_frame for one, other in pairwise(picks))
    n = len(picks.candidates)
    assert sorted(one.rank for one in picks.candidates) == [*range(1, n + 1)]
    assert min(one.rank for one in picks) == 1
    by_start = {(one.start, one.end): one for one in picks.candidates}
    for one in picks:
        same = by_start[one.start, one.end]
        assert (same.score, same.rank, same.first_frame) == (one.score, one.rank, one.first_frame)
        assert one.weight == one.score and 0 < one.score < 1
    assert aggregate(torch.ones(len(picks), 2), picks.weights).tolist() == [1, 1]


@given(
    st.none() | st.integers(1, 40),
    st.sampled_from([{}, {"size": 24}, {"size": (20, 30)}, {"short_side": 24}]),
    st.sampled_from(["TCHW", "CTHW", "THWC"]),
)
def test_shapes_of_decoded_clips(
    scorer: Scorer, long_video: Path, count: int | None, size: dict[str, Any], layout: Any
) -> None:
    picks = select(long_video, 2, scorer=scorer, clip_duration=1.3)
    height, width = {"size": (24, 24), "short_side": (24, 32)}.get(next(iter(size), ""), (48, 64))
    if size.get("size") == (20, 30):
        height, width = 20, 30
    decoded = [*picks.decode(count, layout=layout, **size)]
    assert len(decoded) == len(picks) == 2
    for clip, pick in zip(decoded, picks, strict=True):
        frames = pick.last_frame - pick.first_frame + 1 if count is None else count
        axes = {"T": frames, "C": 3, "H": height, "W": width}
        assert clip.shape == tuple(axes[axis] for axis in layout)
        assert clip.dtype == torch.uint8 and clip.is_contiguous()


def test_layouts_hold_the_same_pixels(picks: Picks) -> None:
    tchw, cthw, thwc = ([*picks.decode(5, size=16, layout=layout)] for layout in ("TCHW", "CTHW", "THWC"))
    for one, other, last in zip(tchw, cthw, thwc, strict=True):
        assert torch.equal(one, other.transpose(0, 1)) and torch.equal(one, last.permute(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("options", "argument"),
    [({"layout": "THCW"}, "layout"), ({"num_frames": 0}, "num_frames"), ({"size": 5, "short_side": 5}, "short_side")],
)
def test_arguments_of_decode_are_checked_at_once(picks: Picks, options: dict[str, Any], argument: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        picks.decode(**options)
    assert caught.value.argument == argument


def test_a_video_that_has_changed_since_is_not_decoded(scorer: Scorer, video: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    shutil.copy(video, path)
    picks = select(path, 2, scorer=scorer)
    assert len([*picks.decode(2, size=8)]) == 2
    make_video(path, 63, size=(128, 96))
    for use in (picks.decode, lambda: picks.save(tmp_path / "out")):
        with pytest.raises(VideoError, match=r"a\.mp4: was changed.*select them again"):
            use()
    path.unlink()
    with pytest.raises(VideoError, match=r"a\.mp4: was changed or removed"):
        picks.decode()


def test_a_video_that_breaks_off_while_it_is_decoded_is_named(scorer: Scorer, tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", 1500, options={"g": "25"})
    picks = select(path, 60, scorer=scorer)
    clips = picks.decode(size=8)
    assert next(clips).shape == (25, 3, 8, 8)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 3)
    with pytest.raises(VideoError, match=r"a\.mkv: changed while it was read"):
        _ = [*clips]


def test_saved_files_hold_exactly_the_frames_of_the_picks(picks: Picks, tmp_path: Path) -> None:
    paths = picks.save(tmp_path / "new" / "out")
    assert [path.parent for path in paths] == [tmp_path / "new" / "out"] * 3
    for path, pick in zip(paths, picks, strict=True):
        assert path.name == f"long_rank{pick.rank:02d}_{pick.start:.2f}s-{pick.end:.2f}s.mp4"
        assert len(open_source(path).timeline.pts) == pick.last_frame - pick.first_frame + 1
    assert picks.save(tmp_path, stem="mine")[0].name.startswith("mine_rank")


def test_the_record_and_the_table_hold_all_candidates(picks: Picks, monkeypatch: pytest.MonkeyPatch) -> None:
    record = json.loads(json.dumps(picks.to_dict(), allow_nan=False))
    assert record["duration"] == 10 and record["model"] == "tiny0" and record["error"] is None
    picked = [clip for clip in record["clips"] if clip["picked"]]
    assert [clip["start"] for clip in picked] == [one.start for one in picks]
    assert [clip["weight"] for clip in picked] == pytest.approx([one.weight for one in picks], abs=1e-6)
    assert {clip["weight"] for clip in record["clips"] if not clip["picked"]} == {None}
    table = picks.to_pandas()
    assert table["rank"].tolist() == [one.rank for one in picks.candidates]
    assert table["last_frame"].tolist() == [one.last_frame for one in picks.candidates]
    assert table[table.picked].start.tolist() == [one.start for one in picks]
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingLibraryError, match="pandas"):
        picks.to_pandas()


def test_a_notebook_shows_a_timeline_and_a_picture_of_every_pick(scorer: Scorer, tmp_path: Path) -> None:
    path = make_video(tmp_path / "<b>&.mp4", 250)
    picks = select(path, 3, scorer=scorer)
    page = picks._repr_html_()
    assert page.count("<svg") == 1 and page.count("<figure") == page.count("data:image/jpeg;base64,") == 3
    assert (
        "<b>&.mp4" not in page and "&lt;b&gt;&amp;.mp4" in page and "http" not in page.replace("http://www.w3.org", "")
    )
    ElementTree.fromstring(re.sub(r"<style>.*?</style>|<img[^>]*>", "", page, flags=re.DOTALL))  # every tag is closed
    path.unlink()
    gone = picks._repr_html_()
    assert "data:image" not in gone and "was changed or removed" in gone and gone.count("<figure") == 3


def test_a_notebook_shows_frames_in_memory_kept_or_not(scorer: Scorer) -> None:
    for keep, pictures in ((True, 1), (False, 0)):
        picks = select(np.full((30, 8, 8, 3), 90, np.uint8), fps=25, scorer=scorer, keep_frames=keep)
        assert picks._repr_html_().count("data:image") == pictures
