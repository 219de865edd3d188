"""The frame index: what is written is found again, what has changed is not, what is no index is refused."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.frame_fixtures import noise, tiny_ddnet, write

from clipselect.errors import ClipselectError
from clipselect.index.frame_index import FrameIndex, write_frame_index
from clipselect.scoring.scorer import Scorer, load_scorer

SCORES = [0.25, 0.125, 0.7, 1 / 3]


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return load_scorer(tiny_ddnet(tmp_path_factory.mktemp("model") / "tiny.safetensors"), "cpu", elements="frames")


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    names = ("b.png", "a.png", os.fsdecode(b"caf\xe9.png"), "北.png")
    return [write(tmp_path / "images" / name, noise(8, 8, seed)) for seed, name in enumerate(names)]


@pytest.fixture
def path(tmp_path: Path, scorer: Scorer, images: list[Path]) -> Path:
    write_frame_index(tmp_path / "i.parquet", scorer, zip(images, ["x", "y", "y", "x"], SCORES, strict=True))
    return tmp_path / "i.parquet"


def test_what_is_written_is_found_again(path: Path, scorer: Scorer, images: list[Path]) -> None:
    index = FrameIndex.open(path)
    assert (len(index), index.model, index.path) == (4, "tiny0", path)
    assert index.sha256 == scorer.metadata["sha256"]
    assert [index.score(image) for image in images] == np.float32(SCORES).tolist()
    assert [index.score(str(image)) for image in images] == np.float32(SCORES).tolist()
    assert index.score("none.png") is None


def test_paths_may_be_relative(path: Path, images: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(images[0].parent)
    index = FrameIndex.open(path)
    assert index.score("b.png") == index.score("../images/./b.png") == 0.25


def test_the_table_is_sorted_and_plain(path: Path, images: list[Path]) -> None:
    table = pq.read_table(path).to_pydict()
    assert table["path"] == sorted(table["path"]) and [*table] == ["path", "size", "mtime_ns", "group", "score"]
    assert any(name.endswith("caf\\xe9.png") for name in table["path"])
    assert dict(zip(table["path"], table["group"], strict=True))[str(images[0])] == "x"


@pytest.mark.parametrize("change", ["content", "time", "gone"])
def test_a_changed_image_is_not_found(path: Path, images: list[Path], change: str) -> None:
    index, image = FrameIndex.open(path), images[0]
    stat = image.stat()
    if change == "content":
        image.write_bytes(image.read_bytes() + b"\0")
        os.utime(image, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif change == "time":
        os.utime(image, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    else:
        image.unlink()
    assert index.score(image) is None and index.score(images[1]) == 0.125


def test_an_image_that_was_not_there_is_never_unchanged(tmp_path: Path, scorer: Scorer) -> None:
    write_frame_index(tmp_path / "i.parquet", scorer, [(tmp_path / "gone.png", "x", 0.5)])
    assert FrameIndex.open(tmp_path / "i.parquet").score(tmp_path / "gone.png") is None


def test_an_index_may_be_empty_and_goes_to_other_processes(tmp_path: Path, path: Path, scorer: Scorer) -> None:
    write_frame_index(tmp_path / "empty.parquet", scorer, [])
    assert len(FrameIndex.open(tmp_path / "empty.parquet")) == 0
    index = FrameIndex.open(path)
    assert pickle.loads(pickle.dumps(index)) == index


def test_an_index_is_there_whole_or_not_at_all(path: Path, scorer: Scorer, images: list[Path]) -> None:
    before = path.read_bytes()

    def broken() -> Any:
        yield images[0], "x", 0.5
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_frame_index(path, scorer, broken())
    with pytest.raises(ClipselectError, match="cannot be written"):
        write_frame_index(path.parent / "none" / "i.parquet", scorer, [])
    assert path.read_bytes() == before and [*path.parent.glob("*.part")] == []


def test_a_file_without_a_column_is_refused(path: Path) -> None:
    pq.write_table(pq.read_table(path).drop_columns(["size"]), path)
    with pytest.raises(ClipselectError, match="not a frame index"):
        FrameIndex.open(path)
