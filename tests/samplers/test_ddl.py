"""`DDLClipSampler` on its own: how it learns the path, what it refuses, broken videos, the score index."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import av
import pytest
from helpers.command_line import Run
from helpers.sampling import OwnDataset, ends, loader, rows, tiny_ddnet
from helpers.videos import make_video, picture
from pytorchvideo.data import LabeledVideoDataset, SSv2
from pytorchvideo.data.video import VideoPathHandler
from torch.utils.data import SequentialSampler

from clipselect import DDLClipSampler, UniformClips
from clipselect.errors import ClipselectError, ClipselectWarning

FRAMES = {"one.mp4": 100, "three.mp4": 130, "two.mp4": 75}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_ddnet(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("videos")
    for name, frames in FRAMES.items():
        make_video(root / name, frames)
    (root / "frames").mkdir()
    for i in range(90):
        av.VideoFrame.from_ndarray(picture(i), format="rgb24").to_image().save(root / "frames" / f"{i}.png")
    return root


@pytest.fixture
def videos(made: Path, tmp_path: Path) -> Path:
    """Three files and a folder of frames, of the test's own."""
    return Path(shutil.copytree(made, tmp_path / "videos"))


def dataset(videos: Path, sampler: Any, kind: type = LabeledVideoDataset, **options: Any) -> Any:
    paths = sorted(str(path) for path in videos.iterdir() if not path.name.startswith("."))
    listed = [(path, {"label": i}) for i, path in enumerate(paths)]
    return kind(listed, sampler, SequentialSampler, ends, decode_audio=False, **options)


def sampled(videos: Path, sampler: Any, *how: Any, **options: Any) -> list[Any]:
    return sorted(rows(loader(dataset(videos, sampler, **options), *how)))


def names(found: list[Any]) -> set[str]:
    return {row[0] for row in found}


class MainDataset(LabeledVideoDataset):
    """The loop of PyTorchVideo's git main where it differs for a sampler: None in a new video, `decode_video`."""

    def __next__(self) -> dict[str, Any]:
        if not self._video_sampler_iter:
            self._video_sampler_iter, self._end = iter(self._video_sampler), None
        if self._loaded_video_label is None:
            path, info = self._labeled_videos[next(self._video_sampler_iter)]
            video = self.video_path_handler.video_from_path(
                path, decode_audio=self._decode_audio, decode_video=True, decoder=self._decoder
            )
            self._loaded_video_label = video, info
        video, info = self._loaded_video_label
        start, self._end, clip_index, aug_index, last = self._clip_sampler(self._end, video.duration, info)
        clip = video.get_clip(start, self._end)
        if last:
            self._loaded_video_label, self._end = None, None
        keys = {"video_name": video.name, "clip_index": clip_index, "aug_index": aug_index}
        return ends({"video": clip["video"], **keys, **info})


