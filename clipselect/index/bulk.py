"""Scores for many videos: decoding one by one, the DDNet over common batches, an index entry per video out.

Decoding speaks in messages, so that it can happen here, in other processes or on other machines:

    Entry          a pass over the video begins (again, if it decodes otherwise than promised); clips known, no scores
    uint8 array    [b, T, size, size, 3] frames of its next clips
    Done           the video is finished, well or not
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.index.score_index import Entry, Scoring, to_row
from clipselect.media.clips import BATCH, candidates, clip_batches
from clipselect.media.sources import open_source
from clipselect.scoring.threads import AdaptiveThreads

if TYPE_CHECKING:
    from clipselect.scoring.scorer import Scorer

CUDA_BATCH = 64
"""Clips of any videos that go through the DDNet at a time; on a CPU as many as of one video."""
MOST_BEGUN = 4
"""Batches in memory, in work or waiting for the DDNet, before decoders have to wait."""


@dataclass(frozen=True)
class Decoding:
    """What a decoder has to know: how to cut and what the DDNet looks at.

    Attributes:
        fps: frames per second of folders of frames.
        threads: per video; 0 for as many as pay.
        fast: see `clipselect.media.fast`.
    """

    clip_duration: Fraction
    stride: Fraction
    size: int
    frames: int
    fps: float
    threads: int
    fast: bool = False

    @classmethod
    def from_scorer(cls, scorer: "Scorer", scoring: Scoring, fps: float, threads: int) -> "Decoding":
        length, stride, input_spec = Fraction(scoring.clip_duration), Fraction(scoring.stride), scorer.input_spec
        return cls(length, stride, input_spec.size, input_spec.clip_frames, fps, threads, scoring.fast)


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
        for batch in clip_batches(
            source, candidates(how.clip_duration, how.stride), how.size, how.frames, fast=how.fast
        ):
            source = batch.source
            if batch.first == 0:
                yield replace(entry, clips=batch.clips, duration=source.timeline.duration, start_time=source.start_time)
            yield batch.frames
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
    """Clips of any videos on their way through the DDNet, which works in a thread: decoders are heard meanwhile."""

    def __init__(self, scorer: "Scorer", thread: Executor, network: AdaptiveThreads) -> None:
        self.scorer, self.thread, self.network = scorer, thread, network
        self.size = BATCH if scorer.device.type == "cpu" else CUDA_BATCH
        self.waiting: list[_Clips] = []
        self.begun: deque[tuple[list[tuple[_Video, int]], Future[NDArray[np.float32]]]] = deque()

    def add(self, video: _Video, clips: NDArray[np.uint8]) -> None:
        video.decoded += len(clips)
        self.waiting.append((video, clips))
        while sum(len(clips) for _, clips in self.waiting) >= self.size:
            self._begin(decoder_done=False)

    def drop(self, video: _Video | None) -> None:
        self.waiting = [(other, clips) for other, clips in self.waiting if other is not video]

    def take_ready(self) -> None:
        """Put scores that are there where they belong; wait for some if too many batches are in memory."""
        while self.begun and (self.begun[0][1].done() or len(self.begun) > MOST_BEGUN):
            self._take()

    def rest(self) -> Iterator[None]:
        """Begin what waits for a full batch, and take batch by batch."""
        while self.waiting:
            self._begin(decoder_done=True)
        while self.begun:
            self._take()
            yield

    def _begin(self, decoder_done: bool) -> None:
        batch, self.waiting = _split(self.waiting, self.size)
        score = partial(self.scorer.score, np.concatenate([clips for _, clips in batch]))
        scores = self.thread.submit(self.network.run, score, decoder_done=decoder_done)
        self.begun.append(([(video, len(clips)) for video, clips in batch], scores))

    def _take(self) -> None:
        batch, future = self.begun.popleft()
        scores = future.result()
        for video, count in batch:
            video.scores[video.scored : video.scored + count] = scores[:count]
            video.scored += count
            scores = scores[count:]


def entries(messages: Iterable[tuple[Path, Message]], scorer: "Scorer") -> Iterator[Entry]:
    """Finished entries out of the messages of any videos, interleaved as they come."""
    videos: dict[Path, _Video] = {}

    def finished() -> Iterator[Entry]:
        for path, video in [*videos.items()]:
            if video.done is not None and (video.done.error or video.scored == video.decoded):
                del videos[path]
                yield _closed(video.entry, video.scores, video.done)

    with AdaptiveThreads() as network, ExitStack() as stack:
        thread = ThreadPoolExecutor(1)
        stack.callback(thread.shutdown, cancel_futures=True)
        batches = _Batches(scorer, thread, network)
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
            batches.take_ready()
            yield from finished()
        for _ in batches.rest():
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
