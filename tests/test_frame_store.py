"""Frames of training videos: the same from the disk as from the video, within a limit, and never half of them."""

import errno
import json
import multiprocessing
import os
import pickle
import tracemalloc
from collections.abc import Iterable, Iterator
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
from clipselect.video import VideoFile

PLENTY, FAST = 10**9, Fraction(100)
law = settings(deadline=None, derandomize=True, max_examples=25)


def store(folder: Path, limit: int = PLENTY, rate: Fraction = FAST, size: int = 16) -> FrameStore:
    return FrameStore(folder, size, rate, limit, fps=25)


def files(folder: Path, suffix: str = ".npy") -> list[Path]:
    return sorted(folder.rglob(f"*{suffix}"))


def held(folder: Path) -> int:
    return sum(file.stat().st_size for file in files(folder))


def levels(clip: np.ndarray[Any, Any]) -> list[int]:
    """The grey of the top right corner, which tells a frame's number in the videos of `make_video`."""
    return [int(frame[2, -2, 0]) for frame in clip]


def images(folder: Path, count: int, broken: Iterable[int] = ()) -> Path:
    """A folder of frames, some of which cannot be read."""
    folder.mkdir()
    for i in range(count):
        av.VideoFrame.from_ndarray(picture(i), format="rgb24").to_image().save(folder / f"{i}.png")
    for i in broken:
        (folder / f"{i}.png").write_bytes(b"no image")
    return folder


KINDS = ("varies", "long", "headless", "hole", "cut", "images", "broken images")


@pytest.fixture(scope="module", params=KINDS)
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """A video of two or four seconds, a store that keeps it and one that has no room."""
    folder = tmp_path_factory.mktemp("store")
    ticks = [*range(0, 20), *range(20, 40, 4), 45, *range(46, 50)]
    made = {
        "varies": lambda: (make_video(folder / "v.mp4", ticks), FAST),
        "long": lambda: (make_video(folder / "v.mp4", 100, options={"g": "10"}), Fraction(8)),
        "headless": lambda: (damaged(folder / "v.mp4", 0, 0.15), Fraction(8)),
        "hole": lambda: (damaged(folder / "v.mp4", 0.3, 0.4), Fraction(8)),
        "cut": lambda: (damaged(folder / "v.mp4", 0.8, 1), Fraction(8)),
        "images": lambda: (images(folder / "v", 50), Fraction(8)),
        "broken images": lambda: (images(folder / "v", 50, [0, 1, 2, 3, *range(20, 30)]), Fraction(8)),
    }
    video, rate = made[request.param]()
    return str(video), store(folder / "kept", rate=rate), store(folder / "none", limit=0, rate=rate)


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
@given(st.fractions(-1, 5, max_denominator=50), st.fractions("1/50", 3, max_denominator=50), st.integers(1, 6))
def test_a_clip_is_the_same_with_and_without_room_on_the_disk(
    stores: tuple[str, FrameStore, FrameStore], start: Fraction, length: Fraction, frames: int
) -> None:
    video, kept, none = stores
    frame_store._opened.cache_clear()
    clip = kept.clip(video, start, length, frames)
    assert clip.shape == (frames, 16, 16, 3) and clip.dtype == np.uint8
    assert np.array_equal(clip, none.clip(video, start, length, frames))
    assert kept.duration(video) == none.duration(video) and held(none.folder) == 0 < held(kept.folder)


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


def test_the_containers_of_videos_without_room_are_not_read_for_every_clip(tmp_path: Path, opened: list[str]) -> None:
    videos = [str(film(tmp_path / f"{i}.mp4", "a", i)) for i in range(3)]
    frames = store(tmp_path / "s", limit=0)
    for _ in range(3):
        for video in videos:
            frames.clip(video, Fraction(0), Fraction(1), 4)
    assert opened == ["0.mp4", "1.mp4", "2.mp4"]
    film(tmp_path / "1.mp4", "b", 7, 20)
    assert frames.duration(videos[1]) == Fraction(20, 25) and opened[3:] == ["1.mp4"]


def test_a_video_without_room_is_decoded_from_end_to_end_once_for_all_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    whole = VideoFile.frames
    monkeypatch.setattr(VideoFile, "frames", lambda self, *how: passes.append(1) or whole(self, *how))
    video = str(damaged(tmp_path / "hole.mp4", 0.3, 0.4))
    for _ in range(3):
        frame_store._opened.cache_clear()  # as in another process
        store(tmp_path / "s", limit=0).clip(video, Fraction(1), Fraction(1), 4)
    assert len(passes) == 2  # one that differs from the index, one as it is


