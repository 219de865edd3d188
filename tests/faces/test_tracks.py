"""Tracking of boxes: worked out by hand, and what must always hold."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.errors import ArgumentError
from clipselect.faces import Face, Track, iou, track


def face(x: float, y: float = 0, size: float = 40) -> Face:
    return Face((x, y, size, size), 0.9)


def seen(tracks: Sequence[Track]) -> list[tuple[int, ...]]:
    return [t.frames for t in tracks]


@st.composite
def crowds(draw: st.DrawFn) -> list[list[Face]]:
    place = st.builds(face, st.integers(0, 200), st.integers(0, 60), st.integers(10, 50))
    return draw(st.lists(st.lists(place, max_size=4), max_size=8))


def test_two_people_who_cross_far_apart_stay_two() -> None:
    frames = [[face(10 * i, 0), face(200 - 10 * i, 100)] for i in range(21)]
    for i in range(0, 21, 2):
        frames[i].reverse()  # a detector's order means nothing
    tracks = track(frames)
    assert seen(tracks) == [tuple(range(21))] * 2
    assert [{f.box[1] for f in t.faces} for t in tracks] == [{100}, {0}]
    assert [f.box[0] for f in tracks[1].faces] == [10 * i for i in range(21)]


def test_faces_go_to_the_tracks_that_overlap_most_in_total() -> None:
    # greedily, the first track would take the face at 12, which is the only one that the second reaches
    frames = [[face(0), face(30)], [face(10), face(-12)]]
    tracks = track(frames, overlap=0.1)
    assert seen(tracks) == [(0, 1), (0, 1)]
    assert [t.faces[1].box[0] for t in tracks] == [-12, 10]


def test_missed_faces_do_not_end_a_track_before_the_patience_does() -> None:
    for missed in range(5):
        frames = [[face(0)], *[[]] * missed, [face(4)]]
        assert seen(track(frames, patience=3)) == ([(0, missed + 1)] if missed <= 3 else [(0,), (5,)])
    assert seen(track([[face(0)], [], [face(0)]], patience=0)) == [(0,), (2,)]


def test_who_leaves_and_returns_is_a_new_track() -> None:
    frames = [[face(i)] for i in range(5)] + [[]] * 10 + [[face(0)]] * 5
    assert seen(track(frames)) == [tuple(range(5)), tuple(range(15, 20))]
    assert seen(track([*frames, [face(500)]], shortest=5)) == [tuple(range(5)), tuple(range(15, 20))]


def test_a_jump_further_than_the_box_is_a_new_track() -> None:
    assert seen(track([[face(0)], [face(30)], [face(34)]])) == [(0,), (1, 2)]


def test_one_frame_no_frame_and_no_face() -> None:
    assert seen(track([[face(0), face(100)]])) == [(0,), (0,)]
    assert track([]) == [] == track([[], []])
    assert track(iter([[face(0)]] * 2), shortest=3) == []


@given(crowds(), st.integers(0, 3), st.floats(0.05, 1))
def test_every_face_is_in_one_track_and_neighbours_overlap(
    frames: list[list[Face]], patience: int, overlap: float
) -> None:
    tracks = track(frames, patience=patience, overlap=overlap)
    placed = [(i, id(f)) for t in tracks for i, f in zip(t.frames, t.faces, strict=True)]
    assert sorted(placed) == sorted((i, id(f)) for i, faces in enumerate(frames) for f in faces)
    for t in tracks:
        for i in range(len(t.frames) - 1):
            assert 1 <= t.frames[i + 1] - t.frames[i] <= patience + 1
            assert iou([t.faces[i].box], [t.faces[i + 1].box])[0, 0] >= overlap
    starts = [t.frames[0] for t in tracks]
    assert starts == sorted(starts)
    assert seen(track(frames, patience=patience, overlap=overlap)) == seen(tracks)


@given(crowds())
def test_longer_tracks_are_a_part_of_all(frames: list[list[Face]]) -> None:
    everything = track(frames)
    assert seen(track(frames, shortest=2)) == [t.frames for t in everything if len(t.frames) >= 2]


def test_iou_by_hand() -> None:
    found = iou([(0, 0, 10, 10), (0, 0, 0, 0)], [(0, 0, 10, 10), (5, 0, 10, 10), (10, 0, 5, 5), (2, 2, 5, 5)])
    assert np.allclose(found, [[1, 1 / 3, 0, 0.25], [0, 0, 0, 0]])
    assert iou(np.empty((0, 4)), [(0, 0, 1, 1)]).shape == (0, 1)


@pytest.mark.parametrize(
    ("options", "says"), [({"overlap": 0.0}, "overlap"), ({"patience": -1}, "patience"), ({"shortest": 0}, "shortest")]
)
def test_options_out_of_range_are_refused(options: dict[str, float], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        track([], **options)  # type: ignore[arg-type]
