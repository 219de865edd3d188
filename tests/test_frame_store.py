"""Frames of training videos: the same from the disk as from the video, within a limit, and never half of them."""

import errno
import json
import multiprocessing
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from conftest import make_video, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from training_data import damaged, film

from clipselect import frame_store
from clipselect.errors import VideoError
from clipselect.frame_store import FrameStore, _at_rate
from clipselect.grid import Timeline
from clipselect.sources import open_source

PLENTY, FAST = 10**9, Fraction(100)
law = settings(deadline=None, derandomize=True, max_examples=25)


def store(folder: Path, limit: int = PLENTY, rate: Fraction = FAST, size: int = 16) -> FrameStore:
    return FrameStore(folder, size, rate, limit, fps=25)


def held(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def levels(clip: np.ndarray[Any, Any]) -> list[int]:
    """The grey of the top right corner, which tells a frame's number in the videos of `make_video`."""
    return [int(frame[2, -2, 0]) for frame in clip]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, FrameStore, FrameStore]:
    """A video of two seconds with a rate that varies, a store that keeps it and one that has no room."""
    folder = tmp_path_factory.mktemp("store")
    ticks = [*range(0, 20), *range(20, 40, 4), 45, *range(46, 50)]
    video = make_video(folder / "varies.mp4", ticks)
    return str(video), store(folder / "kept"), store(folder / "none", limit=0)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the videos that stores open from here on."""
    names: list[str] = []

    def noted(path: str, **how: Any) -> Any:
        names.append(Path(path).name)
        return open_source(path, **how)

    monkeypatch.setattr(frame_store, "open_source", noted)
    return names


@law
@given(st.fractions(-1, 3, max_denominator=50), st.fractions("1/50", 3, max_denominator=50), st.integers(1, 6))
def test_a_clip_is_the_same_with_and_without_room_on_the_disk(
    stores: tuple[str, FrameStore, FrameStore], start: Fraction, length: Fraction, frames: int
) -> None:
    video, kept, none = stores
    clip = kept.clip(video, start, length, frames)
    assert clip.shape == (frames, 16, 16, 3) and clip.dtype == np.uint8
    assert np.array_equal(clip, none.clip(video, start, length, frames))
    assert kept.duration(video) == none.duration(video) == 2 and held(none.folder) == 0


def test_a_clip_holds_what_is_on_screen_in_the_middle_of_equal_parts(tmp_path: Path) -> None:
    video = str(make_video(tmp_path / "v.mp4", 50))
    # [0.4, 0.8) in two parts: 0.5 and 0.7 s, where frames 12 and 17 of 25 a second are shown
    clip = store(tmp_path / "s").clip(video, Fraction("0.4"), Fraction("0.4"), 2)
    assert levels(clip) == pytest.approx([40 + 12 * 13 % 160, 40 + 17 * 13 % 160], abs=4)


def test_a_window_beyond_an_end_is_moved_and_one_that_is_too_long_is_cut(tmp_path: Path) -> None:
    video, frames = str(make_video(tmp_path / "v.mp4", 50)), store(tmp_path / "s")
    one = Fraction(1)
    assert np.array_equal(frames.clip(video, Fraction(-5), one, 4), frames.clip(video, Fraction(0), one, 4))
    assert np.array_equal(frames.clip(video, Fraction(9), one, 4), frames.clip(video, one, one, 4))
    assert np.array_equal(frames.clip(video, one, Fraction(9), 4), frames.clip(video, Fraction(0), Fraction(2), 4))


def test_a_kept_video_is_not_opened_again(tmp_path: Path, opened: list[str]) -> None:
    video = str(film(tmp_path / "v.mp4", "a", 0))
    first = store(tmp_path / "s").clip(video, Fraction(0), Fraction(1), 4)
    again = store(tmp_path / "s")
    assert np.array_equal(again.clip(video, Fraction(0), Fraction(1), 4), first)
    assert again.duration(video) == Fraction(12, 25) and opened == ["v.mp4"]


def test_a_video_without_room_is_opened_once_for_a_clip(tmp_path: Path, opened: list[str]) -> None:
    store(tmp_path / "s", limit=0).clip(str(film(tmp_path / "v.mp4", "a", 0)), Fraction(0), Fraction(1), 4)
    assert opened == ["v.mp4"]


def test_a_changed_video_is_read_anew(tmp_path: Path, opened: list[str]) -> None:
    video = str(film(tmp_path / "v.mp4", "a", 0))
    frames = store(tmp_path / "s")
    before = frames.clip(video, Fraction(0), Fraction(1), 4)
    film(tmp_path / "v.mp4", "b", 1)
    os.utime(video, ns=(1, 1))
    after = frames.clip(video, Fraction(0), Fraction(1), 4)
    assert not np.array_equal(before, after) and len(opened) == 2


def test_a_changed_image_of_a_folder_of_frames_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    for i in range(5):
        av.VideoFrame.from_ndarray(picture(i), format="rgb24").to_image().save(tmp_path / "v" / f"{i}.png")
    frames = store(tmp_path / "s")
    assert frames.duration(str(tmp_path / "v")) == Fraction(5, 25)
    before = frames.clip(str(tmp_path / "v"), Fraction(0), Fraction(1), 1)
    av.VideoFrame.from_ndarray(picture(9), format="rgb24").to_image().save(tmp_path / "v" / "2.png")
    os.utime(tmp_path / "v" / "2.png", ns=(10**18 * 4, 10**18 * 4))
    assert not np.array_equal(frames.clip(str(tmp_path / "v"), Fraction(0), Fraction(1), 1), before)


@pytest.mark.parametrize("room", [0, 9_300, 9_900, 25_000, 40_000])
def test_the_disk_never_holds_more_than_the_limit(tmp_path: Path, room: int) -> None:
    videos = [str(film(tmp_path / f"{i}.mp4", "a", i)) for i in range(3)]  # 12 x 16 x 16 x 3 = 9216 bytes each
    frames = store(tmp_path / "s", limit=room)
    for video in videos:
        frames.clip(video, Fraction(0), Fraction(1), 2)
    assert held(frames.folder) <= room and len([*frames.folder.glob("*.npy")]) == min(room // 9_900, 3)
    again = store(tmp_path / "s", limit=room)  # a run that goes on counts what is there
    again.clip(str(film(tmp_path / "more.mp4", "a", 9)), Fraction(0), Fraction(1), 2)
    assert held(frames.folder) <= room


def test_what_other_processes_keep_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    videos = [str(film(tmp_path / f"{i}.mp4", "a", i)) for i in range(2)]
    one, other = store(tmp_path / "s", limit=15_000), store(tmp_path / "s", limit=15_000)
    other.duration(videos[0])
    monkeypatch.setattr(frame_store, "COUNT_EVERY", -1.0)
    one.duration(videos[1])
    assert len([*(tmp_path / "s").glob("*.npy")]) == 1


def test_a_long_video_is_kept_at_the_rate_that_clips_need(tmp_path: Path) -> None:
    video = str(make_video(tmp_path / "v.mp4", 50))
    frames = store(tmp_path / "s", rate=Fraction(5))
    clip = frames.clip(video, Fraction(0), Fraction(2), 5)
    (kept,) = (tmp_path / "s").glob("*.npy")
    assert len(np.load(kept)) == 10 and frames.duration(video) == 2
    # the middles 0.2, 0.6, 1.0, 1.4, 1.8 s are among the ten that are kept: frames 5, 15, 25, 35, 45
    assert levels(clip) == pytest.approx([40 + i * 13 % 160 for i in (5, 15, 25, 35, 45)], abs=4)


@law
@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=60),
    st.integers(1, 500),
    st.fractions("1/2", 60, max_denominator=8),
)
def test_frames_are_kept_no_denser_than_the_rate_and_never_a_gap_behind(
    gaps: list[int], last: int, rate: Fraction
) -> None:
    pts = np.cumsum([0, *gaps[:-1]])
    timeline = Timeline(pts, int(pts[-1]) + last, Fraction(1, 100))
    wanted = _at_rate(timeline, rate)
    assert wanted[0] == 0 and (np.diff(wanted) > 0).all()
    assert len(wanted) <= max(timeline.duration * rate, 1)
    shown = pts[wanted]
    for tick in range(0, timeline.end, 7):
        due = pts[pts <= max(tick - 2 / rate * 100, 0)][-1]  # on screen two steps ago
        assert shown[shown <= tick][-1] >= due


@pytest.mark.parametrize(("begin", "end"), [(0.3, 0.4), (0.8, 1)])
def test_a_video_of_which_less_decodes_than_promised_gives_clips_everywhere(
    begin: float, end: float, tmp_path: Path
) -> None:
    video = str(damaged(tmp_path / "hole.mp4", begin, end))
    kept, none = store(tmp_path / "kept"), store(tmp_path / "none", limit=0)
    kept.duration(video)
    (pictures,) = kept.folder.glob("*.npy")
    assert 60 < len(np.load(pictures)) < 100 == len(open_source(video).timeline.pts)
    for start in range(0, 16, 3):
        for frames in (kept, none):
            assert frames.clip(video, Fraction(start, 4), Fraction(1, 4), 6).shape == (6, 16, 16, 3)


@pytest.mark.parametrize("limit", [0, PLENTY])
def test_what_is_no_video_is_an_error_of_its_own(tmp_path: Path, limit: int) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no video")
    (tmp_path / "circle.mp4").symlink_to(tmp_path / "circle.mp4")
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    for name in ("no.mp4", "circle.mp4", "gone.mp4", "absent.mp4"):
        with pytest.raises(VideoError, match=rf"{name}: "):
            store(tmp_path / "s", limit).duration(str(tmp_path / name))


@pytest.mark.parametrize("what", ["frames", "times"])
def test_a_disk_that_is_full_earlier_than_the_limit_keeps_nothing_and_breaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    video, frames = str(film(tmp_path / "v.mp4", "a", 0)), store(tmp_path / "s")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*((np, "save", full) if what == "frames" else (Path, "write_text", full)))
        clip = frames.clip(video, Fraction(0), Fraction(1), 4)
    assert not [*frames.folder.glob("*.json")] and not [*frames.folder.glob("*.part")]
    assert np.array_equal(clip, store(tmp_path / "other").clip(video, Fraction(0), Fraction(1), 4))
    assert np.array_equal(clip, store(tmp_path / "s").clip(video, Fraction(0), Fraction(1), 4))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
@pytest.mark.parametrize("suffix", [".json", ".npy"])
def test_what_a_crash_left_damaged_is_kept_anew(tmp_path: Path, suffix: str, content: bytes) -> None:
    video, frames = str(film(tmp_path / "v.mp4", "a", 0)), store(tmp_path / "s")
    before = frames.clip(video, Fraction(0), Fraction(1), 4)
    (file,) = frames.folder.glob(f"*{suffix}")
    whole = file.read_bytes()
    file.write_bytes(content)
    assert np.array_equal(frames.clip(video, Fraction(0), Fraction(1), 4), before)
    assert file.read_bytes() == whole


def test_frames_that_are_cut_off_are_kept_anew(tmp_path: Path) -> None:
    video, frames = str(film(tmp_path / "v.mp4", "a", 0)), store(tmp_path / "s")
    frames.duration(video)
    (times,) = frames.folder.glob("*.json")
    content = json.loads(times.read_text())
    times.write_text(json.dumps({**content, "pts": content["pts"][:-1]}))
    assert frames.duration(video) and json.loads(times.read_text()) == content


def test_a_process_that_keeps_the_same_video_meanwhile_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, save = str(film(tmp_path / "v.mp4", "a", 0)), np.save
    one, other = store(tmp_path / "s"), store(tmp_path / "s")

    def meanwhile(*arguments: Any, **how: Any) -> None:
        save(*arguments, **how)
        monkeypatch.setattr(np, "save", save)
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: 1)
            other.duration(video)

    monkeypatch.setattr(np, "save", meanwhile)
    clip = one.clip(video, Fraction(0), Fraction(1), 4)
    assert np.array_equal(clip, store(tmp_path / "s").clip(video, Fraction(0), Fraction(1), 4))
    assert one.limit == other.limit == PLENTY  # neither met an error
    assert sorted(f.suffix for f in one.folder.iterdir()) == [".json", ".npy"]


def test_several_processes_at_the_same_videos_do_no_harm(tmp_path: Path) -> None:
    videos = [str(film(tmp_path / f"{i}.mp4", "a", i)) for i in range(4)]
    expected = [store(tmp_path / "alone").clip(v, Fraction(0), Fraction(1), 4).tobytes() for v in videos]
    fork = multiprocessing.get_context("fork")
    gate, found = fork.Barrier(4), fork.SimpleQueue()

    def work() -> None:
        frames = store(tmp_path / "s")
        gate.wait(60)
        found.put([frames.clip(v, Fraction(0), Fraction(1), 4).tobytes() for v in videos])

    processes = [fork.Process(target=work, daemon=True) for _ in range(4)]
    for process in processes:
        process.start()
    answers = [found.get() for _ in processes]
    for process in processes:
        process.join(60)
    assert answers == [expected] * 4
    assert sorted(f.suffix for f in (tmp_path / "s").iterdir()) == [".json"] * 4 + [".npy"] * 4


def test_a_file_that_another_process_renames_does_not_stop_the_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: Path) -> Iterator[Path]:
        yield self / "1.part"
        yield tmp_path / "there"

    (tmp_path / "there").write_bytes(b"12345")
    (tmp_path / "s").mkdir()
    monkeypatch.setattr(Path, "iterdir", gone)
    assert store(tmp_path / "s").used == 5
