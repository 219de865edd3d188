"""The benchmark of speed: the videos that it makes, and what it says of its goals."""

from pathlib import Path

import av
import pytest
from made_videos import Made, encoders, make
from run_speed import goals
from speed_cpu import starting, working
from speed_index import growing
from speed_parts import in_turns, memory, reading, turns

from clipselect.media.sources import open_source

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("codec", encoders())
def test_a_repeated_video_decodes_whole_at_an_even_pace(
    tmp_path: Path, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("made_videos.ENCODED_SECONDS", 1)
    path = make(tmp_path, Made(codec, "240p", 30, 3))
    source = open_source(path)
    assert len(source.timeline.pts) == 90 and float(source.timeline.duration) == pytest.approx(3, abs=0.05)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="gray")[::8, ::8] for frame in container.decode(video=0)]
    assert len(frames) == 90 and frames[0].std() > 10
    assert abs(frames[5].astype(int) - frames[35]).mean() < 6 < abs(frames[5].astype(int) - frames[25]).mean()


def test_turns_alternate_and_the_first_one_does_not_count() -> None:
    calls: list[str] = []
    seconds = turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["a", "b"] * 3 and all(0 <= value < 1 for value in seconds.values())


def test_ratios_and_memory_are_those_of_the_rows(tmp_path: Path) -> None:
    path = make(tmp_path, Made("mpeg4", "240p", 30, 1))
    (row,) = reading([("mine", path)], 1, "cpu")
    assert row["score / decode"] == row["score"] / row["decode"] > 0
    (found,) = memory(path)
    assert found["clips"] == 1 and 0 < found["above_imports_mb"] == found["peak_mb"] - found["imports_mb"]


def test_processor_time_is_that_of_every_way_in_turns(tmp_path: Path) -> None:
    ticks = iter([0, 1, 2, 4, 5, 9])
    assert in_turns({"a": lambda: None, "b": lambda: None}, 1, lambda: next(ticks)) == {"a": [2], "b": [4]}
    path = make(tmp_path, Made("mpeg4", "240p", 30, 1))
    (row,) = working([("mine", path)], 1, None)
    assert row["score / decode"] == row["score"] / row["decode"] and row["score"] > row["frames"] > 0
    (whole,) = starting([("mine", path)], 1, None)
    assert whole["score"] > whole["help"] > 0 and whole["decode"] > 0


def test_what_more_workers_bring_is_counted_per_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speed_index.usable_cores", lambda: 2)
    monkeypatch.setattr("speed_index.ENGINES", ("local",))
    seconds = {"1": "8", "2": "4", "4": "4"}
    monkeypatch.setattr("speed_index.run_python", lambda arguments: seconds[arguments[2]])
    rows = [*growing(tmp_path, tmp_path, 12)]
    assert [(row["workers"], row["videos per second"], row["per core"]) for row in rows] == [
        (1, 1, 1), (2, 2, 1), (4, 2, 1)
    ]  # fmt: skip


def test_goals_are_judged_by_what_was_measured() -> None:
    row = {"video": str(Made()), "score / decode": 1.2, "fast / decode": 0.8}
    slow = {"method": "ddl", "pipeline": "own pipeline", "video": "ten", "k": 5, "clips": 30, "dense / ddl": 5.0}
    found = {"a": [row], "b": [slow], "e": [{"exponent": 1.0}], "f": [{"video": "hour", "above_imports_mb": 150.0}]}
    assert [goal["met"] for goal in goals(found)] == [True, False, False, True, True]
    assert goals({}) == []