def test_git_mains_way_of_calling_gives_the_same_rows(
    videos: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = sampled(videos, DDLClipSampler(1, k=2, model=model))
    original = VideoPathHandler.video_from_path

    def video_from_path(
        self: Any, filepath: str, decode_video: bool = True, decode_audio: bool = False, decoder: str = "pyav"
    ) -> Any:
        assert decode_video is True
        return original.__wrapped__(self, filepath, decode_audio, decoder)

    monkeypatch.setattr(VideoPathHandler, "video_from_path", video_from_path)
    sampler = DDLClipSampler(1, k=2, model=model)
    assert VideoPathHandler.video_from_path.__wrapped__ is video_from_path
    assert sampled(videos, sampler, kind=MainDataset) == expected


def test_a_dataset_may_open_its_videos_itself_and_say_the_path(videos: Path, model: Path) -> None:
    shutil.rmtree(videos / "frames")
    found = sorted(rows(loader(OwnDataset(videos, DDLClipSampler(1, k=2, model=model)))))
    assert found == sampled(videos, DDLClipSampler(1, k=2, model=model))


def test_without_a_path_both_ways_to_give_it_are_named(videos: Path, model: Path) -> None:
    sampler = DDLClipSampler(1, k=2, model=model)
    with pytest.raises(ClipselectError, match=r"(?s)VideoPathHandler.*annotation\['video_path'\].*SSv2"):
        next(iter(OwnDataset(videos, sampler, say=False)))


def test_a_path_that_another_dataset_opened_is_not_taken(videos: Path, model: Path) -> None:
    sampler = DDLClipSampler(1, k=2, model=model)
    handler = VideoPathHandler()
    kept = handler.video_from_path(str(videos / "three.mp4"))
    with pytest.raises(ClipselectError, match="cannot learn"):
        sampler(0.0, kept.duration + 1, {})
    kept = handler.video_from_path(str(videos / "three.mp4"))
    sampler(0.0, kept.duration, {})
    with pytest.raises(ClipselectError, match="cannot learn"):
        sampler(0.0, kept.duration, {})
    dropped = handler.video_from_path(str(videos / "three.mp4")).duration
    with pytest.raises(ClipselectError, match="cannot learn"):
        sampler(0.0, dropped, {})


def test_something_something_v2_is_refused_with_what_to_do(videos: Path, model: Path, tmp_path: Path) -> None:
    lines = [f"7 0 {i} frames/{i}.png 0" for i in range(60)]
    (tmp_path / "frames.csv").write_text("\n".join(["original_vido_id video_id frame_id path labels", *lines]))
    (tmp_path / "labels.json").write_text(json.dumps({"Putting something": "0"}))
    (tmp_path / "train.json").write_text(json.dumps([{"id": "7", "template": "Putting [something]"}]))
    files = [str(tmp_path / name) for name in ("labels.json", "train.json", "frames.csv")]
    sampler = DDLClipSampler(1, k=2, model=model)
    with pytest.raises(ClipselectError, match="SSv2 and Charades do neither, so use LabeledVideoDataset"):
        next(iter(SSv2(*files, clip_sampler=sampler, video_path_prefix=str(videos))))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        *(({"k": k}, "k must be a whole number of at least 1") for k in (0, -1, 2.5, True, "5")),
        *(({"threshold": t}, "threshold must lie in") for t in (-0.1, 1.1, float("nan"))),
        *(({"stride": s}, "stride must be a positive") for s in (0, -1, float("nan"))),
        *(({"clip_duration": d}, "clip_duration must be a positive") for d in (0, -1, float("inf"))),
        *(({"min_gap": g}, "min_gap must be at least 0") for g in (-1, float("nan"))),
        *(({"augs_per_clip": a}, "augs_per_clip must be a whole") for a in (0, 1.5)),
        ({"k": None}, "k is needed"),
        ({"k": None, "threshold": 0.5, "pad_to_k": True}, "k is needed"),
        ({"on_missing": "x"}, "on_missing must be"),
        ({"model": "resnet"}, "unknown model 'resnet'"),
        ({"index": "none.parquet"}, "none.parquet: no such score index"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ClipselectError, match=says):
        DDLClipSampler(**{"clip_duration": 1, **arguments})


def test_an_absent_device_is_named(videos: Path, model: Path) -> None:
    with pytest.raises(ClipselectError, match="toaster"):
        sampled(videos, DDLClipSampler(1, device="toaster", model=model))


def test_a_sampler_pickles_small_and_works_on_even_after_use(videos: Path, model: Path) -> None:
    sampler = DDLClipSampler(1, k=2, model=model)
    expected = sampled(videos, sampler)
    next(iter(dataset(videos, sampler)))
    assert len(packed := pickle.dumps(sampler)) < 20_000
    assert sampled(videos, pickle.loads(packed)) == expected


def without_frames(path: Path) -> None:
    data = bytearray(make_video(path, 50).read_bytes())
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:end] = b"\xff" * (end - start)
    path.write_bytes(data)


def test_the_dataset_goes_on_without_a_video_whose_frames_do_not_decode(videos: Path, model: Path) -> None:
    without_frames(videos / "pale.mp4")
    with pytest.warns(ClipselectWarning, match=r"pale\.mp4.*the dataset goes on without it"):
        found = sampled(videos, DDLClipSampler(1, k=2, augs_per_clip=2, model=model))
    assert names(found) == {*FRAMES, "frames"}


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
def test_the_dataset_goes_on_without_a_folder_of_broken_images(videos: Path, decoder: str) -> None:
    pytest.importorskip("av" if decoder == "pyav" else decoder)
    (videos / "m").mkdir()
    (videos / "m" / "1.png").write_bytes(b"no picture")
    with pytest.warns(ClipselectWarning, match=r"/m: not one of its 1 images can be read"):
        assert names(sampled(videos, UniformClips(1, k=2), decoder=decoder)) == {*FRAMES, "frames"}


