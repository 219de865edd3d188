"""Many videos at a time: common batches, decoding in processes, and files that bring those down."""

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from threading import Event
from threading import enumerate as threads
from typing import Any

import numpy as np
import pytest
from helpers.videos import make_video

from clipselect.errors import NetworkError
from clipselect.index.bulk import MAX_RUNNING, Decoding, Done, Message, decode, entries
from clipselect.index.entry import Entry, Scoring
from clipselect.media.clip_decoding import BATCH
from clipselect.media.sources import open_source
from clipselect.scoring.scorer import Scorer, load_scorer
from clipselect.scoring.video_scores import score_video

Messages = list[tuple[Path, Message]]


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return load_scorer()


@pytest.fixture(scope="module")
def how(scorer: Scorer) -> Decoding:
    """Many clips per video: with three videos more than a batch."""
    return Decoding.from_scorer(scorer, Scoring.from_scorer(scorer, stride=Fraction(1, 20)), 30, 1)


@pytest.fixture(scope="module")
def coarse(how: Decoding) -> Decoding:
    return replace(how, stride=Fraction(1))


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("bulk")
    return [make_video(folder / f"{i}.mp4", 50 + 5 * i) for i in range(4)]


@pytest.fixture(scope="module")
def messages(paths: list[Path], how: Decoding) -> list[Messages]:
    """Those of every video."""
    return [[(path, message) for message in decode(path, how)] for path in paths]


@pytest.fixture(scope="module")
def expected(paths: list[Path], scorer: Scorer, how: Decoding) -> dict[str, Entry]:
    """What scoring one by one gives."""
    found = {}
    for path in paths:
        scored = score_video(open_source(path), scorer, stride=how.stride)
        found[str(path)] = replace(
            Entry.before(path, 30),
            warnings=tuple(scored.source.warnings),
            duration=scored.duration,
            start_time=scored.source.start_time,
            clips=scored.clips,
            scores=scored.scores,
        )
    return found


def interleaved(queues: list[Messages], seed: int) -> Messages:
    """All messages, those of each video in their order."""
    left, chance, out = [list(queue) for queue in queues], random.Random(seed), Messages()
    while left := [queue for queue in left if queue]:
        out.append(chance.choice(left).pop(0))
    return out


def assert_scored(found: list[Entry], expected: dict[str, Entry]) -> None:
    """Every video once, bit for bit."""
    assert sorted(entry.path for entry in found) == sorted(expected)
    for entry in found:
        other = expected[entry.path]
        assert replace(entry, scores=other.scores) == other
        assert np.abs(entry.scores - other.scores).max() == 0


@pytest.mark.parametrize("seed", range(2))
def test_interleaved_videos_get_the_scores_of_each_alone(
    messages: list[Messages], expected: dict[str, Entry], scorer: Scorer, seed: int
) -> None:
    found = entries(interleaved(messages, seed), scorer)
    assert_scored([replace(entry, scores=entry.scores.copy()) for entry in found], expected)  # final when it comes


def test_a_video_is_finished_soon_after_its_batch_is(messages: list[Messages], scorer: Scorer) -> None:
    given = 0

    def many_videos() -> Iterator[tuple[Path, Message]]:
        nonlocal given
        for i in range(100):
            for path, message in messages[0]:
                given += len(message) if isinstance(message, np.ndarray) else 0
                yield path.with_stem(str(i)), message

    next(entries(many_videos(), scorer))
    clips = sum(len(m) for _, m in messages[0] if isinstance(m, np.ndarray))
    assert given <= clips + (MAX_RUNNING + 3) * BATCH < 100 * clips  # parts of batches before, after and in the message


class Waits:
    """A scorer that is stuck until it is let go, and then fails."""

    def __init__(self, scorer: Scorer) -> None:
        self.device, self.began, self.let_go = scorer.device, Event(), Event()

    def score(self, clips: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self.began.set()
        assert self.let_go.wait(20)
        raise NetworkError("gives scores that are not numbers")


def test_messages_are_fetched_while_the_ddnet_works_and_its_errors_come_through(
    messages: list[Messages], scorer: Scorer
) -> None:
    waits, fetched_meanwhile = Waits(scorer), False

    def noted() -> Iterator[tuple[Path, Message]]:
        nonlocal fetched_meanwhile
        for i, message in enumerate(messages[0] + messages[1]):
            if i == 4:  # a batch has come
                fetched_meanwhile = waits.began.wait(20) and not waits.let_go.is_set()
                waits.let_go.set()
            yield message

    with pytest.raises(NetworkError, match="not numbers"):
        list(entries(noted(), waits))
    assert fetched_meanwhile


def test_a_closed_generator_leaves_no_thread_behind(messages: list[Messages], scorer: Scorer) -> None:
    before = {*threads()}
    found = entries((m for queue in messages for m in queue), scorer)
    next(found)
    assert {*threads()} - before
    found.close()
    assert not {*threads()} - before


def test_a_pass_that_begins_again_voids_what_came_before(
    messages: list[Messages], expected: dict[str, Entry], scorer: Scorer
) -> None:
    again = messages[1]
    wrong = [(path, 255 - m if isinstance(m, np.ndarray) else m) for path, m in again[:-1]]
    for before in (wrong[:3], wrong):
        queues = [messages[0], before + again[1:], messages[2], messages[3]]
        assert_scored([*entries(interleaved(queues, 1), scorer)], expected)


@pytest.mark.parametrize("length", [1, 2, 3, -1])
def test_a_failed_video_does_not_disturb_the_others(
    messages: list[Messages], expected: dict[str, Entry], scorer: Scorer, length: int
) -> None:
    path = messages[1][0][0]
    queues = [messages[0], [*messages[1][:length], (path, Done(error="broken"))], messages[2], messages[3]]
    found = {entry.path: entry for entry in entries(interleaved(queues, length), scorer)}
    failed = found.pop(str(path))
    assert (failed.error, failed.clips, len(failed.scores), failed.duration) == ("broken", [], 0, 0)
    assert_scored([*found.values()], {name: entry for name, entry in expected.items() if name != str(path)})


def test_what_a_reader_notices_comes_along(messages: list[Messages], scorer: Scorer) -> None:
    path = messages[0][0][0]
    (entry,) = entries([*messages[0][:-1], (path, Done(warnings=("cut", "short")))], scorer)
    assert entry.warnings == ("cut", "short") and entry.error is None


def test_times_too_fine_for_the_index_are_an_error_of_the_video(paths: list[Path], scorer: Scorer) -> None:
    how = Decoding.from_scorer(
        scorer, Scoring.from_scorer(scorer, stride=Fraction(12_345_678_901, 10**18 + 9) + 1), 30, 1
    )
    (entry,) = entries(((paths[3], m) for m in decode(paths[3], how)), scorer)
    assert entry.error is not None and "too fine" in entry.error and entry.clips == []


def test_nothing_comes_of_nothing(scorer: Scorer) -> None:
    assert [*entries([], scorer)] == []


@pytest.mark.parametrize(("name", "says"), [("none.mp4", "no such file"), ("text.mp4", "not a video")])
def test_what_is_wrong_with_a_video_is_its_last_message(tmp_path: Path, coarse: Decoding, name: str, says: str) -> None:
    (tmp_path / "text.mp4").write_text("text")
    first, last = decode(tmp_path / name, coarse)
    assert isinstance(first, Entry) and first.clips == []
    assert isinstance(last, Done) and last.error is not None and says in last.error
