"""Scores for many videos: decoding one by one, the DDNet over common batches, an index entry per video out.

Decoding speaks in messages, so that it can happen here, in other processes or on other machines:

    Entry          a pass over the video begins (again, if it decodes otherwise than promised); clips known, no scores
    uint8 array    [b, T, size, size, 3] frames of its next clips
    Done           the video is finished, well or not
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.clips import Pass, decoded
from clipselect.cores import BesideDecoder
from clipselect.errors import ClipselectError
from clipselect.index import Entry, Scoring, to_row
from clipselect.scorer import ClipScorer
from clipselect.sources import open_source

BATCH = {"cpu": 16, "cuda": 64}
"""Clips of any videos that go through the DDNet at a time; more do not fit a CPU's caches and take longer each."""


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
    def of(cls, scoring: Scoring, scorer: ClipScorer, fps: float, threads: int) -> "Decoding":
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


def entries(messages: Iterable[tuple[Path, Message]], scorer: ClipScorer) -> Iterator[Entry]:
    """Finished entries out of the messages of any videos, interleaved as they come."""
    size = BATCH.get(scorer.device.type, 16)
    videos: dict[Path, _Video] = {}
    waiting: list[tuple[_Video, NDArray[np.uint8]]] = []
    network = BesideDecoder()

    def finished() -> Iterator[Entry]:
        for path, video in [*videos.items()]:
            if video.done is not None and (video.done.error or video.scored == video.decoded):
                del videos[path]
                yield _closed(video.entry, video.scores, video.done)

    for path, message in messages:
        if isinstance(message, Entry):
            waiting = [(video, clips) for video, clips in waiting if video is not videos.get(path)]
            videos[path] = _Video(message, np.empty(len(message.clips), np.float32))
        elif isinstance(message, Done):
            videos[path].done = message
            if message.error:
                waiting = [(video, clips) for video, clips in waiting if video is not videos[path]]
        else:
            videos[path].decoded += len(message)
            waiting.append((videos[path], message))
        while sum(len(clips) for _, clips in waiting) >= size:
            with network.turn(last=False):
                waiting = _score(waiting, scorer, size)
        yield from finished()
    while waiting:
        with network.turn(last=True):
            waiting = _score(waiting, scorer, size)
    yield from finished()


def _score(
    waiting: list[tuple[_Video, NDArray[np.uint8]]], scorer: ClipScorer, size: int
) -> list[tuple[_Video, NDArray[np.uint8]]]:
    """Score the first `size` clips; return those left."""
    batch: list[tuple[_Video, NDArray[np.uint8]]] = []
    rest: list[tuple[_Video, NDArray[np.uint8]]] = []
    room = size
    for video, clips in waiting:
        if len(clips[:room]):
            batch.append((video, clips[:room]))
        if len(clips[room:]):
            rest.append((video, clips[room:]))
        room = max(room - len(clips), 0)
    scores = scorer.score(np.concatenate([clips for _, clips in batch]))
    for video, clips in batch:
        video.scores[video.scored : video.scored + len(clips)] = scores[: len(clips)]
        video.scored += len(clips)
        scores = scores[len(clips) :]
    return rest


def _closed(entry: Entry, scores: NDArray[np.float32], done: Done) -> Entry:
    if done.error:
        return replace(entry, error=done.error, clips=[], duration=Fraction(0), start_time=Fraction(0))
    whole = replace(entry, warnings=done.warnings, scores=scores)
    try:
        to_row(whole)
    except ClipselectError as e:
        return _closed(entry, scores, Done(error=str(e)))
    return whole
