"""Scores for many videos: decoding one by one, the DDNet over common batches, an index entry per video out.

Decoding speaks in messages, so that it can happen here, in other processes or on other machines:

    Entry          the video is read from its beginning: its clips are known, but not their scores. If another one
                   follows, the video is read again, and all that came before is void
    uint8 array    [b, T, size, size, 3] frames of its next clips
    Done           the end of the video, with or without an error
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.index.entry import Entry, Scoring, to_row
from clipselect.media.clip_decoding import BATCH, clip_batches, clip_grid
from clipselect.media.sources import open_source
from clipselect.media.unreadable import UNREADABLE, as_clipselect_error
from clipselect.scoring.threads import AdaptiveThreads

if TYPE_CHECKING:
    from clipselect.scoring.scorer import Scorer

CUDA_BATCH = 64
"""Clips of any videos that go through the DDNet at a time; on a CPU as many as of one video."""
MAX_RUNNING = 4
"""Batches that the DDNet works on or that wait for it, before decoders have to wait: they bound the memory."""


@dataclass(frozen=True)
class Decoding:
    """How to decode videos for a DDNet: which clips, and which of their pixels.

    Attributes:
        clip_duration, stride: exact seconds.
        size, frames: a clip is `frames` frames of size x size.
        fps: frames per second of folders of frames.
        threads: per video; 0 for as many as make it faster.
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
            source, clip_grid(how.clip_duration, how.stride), how.size, how.frames, fast=how.fast
        ):
            source = batch.source
            if batch.first == 0:
                yield replace(entry, clips=batch.clips, duration=source.timeline.duration, start_time=source.start_time)
            yield batch.frames
        yield Done(warnings=tuple(source.warnings))
    except (ClipselectError, *UNREADABLE) as e:
        yield Done(error=str(as_clipselect_error(str(path), e)))


@dataclass
class _Video:
    """A video whose messages have begun to come.

    Attributes:
        scores: [n] float32, of all its clips; the first `scored` are there.
        decoded: clips that have come.
        done: its last message, once that has come.
    """

    entry: Entry
    scores: NDArray[np.float32]
    decoded: int = 0
    scored: int = 0
    done: Done | None = None


_DecodedClip = tuple[_Video, NDArray[np.uint8]]


class _BatchScorer:
    """Scores clips of any videos in common batches, in a thread: the caller fetches messages meanwhile.

    Clips of a void pass and of a failed video leave the queue; those in a batch that has begun are scored for nothing.
    """

    def __init__(self, scorer: "Scorer", network: AdaptiveThreads, thread: ThreadPoolExecutor) -> None:
        self._scorer, self._network, self._thread = scorer, network, thread
        self._batch_size = BATCH if scorer.device.type == "cpu" else CUDA_BATCH
        self._videos: dict[Path, _Video] = {}
        self._waiting: list[_DecodedClip] = []
        self._running: deque[tuple[list[_Video], Future[NDArray[np.float32]]]] = deque()

    def add(self, path: Path, message: Message) -> list[Entry]:
        """Take a message of a video; the entries that are finished by now, of this video or of others.

        Waits for the DDNet if `MAX_RUNNING` batches are in its queue.
        """
        if isinstance(message, Entry):
            self._drop_waiting(path)
            self._videos[path] = _Video(message, np.empty(len(message.clips), np.float32))
        elif isinstance(message, Done):
            self._videos[path].done = message
            if message.error:
                self._drop_waiting(path)
        else:
            self._videos[path].decoded += len(message)
            self._waiting += [(self._videos[path], clip) for clip in message]
        while len(self._waiting) >= self._batch_size:
            self._start_batch(decoder_done=False)
        while self._running and (self._running[0][1].done() or len(self._running) > MAX_RUNNING):
            self._store_scores()
        return self._finished()

    def finish(self) -> Iterator[Entry]:
        """All other entries, after the last message."""
        while self._waiting:
            self._start_batch(decoder_done=True)
        while self._running:
            self._store_scores()
            yield from self._finished()

    def _drop_waiting(self, path: Path) -> None:
        self._waiting = [(video, clip) for video, clip in self._waiting if video is not self._videos.get(path)]

    def _start_batch(self, decoder_done: bool) -> None:
        batch, self._waiting = self._waiting[: self._batch_size], self._waiting[self._batch_size :]
        score = partial(self._scorer.score, np.stack([clip for _, clip in batch]))
        scores = self._thread.submit(self._network.run, score, decoder_done=decoder_done)
        self._running.append(([video for video, _ in batch], scores))

    def _store_scores(self) -> None:
        """Wait for the oldest batch."""
        videos, scores = self._running.popleft()
        for video, score in zip(videos, scores.result(), strict=True):
            video.scores[video.scored] = score
            video.scored += 1

    def _finished(self) -> list[Entry]:
        entries = []
        for path, video in [*self._videos.items()]:
            if video.done is not None and (video.done.error or video.scored == video.decoded):
                del self._videos[path]
                entries.append(_final_entry(video.entry, video.scores, video.done))
        return entries


def entries(messages: Iterable[tuple[Path, Message]], scorer: "Scorer") -> Iterator[Entry]:
    """Finished entries out of the messages of any videos, interleaved as they come."""
    import torch  # noqa: F401  # computes all scores then: an index is the same, bit for bit, if it was interrupted

    with AdaptiveThreads() as network, ExitStack() as at_the_end:
        thread = ThreadPoolExecutor(1)
        at_the_end.callback(thread.shutdown, cancel_futures=True)
        batches = _BatchScorer(scorer, network, thread)
        for path, message in messages:
            yield from batches.add(path, message)
        yield from batches.finish()


def _final_entry(entry: Entry, scores: NDArray[np.float32], done: Done) -> Entry:
    if done.error:
        return replace(entry, error=done.error, clips=[], duration=Fraction(0), start_time=Fraction(0))
    scored = replace(entry, warnings=done.warnings, scores=scores)
    try:
        to_row(scored)
    except ClipselectError as e:
        return _final_entry(entry, scores, Done(error=str(e)))
    return scored
