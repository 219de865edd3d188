"""When the order of a video's clips is called a guess."""

from dataclasses import replace

import numpy as np
import pytest

from clipselect.scoring.doubts import doubts, fraction_in_order, order_table
from clipselect.scoring.scorer import Scorer, load_scorer
from clipselect.scoring.training_domain import Features
from clipselect.training.domain_fit import fit_training_domain


def known(clips: int) -> Features:
    return np.random.default_rng(1).normal(8 * np.eye(6)[0], size=(clips, 6)).astype(np.float32)


def unlike(clips: int) -> Features:
    return np.tile(-8 * np.eye(6, dtype=np.float32)[3], (clips, 1))


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    """Right about half of the pairs within 0.1 and about nearly all of those within 0.5."""
    rng = np.random.default_rng(0)
    videos = [rng.normal(8 * np.eye(6)[i % 2], size=(5, 6)).astype(np.float32) for i in range(200)]
    domain = fit_training_domain(np.concatenate(videos[:100]), videos[100:])
    order = {"difference": [0.1, 0.5], "right": [0.5, 0.95]}
    own = load_scorer(device="cpu")
    return replace(own, metadata=own.metadata | {"held_out": {"order": order}}, training_domain=domain)


def test_scores_that_lie_close_together_are_a_guess(scorer: Scorer) -> None:
    scores = np.array([0.5, 0.55, 0.52], np.float32)
    (sentence,) = doubts(scorer, scores)
    assert "differ by only 0.050." in sentence and "puts 50 % in the right order" in sentence
    assert "order is a guess: take evenly spread clips, or distil" in sentence


def test_scores_that_lie_far_apart_are_none(scorer: Scorer) -> None:
    assert doubts(scorer, np.array([0.1, 0.9], np.float32), known(2)) == ()


def test_a_single_clip_has_no_order(scorer: Scorer) -> None:
    assert doubts(scorer, np.array([0.5], np.float32)) == ()


def test_a_video_unlike_the_training_clips_is_a_guess(scorer: Scorer) -> None:
    (sentence,) = doubts(scorer, np.array([0.1, 0.9], np.float32), unlike(2))
    assert (
        sentence.startswith("unlike the videos that ddnet3d-actions was trained on")
        and "clipselect distill" in sentence
    )
    assert "its order is a guess: take evenly spread clips" in sentence
    (sentence,) = doubts(scorer, np.array([0.9], np.float32), unlike(1))
    assert "its score is a guess: distil" in sentence and "order" not in sentence and "spread" not in sentence


def test_what_to_do_is_said_once(scorer: Scorer) -> None:
    unknown, close = doubts(scorer, np.array([0.5, 0.55], np.float32), unlike(2))
    assert unknown.endswith("its order is a guess") and "clipselect distill" in close


def test_weights_that_say_nothing_raise_no_doubt(scorer: Scorer) -> None:
    metadata = {key: value for key, value in scorer.metadata.items() if key != "held_out"}
    silent = replace(scorer, metadata=metadata, training_domain=None)
    assert doubts(silent, np.array([0.5, 0.5], np.float32), unlike(2)) == ()


def test_the_table_counts_the_pairs_that_differ_by_no_more() -> None:
    differences, right = np.arange(1, 41) / 40, np.arange(40) >= 20
    table = order_table(differences, right)
    assert table is not None
    assert table["difference"] == pytest.approx(np.arange(1, 21) / 20)
    assert table["right"] == pytest.approx([0] * 10 + [2 * i / (20 + 2 * i) for i in range(1, 11)], abs=1e-4)
    assert fraction_in_order(table, 0.5) == 0 and fraction_in_order(table, 2.0) == 0.5


def test_no_share_rests_on_a_handful_of_pairs() -> None:
    right = np.ones(1000, bool)
    right[0] = False  # the closest pair of all
    table = order_table(np.arange(1000) / 1000, right)
    assert table is not None and fraction_in_order(table, 0) == pytest.approx(0.98)
    assert order_table([0.1] * 19, [True] * 19) is None and order_table([], []) is None
