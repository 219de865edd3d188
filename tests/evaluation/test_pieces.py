"""Untrimmed videos cut into pieces: where the cuts lie, which clips and actions each piece has, which is the rarest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.data.datasets import LabelledVideo, Segment
from clipselect.evaluation.best_clips import best_clips
from clipselect.evaluation.outcomes import ClipTable, Group
from clipselect.evaluation.pieces import (
    MIN_LAST_PIECE,
    actions_shown,
    clips_within,
    piece_edges,
    rarest,
    shown_within,
)

SPANS = np.array([(i, i + 1) for i in range(6)], dtype=float)
WALK, FALL, SLEEP = 0, 1, 2
VIDEO = LabelledVideo(
    "a.mp4", (WALK, FALL, SLEEP), (Segment(0, 3.4, WALK), Segment(1.5, 3, FALL), Segment(5.8, 6, SLEEP))
)


@given(st.floats(0.1, 1e4), st.floats(0.1, 1e3))
def test_pieces_fill_the_video_and_are_neither_short_nor_long(duration: float, length: float) -> None:
    edges = np.array(piece_edges(duration, length))
    pieces = np.diff(edges)
    assert edges[0] == 0 and edges[-1] == duration
    assert np.allclose(pieces[:-1], length)
    if len(pieces) > 1:
        assert MIN_LAST_PIECE * length - 1e-6 <= pieces[-1] <= (1 + MIN_LAST_PIECE) * length + 1e-6


def test_a_clip_that_a_cut_goes_through_is_in_no_piece() -> None:
    assert clips_within(SPANS, 0, 2.5).tolist() == [0, 1]
    assert clips_within(SPANS, 2.5, 6).tolist() == [3, 4, 5]
    assert clips_within(SPANS, 0, 3).tolist() == [0, 1, 2]


def test_each_action_counts_by_itself_where_it_fills_half_of_a_clip() -> None:
    shown = {label: np.flatnonzero(shows).tolist() for label, shows in actions_shown(SPANS, VIDEO).items()}
    assert shown == {WALK: [0, 1, 2], FALL: [1, 2], SLEEP: []}


def test_a_piece_has_the_actions_of_its_clips_the_most_shown_first() -> None:
    shown = actions_shown(SPANS, VIDEO)
    assert [*shown_within(shown, np.arange(6))] == [WALK, FALL]
    assert [*shown_within({FALL: shown[FALL], WALK: shown[WALK]}, np.arange(6))] == [WALK, FALL]
    assert [*shown_within(shown, np.array([0]))] == [WALK]
    assert shown_within(shown, np.array([4, 5])) == {}


def test_the_rarest_action_is_on_some_clips_and_not_on_all() -> None:
    shown = actions_shown(SPANS, VIDEO)
    rare = rarest(shown_within(shown, np.arange(6)))
    assert rare is not None and np.flatnonzero(rare).tolist() == [1, 2]
    assert rarest(shown_within(shown, np.array([0]))) is None and rarest({}) is None


def rare_groups(count: int) -> tuple[list[Group], ClipTable]:
    """Videos of five clips, of which one, never the middle one, shows the rare action; the DDNet finds it in all videos
    but the first, and motion never."""
    groups, scores = [], []
    for i in range(count):
        at = (0, 1, 3, 4)[i % 4]
        groups.append(Group(f"video {i // 2}", (0, 1), np.arange(5) + 5 * i, np.arange(5) == at))
        scores += (np.arange(5) == (at if i else 2)).tolist()
    values = np.array(scores, dtype=float)
    return groups, ClipTable(values, np.full((len(values), 2), 0.5), motion=-values)


def test_hits_count_the_first_clip_of_every_method_beside_chance() -> None:
    groups, table = rare_groups(8)
    found = {entry["method"]: entry for entry in best_clips(groups, table)}
    assert found.keys() == {"ddl", "uniform", "motion", "confidence"}  # no packets were measured
    assert found["ddl"]["hits"] == pytest.approx(100 * 7 / 8)
    assert found["ddl"]["gain"] == pytest.approx(100 * 7 / 8 - 20)
    assert found["uniform"]["hits"] == 0 and found["uniform"]["gain_high"] == pytest.approx(-20)
    assert {(e["videos"], e["sources"]) for e in found.values()} == {(8, 4)}
    assert {round(e["chance"], 9) for e in found.values()} == {20}
    for entry in found.values():
        assert 0 <= entry["low"] <= entry["hits"] <= entry["high"] <= 100
        assert entry["gain_low"] <= entry["gain"] <= entry["gain_high"]


def test_without_annotated_videos_there_are_no_hits() -> None:
    assert best_clips([], rare_groups(1)[1]) == []
