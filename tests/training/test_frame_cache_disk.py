"""Frames of training videos on the disk: within a limit, and never half of them, whatever else happens."""

import errno
import json
import multiprocessing
import os
import pickle
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.frame_caches import PLENTY, cache, files, held, images, levels
from helpers.training_data import damaged, film
from helpers.videos import make_video
from hypothesis import given
from hypothesis import strategies as st

from clipselect.errors import VideoError
from clipselect.media.candidate_clips import Timeline
from clipselect.media.sources import open_source
from clipselect.media.video import VideoFile
from clipselect.training.frame_cache import _at_rate


@pytest.fixture(scope="module")
def cached_films(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Thirteen, each `FILM` bytes of frames."""
    folder = tmp_path_factory.mktemp("cached_films")
    return [str(film(folder / f"{i}.mp4", "a", i)) for i in range(13)]


FILM = 128 + 12 * 16 * 16 * 3


@pytest.mark.parametrize(
    ("room", "fit"),
    [(0, 0), (10 * FILM - 1, 0), (10 * FILM, 10), (11 * FILM - 1, 10), (11 * FILM, 11)],
)
def test_frames_take_no_more_of_the_disk_than_the_limit_and_no_video_more_than_a_tenth_of_it(
    tmp_path: Path, cached_films: list[str], room: int, fit: int
) -> None:
    frames = cache(tmp_path / "s", limit=room)
    for video in cached_films[:12]:
        frames.clip(video, Fraction(0), Fraction(1), 2)
    assert held(frames.folder) == fit * FILM <= room
    again = cache(tmp_path / "s", limit=room)  # a run that goes on counts what is there
    again.clip(cached_films[12], Fraction(0), Fraction(1), 2)
    assert held(frames.folder) == fit * FILM


def test_what_other_processes_cache_counts_at_once(tmp_path: Path, cached_films: list[str]) -> None:
    one, other = (cache(tmp_path / "s", limit=10 * FILM + 900) for _ in range(2))
    for video in cached_films[:9]:
        other.duration(video)
    for video in cached_films[9:]:
        one.duration(video)
    assert held(one.folder) == 10 * FILM


def test_frames_that_were_lost_are_cached_again_and_not_counted_twice(tmp_path: Path, cached_films: list[str]) -> None:
    frames = cache(tmp_path / "s", limit=10 * FILM)
    for video in cached_films[:10]:
        frames.duration(video)
    for file in files(frames.folder)[:3]:
        file.unlink()  # as if a process had been killed between the ledger and the file
    for video in cached_films:
        cache(tmp_path / "s", limit=10 * FILM).duration(video)
    assert held(frames.folder) == 10 * FILM


def test_a_long_video_is_kept_without_ever_being_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = str(film(tmp_path / "v.mp4", "a", 0, 600))
    frames = cache(tmp_path / "s", size=100)
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


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / "s" / "parts").mkdir(parents=True)
    old, new = (tmp_path / "s" / "parts" / f"{name}.npy.host.7" for name in ("old", "new"))
    for file in (old, new):
        file.write_bytes(bytes(1000))
    os.utime(old, (10**9, 10**9))
    (tmp_path / "s" / "parts" / "gone").symlink_to(tmp_path / "nowhere")  # as one that has just got its name
    cache(tmp_path / "s")
    assert not old.exists() and new.exists()


def test_frames_lie_in_many_folders(tmp_path: Path, cached_films: list[str]) -> None:
    frames = cache(tmp_path / "s")
    for video in cached_films:
        frames.duration(video)
    kept = files(frames.folder)
    assert len(kept) == 13 and all(file.parent.name == file.name[:2] for file in kept)
    assert {file.parent.parent for file in kept} == {frames.folder}


def test_a_store_goes_to_another_process(tmp_path: Path) -> None:
    folder = str(images(tmp_path / "v", 5))
    frames = cache(tmp_path / "s", limit=0)
    clip = frames.clip(folder, Fraction(0), Fraction(1), 4)
    again = pickle.loads(pickle.dumps(frames))
    assert np.array_equal(again.clip(folder, Fraction(0), Fraction(1), 4), clip)


def test_a_long_video_is_kept_at_the_rate_that_clips_need(tmp_path: Path) -> None:
    video = str(make_video(tmp_path / "v.mp4", 50))
    frames = cache(tmp_path / "s", rate=Fraction(5))
    clip = frames.clip(video, Fraction(0), Fraction(2), 5)
    (kept,) = files(tmp_path / "s")
    assert len(np.load(kept)) == 10 and frames.duration(video) == 2
    # the middles 0.2, 0.6, 1.0, 1.4, 1.8 s are among the ten that are kept: frames 5, 15, 25, 35, 45
    assert levels(clip) == pytest.approx([40 + i * 13 % 160 for i in (5, 15, 25, 35, 45)], abs=4)


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
    kept, none = cache(tmp_path / "kept"), cache(tmp_path / "none", limit=0)
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
            cache(tmp_path / "s", limit).duration(str(tmp_path / name))


@pytest.mark.parametrize(("error", "limit"), [(errno.ENOSPC, 0), (errno.EDQUOT, 0), (errno.ENOENT, PLENTY)])
@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_file_that_cannot_be_written_breaks_nothing_and_only_a_full_disk_ends_the_keeping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, limit: int, suffix: str
) -> None:
    video, frames = str(film(tmp_path / "v.mp4", "a", 0)), cache(tmp_path / "s")
    replace = Path.replace

    def fails(self: Path, target: Path) -> Path:
        if target.suffix == suffix:
            raise OSError(error, os.strerror(error))
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails)
        clip = frames.clip(video, Fraction(0), Fraction(1), 4)
    assert frames.limit == limit and not files(frames.folder, suffix) and not [*frames.parts.iterdir()]
    assert np.array_equal(clip, cache(tmp_path / "other").clip(video, Fraction(0), Fraction(1), 4))
    assert np.array_equal(clip, cache(tmp_path / "s").clip(video, Fraction(0), Fraction(1), 4))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
@pytest.mark.parametrize("suffix", [".json", ".npy"])
def test_what_a_crash_left_damaged_is_cached_again(tmp_path: Path, suffix: str, content: bytes) -> None:
    video, frames = str(film(tmp_path / "v.mp4", "a", 0)), cache(tmp_path / "s")
    before = frames.clip(video, Fraction(0), Fraction(1), 4)
    (file,) = files(frames.folder, suffix)
    whole = file.read_bytes()
    file.write_bytes(content)
    assert np.array_equal(frames.clip(video, Fraction(0), Fraction(1), 4), before)
    assert file.read_bytes() == whole


def test_frames_that_are_cut_off_are_cached_again(tmp_path: Path) -> None:
    video, frames = str(film(tmp_path / "v.mp4", "a", 0)), cache(tmp_path / "s")
    frames.duration(video)
    (times,) = files(frames.folder, ".json")
    content = json.loads(times.read_text())
    times.write_text(json.dumps({**content, "pts": content["pts"][:-1]}))
    assert frames.duration(video) and json.loads(times.read_text()) == content


def test_a_process_that_keeps_the_same_video_meanwhile_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, replace = str(film(tmp_path / "v.mp4", "a", 0)), Path.replace
    one, other = cache(tmp_path / "s"), cache(tmp_path / "s")

    def meanwhile(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", replace)
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: 1)
            other.duration(video)
        return self.replace(target)

    monkeypatch.setattr(Path, "replace", meanwhile)
    clip = one.clip(video, Fraction(0), Fraction(1), 4)
    assert np.array_equal(clip, cache(tmp_path / "s").clip(video, Fraction(0), Fraction(1), 4))
    assert one.limit == other.limit == PLENTY  # neither met an error
    assert sorted(f.suffix for f in one.folder.glob("??/*")) == [".json", ".npy"] and not [*one.parts.iterdir()]


@pytest.mark.processes
def test_several_processes_at_the_same_videos_do_no_harm(tmp_path: Path) -> None:
    videos = [str(film(tmp_path / f"{i}.mp4", "a", i)) for i in range(4)]
    expected = [cache(tmp_path / "alone").clip(v, Fraction(0), Fraction(1), 4).tobytes() for v in videos]
    fork = multiprocessing.get_context("fork")
    gate, found = fork.Barrier(4), fork.SimpleQueue()

    def work() -> None:
        frames = cache(tmp_path / "s")
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
