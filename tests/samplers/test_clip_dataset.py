"""The best clips of every video from a plain DataLoader."""

import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.command_line import Run
from helpers.sampling import VIDEO_FRAMES, without_frames
from helpers.videos import make_damaged_video, make_video
from pytorchvideo.data import LabeledVideoDataset
from torch import Tensor
from torch.utils.data import DataLoader, SequentialSampler
from torchvision.transforms import v2
from torchvision.transforms._presets import VideoClassification

from clipselect import ClipDataset, DDLClipSampler, VideoAggregator, select
from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning, MissingFileError, VideoError
from clipselect.samplers.video_aggregator import VideoAnswers

DatasetOf = Callable[..., ClipDataset]
SMALL: dict[str, Any] = {"clip_duration": 1, "num_frames": 4, "size": 16}


@pytest.fixture
def dataset_of(model: Path) -> DatasetOf:
    return lambda videos, *how, **options: ClipDataset(videos, *how, **{"scorer": model, **SMALL, **options})


@pytest.fixture
def index(videos: Path, model: Path, run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "s.parquet"
    run("index", videos, "-o", path, "--model", model, "--clip-duration", 1, "--workers", 0)
    return path


def network(clips: Tensor) -> Tensor:
    """[b, C, T, H, W] -> [b, C]: the mean of every colour."""
    return clips.float().mean((2, 3, 4))


def answers(batches: Any, flat: bool = True) -> VideoAnswers:
    """The README's loop."""
    aggregator = VideoAggregator()
    for batch in batches:
        aggregator.update(network(batch["video"].flatten(0, 1) if flat else batch["video"]), batch)
    return aggregator.compute(incomplete="skip")


def test_an_item_holds_the_picks_of_select(videos: Path, model: Path, dataset_of: DatasetOf) -> None:
    item = dataset_of([videos / "one.mp4", videos / "three.mp4"], labels=["run", "wave"], k=2)[1]
    picks = select(videos / "three.mp4", k=2, scorer=model, clip_duration=1)
    expected = torch.stack([*picks.decode(4, size=16, layout="CTHW")])
    assert (item["video"].dtype, item["video"].shape) == (torch.uint8, (2, 3, 4, 16, 16))
    assert torch.equal(item["video"], expected)
    for key, dtype, values in (
        ("start", torch.float64, [pick.start for pick in picks]),
        ("end", torch.float64, [pick.end for pick in picks]),
        ("score", torch.float32, [pick.score for pick in picks]),
        ("weights", torch.float32, picks.weights.tolist()),
    ):
        assert item[key].dtype == dtype and torch.equal(item[key], torch.tensor(values, dtype=dtype))
    assert (item["path"], item["label"], item["video_index"]) == (str(videos / "three.mp4"), "wave", 1)


def test_the_best_clips_come_again_with_weight_0_where_there_are_fewer_than_k(
    videos: Path, dataset_of: DatasetOf
) -> None:
    whole, more = (dataset_of([videos / "two.mp4"], k=k)[0] for k in (3, 5))
    assert whole["start"].tolist() == [0, 1, 2] and more["video"].shape[0] == 5
    first = more["start"].diff(prepend=torch.tensor([-1])) > 0
    for key in ("video", "start", "weights"):
        assert torch.equal(more[key][first], whole[key])
    assert not more["weights"][~first].any()
    best = sorted(whole["score"].tolist())[-2:]
    assert sorted(more["score"][~first].tolist()) == best
    for i in torch.nonzero(~first).flatten().tolist():
        assert torch.equal(more["video"][i], more["video"][i - 1])


def test_without_k_items_are_batches_of_as_many_clips_as_pass_the_threshold(
    videos: Path, dataset_of: DatasetOf
) -> None:
    dataset = dataset_of(sorted(videos.glob("*.mp4")), k=None, threshold=0.0, num_frames=None)
    items = [*DataLoader(dataset, batch_size=None)]
    assert [len(item["weights"]) for item in items] == [4, 5, 3]  # nothing overlaps
    assert items[0]["video"].shape == (4, 3, 25, 16, 16)
    assert answers(items, flat=False).index.tolist() == [0, 1, 2]


def test_answers_are_those_of_pytorchvideo(videos: Path, model: Path, dataset_of: DatasetOf) -> None:
    paths = [videos / name for name in VIDEO_FRAMES]
    found = answers(DataLoader(dataset_of(paths, [3, 4, 5], num_frames=None, size=None), batch_size=2))
    labelled = [(str(path), {"label": 3 + i}) for i, path in enumerate(paths)]
    sampler = DDLClipSampler(1, k=5, scorer=model, min_gap=0)
    other = answers(
        DataLoader(LabeledVideoDataset(labelled, sampler, SequentialSampler, decode_audio=False), batch_size=1), False
    )
    assert torch.allclose(found.values, other.values, atol=1)
    assert found.labels is not None and found.labels.tolist() == [3, 4, 5]
    assert len({*map(tuple, found.values.tolist())}) == 3


@pytest.mark.processes
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_change_nothing(videos: Path, dataset_of: DatasetOf, context: str) -> None:
    dataset = dataset_of(videos, k=2)
    alone = [dataset[i] for i in range(len(dataset))]  # and the parent has decoded before it forks
    loader = DataLoader(
        dataset, batch_size=3, num_workers=2, multiprocessing_context=context, persistent_workers=True, timeout=300
    )
    for _ in range(2):
        batches = [*loader]
        assert torch.equal(torch.cat([batch["video"] for batch in batches]), torch.stack([i["video"] for i in alone]))
        assert [path for batch in batches for path in batch["path"]] == dataset.paths


def test_it_travels_without_its_network(videos: Path, dataset_of: DatasetOf) -> None:
    dataset = dataset_of(videos, k=2)
    _ = dataset[0]
    data = pickle.dumps(dataset)
    assert len(data) < 20_000
    assert torch.equal(pickle.loads(data)[0]["video"], dataset[0]["video"])


def test_an_index_gives_the_same_items_and_nothing_is_scored(
    videos: Path, index: Path, dataset_of: DatasetOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [*dataset_of(videos)]
    monkeypatch.setattr("clipselect.samplers.clip_selector.score_video", None)
    for dataset in (dataset_of(videos, index=index, on_missing="raise"), dataset_of(index, clip_duration=None)):
        assert dataset.paths == [item["path"] for item in expected]
        for found, item in zip(dataset, expected, strict=True):
            assert all(torch.equal(found[key], item[key]) for key in ("video", "weights", "start", "score"))


def test_a_damaged_video_has_the_same_clips_with_an_index(
    tmp_path: Path, model: Path, dataset_of: DatasetOf, run: Run
) -> None:
    path = make_damaged_video(tmp_path / "damaged.mp4")
    run("index", path, "-o", tmp_path / "s.parquet", "--model", model, "--clip-duration", 1, "--workers", 0)
    with pytest.warns(ClipselectWarning, match=r"damaged\.mp4"):
        items = [dataset_of([path], **how)[0] for how in ({}, {"index": tmp_path / "s.parquet"})]
    assert torch.equal(items[0]["start"], items[1]["start"])
    assert (items[0]["video"].float() - items[1]["video"].float()).abs().mean() < 30


def test_transforms_of_torchvision_get_and_give_what_they_expect(videos: Path, dataset_of: DatasetOf) -> None:
    seen = []
    pipeline = v2.Compose([v2.Resize(20), v2.CenterCrop(16), v2.ToDtype(torch.float32, scale=True)])

    def noted(clip: Tensor) -> Tensor:
        seen.append((clip.dtype, [*clip.shape]))
        return pipeline(clip)

    preset = VideoClassification(crop_size=(16, 16), resize_size=(20,), mean=(0, 0, 0), std=(1, 1, 1))
    found = {
        (layout, name): dataset_of(videos, k=1, size=None, short_side=24, transform=transform, layout=layout)[0][
            "video"
        ]
        for layout in ("CTHW", "TCHW")
        for name, transform in (("v2", noted), ("preset", preset))
    }
    assert seen[0] == (torch.uint8, [4, 3, 24, 24]) or seen[0] == (torch.uint8, [4, 3, 24, 32])
    assert {name: [*video.shape] for name, video in found.items()} == {
        ("CTHW", "v2"): [1, 3, 4, 16, 16],
        ("CTHW", "preset"): [1, 3, 4, 16, 16],
        ("TCHW", "v2"): [1, 4, 3, 16, 16],
        ("TCHW", "preset"): [1, 4, 3, 16, 16],
    }
    assert torch.allclose(found["CTHW", "v2"], found["CTHW", "preset"], atol=0.1)
    assert torch.equal(found["CTHW", "v2"], found["TCHW", "v2"].transpose(1, 2))


@pytest.mark.parametrize("value", [lambda clip: clip[0], lambda clip: clip[:2], lambda clip: None, lambda clip: [clip]])
def test_what_a_transform_must_not_return_is_refused(videos: Path, dataset_of: DatasetOf, value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^transform must return its 4 frames"):
        dataset_of(videos, k=1, transform=value)[0]


def test_what_a_transform_returns_is_refused_out_of_a_worker_in_the_same_words(
    videos: Path, dataset_of: DatasetOf
) -> None:
    dataset = dataset_of(videos, k=1, transform=_first_frame)
    with pytest.raises(ArgumentError, match=r"^transform must return its 4 frames .*, got \[3, 16, 16\]$") as caught:
        next(iter(DataLoader(dataset, num_workers=1)))
    assert caught.value.argument == "transform"


def _first_frame(clip: Tensor) -> Tensor:
    return clip[0]


def test_three_frames_that_may_be_three_channels_are_refused(videos: Path, dataset_of: DatasetOf) -> None:
    assert dataset_of(videos, k=1, num_frames=3)[0]["video"].shape == (1, 3, 3, 16, 16)
    with pytest.raises(ArgumentError, match=r"transform .*num_frames"):
        dataset_of(videos, k=1, num_frames=3, transform=v2.Identity())[0]


@pytest.fixture
def with_bad_ones(videos: Path) -> list[Path]:
    """Good videos at 0 and 3, one that is no video, one without frames, one that is not there."""
    (videos / "text.mp4").write_text("no video")
    without_frames(videos / "no_frames.mp4")
    return [videos / name for name in ("one.mp4", "text.mp4", "no_frames.mp4", "two.mp4", "gone.mp4")]


def test_a_video_that_cannot_be_read_raises_or_is_skipped_and_named_once(
    with_bad_ones: list[Path], dataset_of: DatasetOf
) -> None:
    strict = dataset_of(with_bad_ones)
    for i, path in enumerate(with_bad_ones):
        if i not in (0, 3):
            with pytest.raises(VideoError, match=re.escape(str(path))):
                strict[i]
    dataset = dataset_of(with_bad_ones, labels=[*"abcde"], on_error="skip")
    with pytest.warns(ClipselectWarning) as caught:
        batches = [[*DataLoader(dataset, batch_size=2)] for _ in range(2)][1]
    named = [str(warning.message).partition(":")[0] for warning in caught]
    assert named == [str(with_bad_ones[i]) for i in (1, 2, 4)]
    assert [batch["video_index"].tolist() for batch in batches] == [[0], [3], [4]]
    assert [bool(batch["weights"].any()) for batch in batches] == [True, True, False]
    assert {batch["video"].shape[1:] for batch in batches} == {(5, 3, 4, 16, 16)}


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_loop_over_bad_videos_answers_all_good_ones(
    with_bad_ones: list[Path], dataset_of: DatasetOf, size: int
) -> None:
    with pytest.warns(ClipselectWarning):
        found = answers(DataLoader(dataset_of(with_bad_ones, on_error="skip"), batch_size=size))
    assert found.index.tolist() == [0, 3]


def test_a_loop_over_pytorchvideo_answers_all_good_videos_and_names_the_bad_ones(
    with_bad_ones: list[Path], videos: Path, model: Path
) -> None:
    paths = [path for path in with_bad_ones if path.exists()] + [videos / "three.mp4"]
    labelled = [(str(path), {"label": i}) for i, path in enumerate(paths)]
    sampler = DDLClipSampler(1, k=2, scorer=model)
    dataset = LabeledVideoDataset(labelled, sampler, SequentialSampler, _small, decode_audio=False)
    with pytest.warns(ClipselectWarning) as caught:
        found = answers(DataLoader(dataset, batch_size=2), flat=False)
    assert found.index.tolist() == [0, 3, 4]
    assert {str(warning.message).partition(": ")[0] for warning in caught} == {str(path) for path in paths[1:3]}


def _small(sample: dict[str, Any]) -> dict[str, Any]:
    return {**sample, "video": sample["video"][:, :8]}


def test_files_of_a_list_that_are_not_there_are_named(videos: Path, dataset_of: DatasetOf) -> None:
    (videos / "list.csv").write_text("path,label\none.mp4,3\ngone.mp4,4\n")
    with pytest.raises(MissingFileError, match=r"1 of its files are not there, such as gone\.mp4"):
        dataset_of(videos / "list.csv")
    with pytest.warns(ClipselectWarning, match=r"gone\.mp4"):
        dataset = dataset_of(videos / "list.csv", on_error="skip")
    assert (len(dataset), dataset[0]["label"]) == (1, 3)


def test_a_video_that_an_index_lacks_is_no_bad_video(videos: Path, index: Path, dataset_of: DatasetOf) -> None:
    make_video(videos / "new.mp4", 50)
    dataset = dataset_of([videos / "new.mp4"], index=index, on_missing="raise", on_error="skip")
    with pytest.raises(ClipselectError, match=r"has no entry for .*new\.mp4"):
        dataset[0]


@pytest.mark.processes
def test_cuda_in_forked_workers_is_refused(
    videos: Path, dataset_of: DatasetOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    if torch.cuda.is_available():
        torch.zeros(1, device="cuda")
    loader = DataLoader(dataset_of(videos, device="cuda"), num_workers=1, multiprocessing_context="fork")
    with pytest.raises(ArgumentError, match=r"^device cannot be 'cuda' in forked DataLoader workers"):
        next(iter(loader))


@pytest.mark.parametrize(
    ("argument", "how"),
    [
        ("k", {"k": None}), ("k", {"k": 0}), ("threshold", {"threshold": 2}), ("min_gap", {"min_gap": -1}),
        ("num_frames", {"num_frames": 0}), ("short_side", {"short_side": 8}), ("size", {"size": "big"}),
        ("transform", {"transform": 3}), ("layout", {"layout": "THWC"}), ("on_error", {"on_error": "ignore"}),
        ("on_missing", {"on_missing": "skip"}), ("clip_duration", {"clip_duration": 0}), ("stride", {"stride": -1}),
        ("device", {"device": "abacus"}), ("fps", {"fps": 0}), ("labels", {"labels": [1, 2]}),
    ],
)  # fmt: skip
def test_arguments_out_of_range_are_named_at_once(
    videos: Path, dataset_of: DatasetOf, argument: str, how: dict[str, Any]
) -> None:
    with pytest.raises(ArgumentError, match=f"^{argument} "):
        dataset_of([videos / "one.mp4"], **how)


def test_places_are_those_of_a_list(videos: Path, dataset_of: DatasetOf) -> None:
    dataset = dataset_of(videos, k=1)
    assert len(dataset) == 4 and dataset[-1]["video_index"] == 3
    with pytest.raises(IndexError):
        dataset[4]


def test_good_videos_cause_no_warning(videos: Path, dataset_of: DatasetOf) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [*dataset_of(videos, k=1, on_error="skip")]
