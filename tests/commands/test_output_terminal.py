"""What a terminal shows of a video: on any width, in any encoding, with the scores' one axis."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from clipselect.commands.output.records import Scored
from clipselect.commands.output.terminal import ASCII_BARS, BARS, plain_table, print_group, print_groups, print_video


def video(scores: Sequence[float], picked: Sequence[int] = (0,), seconds: float = 1) -> Scored:
    ranks = np.argsort(np.argsort([-score for score in scores], kind="stable"), kind="stable") + 1
    clips: list[dict[str, Any]] = [
        {"start": i * seconds, "end": (i + 1) * seconds, "frames": 25, "score": score, "rank": int(rank)}
        | {"picked": i in picked}
        for i, (score, rank) in enumerate(zip(scores, ranks, strict=True))
    ]
    facts = {
        "path": "a.mp4",
        "duration": len(scores) * seconds,
        "model": "tiny",
        "warnings": ["shaky…"],
        "doubts": [],
        "fast": False,
        "error": None,
    }
    return Scored("a.mp4", {**facts, "seconds": {"total": 0.5}}, clips, np.array(scores, np.float32))


def printed(video: Scored, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)  # refuses characters that the encoding lacks
    print_video(Console(file=out, width=width), video)
    out.flush()
    return raw.getvalue().decode(encoding)


def bars(text: str, of: str = BARS) -> str:
    [line] = [line for line in text.splitlines() if line.strip() and set(line.strip()) <= set(of)]
    return line.strip()


def test_one_candidate_is_one_clip_and_no_low_bar() -> None:
    text = printed(video([0.52]))
    assert "1 candidate clip," in text
    assert set(bars(text)) <= set(BARS[2:-2])


@pytest.mark.parametrize(("spread", "levels"), [(0.0, {0}), (0.018, {0, 1}), (0.1, {2, 3, 4}), (0.6, {5, 6, 7})])
def test_a_spread_looks_as_large_as_it_is(spread: float, levels: set[int]) -> None:
    shown = [BARS.index(bar) for bar in bars(printed(video([0.31, 0.31 + spread])))]
    assert max(shown) - min(shown) in levels


def test_the_terminal_says_between_which_scores_the_bars_lie() -> None:
    assert "height: 0.40 to 0.65" in printed(video([0.51, 0.528]))


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80])
def test_numbers_are_whole_on_any_width(width: int) -> None:
    text = printed(video(np.linspace(0.2, 0.9, 15).round(4).tolist(), seconds=600), width)
    for number in ("0.9000", "0.2000", "2:20:00.00"):
        assert number in text
    assert width < 40 or max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_without_the_characters_gets_others(encoding: str) -> None:
    text = printed(video(np.linspace(0.1, 0.9, 30).tolist(), picked=[29]), encoding=encoding)
    assert "?" not in text
    assert set(bars(text, ASCII_BARS)) == set(ASCII_BARS)
    assert "^" in text and " x " in text and "... 10 more clips" in text


def test_text_columns_are_broken_and_numbers_are_not() -> None:
    out = io.StringIO()
    table = plain_table("name", "score", text=["name"])
    table.add_row("a long name " * 10, "0.1234")
    Console(file=out, width=30).print(table)
    assert "0.1234" in out.getvalue() and max(map(len, out.getvalue().splitlines())) <= 30


def test_a_clip_that_was_skipped_for_its_neighbours_says_so() -> None:
    lines = printed(video([0.9, 0.8, 0.7, 0.6], picked=[0, 2])).splitlines()
    marks = {line.split()[0]: line.split()[-1] for line in lines if line.split()[:1] in (["1"], ["2"], ["3"], ["4"])}
    assert marks["1"] == marks["3"] == "✔" and marks["2"] == "pick" and marks["4"] == "0.6000"


@pytest.mark.parametrize("width", [20, 40, 80])
def test_times_and_names_of_frames_are_never_broken(width: int) -> None:
    frame = {"path": None, "frame": 500, "time": 16.67, "score": 0.8849, "rank": 1, "weight": 1.0, "picked": True}
    named = frame | {"path": "people/0018C2T0005F008.jpg", "frame": 0, "time": None}
    scores = np.array([0.9], np.float32)
    groups = [Scored(name, {"source": "v", "group": name}, [one], scores) for name, one in (("a", frame), ("b", named))]
    out = io.StringIO()
    print_groups(Console(file=out, width=width), groups)
    print_group(Console(file=out, width=width), groups[1])
    assert "500 (0:16.67)" in " ".join(out.getvalue().split()) and out.getvalue().count("0018C2T0005F008.jpg") == 2
