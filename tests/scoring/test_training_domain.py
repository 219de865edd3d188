"""Whether a video is unlike what a DDNet was distilled on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.scoring.training_domain import Features, TrainingDomain
from clipselect.training.domain_fit import fit_training_domain


def videos(seed: int, count: int = 150, centre: float = 0.0) -> list[Features]:
    """Features [4, 6] of the clips of some videos from two places."""
    rng = np.random.default_rng(seed)
    return [rng.normal(centre + (5 if i % 2 else -5), 1, size=(4, 6)).astype(np.float32) for i in range(count)]


@pytest.fixture(scope="module")
def domain() -> TrainingDomain:
    found = fit_training_domain(np.concatenate(videos(0)), videos(1))
    assert found is not None
    return found


def test_about_one_in_a_hundred_other_videos_of_the_same_places_is_called_unlike(domain: TrainingDomain) -> None:
    far = np.mean([domain.share_nearer(video) >= 0.99 for video in videos(2, count=2000)])
    assert 0 < far < 0.04


def test_what_lies_between_two_places_is_unlike_both(domain: TrainingDomain) -> None:
    between = [video - np.sign(video.mean()) * 5 for video in videos(3, count=20)]
    assert {domain.share_nearer(video) for video in between} == {1.0}


def test_a_weights_file_keeps_it(domain: TrainingDomain) -> None:
    kept = TrainingDomain.from_tensors(domain.tensors())
    assert kept is not None
    for video in videos(4, count=10) + videos(5, count=10, centre=3):
        expected = domain.clip_distances(video)
        np.testing.assert_allclose(kept.clip_distances(video), expected, rtol=0.02, atol=0.05)


def test_weights_without_it_have_none() -> None:
    assert TrainingDomain.from_tensors({}) is None


def test_half_a_domain_is_refused(domain: TrainingDomain) -> None:
    tensors = domain.tensors()
    del tensors["training_domain.scale"]
    with pytest.raises(KeyError):
        TrainingDomain.from_tensors(tensors)


def test_too_few_clips_say_nothing() -> None:
    assert fit_training_domain(np.concatenate(videos(0, count=9)), videos(1)) is None


@given(st.integers(0, 1000), st.floats(0, 20))
def test_the_further_away_the_more_unlike(domain: TrainingDomain, seed: int, away: float) -> None:
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=6).astype(np.float32)
    shares = [
        domain.share_nearer(np.full((1, 6), 1.0, np.float32) * 5 + direction * step) for step in (away, away + 50)
    ]
    assert 0 <= shares[0] <= shares[1] == 1.0
