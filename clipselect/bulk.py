"""Scores for many videos: decoding one by one, the DDNet over common batches, an index entry per video out.

Decoding speaks in messages, so that it can happen here, in other processes or on other machines:

    Entry          a pass over the video begins (again, if it decodes otherwise than promised); clips known, no scores
    uint8 array    [b, T, size, size, 3] frames of its next clips
    Done           the video is finished, well or not
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.clips import Pass, decoded
from clipselect.cores import BesideDecoder
from clipselect.errors import ClipselectError
from clipselect.index import Entry, Scoring, to_row
from clipselect.sources import open_source

if TYPE_CHECKING:
    from clipselect.scorer import ClipScorer

BATCH = {"cpu": 16, "cuda": 64}
"""Clips of any videos that go through the DDNet at a time; more do not fit a CPU's caches and take longer each."""
MOST_WAITING = 4
"""Batches that are decoded already, before decoders have to wait for the DDNet."""


@dataclass(frozen=True)
class Decoding:
    """What a decoder has to know: how to cut and what the DDNet looks at.

    Attributes:
        fps: frames per second of folders of frames.
        threads: per video; 0 for as many as pay.
        fast: see `clipselect.fast`.
    """

    clip_duration: Fraction
    stride: Fraction
    size: int
    frames: int
    fps: float
    threads: int
    fast: bool = False

    @classmethod
    def of(cls, scoring: Scoring, scorer: "ClipScorer", fps: float, threads: int) -> "Decoding":
        length, stride, geometry = Fraction(scoring.clip_duration), Fraction(scoring.stride), scorer.geometry
        return cls(length, stride, geometry.size, geometry.frames, fps, threads, scoring.fast)


@dataclass(frozen=True)
class Done:
    """The end of a video: its error, or what its reader noticed."""

    error: str | None = None
    warnings: tuple[str, ...] = ()


Message = Entry | NDArray[np.uint8] | Done


def decode(path: Path, how: Decoding) -> Iterator[Message]:
    """The messages of one video; whatever goes wrong with it is in the last one."""
    entry = Entry.before(path, how.fps)
    yield entry
    try:
        source = open_source(path, fps=how.fps, threads=how.threads)
        for step in decoded(source, how.clip_duration, how.stride, how.size, how.frames, how.fast):
            if isinstance(step, Pass):
                source = step.source
                yield replace(entry, clips=step.clips, duration=source.timeline.duration, start_time=source.start_time)
            else:
                yield step
        yield Done(warnings=tuple(source.warnings))
    except ClipselectError as e:
        yield Done(error=str(e))
    except (av.FFmpegError, OSError, RuntimeError, MemoryError) as e:
        yield Done(error=f"{path}: cannot be scored ({e or type(e).__name__}); check the file or convert it")


@dataclass
class _Video:
    entry: Entry
    scores: NDArray[np.float32]
    decoded: int = 0
    scored: int = 0
    done: Done | None = None


_Clips = tuple[_Video, NDArray[np.uint8]]


class _Batches:
    """Clips of any videos on their way through the DDNet, which works in a thread: messages are taken, and those who
    send them go on, while it does."""

    def __init__(self, scorer: "ClipScorer", thread: Executor) -> None:
        self.scorer, self.thread = scorer, thread
        self.size = BATCH.get(scorer.device.type, 16)
        self.waiting: list[_Clips] = []
        self.in_work: tuple[list[_Clips], Future[NDArray[np.float32]]] | None = None
        self.network = BesideDecoder()

    def add(self, video: _Video, clips: NDArray[np.uint8]) -> None:
        video.decoded += len(clips)
        self.waiting.append((video, clips))

    def drop(self, video: _Video | None) -> None:
        self.waiting = [(other, clips) for other, clips in self.waiting if other is not video]

    def go_on(self) -> None:
        """Take scores that are there, and keep the DDNet busy; wait for it only with too much in memory."""
        while (count := sum(len(clips) for _, clips in self.waiting)) >= self.size:
            if self.in_work is not None and not self.in_work[1].done() and count < MOST_WAITING * self.size:
                return
            self._take()
            self._begin(last=False)
        if self.in_work is not None and self.in_work[1].done():
            self._take()

    def finish(self) -> None:
        self._take()
        while self.waiting:
            self._begin(last=True)
            self._take()

    def _begin(self, last: bool) -> None:
        batch, self.waiting = _split(self.waiting, self.size)
        self.in_work = batch, self.thread.submit(self._score, np.concatenate([clips for _, clips in batch]), last)

    def _score(self, clips: NDArray[np.uint8], last: bool) -> NDArray[np.float32]:
        with self.network.turn(last=last):
            return self.scorer.score(clips)

    def _take(self) -> None:
        if self.in_work is None:
            return
        batch, future = self.in_work
        scores, self.in_work = future.result(), None
        for video, clips in batch:
            video.scores[video.scored : video.scored + len(clips)] = scores[: len(clips)]
            video.scored += len(clips)
            scores = scores[len(clips) :]


def entries(messages: Iterable[tuple[Path, Message]], scorer: "ClipScorer") -> Iterator[Entry]:
    """Finished entries out of the messages of any videos, interleaved as they come."""
    videos: dict[Path, _Video] = {}

    def finished() -> Iterator[Entry]:
        for path, video in [*videos.items()]:
            if video.done is not None and (video.done.error or video.scored == video.decoded):
                del videos[path]
                yield _closed(video.entry, video.scores, video.done)

    with ThreadPoolExecutor(1) as thread:
        batches = _Batches(scorer, thread)
        for path, message in messages:
            if isinstance(message, Entry):
                batches.drop(videos.get(path))
                videos[path] = _Video(message, np.empty(len(message.clips), np.float32))
            elif isinstance(message, Done):
                videos[path].done = message
                if message.error:
                    batches.drop(videos[path])
            else:
                batches.add(videos[path], message)
            batches.go_on()
            yield from finished()
        batches.finish()
    yield from finished()


def _split(waiting: list[_Clips], size: int) -> tuple[list[_Clips], list[_Clips]]:
    """The first `size` clips, and those left."""
    first, rest, room = list[_Clips](), list[_Clips](), size
    for video, clips in waiting:
        if len(clips[:room]):
            first.append((video, clips[:room]))
        if len(clips[room:]):
            rest.append((video, clips[room:]))
        room = max(room - len(clips), 0)
    return first, rest


def _closed(entry: Entry, scores: NDArray[np.float32], done: Done) -> Entry:
    if done.error:
        return replace(entry, error=done.error, clips=[], duration=Fraction(0), start_time=Fraction(0))
    whole = replace(entry, warnings=done.warnings, scores=scores)
    try:
        to_row(whole)
    except ClipselectError as e:
        return _closed(entry, scores, Done(error=str(e)))
    return whole
