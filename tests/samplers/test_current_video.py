"""How a clip sampler learns which video it samples, from datasets of PyTorchVideo 0.1.5, of main, and of others."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.sampling import (
    OwnDataset,
    ends,
    loader,
    rows,
    sampled,
)
from pytorchvideo.data import LabeledVideoDataset, SSv2
from pytorchvideo.data.video import VideoPathHandler

from clipselect import DDLClipSampler
from clipselect.errors import ClipselectError


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
    expected = sampled(videos, DDLClipSampler(1, k=2, scorer=model))
    original = VideoPathHandler.video_from_path

    def video_from_path(
        self: Any, filepath: str, decode_video: bool = True, decode_audio: bool = False, decoder: str = "pyav"
    ) -> Any:
        assert decode_video is True
        return original.__wrapped__(self, filepath, decode_audio, decoder)

    monkeypatch.setattr(VideoPathHandler, "video_from_path", video_from_path)
    sampler = DDLClipSampler(1, k=2, scorer=model)
    assert VideoPathHandler.video_from_path.__wrapped__ is video_from_path
    assert sampled(videos, sampler, kind=MainDataset) == expected


def test_a_dataset_may_open_its_videos_itself_and_say_the_path(videos: Path, model: Path) -> None:
    shutil.rmtree(videos / "frames")
    found = sorted(rows(loader(OwnDataset(videos, DDLClipSampler(1, k=2, scorer=model)))))
    assert found == sampled(videos, DDLClipSampler(1, k=2, scorer=model))


def test_without_a_path_both_ways_to_give_it_are_named(videos: Path, model: Path) -> None:
    sampler = DDLClipSampler(1, k=2, scorer=model)
    with pytest.raises(ClipselectError, match=r"(?s)VideoPathHandler.*annotation\['video_path'\].*SSv2"):
        next(iter(OwnDataset(videos, sampler, say=False)))


def test_a_path_that_another_dataset_opened_is_not_taken(videos: Path, model: Path) -> None:
    sampler = DDLClipSampler(1, k=2, scorer=model)
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
    sampler = DDLClipSampler(1, k=2, scorer=model)
    with pytest.raises(ClipselectError, match="SSv2 and Charades do neither, so use LabeledVideoDataset"):
        next(iter(SSv2(*files, clip_sampler=sampler, video_path_prefix=str(videos))))
