"""Compositions stand for untrimmed videos: what is in them, and that they are the same every time."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from clipselect.augment import augment
from clipselect.grid import Timeline
from clipselect.zoo.recipes.actions import ACTION_CLIPS, BACKGROUND_CLIPS, SourceVideo, compose, own_domain


def source(group: str, is_action: bool, seconds: float = 2.0) -> SourceVideo:
    frames = round(25 * seconds)
    timeline = Timeline(np.arange(frames), frames, Fraction(1, 25))
    return SourceVideo(Path(group), group, is_action, timeline, np.zeros((frames, 8, 8, 3), np.uint8))


SOURCES = [
    source("hockey_fight", True, 1.6), source("swim_freestyle", True, 5), source("ut_kicking", True, 0.5),
    source("hockey_play", False), source("street", False), source("ut_negative", False), source("hockey_play", False),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["mixed", "hard"])
def test_four_action_clips_in_order_among_sixteen_of_the_background(kind) -> None:
    for c in compose(SOURCES, kind, per_video=5, seed=0):
        assert len(c.clips) == ACTION_CLIPS + BACKGROUND_CLIPS and c.action.sum() == ACTION_CLIPS
        where = np.flatnonzero(c.action)
        assert (np.diff(where) == 1).all()
        starts = [c.clips[i][1] for i in where]
        assert starts == sorted(starts)
        for (number, start), action in zip(c.clips, c.action, strict=True):
            video = SOURCES[number]
            assert video.is_action == action and (video.group == c.label or not action)
            assert 0 <= start <= max(video.duration - 1, 0)
            if kind == "hard" and not action:
                assert video.group == own_domain(c.label)


def test_strokes_have_no_hard_composition_and_the_place_varies() -> None:
    hard = compose(SOURCES, "hard", per_video=20, seed=0)
    assert {c.label for c in hard} == {"hockey_fight", "ut_kicking"}
    assert len({int(c.action.argmax()) for c in hard}) > 5


def test_the_same_seed_gives_the_same_compositions() -> None:
    one, two, other = (compose(SOURCES, "mixed", 3, seed) for seed in (1, 1, 2))
    assert [c.clips for c in one] == [c.clips for c in two] != [c.clips for c in other]


def test_augmented_clips_are_pictures() -> None:
    rng = np.random.default_rng(0)
    clip = rng.integers(0, 256, (8, 128, 128, 3), dtype=np.uint8)
    for size in (80, 112):
        x = augment(clip, size, rng)
        assert x.shape == (3, 8, size, size) and 0 <= float(x.min()) <= float(x.max()) <= 1
