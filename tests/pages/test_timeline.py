"""Bars of any number of clips, and their drawing."""

import itertools
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipselect.pages.formats import time_ticks
from clipselect.pages.timeline import MAX_BARS, MAX_RANK_ROWS, pick_ranks, timeline_bars, timeline_note, timeline_svg


def spans(n: int, length: float = 1, stride: float = 1) -> list[tuple[float, float]]:
    return [(i * stride, i * stride + length) for i in range(n)]


def test_clips_side_by_side_are_a_bar_each() -> None:
    bars = timeline_bars(spans(5), [0.1, 0.5, 0.3, 0.3, 0.2], {1}, 5)
    assert [(bar.clip, bar.start, bar.end) for bar in bars] == [(i, i, i + 1) for i in range(5)]


def test_of_clips_that_overlap_the_picked_one_and_then_the_best_is_in_front() -> None:
    bars = timeline_bars(spans(3, length=2), [0.9, 0.5, 0.7], {1}, 4)
    assert [(bar.clip, bar.start, bar.end) for bar in bars] == [(0, 0, 1), (1, 1, 3), (2, 3, 4)]


def test_a_stretch_without_clips_has_no_bar() -> None:
    bars = timeline_bars([(0, 1), (5, 6)], [0.2, 0.3], set(), 6)
    assert [(bar.start, bar.end) for bar in bars] == [(0, 1), (5, 6)]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5000), st.sampled_from([0.1, 0.5, 1.0]), st.integers(0, 2**32 - 1))
def test_bars_never_overlap_and_picks_are_always_there(n: int, stride: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, at = rng.random(n), spans(n, 1, stride)
    picked = set(rng.choice(n, min(n, 5), replace=False).tolist()) if stride == 1 else {int(scores.argmax())}
    bars = timeline_bars(at, scores, picked, at[-1][1])
    assert 0 < len(bars) <= max(MAX_BARS, 1)
    assert all(a.end <= b.start + 1e-9 for a, b in itertools.pairwise(bars))
    assert all(bar.end > bar.start for bar in bars)
    shown = {bar.clip for bar in bars}
    if n <= MAX_BARS and stride == 1:
        assert shown == set(range(n))
    assert all(any(bar.start < at[i][1] and at[i][0] < bar.end and bar.clip in picked for bar in bars) for i in picked)


def test_bars_of_many_clips_say_so() -> None:
    spans = [(i, i + 1) for i in range(3600)]
    assert timeline_note(spans, [0.5] * 3600, {7}, 3600) == "Each bar: the best clip of 15 s, or the picked one"
    assert timeline_note(spans[:20], [0.5] * 20, {7}, 20) == ""


def test_an_hour_is_readable() -> None:
    scores = np.random.default_rng(0).random(3600)
    picked = [100, 2000, 3599]
    drawing = timeline_svg(spans(3600), scores, picked, 3600, links=[f"#c{i}" for i in range(3600)])
    root = ET.fromstring(drawing)
    bars = [bar for link in root.iter("a") for bar in link.iter("rect")]
    assert len(bars) == MAX_BARS
    assert min(float(bar.attrib["width"].rstrip("%")) for bar in bars) > 0.4  # of the width: over a pixel on a phone
    assert [link.attrib["href"] for link in root.iter("a") if "tabindex" not in link.attrib] == [
        f"#c{i}" for i in picked
    ]
    assert len([text for text in root.iter("text") if text.attrib["class"].startswith("rank")]) == 3
    assert len([mark for mark in root.iter("rect") if mark.attrib.get("class") == "mark"]) == 3


def test_the_drawing_says_its_scale_and_times() -> None:
    drawing = timeline_svg(spans(20), np.linspace(0.51, 0.528, 20), [19], 20)
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", drawing)
    assert {"0.40", "0.65", "0:00", "0:10", "0:20"} <= set(texts)
    heights = [float(h) for h in re.findall(r'y="[\d.]+" height="([\d.]+)"><title>', drawing)]
    assert max(heights) - min(heights) < 0.1 * (170 - 54)  # of a spread of 0.018


def test_every_pick_of_a_long_video_has_its_rank_and_none_lies_upon_another() -> None:
    scores = np.linspace(0, 1, 1200)
    picked = [300, 301, 304, 320, 330, 1000]  # of 20 minutes; a digit takes half a percent on a wide screen
    drawing = timeline_svg(spans(1200), scores, picked, 1200)
    texts = re.findall(r'<text class="rank" x="([\d.]+)%" y="([\d.]+)"[^>]*>(\d+)<', drawing)
    assert [int(rank) for _, _, rank in texts] == [200, 870, 880, 896, 899, 900]
    for (x, y, _), (other_x, other_y, _) in itertools.combinations(texts, 2):
        assert abs(float(y) - float(other_y)) >= 14 or abs(float(x) - float(other_x)) >= 3 * 2.2, "on a phone"
    assert drawing.count('class="leader"') == 6, "a line from each to its bar"


def test_the_lines_of_ranks_are_few_and_those_left_out_are_known() -> None:
    scores = np.linspace(0, 1, 3600)
    ranks = pick_ranks(spans(3600), scores, {*range(1000, 1300)}, 3600)
    rows = [one.row for one in ranks if one.row is not None]
    assert 0 < len(rows) < 300 and {*rows} == {*range(MAX_RANK_ROWS)}
    assert ranks[0].row == 0, "the best has the choice"
    assert 'height="268"' in timeline_svg(spans(3600), scores, range(1000, 1300), 3600)


@pytest.mark.parametrize("duration", [0.03, 0.5, 2.52, 12.48, 20, 59.99, 61, 600, 3600, 3725, 36000, 250_000])
def test_ticks_are_round_and_few_and_apart(duration: float) -> None:
    ticks = time_ticks(duration)
    times, labels = zip(*ticks, strict=True)
    assert 2 <= len(ticks) <= 9 and times[0] == 0 and times[-1] == duration
    assert len(set(labels)) == len(labels)
    assert all(b - a > 0.06 * duration for a, b in itertools.pairwise(times))
