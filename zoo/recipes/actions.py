"""The data behind the zoo's clip networks: trimmed action and background videos, and untrimmed compositions of them.

Expected folders: `DATA/actions/SPLIT/CLASS/*.mp4` and `DATA/background/SPLIT/DOMAIN/*.mp4` with splits train and val.
A composition is a list of clips that stands for an untrimmed video: the four clips of one action video, in order, at
a random place among sixteen background clips of the same split.
"""

import hashlib
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from clipselect.grid import Clip, Timeline, frames_to_score
from clipselect.scorer import Geometry
from clipselect.video import VideoFile

CLIP_SECONDS = Fraction(1)
ACTION_CLIPS, BACKGROUND_CLIPS = 4, 16
GEOMETRY = Geometry(size=112, frames=8, mean=(0.45, 0.45, 0.45), std=(0.225, 0.225, 0.225))

OWN_DOMAIN = {"hockey_fight": "hockey_play", "street_fight": "street", "car_crash": "traffic", "ut": "ut_negative"}
"""Background of an action's own domain; the swimming classes have none, since strokes are never background."""

Kind = Literal["mixed", "hard"]


def own_domain(action: str) -> str | None:
    return OWN_DOMAIN.get("ut" if action.startswith("ut_") else action)


@dataclass(frozen=True)
class SourceVideo:
    """One trimmed video, decoded: `frames` [n, size, size, 3] uint8, squashed, with their `timeline`."""

    path: Path
    group: str  # class of an action, domain of a background
    is_action: bool
    timeline: Timeline
    frames: NDArray[np.uint8]

    @property
    def duration(self) -> Fraction:
        return self.timeline.duration

    def clip(self, start: Fraction, length: Fraction = CLIP_SECONDS) -> NDArray[np.uint8]:
        """[T, size, size, 3]: the frames that scoring would look at in this window, cut to the video."""
        window = Clip(start, min(start + length, self.duration), 0, len(self.frames) - 1)
        return self.frames[frames_to_score(self.timeline, window, GEOMETRY.frames)]

    def starts(self, count: int) -> list[Fraction]:
        """Starts of `count` clips spread evenly over the video, the last one ending with it."""
        room = max(self.duration - CLIP_SECONDS, Fraction(0))
        return [room * i / max(count - 1, 1) for i in range(count)]


def load_sources(data: Path, split: str, size: int, cache: Path) -> list[SourceVideo]:
    """All videos of a split, in the order of their paths; decoded frames are kept under `cache` as .npz files."""
    files = sorted([*data.glob(f"actions/{split}/*/*.mp4"), *data.glob(f"background/{split}/*/*.mp4")])
    if not files:
        raise SystemExit(f"{data}: no actions/{split}/CLASS/*.mp4 here; see the card of the weights for the layout")
    cache.mkdir(parents=True, exist_ok=True)
    sources = []
    for path in track(files, description=f"frames of {split} at {size} px"):
        state = path.stat()
        key = hashlib.sha1(f"{path.relative_to(data)} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:16]
        kept = cache / f"{key}_{size}.npz"
        file = VideoFile.open(path)
        if not kept.exists():
            frames = np.stack([frame for _, frame in file.frames(np.arange(len(file.timeline.pts)), size)])
            np.savez(kept.with_suffix(".part.npz"), frames=frames)
            kept.with_suffix(".part.npz").rename(kept)
        frames = np.load(kept)["frames"]
        sources.append(
            SourceVideo(path, path.parent.name, "actions" in path.relative_to(data).parts, file.timeline, frames)
        )
    return sources


@dataclass(frozen=True)
class Composition:
    """An untrimmed video as a list of clips.

    Attributes:
        label: class of the action.
        clips: [20] (index of the source video, start in seconds).
        action: [20] bool, which clips show the action.
    """

    kind: Kind
    label: str
    clips: list[tuple[int, Fraction]]
    action: NDArray[np.bool_]


def compose(sources: list[SourceVideo], kind: Kind, per_video: int, seed: int) -> list[Composition]:
    """`per_video` compositions of every action video; kind "hard" leaves out actions without background of their own.

    Deterministic in all arguments.
    """
    rng = np.random.default_rng([seed, kind == "hard"])
    backgrounds = [i for i, s in enumerate(sources) if not s.is_action]
    out = []
    for number, source in enumerate(sources):
        if not source.is_action or (kind == "hard" and own_domain(source.group) is None):
            continue
        pool = [i for i in backgrounds if kind == "mixed" or sources[i].group == own_domain(source.group)]
        for _ in range(per_video):
            clips = [_random_clip(sources, pool, kind, rng) for _ in range(BACKGROUND_CLIPS)]
            at = int(rng.integers(BACKGROUND_CLIPS + 1))
            clips[at:at] = [(number, start) for start in source.starts(ACTION_CLIPS)]
            action = np.zeros(len(clips), dtype=bool)
            action[at : at + ACTION_CLIPS] = True
            out.append(Composition(kind, source.group, clips, action))
    return out


def _random_clip(
    sources: list[SourceVideo], pool: list[int], kind: Kind, rng: np.random.Generator
) -> tuple[int, Fraction]:
    if kind == "mixed":  # every domain alike, though some have many more videos
        domain = rng.choice(sorted({sources[i].group for i in pool}))
        pool = [i for i in pool if sources[i].group == domain]
    number = int(rng.choice(pool))
    starts = sources[number].starts(ACTION_CLIPS)
    return number, starts[int(rng.integers(len(starts)))]


def random_clip(source: SourceVideo, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A clip of about a second from anywhere in the video."""
    length = min(source.duration, CLIP_SECONDS * Fraction(rng.uniform(0.8, 1.25)).limit_denominator(1000))
    start = (source.duration - length) * Fraction(rng.random()).limit_denominator(1000)
    return source.clip(start, length)


def provenance(recipe: str, steps: int, seed: int) -> dict[str, str]:
    """What every weights file says about where it comes from."""
    options = f"--steps {steps} --seed {seed}"
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "command": f"python -m clipselect.zoo.recipes.{recipe} --data DATA --work WORK --out FILE {options}",
        "commit": commit or "unknown",
        "data": "UT-Interaction, Hockey Fights, Surveillance Camera Fight, swimming strokes, traffic crashes, ARID "
        "(trimmed clips, composed into untrimmed videos); see the card",
    }
