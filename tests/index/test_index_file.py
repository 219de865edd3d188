"""What the files of both kinds have in common: paths, signatures, and what is refused."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clipselect.errors import ClipselectError
from clipselect.index import frame_index, score_index
from clipselect.index.frame_index import FrameIndex
from clipselect.index.index_file import IndexFormat, signature, stored_path
from clipselect.index.score_index import ScoreIndex

MADE_WITH = {"model": "m", "sha256": "0" * 64}
KINDS: list[tuple[Callable[[Path], Any], IndexFormat, dict[str, str]]] = [
    (ScoreIndex, score_index.FORMAT, {**MADE_WITH, "clip_duration": "1", "stride": "1"}),
    (FrameIndex.open, frame_index.FORMAT, MADE_WITH),
]
kinds = pytest.mark.parametrize(("opened", "form", "made_with"), KINDS, ids=["clips", "frames"])


def write_empty(path: Path, schema: pa.Schema) -> None:
    pq.ParquetWriter(path, schema).close()


def test_a_folders_signature_sees_its_visible_files(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"12345")
    (tmp_path / "2.png").write_bytes(b"123")
    os.utime(tmp_path / "1.png", ns=(7, 7_000_000_123))
    os.utime(tmp_path / "2.png", ns=(7, 5_000_000_000))
    (tmp_path / ".hidden").write_bytes(b"1")
    assert signature(tmp_path) == (8, 7_000_000_123)
    assert signature(tmp_path / "2.png") == (3, 5_000_000_000)
    assert signature(tmp_path / "none") == signature("a\0b") == (None, None)


def test_bytes_that_are_not_utf8_appear_as_documented() -> None:
    assert stored_path(os.fsdecode(b"/a/\xff.mp4")) == "/a/\\xff.mp4"


@kinds
def test_what_is_described_is_read_back(
    tmp_path: Path, opened: Callable[[Path], Any], form: IndexFormat, made_with: dict[str, str]
) -> None:
    path = tmp_path / "i.parquet"
    write_empty(path, form.described(made_with))
    with form.reading(path) as (file, found):
        assert found == made_with and file.read().num_rows == 0
    assert len(opened(path)) == 0


@kinds
def test_what_is_no_index_is_refused(
    tmp_path: Path, opened: Callable[[Path], Any], form: IndexFormat, made_with: dict[str, str]
) -> None:
    path = tmp_path / "i.parquet"

    def refused(problem: str) -> None:
        with pytest.raises(ClipselectError) as e:
            opened(path)
        assert str(e.value).startswith(f"{path}: {problem}") and "make it" in str(e.value)

    refused(f"no such {form.name}")
    path.mkdir()
    refused(f"no such {form.name}")
    path.rmdir()
    schema = form.described(made_with)
    write_empty(path, schema)
    for content in (b"", b"path,score\n", path.read_bytes()[:-20]):
        path.write_bytes(content)
        refused(f"not a {form.name}")
    description = json.loads(schema.metadata[b"clipselect"])
    without_model = {key: value for key, value in description.items() if key != "model"}
    for other in ({**description, "kind": "others"}, without_model, {"version": 1}, ["version"], "x", None):
        write_empty(path, schema.with_metadata({"clipselect": json.dumps(other)} if other else {}))
        refused(f"not a {form.name}")
    write_empty(path, schema.with_metadata({"clipselect": json.dumps({**description, "version": 99})}))
    refused(f"a {form.name} of version 99, not 1")


def test_one_kind_is_not_taken_for_the_other(tmp_path: Path) -> None:
    for opened, form, _ in KINDS:
        for _, other, made_with in KINDS:
            write_empty(tmp_path / "i.parquet", other.described(made_with))
            if other is not form:
                with pytest.raises(ClipselectError, match=f"not a {form.name}"):
                    opened(tmp_path / "i.parquet")
