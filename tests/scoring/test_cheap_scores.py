"""Clips ranked without a network: by what moves in them, and by what their packets take."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.videos import make_video
from numpy.typing import NDArray

from clipselect.errors import ArgumentError
from clipselect.media.candidate_clips import Timeline, candidate_clips
from clipselect.media.clip_decoding import clip_grid
from clipselect.media.extract import write_frames
from clipselect.media.frame_array import FrameArray
from clipselect.media.images import opencv
from clipselect.media.packet_sizes import PacketSizes
from clipselect.media.sources import Source, open_source
from clipselect.scoring.cheap_scores import motion, motion_scores, packet_scores

SECONDS, RATE, MOVING = 5, 25, 2


def frames_that_move_in_one_second() -> NDArray[np.uint8]:
    """[125, 64, 96, 3]: a grainy picture, in which a square moves from second 2 to 3."""
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(60, 200, (1, 64, 96, 3), dtype=np.uint8), SECONDS * RATE, axis=0)
    for i, frame in enumerate(frames):
        at = min(max(i - MOVING * RATE, 0), RATE) * 3
        frame[20:40, at : at + 20] = 255
    return frames


@pytest.fixture(scope="module", params=["keys_rare", "key_every_second"])
def moving_video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Source:
    path = tmp_path_factory.mktemp("moving") / "moving.mp4"
    options = {"g": "25", "sc_threshold": "0"} if request.param == "key_every_second" else {"g": "250"}
    write_frames(path, frames_that_move_in_one_second(), RATE, 96, 64, options)
    return open_source(path)


def test_the_second_that_moves_is_first_by_both(moving_video: Source) -> None:
    moved = motion_scores(moving_video, clip_grid(1), size=80, frames=4)
    scores = np.concatenate(moved.results)
    assert len(moved.clips) == SECONDS and int(scores.argmax()) == MOVING
    assert scores[MOVING] > 5 * np.delete(scores, MOVING).max()
    sizes = packet_scores(moving_video, moved.clips)
    assert sizes.dtype == np.float32 and int(sizes.argmax()) == MOVING
    assert sizes[MOVING] > 3 * np.delete(sizes, MOVING).max()


def test_motion_is_the_mean_over_neighbours_pixels_and_colours() -> None:
    clips = np.zeros((2, 3, 2, 2, 3), np.uint8)
    clips[0, 1, 0, 0, 0] = 240  # of 12 values one changes by 240, twice
    clips[1, 2] = 255
    assert motion(clips).tolist() == [240 / 12, 255 / 2]
    assert motion(clips[::-1, ::-1]).tolist() == [255 / 2, 240 / 12]  # back in time it is the same
    assert motion(clips[:, :1]).tolist() == [0, 0]


class Packets:
    """A source of which no more is known than its packets."""

    def __init__(self, packets: PacketSizes, start_time: Fraction = Fraction(0)) -> None:
        self.packets, self.start_time = packets, start_time


def test_bytes_per_second_by_hand() -> None:
    """Four frames a second; the key frame counts as its neighbours, 60, do; the still last frame lasts 2 seconds."""
    timeline = Timeline(np.arange(8), end=16, time_base=Fraction(1, 4))
    sizes = PacketSizes(
        timeline, Fraction(7), np.array([1, 2, 3, 4, 60, 999, 60, 80]), np.arange(8) == 5, np.arange(8) >= 5
    )
    clips = candidate_clips(timeline, 1)
    source: Source = Packets(sizes, Fraction(7))  # type: ignore[assignment]
    assert packet_scores(source, clips).tolist() == [10, 260]
    halves = candidate_clips(timeline, Fraction(1, 2))
    assert packet_scores(source, halves).tolist() == [6, 14, 240, 280]
    late: Source = Packets(sizes, Fraction(8))  # type: ignore[assignment]  # the first second does not decode
    assert packet_scores(late, clips[:1]).tolist() == [260]


def test_of_key_frames_alone_all_count(tmp_path: Path) -> None:
    source = open_source(make_video(tmp_path / "intra.mkv", 50, codec="mjpeg", pix_fmt="yuvj420p"))
    assert source.packets.is_key.all()
    scores = packet_scores(source, candidate_clips(source.timeline, 1))
    assert float(scores.sum()) == pytest.approx(source.packets.sizes.sum())


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_every_frame_has_its_packet_in_the_order_shown(tmp_path: Path, name: str) -> None:
    """With B-frames, which stand in the file in another order, and sound in between."""
    codec, options = ("mpeg4", {}) if name.endswith("avi") else ("libx264", {"bf": "2"})
    path = make_video(tmp_path / name, 60, codec=codec, options=options, audio_seconds=2)
    source = open_source(path)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    packets.sort(key=lambda packet: 0 if packet.pts is None else packet.pts)
    assert source.packets.sizes.tolist() == [packet.size for packet in packets]
    assert len(source.packets.sizes) == len(source.timeline.pts) and source.packets.is_key[0]


def test_the_images_of_a_folder_count_by_the_size_of_their_files(tmp_path: Path) -> None:
    grain = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    for i in range(4):
        opencv().imwrite(str(tmp_path / f"{i}.png"), grain if i >= 2 else np.zeros_like(grain))
    source = open_source(tmp_path, fps=2)
    plain, grainy = packet_scores(source, candidate_clips(source.timeline, 1)).tolist()
    assert plain == 2 * (tmp_path / "0.png").stat().st_size and grainy == 2 * (tmp_path / "3.png").stat().st_size


def test_frames_in_memory_have_no_packets() -> None:
    source = FrameArray.from_pixels(np.zeros((4, 8, 8, 3), np.uint8), fps=2)
    with pytest.raises(ArgumentError, match="in memory") as refused:
        packet_scores(source, candidate_clips(source.timeline, 1))
    assert refused.value.argument == "source"
