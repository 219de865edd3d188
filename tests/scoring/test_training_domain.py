"""Whether a video is unlike what a DDNet was distilled on."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.media.sources import open_source
from clipselect.method.selection import evenly
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.training_domain import Features, TrainingDomain
from clipselect.scoring.video_scores import score_video
from clipselect.training.domain_fit import fit_training_domain, training_domain


def videos(seed: int, count: int = 150, places: tuple[int, ...] = (0, 1)) -> list[Features]:
    """Features [4, 6] of the clips of some videos from places of their own, each with one large feature."""
    rng = np.random.default_rng(seed)
    return [rng.normal(8 * np.eye(6)[places[i % len(places)]], 1, size=(4, 6)).astype(np.float32) for i in range(count)]


@pytest.fixture(scope="module")
def domain() -> TrainingDomain:
    found = fit_training_domain(np.concatenate(videos(0)), videos(1))
    assert found is not None
    return found


def test_about_one_in_a_hundred_other_videos_of_the_same_places_is_called_unlike(domain: TrainingDomain) -> None:
    far = np.mean([domain.fraction_nearer(video) >= 0.99 for video in videos(2, count=2000)])
    assert 0 < far < 0.04


def test_few_held_out_videos_do_not_make_others_of_their_places_unlike() -> None:
    """Distances of the videos that the clusters were fitted to would: they lie nearly at the centres."""
    found = training_domain(videos(0, count=120), videos(1, count=20))
    assert found is not None
    assert np.mean([found.fraction_nearer(video) >= 0.99 for video in videos(2, count=1000)]) < 0.05


@pytest.mark.parametrize(("seen", "held_out"), [(0, 0), (0, 60), (60, 19)])
def test_too_few_videos_say_nothing(seen: int, held_out: int) -> None:
    assert training_domain(videos(0, count=seen), videos(1, count=held_out)) is None


def test_other_places_are_unlike(domain: TrainingDomain) -> None:
    assert np.mean([domain.fraction_nearer(video) for video in videos(3, count=40, places=(2, 3))]) > 0.95


def test_a_weights_file_keeps_it(domain: TrainingDomain) -> None:
    kept = TrainingDomain.from_tensors(domain.tensors())
    assert kept is not None
    for video in videos(4, count=10) + videos(5, count=10, places=(3,)):
        expected = domain.clip_distances(video)
        np.testing.assert_allclose(kept.clip_distances(video), expected, rtol=0.02, atol=0.05)


def test_weights_without_it_have_none() -> None:
    assert TrainingDomain.from_tensors({}) is None


def test_half_a_domain_is_refused(domain: TrainingDomain) -> None:
    tensors = domain.tensors()
    del tensors["training_domain.whitening"]
    with pytest.raises(KeyError):
        TrainingDomain.from_tensors(tensors)


def test_too_few_clips_say_nothing() -> None:
    assert fit_training_domain(np.concatenate(videos(0, count=9)), videos(1)) is None


@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_distances_are_those_of_directions_from_the_mean(domain: TrainingDomain, seed: int, length: float) -> None:
    away = np.random.default_rng(seed).normal(size=(3, 6)).astype(np.float32)
    found = domain.clip_distances(domain.mean + away)
    assert found.min() >= -1e-5 and found.max() <= 4
    np.testing.assert_allclose(domain.clip_distances(domain.mean + length * away), found, atol=1e-3)


def test_a_clip_at_a_centre_is_at_no_distance(domain: TrainingDomain) -> None:
    """A centre lies within the sphere of directions, so the clip that points to it is a little away."""
    centre = domain.centres[:1]
    unit = centre / np.linalg.norm(centre)
    clip = domain.mean + unit @ np.linalg.inv(domain.whitening)
    assert domain.clip_distances(clip)[0] <= np.square(unit - centre).sum() + 1e-4


@pytest.mark.slow
def test_the_shipped_ddnet_distinguishes_its_own_footage_from_other(shared: Path) -> None:
    """On some of the videos that its card speaks of."""
    scorer = load_scorer(device="cpu")
    assert scorer.training_domain is not None

    def distances(pattern: str, most: int) -> list[float]:
        found = [score_video(open_source(path), scorer) for path in evenly(sorted(shared.glob(pattern)), most)]
        return [float(scorer.training_domain.clip_distances(one.features).mean()) for one in found]

    known = distances("actions/val/*/*", 12)
    others = distances("untrimmed/kinetics_full/*.mp4", 5) + distances("untrimmed/upfall/**/*.mp4", 7)
    assert len(known) == len(others) == 12
    assert np.mean([other > one for other in others for one in known]) >= 0.9  # the area under the ROC curve