def test_a_video_that_found_no_room_is_kept_once_there_is_some(tmp_path: Path) -> None:
    video = str(film(tmp_path / "v.mp4", "a", 0))
    before = store(tmp_path / "s", limit=0).clip(video, Fraction(0), Fraction(1), 4)
    assert not files(tmp_path / "s")
    assert np.array_equal(store(tmp_path / "s").clip(video, Fraction(0), Fraction(1), 4), before)
    assert len(files(tmp_path / "s")) == 1


def test_a_changed_video_is_read_anew(tmp_path: Path, opened: list[str]) -> None:
    video = str(film(tmp_path / "v.mp4", "a", 0))
    frames = store(tmp_path / "s")
    before = frames.clip(video, Fraction(0), Fraction(1), 4)
    film(tmp_path / "v.mp4", "b", 1)
    os.utime(video, ns=(1, 1))
    after = frames.clip(video, Fraction(0), Fraction(1), 4)
    assert not np.array_equal(before, after) and len(opened) == 2


def test_a_changed_image_of_a_folder_of_frames_is_read_anew(tmp_path: Path) -> None:
    images(tmp_path / "v", 5)
    frames = store(tmp_path / "s")
    assert frames.duration(str(tmp_path / "v")) == Fraction(5, 25)
    before = frames.clip(str(tmp_path / "v"), Fraction(0), Fraction(1), 1)
    av.VideoFrame.from_ndarray(picture(9), format="rgb24").to_image().save(tmp_path / "v" / "2.png")
    os.utime(tmp_path / "v" / "2.png", ns=(10**18 * 4, 10**18 * 4))
    assert not np.array_equal(frames.clip(str(tmp_path / "v"), Fraction(0), Fraction(1), 1), before)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Thirteen, each `FILM` bytes of frames."""
    folder = tmp_path_factory.mktemp("films")
    return [str(film(folder / f"{i}.mp4", "a", i)) for i in range(13)]


FILM = 128 + 12 * 16 * 16 * 3


@pytest.mark.parametrize(
    ("room", "fit"),
    [(0, 0), (10 * FILM - 1, 0), (10 * FILM, 10), (11 * FILM - 1, 10), (11 * FILM, 11)],
)
def test_frames_take_no_more_of_the_disk_than_the_limit_and_no_video_more_than_a_tenth_of_it(
    tmp_path: Path, films: list[str], monkeypatch: pytest.MonkeyPatch, room: int, fit: int
) -> None:
    monkeypatch.setattr(frame_store, "BLOCK", 1)
    frames = store(tmp_path / "s", limit=room)
    for video in films[:12]:
        frames.clip(video, Fraction(0), Fraction(1), 2)
    assert held(frames.folder) == fit * FILM <= room
    again = store(tmp_path / "s", limit=room)  # a run that goes on counts what is there
    again.clip(films[12], Fraction(0), Fraction(1), 2)
    assert held(frames.folder) == fit * FILM


def test_what_other_processes_keep_counts_at_once(
    tmp_path: Path, films: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_store, "BLOCK", 100)
    one, other = (store(tmp_path / "s", limit=10 * FILM + 900) for _ in range(2))
    for video in films[:9]:
        other.duration(video)
    for video in films[9:]:
        one.duration(video)
    assert held(one.folder) == 10 * FILM


def test_the_folder_is_counted_anew_only_now_and_then(
    tmp_path: Path, films: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[Path] = []
    count = frame_store._tidy
    monkeypatch.setattr(frame_store, "_tidy", lambda folder: counts.append(folder) or count(folder))
    monkeypatch.setattr(frame_store, "BLOCK", FILM)
    frames = store(tmp_path / "s", limit=10 * FILM)
    for video in films:
        frames.duration(video)
    assert len(counts) == 1 and held(frames.folder) == 10 * FILM
    for file in files(frames.folder):
        file.unlink()
    frames.duration(films[12])
    assert not files(frames.folder)
    monkeypatch.setattr(frame_store, "COUNT_EVERY", -1.0)
    frames.duration(films[12])
    assert len(counts) > 1 and len(files(frames.folder)) == 1


def test_a_long_video_is_kept_without_ever_being_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = str(film(tmp_path / "v.mp4", "a", 0, 600))
    frames = store(tmp_path / "s", size=100)
    frames.duration(str(film(tmp_path / "first.mp4", "a", 0)))  # what is allocated once
    decoded = VideoFile.frames

    def traced(self: VideoFile, *how: Any) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
        return ((i, frame.copy()) for i, frame in decoded(self, *how))  # what FFmpeg allocates is not traced

    monkeypatch.setattr(VideoFile, "frames", traced)
    tracemalloc.start()
    try:
        frames.clip(video, Fraction(0), Fraction(1), 4)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held(frames.folder) > 600 * 30_000 and peak < 2_000_000


def test_what_a_killed_process_left_half_written_is_removed_and_never_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s" / "0a").mkdir(parents=True)
    old, new = (tmp_path / "s" / "0a" / f"{name}.npy.host.7.part" for name in ("old", "new"))
    for file in (old, new):
        file.write_bytes(bytes(1000))
    os.utime(old, (10**9, 10**9))
    frames = store(tmp_path / "s")
    assert not old.exists() and new.exists() and frames.used == 0


def test_frames_lie_in_many_folders(tmp_path: Path, films: list[str]) -> None:
    frames = store(tmp_path / "s")
    for video in films:
        frames.duration(video)
    kept = files(frames.folder)
    assert len(kept) == 13 and all(file.parent.name == file.name[:2] for file in kept)
    assert {file.parent.parent for file in kept} == {frames.folder}


def test_a_store_goes_to_another_process(tmp_path: Path) -> None:
    folder = str(images(tmp_path / "v", 5))
    frames = store(tmp_path / "s", limit=0)
    clip = frames.clip(folder, Fraction(0), Fraction(1), 4)
    again = pickle.loads(pickle.dumps(frames))
    assert np.array_equal(again.clip(folder, Fraction(0), Fraction(1), 4), clip)


def test_a_long_video_is_kept_at_the_rate_that_clips_need(tmp_path: Path) -> None:
    video = str(make_video(tmp_path / "v.mp4", 50))
    frames = store(tmp_path / "s", rate=Fraction(5))
    clip = frames.clip(video, Fraction(0), Fraction(2), 5)
    (kept,) = files(tmp_path / "s")
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
    (pictures,) = files(kept.folder)
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


@pytest.mark.parametrize(("error", "limit"), [(errno.ENOSPC, 0), (errno.EDQUOT, 0), (errno.ENOENT, PLENTY)])
@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_file_that_cannot_be_written_breaks_nothing_and_only_a_full_disk_ends_the_keeping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, limit: int, suffix: str
) -> None:
    video, frames = str(film(tmp_path / "v.mp4", "a", 0)), store(tmp_path / "s")
    replace = Path.replace

    def fails(self: Path, target: Path) -> Path:
        if target.suffix == suffix:
            raise OSError(error, os.strerror(error))
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails)
        clip = frames.clip(video, Fraction(0), Fraction(1), 4)
    assert frames.limit == limit and not files(frames.folder, suffix) and not files(frames.folder, ".part")
    assert np.array_equal(clip, store(tmp_path / "other").clip(video, Fraction(0), Fraction(1), 4))
    assert np.array_equal(clip, store(tmp_path / "s").clip(video, Fraction(0), Fraction(1), 4))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
@pytest.mark.parametrize("suffix", [".json", ".npy"])
def test_what_a_crash_left_damaged_is_kept_anew(tmp_path: Path, suffix: str, content: bytes) -> None:
    video, frames = str(film(tmp_path / "v.mp4", "a", 0)), store(tmp_path / "s")
    before = frames.clip(video, Fraction(0), Fraction(1), 4)
    (file,) = files(frames.folder, suffix)
    whole = file.read_bytes()
    file.write_bytes(content)
    assert np.array_equal(frames.clip(video, Fraction(0), Fraction(1), 4), before)
    assert file.read_bytes() == whole


def test_frames_that_are_cut_off_are_kept_anew(tmp_path: Path) -> None:
    video, frames = str(film(tmp_path / "v.mp4", "a", 0)), store(tmp_path / "s")
    frames.duration(video)
    (times,) = files(frames.folder, ".json")
    content = json.loads(times.read_text())
    times.write_text(json.dumps({**content, "pts": content["pts"][:-1]}))
    assert frames.duration(video) and json.loads(times.read_text()) == content


def test_a_process_that_keeps_the_same_video_meanwhile_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, replace = str(film(tmp_path / "v.mp4", "a", 0)), Path.replace
    one, other = store(tmp_path / "s"), store(tmp_path / "s")

    def meanwhile(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", replace)
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: 1)
            other.duration(video)
        return self.replace(target)

    monkeypatch.setattr(Path, "replace", meanwhile)
    clip = one.clip(video, Fraction(0), Fraction(1), 4)
    assert np.array_equal(clip, store(tmp_path / "s").clip(video, Fraction(0), Fraction(1), 4))
    assert one.limit == other.limit == PLENTY  # neither met an error
    assert sorted(f.suffix for f in one.folder.glob("??/*")) == [".json", ".npy"]


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
    assert sorted(f.suffix for f in (tmp_path / "s").glob("??/*")) == [".json"] * 4 + [".npy"] * 4


def test_a_file_that_another_process_renames_does_not_stop_the_count(tmp_path: Path) -> None:
    (tmp_path / "s" / "0a").mkdir(parents=True)
    (tmp_path / "s" / "0a" / "there.npy").write_bytes(b"12345")
    for suffix in (".npy", ".part"):
        (tmp_path / "s" / "0a" / f"gone{suffix}").symlink_to(tmp_path / "nowhere")
    assert store(tmp_path / "s").used == 5
