"""Compositions stand for untrimmed videos: what is in them, and that they are the same every time."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.videos import make_video
from hypothesis import given
from hypothesis import strategies as st

from clipselect.data.composition import ACTION_CLIPS, BACKGROUND_CLIPS, Kind, compose, spread_clips, write_composition
from clipselect.errors import ClipselectError
from clipselect.media.candidate_clips import Timeline, candidate_clips
from clipselect.media.sources import open_source

LABELS = ["fight", "swim", "kick"]
DOMAINS = ["ice", "street", "street", "ice", "street"]
OWN = {"fight": "ice", "kick": "street"}


@pytest.mark.parametrize("kind", ["mixed", "hard"])
def test_four_action_clips_in_order_among_sixteen_of_the_background(kind: Kind) -> None:
    for c in compose(LABELS, DOMAINS, kind, per_video=5, own_domain=OWN):
        assert len(c.clips) == len(c.action) == ACTION_CLIPS + BACKGROUND_CLIPS
        first = int(c.action.argmax())
        assert c.action.sum() == c.action[first : first + ACTION_CLIPS].sum() == ACTION_CLIPS
        assert c.clips[first : first + ACTION_CLIPS] == tuple((c.video, i) for i in range(ACTION_CLIPS))
        background = [clip for clip, action in zip(c.clips, c.action, strict=True) if not action]
        assert all(video >= len(LABELS) and 0 <= clip < ACTION_CLIPS for video, clip in background)
        if kind == "hard":
            assert {DOMAINS[video - len(LABELS)] for video, _ in background} == {OWN[LABELS[c.video]]}


def test_classes_without_a_domain_have_no_hard_composition_and_the_place_varies() -> None:
    hard = compose(LABELS, DOMAINS, "hard", per_video=20, own_domain=OWN)
    assert [c.video for c in hard] == [0] * 20 + [2] * 20
    assert len({int(c.action.argmax()) for c in hard}) > 5


def test_mixed_background_takes_every_domain_alike() -> None:
    domains = ["rare", *["common"] * 99]
    composed = compose(["fight"], domains, "mixed", per_video=100)
    rare = np.mean([video == 1 for c in composed for video, _ in c.clips if video > 0])
    assert 0.4 < rare < 0.6


@given(st.integers(0, 5), st.integers(1, 4), st.integers(1, 9))
def test_arguments_alone_decide(seed: int, action_clips: int, background_clips: int) -> None:
    def made() -> list[tuple[int, tuple[tuple[int, int], ...], list[bool]]]:
        composed = compose(
            LABELS, DOMAINS, "mixed", seed=seed, action_clips=action_clips, background_clips=background_clips
        )
        return [(c.video, c.clips, c.action.tolist()) for c in composed]

    assert made() == made()
    assert {len(clips) for _, clips, _ in made()} == {action_clips + background_clips}


def test_every_clip_of_the_background_has_its_turn() -> None:
    background = [clip for c in compose(LABELS, DOMAINS, "mixed") for clip in c.clips if clip[0] >= len(LABELS)]
    assert {*background} == {(len(LABELS) + i, clip) for i in range(len(DOMAINS)) for clip in range(ACTION_CLIPS)}


def test_another_seed_composes_otherwise() -> None:
    one, other = (compose(LABELS, DOMAINS, "mixed", seed=seed) for seed in (1, 2))
    assert [c.clips for c in one] != [c.clips for c in other]


@pytest.mark.parametrize(
    ("domains", "kind", "own", "says"),
    [
        ([], "mixed", {}, "no background videos"),
        (DOMAINS, "hard", {}, "class,domain"),
        (DOMAINS, "hard", {"fight": "forest"}, "'forest'"),
        (DOMAINS, "easy", {}, "mixed or hard"),
    ],
)
def test_what_cannot_be_composed_is_refused(domains: list[str], kind: Kind, own: dict[str, str], says: str) -> None:
    with pytest.raises(ClipselectError, match=says):
        compose(LABELS, domains, kind, own_domain=own)


def timeline(frames: int) -> Timeline:
    return Timeline(np.arange(frames), frames, Fraction(1, 25))


@given(st.integers(1, 100), st.fractions(Fraction(1, 10), 3), st.integers(1, 7))
def test_spread_clips_lie_in_the_video_from_its_start_to_its_end(frames: int, length: Fraction, count: int) -> None:
    video = timeline(frames)
    clips = spread_clips(video, length, count)
    assert len(clips) == count
    assert all(0 <= c.start < c.end <= video.duration and 0 <= c.first <= c.last < frames for c in clips)
    assert [c.first for c in clips] == sorted(c.first for c in clips)
    if count > 1:
        assert clips[0].start == 0 and clips[-1].end == video.duration and clips[-1].last == frames - 1


def test_a_window_within_a_still_holds_the_frame_shown() -> None:
    video = Timeline(np.array([0, 1, 90]), 100, Fraction(1, 25))
    middle = spread_clips(video, Fraction(1), 3)[1]
    assert (middle.first, middle.last) == (1, 1)


def test_a_composed_file_holds_its_clips_in_order(tmp_path: Path) -> None:
    long = open_source(make_video(tmp_path / "long.mp4", 50))
    short = open_source(make_video(tmp_path / "short.mp4", 10))
    clips = [(long, candidate_clips(long.timeline, 1)[0]), (short, candidate_clips(short.timeline, 1)[0])]
    write_composition(clips, Fraction(64, 60), tmp_path / "out.mp4")
    out = open_source(tmp_path / "out.mp4")
    assert len(out.timeline.pts) == round(2 * 25 * 64 / 60)
    grey = [int(f[2, -2, 0]) for _, f in out.frames(np.arange(len(out.timeline.pts)), 16)]
    expected = [40 + (min(i, 24) * 13) % 160 for i in range(27)]
    assert np.allclose(grey[:27], expected, atol=12)
    assert np.allclose(grey[37:], 40 + (9 * 13) % 160, atol=12)  # the last frame stays
