"""What is wrong with a video is said wherever it is sampled or indexed, and nothing is made up for it."""

import os
import warnings
from pathlib import Path
from typing import Any

import av
import pyarrow.parquet as pq
import pytest
from helpers.command_line import Run
from helpers.sampling import OwnDataset
from helpers.videos import make_video, picture
from pytorchvideo.data import LabeledVideoDataset
from torch.utils.data import SequentialSampler

from clipselect import DDLClipSampler, DenseClips, RandomClips, UniformClips, VideoError
from clipselect.errors import ClipselectError, ClipselectWarning
from clipselect.index.entry import Scoring
from clipselect.index.score_index import ScoreIndex, write_index


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Four seconds whose second half is gone, though the header promises it."""
    path = make_video(tmp_path / "damaged.mkv", 100, options={"g": "5"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.fixture
def index(damaged: Path, model: Path, run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "s.parquet"
    assert run("index", damaged, "-o", path, "--model", model, "--workers", 0).code == 0
    assert "warning: " in run.err and "damaged.mkv: ends at" in run.err
    return path


def windows(path: Path, sampler: Any) -> list[tuple[float, float]]:
    dataset = LabeledVideoDataset([(str(path), {"label": 0})], sampler, SequentialSampler, decode_audio=False)
    return [(sample["clip_start"], sample["clip_end"]) for sample in dataset]


def test_the_sampler_says_what_is_wrong_with_and_without_an_index(damaged: Path, model: Path, index: Path) -> None:
    found = []
    for where in (None, index):
        with pytest.warns(ClipselectWarning, match=r"damaged\.mkv: ends at"):
            found.append(windows(damaged, DDLClipSampler(1, k=3, scorer=model, index=where)))
    assert found[0] == found[1] != []


def test_baselines_with_an_index_choose_among_the_same_candidates(damaged: Path, model: Path, index: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = ScoreIndex(index).entry(damaged)
        assert known is not None
        everything = [(float(c.start), float(c.end)) for c in known.clips]
        assert windows(damaged, DenseClips(1, index=index)) == everything
        assert windows(damaged, DDLClipSampler(1, k=50, min_gap=None, scorer=model, index=index)) == everything
        for baseline in (UniformClips, RandomClips):
            assert set(windows(damaged, baseline(1, 2, index=index))) <= set(everything)
    with pytest.raises(ClipselectError, match=r"s\.parquet: was made with .*every 1 s, but .*every 0\.5 s"):
        UniformClips(1, 2, stride=0.5, index=index)


def test_a_dataset_that_opens_videos_itself_gets_the_error_of_one_that_cannot_be_read(
    tmp_path: Path, model: Path
) -> None:
    path, sampler = make_video(tmp_path / "a.mp4", 50), DDLClipSampler(1, k=1, scorer=model)

    def after_its_file_is_gone(*how: Any) -> Any:
        path.unlink()
        return sampler(*how)

    with pytest.raises(VideoError, match=r"a\.mp4: no such file"):
        next(iter(OwnDataset(tmp_path, after_its_file_is_gone)))


def test_a_clip_that_pytorchvideo_reads_in_part_is_named_once(tmp_path: Path, model: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 100)
    sampler = DDLClipSampler(1, k=4, scorer=model)
    dataset = LabeledVideoDataset([(str(path), {"label": 0})], sampler, SequentialSampler, decode_audio=False)
    open_video = dataset.video_path_handler.video_from_path

    def lossy(*args: Any, **kwargs: Any) -> Any:
        video = open_video(*args, **kwargs)
        whole = type(video).get_clip

        class Lossy(type(video)):  # type: ignore[misc]
            def get_clip(self, start: Any, end: Any) -> Any:
                clip = whole(self, start, end)
                return {**clip, "video": clip["video"][:, :20]}

        video.__class__ = Lossy
        return video

    dataset.video_path_handler.video_from_path = lossy
    with pytest.warns(ClipselectWarning) as said:
        assert len([*dataset]) == 4
    assert [str(w.message) for w in said] == [
        f"{path}: PyTorchVideo reads 20 of the 25 frames from 0.00 to 1.00 s; convert the file"
    ]


def test_a_folder_indexed_at_another_rate_says_so(tmp_path: Path, model: Path, run: Run) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for i in range(60):
        av.VideoFrame.from_ndarray(picture(i), format="rgb24").to_image().save(folder / f"{i}.png")
    run("index", folder, "-o", tmp_path / "s.parquet", "--fps", 25, "--model", model, "--workers", 0)
    sampler = DDLClipSampler(1, k=1, scorer=model, index=tmp_path / "s.parquet", on_missing="raise")
    with pytest.raises(ClipselectError, match=r"at 25\.0 frames/s, not 30\.0; index it again with fps=30"):
        windows(folder, sampler)


def test_a_failed_video_whose_name_is_no_utf8_does_not_spoil_the_index(tmp_path: Path, run: Run) -> None:
    (tmp_path / "v").mkdir()
    Path(os.fsdecode(bytes(tmp_path / "v") + b"/\xff.mp4")).write_bytes(b"no video")
    make_video(tmp_path / "v" / "a.mp4", 30)
    run("index", tmp_path / "v", "-o", tmp_path / "s.parquet", "--workers", 0)
    assert run.code == 1
    rows = pq.read_table(tmp_path / "s.parquet").to_pylist()
    assert [row["path"].rsplit("/")[-1] for row in rows] == [r"\xff.mp4", "a.mp4"]
    assert r"\xff.mp4: is text, not a video" in rows[0]["error"]


def test_a_group_of_rows_ends_with_its_clips_too(tmp_path: Path) -> None:
    row = {"path": "", "size": 1, "mtime_ns": 1, "fps": None, "error": None, "warnings": [], "duration": 1.0}
    row |= {"start_time": 0.0, "clock": 1, "start": [0.0] * 3000, "end": [1.0] * 3000, "first_frame": [0] * 3000}
    row |= {"frames": [1] * 3000, "score": [0.5] * 3000}
    write_index(tmp_path / "s.parquet", Scoring("m", "s", "1", "1"), ({**row, "path": f"/{i}"} for i in range(6)))
    assert pq.ParquetFile(tmp_path / "s.parquet").metadata.num_row_groups == 3
    assert all(ScoreIndex(tmp_path / "s.parquet").entry(f"/{i}") for i in range(6))