@pytest.mark.parametrize("content", [b"no video", b""])
def test_the_dataset_goes_on_without_a_file_that_does_not_open(videos: Path, model: Path, content: bytes) -> None:
    (videos / "p.mp4").write_bytes(content)
    assert names(sampled(videos, DDLClipSampler(1, k=2, model=model))) == {*FRAMES, "frames"}


def test_a_file_that_does_not_open_is_named(videos: Path, model: Path) -> None:
    (videos / "p.mp4").write_bytes(b"no video")
    with pytest.warns(ClipselectWarning, match=r"p\.mp4"):
        sampled(videos, DDLClipSampler(1, k=2, model=model))


@pytest.fixture
def index(videos: Path, model: Path, run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "scores.parquet"
    where = [videos, videos / "frames", "-o", path, "--model", model, "--clip-duration", 1, "--device", "cpu"]
    assert run("index", *where, "--workers", 0, "-q").code == 0
    return path


def never(*_: Any, **__: Any) -> Any:
    raise AssertionError("scored, though the index knows it")


def test_with_an_index_nothing_is_scored_and_the_rows_are_the_same(
    videos: Path, model: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = sampled(videos, DDLClipSampler(1, k=2, model=model))
    monkeypatch.setattr("clipselect.samplers.candidate_reader.score_video", never)
    monkeypatch.setattr("clipselect.samplers.candidate_reader.open_source", never)
    assert sampled(videos, DDLClipSampler(1, k=2, model=model, index=index)) == without


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_share_an_index(
    videos: Path, model: Path, index: Path, context: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = DDLClipSampler(1, k=2, model=model, index=index, on_missing="raise")
    alone = sampled(videos, sampler)
    monkeypatch.setattr("clipselect.samplers.candidate_reader.score_video", never)
    assert sampled(videos, sampler, 2, context) == alone
    assert len(pickle.dumps(sampler)) < 20_000


@pytest.mark.parametrize(("change", "says"), [("stale", "is older than"), ("missing", "has no entry for")])
def test_a_stale_or_missing_entry_is_scored_with_a_warning_or_raises(
    videos: Path, model: Path, index: Path, change: str, says: str
) -> None:
    changed = "two.mp4" if change == "stale" else "new.mp4"
    make_video(videos / changed, 60)
    with pytest.warns(ClipselectWarning, match=rf"scores\.parquet: {says} .*{changed}") as caught:
        found = sampled(videos, DDLClipSampler(1, k=2, model=model, index=index))
    assert sum("scores.parquet" in str(w.message) for w in caught) == 1
    assert found == sampled(videos, DDLClipSampler(1, k=2, model=model))
    with pytest.raises(ClipselectError, match=rf"scores\.parquet: {says} .*{changed}"):
        sampled(videos, DDLClipSampler(1, k=2, model=model, index=index, on_missing="raise"))


def test_an_index_made_otherwise_is_refused_and_both_are_named(model: Path, index: Path, tmp_path: Path) -> None:
    other = tiny_ddnet(tmp_path / "other.safetensors", seed=1)
    with pytest.raises(ClipselectError, match=r"model tiny0 .* clips of 1 s every 1 s.*asks for model tiny1"):
        DDLClipSampler(1, model=other, index=index)
    with pytest.raises(ClipselectError, match=r"clips of 1 s every 1 s, but .* clips of 2 s every 2 s"):
        DDLClipSampler(2, model=model, index=index)
    with pytest.raises(ClipselectError, match=r"clips of 1 s every 1 s, but .* clips of 1 s every 0\.5 s"):
        DDLClipSampler(1, stride=0.5, model=model, index=index)


def test_a_video_that_failed_in_the_index_is_named_and_passed_over(
    videos: Path, model: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_frames(videos / "pale.mp4")
    path = tmp_path / "failed.parquet"
    assert run("index", videos, "-o", path, "--model", model, "--clip-duration", 1, "--workers", 0, "-q").code == 1
    shutil.rmtree(videos / "frames")
    monkeypatch.setattr("clipselect.samplers.candidate_reader.score_video", never)
    with pytest.warns(ClipselectWarning, match=r"pale\.mp4.*the dataset goes on without it"):
        found = sampled(videos, DDLClipSampler(1, k=2, model=model, index=path, on_missing="raise"))
    assert names(found) == set(FRAMES)
