"""One answer per video, whatever way its clips come."""

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.multiprocessing
from helpers.ranks import clip_batch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import default_collate

from clipselect import VideoAggregator
from clipselect.errors import ClipselectError, ClipselectWarning
from clipselect.method.aggregation import aggregate
from clipselect.samplers.video_aggregator import VideoAnswers

HALF = (torch.float16, torch.bfloat16)
Sample = tuple[Tensor, dict[str, Any]]


def sample(video: int, clip: int, output: Tensor, aug: int = 0, **more: Any) -> Sample:
    keys = {"video_index": video, "clip_index": clip, "aug_index": aug, "label": 7 * video, "video_name": f"v{video}"}
    return output, {**keys, **more}


def feed(aggregator: VideoAggregator, samples: list[Sample]) -> None:
    aggregator.update(torch.stack([s[0] for s in samples]), default_collate([s[1] for s in samples]))


def answers(*batches: list[Sample]) -> VideoAnswers:
    aggregator = VideoAggregator()
    for batch in batches:
        feed(aggregator, batch)
    return aggregator.compute()


@st.composite
def epochs(draw: st.DrawFn) -> tuple[list[Sample], dict[int, Tensor]]:
    """All samples of an epoch in order, and by hand the answer of every video."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.sampled_from([(), (1,), (5,), (2, 3)]))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    augs = draw(st.integers(1, 3))
    samples, by_hand = [], {}
    for video in draw(st.lists(st.integers(0, 50), min_size=1, max_size=4, unique=True)):
        clips = draw(st.integers(1, 5))
        weights = random.random(clips) * (random.random(clips) < 0.8)
        rows = torch.from_numpy(np.asarray(random.normal(size=(clips * augs, *shape)))).to(dtype)
        every = np.repeat(weights, augs)
        by_hand[video] = aggregate(rows, every if every.any() else np.ones_like(every))
        samples += [
            sample(video, i // augs, row, i % augs, clip_weight=float(every[i]), clip_views=clips * augs)
            for i, row in enumerate(rows)
        ]
    return samples, by_hand


@given(epochs(), st.randoms(use_true_random=False), st.integers(1, 9), st.integers(0, 8))
def test_any_order_batching_and_duplicates_give_the_same_bits(
    epoch: tuple[list[Sample], dict[int, Tensor]], random: Any, size: int, doubled: int
) -> None:
    samples, by_hand = epoch
    shuffled = [*samples, *random.choices(samples, k=doubled)]
    random.shuffle(shuffled)
    found = answers(*(shuffled[i : i + size] for i in range(0, len(shuffled), size)))
    assert found.index.tolist() == sorted(by_hand)
    assert torch.equal(found.values, answers(samples).values)
    for value, video in zip(found.values, sorted(by_hand), strict=True):
        assert torch.allclose(value, by_hand[video], rtol=1e-2 if value.dtype in HALF else 1e-6, atol=1e-6)
    assert found.values.dtype == samples[0][0].dtype
    assert found.labels is not None and found.labels.tolist() == [7 * video for video in sorted(by_hand)]
    assert found.names == [f"v{video}" for video in sorted(by_hand)]


def rows(*values: float) -> list[Sample]:
    return [sample(0, i, torch.tensor([float(value)])) for i, value in enumerate(values)]


def test_without_weights_it_is_the_plain_mean() -> None:
    assert answers(rows(1, 2, 6)).values.tolist() == [[3.0]]


def test_views_of_weight_0_do_not_change_one_bit() -> None:
    three = [sample(0, i, torch.rand(5), clip_weight=weight) for i, weight in enumerate((0.3, 0.7, 0.1))]
    padded = [*three, *(sample(0, 3 + i, torch.rand(5), clip_weight=0.0) for i in range(4))]
    assert torch.equal(answers(three).values, answers(padded).values)


def test_views_of_weight_0_count_for_nothing_unless_all_weigh_0() -> None:
    two = [sample(0, i, torch.tensor([float(i)]), clip_weight=w, clip_views=2) for i, w in enumerate((0.0, 0.3))]
    assert answers(two).values.tolist() == [[1.0]]
    none = [sample(0, i, torch.tensor([float(i)]), clip_weight=0.0, clip_views=2) for i in range(2)]
    assert answers(none).values.tolist() == [[0.5]]


def test_augmentations_of_a_clip_share_its_weight() -> None:
    views = [
        sample(0, clip, torch.tensor([value]), aug, clip_weight=weight, clip_views=4)
        for clip, aug, value, weight in ((0, 0, 1.0, 1.0), (0, 1, 3.0, 1.0), (1, 0, 8.0, 0.5), (1, 1, 12.0, 0.5))
    ]
    assert answers(views).values.tolist() == [[pytest.approx((2 + 10 * 0.5) / 1.5)]]


def test_outputs_keep_no_graph_and_no_link_to_the_callers_memory() -> None:
    output = torch.ones(1, 2, requires_grad=True)
    aggregator = VideoAggregator()
    aggregator.update(output, default_collate([sample(0, 0, output[0])[1]]))
    with torch.no_grad():
        output.zero_()
    values = aggregator.compute().values
    assert values.tolist() == [[1.0, 1.0]] and not values.requires_grad


@pytest.mark.parametrize("noted", [True, False])
def test_an_incomplete_video_is_named_or_skipped(noted: bool) -> None:
    notes = {"clip_views": 3} if noted else {}
    aggregator = VideoAggregator()
    feed(aggregator, [sample(4, i, torch.ones(2), **notes) for i in (0, 2)])
    feed(aggregator, [sample(5, i, torch.ones(2), **notes) for i in (0, 1, 2)])
    assert aggregator.incomplete == {4: "only 2 of its 3 samples were given"}
    with pytest.raises(ClipselectError, match=r"video 4 \(v4\) is incomplete: .*2 of its 3 .*1 such"):
        aggregator.compute()
    with pytest.warns(ClipselectWarning, match=r"video 4 \(v4\) .*left out"):
        assert aggregator.compute(incomplete="skip").index.tolist() == [5]
    feed(aggregator, [sample(4, 1, torch.ones(2), **notes)])
    assert aggregator.incomplete == {}
    assert aggregator.compute().index.tolist() == [4, 5]


def test_nothing_to_answer_for_is_an_error() -> None:
    aggregator = VideoAggregator()
    with pytest.raises(ClipselectError, match="no complete video"):
        aggregator.compute()
    feed(aggregator, [sample(0, 0, torch.ones(1), clip_views=2)])
    with pytest.warns(ClipselectWarning), pytest.raises(ClipselectError, match="no complete video"):
        aggregator.compute(incomplete="skip")


def test_computing_changes_nothing_and_reset_forgets_everything() -> None:
    aggregator = VideoAggregator()
    feed(aggregator, rows(1, 2))
    assert aggregator.compute().values.tolist() == aggregator.compute().values.tolist() == [[1.5]]
    aggregator.reset()
    with pytest.raises(ClipselectError):
        aggregator.compute()
    feed(aggregator, rows(8, 10))
    assert aggregator.compute().values.tolist() == [[9.0]]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_output_that_is_no_number_is_named(value: float) -> None:
    with pytest.raises(ClipselectError, match=r"video 3 \(v3\).*clip 2"):
        feed(VideoAggregator(), [sample(3, 2, torch.tensor([1.0, value]))])


@pytest.mark.parametrize("key", ["video_index", "clip_index", "aug_index"])
def test_a_missing_key_is_named(key: str) -> None:
    batch = default_collate([sample(0, 0, torch.ones(1))[1]])
    del batch[key]
    with pytest.raises(ClipselectError, match=key):
        VideoAggregator().update(torch.ones(1, 1), batch)


def test_a_wrong_number_of_rows_is_refused() -> None:
    batch = default_collate([sample(0, i, torch.ones(1))[1] for i in range(3)])
    with pytest.raises(ClipselectError, match="outputs have 2 rows, but the batch has 3"):
        VideoAggregator().update(torch.ones(2, 1), batch)


def test_labels_and_names_may_be_absent() -> None:
    batch = {key: torch.tensor([0]) for key in ("video_index", "clip_index", "aug_index")}
    aggregator = VideoAggregator()
    aggregator.update(torch.ones(1, 1), batch)
    assert aggregator.compute().labels is None and aggregator.compute().names == [""]


def test_labels_may_be_words_as_hmdb51_gives_them() -> None:
    found = answers([sample(0, 0, torch.ones(2), label="wave", meta_tags=["a", "b"])])
    assert found.values.tolist() == [[1.0, 1.0]]


def test_a_view_counts_as_it_came_first() -> None:
    first = [sample(0, i, torch.tensor([1.0]), clip_views=2) for i in range(2)]
    again = [sample(0, i, torch.tensor([5.0]), clip_views=2) for i in range(2)]
    assert answers(first[:1], again[:1], first[1:], again).values.tolist() == [[1.0]]


def test_two_videos_of_one_index_are_refused_and_named() -> None:
    aggregator = VideoAggregator()
    first = {"video_index": [0], "clip_index": [0], "aug_index": [0], "label": [0]}
    aggregator.update(torch.ones(1, 2), {**first, "video_name": ["a.mp4"]})
    with pytest.raises(ClipselectError, match=r"video 0 is 'a\.mp4' \(label 0\), and now 'b\.mp4' \(label 0\)"):
        aggregator.update(torch.ones(1, 2), {**first, "video_name": ["b.mp4"]})


def test_a_forgotten_reset_is_said_once_and_padding_never() -> None:
    aggregator = VideoAggregator()
    batch = {"video_index": [0], "clip_index": [0], "aug_index": [0], "clip_views": [1]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        aggregator.update(torch.ones(1, 2), batch)
        aggregator.update(torch.ones(1, 2), batch)
    aggregator.compute()
    with pytest.warns(ClipselectWarning, match=r"video 0 .*reset\(\)"):
        aggregator.update(torch.zeros(1, 2), batch)
    assert aggregator.compute().values.tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("shape", [(4, 2), (2, 2, 2)])
def test_batches_of_clip_datasets_are_answered(shape: tuple[int, ...]) -> None:
    aggregator = VideoAggregator()
    outputs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [4.0, 4.0], [9.0, 9.0]]).reshape(shape)
    aggregator.update(outputs, clip_batch(5, 3, weights=[[1.0, 0.5], [1.0, 0.0]]))
    found = aggregator.compute()
    assert found.values.tolist() == [[4.0, 4.0], [pytest.approx(2 / 3), pytest.approx(1 / 3)]]
    assert (found.index.tolist(), found.names) == ([3, 5], ["3.mp4", "5.mp4"])
    assert found.labels is not None and found.labels.tolist() == [21, 35]


def test_one_clip_a_video_of_one_class_keeps_its_shape() -> None:
    for shape in ((2, 1), (2, 1, 1)):
        aggregator = VideoAggregator()
        aggregator.update(torch.ones(shape), clip_batch(0, 1, weights=[[1.0], [1.0]]))
        assert aggregator.compute().values.shape == (2, 1)


def test_an_item_that_is_not_collated_is_a_batch_of_one() -> None:
    aggregator = VideoAggregator()
    item = {"video_index": 3, "weights": torch.tensor([1.0, 1.0]), "label": "wave", "path": "a.mp4"}
    aggregator.update(torch.tensor([[1.0], [3.0]]), item)
    found = aggregator.compute()
    assert (found.values.tolist(), found.labels, found.names) == ([[2.0]], ["wave"], ["a.mp4"])


def test_a_video_that_could_not_be_read_is_no_video() -> None:
    aggregator = VideoAggregator()
    aggregator.update(torch.full((2, 2), torch.nan), clip_batch(4, weights=[[0.0, 0.0]]))
    assert aggregator.incomplete == {}
    aggregator.update(torch.ones(4, 2), clip_batch(4, 5, weights=[[0.0, 0.0], [1.0, 0.0]]))
    assert aggregator.compute().index.tolist() == [5]


def test_clips_of_another_number_than_their_weights_are_refused() -> None:
    with pytest.raises(ClipselectError, match=r"outputs have 3 rows for 2 x 2 clips"):
        VideoAggregator().update(torch.ones(3, 2), clip_batch(0, 1, weights=[[1.0, 1.0], [1.0, 1.0]]))


def test_it_is_a_module_that_may_be_called_copied_and_moved() -> None:
    aggregator = VideoAggregator()
    assert aggregator(torch.ones(2, 2), clip_batch(0, weights=[[1.0, 1.0]])) is None
    copy = pickle.loads(pickle.dumps(aggregator.to(torch.float64)))
    aggregator.reset()
    assert copy.compute().values.tolist() == [[1.0, 1.0]] and copy.compute().values.dtype == torch.float32
