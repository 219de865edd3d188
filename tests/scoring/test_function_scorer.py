"""Functions that score: what they get, what they may return, and what is said of those that return something else."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from helpers.frame_fixtures import frames
from numpy.typing import NDArray

from clipselect import ClipDataset, FaceFrameSampler, FunctionScorer, ReIDFrameSampler, build_index, score_video, select
from clipselect.errors import ArgumentError, ClipselectError, NetworkError
from clipselect.samplers.frame_sampler import FrameSampler


def brightness(elements: NDArray[np.uint8]) -> Any:
    return elements.reshape(len(elements), -1).mean(axis=1)


# --- frames ----------------------------------------------------------------------------------------------------------


def test_the_frames_with_the_highest_numbers_are_kept_and_weigh_the_same() -> None:
    images, numbers = frames(), brightness(frames())
    found = FrameSampler(k=3, scorer=brightness)(images)
    assert found.indices.tolist() == sorted(np.argsort(-numbers, kind="stable")[:3].tolist())
    assert found.weights.tolist() == [1, 1, 1] and found.percentiles is None
    assert found.scores == pytest.approx(numbers)
    lower = FrameSampler(k=3, scorer=lambda batch: -brightness(batch))(images)
    assert lower.indices.tolist() == sorted(np.argsort(numbers, kind="stable")[:3].tolist())


def test_rescaled_numbers_of_any_scale_are_weights() -> None:
    numbers = iter([-300.0, 100.0, 900.0, 300.0])
    sampler = FrameSampler(k=2, scorer=lambda batch: [next(numbers) for _ in batch], rescale="candidates")
    found = sampler(np.zeros((4, 32, 32, 3), np.uint8))
    assert found.indices.tolist() == [2, 3] and found.weights == pytest.approx([1, 0.5])


def test_a_threshold_is_in_the_unit_of_the_function() -> None:
    numbers = brightness(frames()).astype(np.float32)
    middle = float(np.median(numbers))
    found = FrameSampler(threshold=middle, scorer=brightness)(frames())
    assert found.indices.tolist() == np.flatnonzero(numbers > middle).tolist()
    for threshold in ("p30", float("inf"), float("nan")):
        with pytest.raises(ArgumentError) as caught:
            FrameSampler(threshold=threshold, scorer=brightness)
        assert caught.value.argument == "threshold"


@pytest.mark.parametrize("kind", [FaceFrameSampler, ReIDFrameSampler])
def test_a_limit_is_needed_since_the_default_one_is_a_score_of_a_ddnet(kind: type[FrameSampler]) -> None:
    with pytest.raises(ArgumentError, match="is needed") as caught:
        kind(scorer=brightness)
    assert caught.value.argument == "k"
    assert kind(scorer=brightness, share=0.5).share == 0.5


def test_frames_come_as_they_are_in_batches_of_one_size() -> None:
    shapes: list[tuple[int, ...]] = []

    def record(batch: NDArray[np.uint8]) -> list[int]:
        assert batch.dtype == np.uint8
        shapes.append(batch.shape)
        return [*range(len(batch))]

    images = [np.zeros((h, 32, 3), np.uint8) for h in [40] * 35 + [50] + [40]]
    FrameSampler(k=1, scorer=record)(images)
    assert shapes == [(32, 40, 32, 3), (3, 40, 32, 3), (1, 50, 32, 3), (1, 40, 32, 3)]
    shapes.clear()
    FrameSampler(k=1, scorer=FunctionScorer(record, size=(16, 8)))(images)
    assert shapes == [(32, 16, 8, 3), (5, 16, 8, 3)]
    shapes.clear()
    FrameSampler(k=1, scorer=FunctionScorer(record, size=16, whole_group=True))(images)
    assert shapes == [(37, 16, 16, 3)]
    with pytest.raises(ArgumentError, match="must be set"):
        FrameSampler(k=1, scorer=FunctionScorer(record, whole_group=True))(images)


@pytest.mark.parametrize(
    "convert",
    [
        np.ndarray.tolist,
        torch.from_numpy,
        lambda numbers: torch.from_numpy(numbers).to(torch.bfloat16),
        lambda numbers: torch.from_numpy(numbers).float()[:, None].requires_grad_(),
        lambda numbers: numbers.astype(np.int64)[:, None],
        lambda numbers: numbers > 1,
    ],
)
def test_numbers_may_be_a_list_a_tensor_or_an_array(convert: Any) -> None:
    scores = FunctionScorer(lambda batch: convert(brightness(batch))).score(frames())
    assert scores.shape == (len(frames()),) and scores.dtype == np.float32


def failing(_: NDArray[np.uint8]) -> Any:
    raise KeyError("weights")


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (np.mean, "a batch, not an element"),
        (lambda batch: brightness(batch)[1:], "numbers for"),
        (lambda batch: batch, "numbers for"),
        (lambda batch: np.zeros((len(batch), 2)), "numbers for"),
        (lambda batch: None, "numbers for"),
        (lambda batch: ["high"] * len(batch), "numbers for"),
        (lambda batch: [[1], [1, 2]], "numbers for"),
        (lambda batch: [1j] * len(batch), "numbers for"),
        (lambda batch: [float("nan")] * len(batch), "gives nan"),
        (lambda batch: [1.0] * (len(batch) - 1) + [float("-inf")], "gives -inf"),
        (lambda batch: [1e300] * len(batch), "finite"),
        (failing, "KeyError.*fix the function"),
        (torch.nn.Linear(3, 1), "fix the function"),
    ],
)
def test_a_function_that_gives_something_else_is_named(function: Any, says: str) -> None:
    with pytest.raises(NetworkError, match=says) as caught:
        FrameSampler(k=1, scorer=FunctionScorer(function, name="mine"))(frames())
    assert "'mine'" in str(caught.value)


def test_a_single_frame_of_a_function_of_an_element_is_no_accident() -> None:
    with pytest.raises(NetworkError, match="a batch, not an element"):
        FrameSampler(k=1, scorer=np.mean)(frames()[:1])


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"size": 0}, "size"), ({"size": (1, 2, 3)}, "size"), ({"size": 5000}, "size"), ({"size": 2.5}, "size"),
        ({"num_frames": 0}, "num_frames"), ({"num_frames": 1000}, "num_frames"),
        ({"clip_duration": -1}, "clip_duration"),
    ],
)  # fmt: skip
def test_options_out_of_range_are_named(options: dict[str, Any], argument: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        FunctionScorer(brightness, **options)
    assert caught.value.argument == argument


@pytest.mark.parametrize("scorer", [5, ["sharpness"], object()])
def test_what_is_no_function_is_refused(scorer: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        FrameSampler(k=1, scorer=scorer)
    assert caught.value.argument == "scorer"


# --- clips -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fading(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds, the second one the brightest."""
    path = tmp_path_factory.mktemp("fading") / "fading.mp4"
    with av.open(path, "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for level in [40] * 25 + [200] * 25 + [90] * 25:
            picture = np.full((96, 128, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_clips_come_as_the_shipped_ddnet_sees_them_unless_asked_otherwise(fading: Path) -> None:
    shapes: set[tuple[int, ...]] = set()

    def record(clips: NDArray[np.uint8]) -> Any:
        shapes.add(clips.shape[1:])
        return brightness(clips)

    picks = select(fading, k=1, scorer=record)
    assert shapes == {(8, 112, 112, 3)} and len(picks.candidates) == 3
    assert (picks[0].start, picks[0].end, picks[0].weight, picks[0].percentile) == (1, 2, 1, None)
    assert picks.doubts == () and picks.scores.model == "record" and picks[0].score == pytest.approx(200, abs=3)
    shapes.clear()
    found = score_video(fading, FunctionScorer(record, size=32, num_frames=4, clip_duration=1.5))
    assert shapes == {(4, 32, 32, 3)} and [float(clip.start) for clip in found.clips] == [0, 1.5]


def test_all_picks_of_a_function_weigh_the_same(fading: Path) -> None:
    assert select(fading, k=2, scorer=brightness).weights.tolist() == [1, 1]
    assert ClipDataset([fading], k=2, size=32, scorer=brightness)[0]["weights"].tolist() == [1, 1]
    assert len(select(fading, threshold=60, scorer=brightness)) == 2


def test_scores_of_a_function_have_no_index_since_nothing_shows_that_it_is_the_same(
    fading: Path, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError) as caught:
        build_index(fading, tmp_path / "a.parquet", scorer=brightness)  # type: ignore[arg-type]
    assert caught.value.argument == "scorer"
    build_index(fading, tmp_path / "b.parquet", workers=0, device="cpu")
    with pytest.raises(ArgumentError, match="same function") as caught:
        select(fading, scorer=brightness, index=tmp_path / "b.parquet")
    assert caught.value.argument == "index"


@pytest.mark.parametrize(
    "scorer",
    [FunctionScorer(brightness, size=(16, 8)), FunctionScorer(brightness, whole_group=True),
     FunctionScorer(brightness, elements="frames"), "ddnet2d-faces"],
)  # fmt: skip
def test_what_cannot_score_clips_is_refused(fading: Path, scorer: Any) -> None:
    with pytest.raises(ClipselectError, match="clips"):
        select(fading, scorer=scorer)


def test_a_failing_function_is_named_for_clips_as_well(fading: Path) -> None:
    with pytest.raises(NetworkError, match=r"failing.*KeyError"):
        select(fading, scorer=failing)
