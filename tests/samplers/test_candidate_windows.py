"""Candidates of the caller's own: pairs, scenes, CSV files."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.media.candidate_clips import Timeline
from clipselect.samplers.candidate_windows import read_windows

NTSC = Timeline(np.arange(300) * 1001, 300 * 1001, Fraction(1, 30_000))  # 10.01 s
SCENES = """Scene Number,Start Frame,Start Timecode,Start Time (seconds),End Frame,End Timecode,End Time (seconds)
1,1,00:00:00.000,0.000,150,00:00:05.005,5.005
2,151,00:00:05.005,5.005,200,00:00:06.673,6.673
3,201,00:00:06.673,6.673,300,00:00:10.010,10.010
"""


class Timecode:
    """As PySceneDetect's `FrameTimecode`, as far as it matters."""

    def __init__(self, frame: int) -> None:
        self.seconds = frame * 1001 / 30_000


def frames(candidates: Any) -> list[tuple[int, int]]:
    return [(clip.first, clip.last) for clip in read_windows(candidates).clips(NTSC)]


@pytest.mark.parametrize(
    "content",
    [
        SCENES,
        "00:00:05.005,00:00:06.673\n" + SCENES,
        "Timecode List:,00:00:05.005,00:00:06.673\n" + SCENES,
        "\n" + SCENES.replace(",", ";"),
        "start,end,label\n0,5.005,a\n5.005,6.673,b\n6.673,10.01,c\n",
        "note\tend\tstart\n\t5.005\t0\n\t6.673\t5.005\n\t10.01\t6.673\n",
    ],
)
def test_a_list_of_scenes_keeps_every_cut_between_the_frames_that_it_parts(content: str, tmp_path: Path) -> None:
    """Frame 200 is shown at 6.67333 s, which PySceneDetect rounds to 6.673."""
    (tmp_path / "scenes.csv").write_text(content)
    assert frames(tmp_path / "scenes.csv") == frames(str(tmp_path / "scenes.csv")) == [(0, 149), (150, 199), (200, 299)]


@pytest.mark.parametrize(
    "candidates",
    [
        [(Timecode(0), Timecode(150)), (Timecode(150), Timecode(300))],
        [(Timecode(150), Timecode(300)), (0, 5.005)],
        np.array([[5.005, 10.01], [0.0, 5.005]]),
        torch.tensor([[5.005, 10.01], [0.0, 5.005]], dtype=torch.float64),
        iter([(Fraction(5005, 1000), 10.5), (0, 5.005)]),
        ([0, 5.005], [5.005, 11]),
    ],
)
def test_pairs_of_seconds_and_of_timecodes_in_any_order(candidates: Any) -> None:
    assert frames(candidates) == [(0, 149), (150, 299)]


def test_windows_may_overlap_and_repeat() -> None:
    assert frames([(2, 3), (0, 9), (2, 2.5), (2, 3)]) == [(0, 269), (60, 74), (60, 89), (60, 89)]


@pytest.mark.parametrize(
    ("candidates", "says"),
    [
        ([], "at least one"),
        ([(0, 1), (3, 2)], "end after they start, but window 2 is 3 to 2"),
        ([(1, 1)], "end after they start"),
        ([(float("nan"), 1)], "numbers of seconds, but window 1"),
        ([(0, float("inf"))], "numbers of seconds"),
        ([("0", "1")], "numbers of seconds"),
        ([(True, 2)], "numbers of seconds"),
        ([(-0.5, 1)], "at 0 s or later"),
        ([(0, 1, 2)], "pairs of seconds, but window 1"),
        ([5], "pairs of seconds, but window 1"),
        (5, "pairs of seconds"),
        ([(0, 1)] * 250_001, "at most 250000"),
    ],
)
def test_windows_that_make_no_sense_are_refused_at_once(candidates: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says) as caught:
        read_windows(candidates)
    assert caught.value.argument == "candidates"


@pytest.mark.parametrize(
    ("window", "says"),
    [
        ((10.01, 10.5), "lie in the video, which lasts 10.01 s, but window 10.01 to 10.5 s"),
        ((9, 11.02), "lie in the video"),
        ((600, 601), "lie in the video"),
        ((1.002, 1.003), "must hold frames, but window"),
    ],
)
def test_windows_outside_of_the_video_or_without_frames_are_refused(window: tuple[float, float], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        read_windows([window]).clips(NTSC)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("begin,stop\n0,1\n", "no columns start and end"),
        ("start\n0\n", "no columns start and end"),
        ("", "no columns start and end"),
        ("0,1\n1,2\n", "no columns start and end"),
        ("start,end\n", "at least one"),
        ("start,end\n0,1\n1\n", "line 3 has no start and end"),
        ("start,end\n0,one\n", "line 2 has no start and end"),
        ("start,end\n0,nan\n", "numbers of seconds, but window 1"),
        ("start,end\n0,1\n2,1\n", "window 2 is 2.0 to 1.0"),
        ('start,end\n"0,1\n', "windows.csv"),
    ],
)
def test_files_without_windows_are_named(content: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "windows.csv"
    path.write_text(content)
    with pytest.raises(ClipselectError, match=says) as caught:
        read_windows(path)
    assert str(path) in str(caught.value)
    with pytest.raises(ClipselectError, match=r"none\.csv"):
        read_windows(tmp_path / "none.csv")


def test_scenes_of_pyscenedetect_itself(tmp_path: Path) -> None:
    scenedetect = pytest.importorskip("scenedetect")
    from scenedetect.output import write_scene_list

    edges = [scenedetect.FrameTimecode(frame, Fraction(30_000, 1001)) for frame in (0, 150, 200, 300)]
    scenes = [*pairwise(edges)]
    expected = [(0, 149), (150, 199), (200, 299)]
    assert frames(scenes) == expected
    ways: dict[str, Any] = {"plain": {"include_cut_list": False}, "cuts": {}, "labelled": {"cut_list": edges[1:3]}}
    for name, options in ways.items():
        write_scene_list(str(tmp_path / name), scenes, **options)
        assert frames(tmp_path / name) == expected
