"""Clip samplers in trouble: arguments out of range, absent devices, pickling, videos that cannot be read."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from helpers.sampling import (
    VIDEO_FRAMES,
    listed,
    names,
    sampled,
    without_frames,
)

from clipselect import DDLClipSampler, UniformClips
from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("k", k) for k in (0, -1, 2.5, True, "5", None)),
        *(("threshold", t) for t in (-0.1, 1.1, float("nan"))),
        *(("stride", s) for s in (0, -1, float("nan"))),
        *(("clip_duration", d) for d in (0, -1, float("inf"))),
        *(("min_gap", g) for g in (-1, float("nan"))),
        *(("augs_per_clip", a) for a in (0, 1.5)),
        ("on_missing", "x"),
        ("device", "toaster"),
    ],
)
def test_arguments_out_of_range_are_named(model: Path, argument: str, value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        DDLClipSampler(**{"clip_duration": 1, "scorer": model, argument: value})
    assert caught.value.argument == argument


@pytest.mark.parametrize(("argument", "value"), [("scorer", "no-such-model"), ("index", "none.parquet")])
def test_a_model_or_an_index_that_is_not_there_is_named(argument: str, value: str) -> None:
    with pytest.raises(ClipselectError, match=value):
        DDLClipSampler(1, **{argument: value})  # type: ignore[arg-type]


def test_an_absent_device_is_named(videos: Path, model: Path) -> None:
    with pytest.raises(ClipselectError, match="cuda:99"):
        sampled(videos, DDLClipSampler(1, device="cuda:99", scorer=model))


def test_a_sampler_pickles_small_and_works_on_even_after_use(videos: Path, model: Path) -> None:
    sampler = DDLClipSampler(1, k=2, scorer=model)
    expected = sampled(videos, sampler)
    next(iter(listed(videos, sampler)))
    assert len(packed := pickle.dumps(sampler)) < 20_000
    assert sampled(videos, pickle.loads(packed)) == expected


def test_the_dataset_goes_on_without_a_video_whose_frames_do_not_decode(videos: Path, model: Path) -> None:
    without_frames(videos / "pale.mp4")
    with pytest.warns(ClipselectWarning, match=r"pale\.mp4.*the dataset goes on without it"):
        found = sampled(videos, DDLClipSampler(1, k=2, augs_per_clip=2, scorer=model))
    assert names(found) == {*VIDEO_FRAMES, "frames"}


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
def test_the_dataset_goes_on_without_a_folder_of_broken_images(videos: Path, decoder: str) -> None:
    pytest.importorskip("av" if decoder == "pyav" else decoder)
    (videos / "m").mkdir()
    (videos / "m" / "1.png").write_bytes(b"no picture")
    with pytest.warns(ClipselectWarning, match=r"/m: not one of its 1 images can be read"):
        assert names(sampled(videos, UniformClips(1, k=2), decoder=decoder)) == {*VIDEO_FRAMES, "frames"}


@pytest.mark.parametrize("content", [b"no video", b""])
def test_the_dataset_goes_on_without_a_file_that_does_not_open(videos: Path, model: Path, content: bytes) -> None:
    (videos / "p.mp4").write_bytes(content)
    assert names(sampled(videos, DDLClipSampler(1, k=2, scorer=model))) == {*VIDEO_FRAMES, "frames"}


def test_a_file_that_does_not_open_is_named(videos: Path, model: Path) -> None:
    (videos / "p.mp4").write_bytes(b"no video")
    with pytest.warns(ClipselectWarning, match=r"p\.mp4"):
        sampled(videos, DDLClipSampler(1, k=2, scorer=model))
