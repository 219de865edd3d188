"""Untrimmed videos composed of clips of trimmed ones: the clips of an action at a random place among background.

A composition is a list of clips: both networks see every clip of the trimmed videos once, and any number of
compositions are made of their outputs. `write_composition` makes a real file of one, for what times or decodes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.media.candidate_clips import Clip, Timeline
from clipselect.media.clip_decoding import read_frames
from clipselect.media.extract import write_frames
from clipselect.media.images import Image
from clipselect.media.scaling import scaled
from clipselect.media.sources import Source

ACTION_CLIPS, BACKGROUND_CLIPS = 4, 16
WIDTH, HEIGHT, RATE = 320, 240, 25

Kind = Literal["mixed", "hard"]


@dataclass(frozen=True)
class Composition:
    """A composed video as a list of clips.

    Attributes:
        video: number of the action video.
        clips: [n] (number of a video, number of its clip) in the order shown; the action videos are numbered first,
            then the background videos.
        action: [n] bool, which clips show the action.
    """

    video: int
    clips: tuple[tuple[int, int], ...]
    action: NDArray[np.bool_]


def compose(
    labels: Sequence[str],
    domains: Sequence[str],
    kind: Kind,
    *,
    per_video: int = 2,
    seed: int = 0,
    own_domain: Mapping[str, str] | None = None,
    action_clips: int = ACTION_CLIPS,
    background_clips: int = BACKGROUND_CLIPS,
) -> list[Composition]:
    """`per_video` compositions of every action video. Every video, action or background, has `action_clips` clips.

    Args:
        labels: class of every action video.
        domains: domain of every background video.
        kind: "mixed": background of any domain, each domain alike, though some have many more videos; "hard": of the
            action's own domain.
        own_domain: domain of a class; actions of a class without one are left out of "hard".

    Returns:
        Compositions in the order of the action videos, the same for the same arguments.

    Raises:
        ClipselectError: no background, or with "hard" a domain without background or no class that has a domain.
    """
    if kind not in get_args(Kind):
        raise ArgumentError("kind", f"must be mixed or hard, got {kind}")
    if min(per_video, action_clips, background_clips) < 1:
        raise ClipselectError("a composition needs at least one clip of each sort, and one composition per video")
    pools = {domain: [i for i, d in enumerate(domains) if d == domain] for domain in sorted(set(domains))}
    if not pools:
        raise ClipselectError("there are no background videos to compose with; give a folder that holds some")
    if not labels:
        raise ClipselectError("not one video of an action can be read; see the errors above")
    own = own_domain or {}
    wanted = [number for number, label in enumerate(labels) if kind == "mixed" or label in own]
    if not wanted:
        raise ClipselectError("not one class has a background domain of its own; name them as class,domain")
    if kind == "hard":
        lacking = sorted({own[labels[number]] for number in wanted} - pools.keys())
        if lacking:
            raise ClipselectError(f"there is no background of the domain {lacking[0]!r}; give some, or leave it out")
    rng = np.random.default_rng([seed, kind == "hard"])
    out = []
    for number in wanted:
        choices = [*pools.values()] if kind == "mixed" else [pools[own[labels[number]]]]
        for _ in range(per_video):
            clips = []
            for _ in range(background_clips):
                pool = choices[int(rng.integers(len(choices)))]
                video = len(labels) + pool[int(rng.integers(len(pool)))]
                clips.append((video, int(rng.integers(action_clips))))
            at = int(rng.integers(background_clips + 1))
            clips[at:at] = [(number, clip) for clip in range(action_clips)]
            action = np.zeros(len(clips), dtype=bool)
            action[at : at + action_clips] = True
            out.append(Composition(number, tuple(clips), action))
    return out


def spread_clips(timeline: Timeline, clip_duration: Fraction, count: int) -> list[Clip]:
    """`count` clips spread evenly over a video, the first at its start, the last ending with it; a single one lies in
    the middle.

    They overlap where the video is too short. A video shorter than a clip is given whole, `count` times. A window in
    which no new frame appears holds the one that is still shown.
    """
    length = min(clip_duration, timeline.duration)
    room = timeline.duration - length
    starts = [room * i / (count - 1) for i in range(count)] if count > 1 else [room / 2]
    clips = []
    for start in starts:
        shown = max(timeline.first_at_or_after(start + length) - 1, 0)
        clips.append(Clip(start, start + length, min(timeline.first_at_or_after(start), shown), shown))
    return clips


def write_composition(clips: Sequence[tuple[Source, Clip]], clip_duration: Fraction, path: Path) -> None:
    """Decode clips and encode them one after the other: H.264 at 320 x 240 and 25 frames/s.

    Every clip lasts `clip_duration` seconds; the last frame of a shorter one stays. Every frame is squashed to
    320 x 240; squashed again for scoring, it is what the composed list of clips holds.
    """
    options = {"crf": "20", "preset": "veryfast"}
    write_frames(path, _composed_frames(clips, clip_duration), RATE, WIDTH, HEIGHT, options)


def _composed_frames(clips: Sequence[tuple[Source, Clip]], clip_duration: Fraction) -> Iterator[Image]:
    written, total = 0, round(len(clips) * clip_duration * RATE)
    for number, (source, clip) in enumerate(clips):
        until = total if number == len(clips) - 1 else round((number + 1) * clip_duration * RATE)
        into = [Fraction(i, RATE) - number * clip_duration for i in range(written, until)]
        yield from _frames(source, clip, into)
        written = until


def _frames(source: Source, clip: Clip, into: Sequence[Fraction]) -> NDArray[np.uint8]:
    """The frames [n, height, width, 3] on screen at times given in seconds from the start of a clip."""
    ticks = [float((clip.start + max(seconds, Fraction(0))) / source.timeline.time_base) for seconds in into]
    wanted = np.searchsorted(source.timeline.pts, ticks, side="right") - 1
    return read_frames(source, wanted.clip(clip.first, clip.last), partial(scaled, width=WIDTH, height=HEIGHT))
