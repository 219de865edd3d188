"""What is taken for videos and labels when all of the data is meant."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.command_line import Run
from helpers.data_folders import make, write_list
from helpers.videos import make_video

from clipselect.data.video_list import VideoList, video_list
from clipselect.errors import ArgumentError, ClipselectError


@pytest.mark.parametrize("labels", [[3, 7], ("wave", "run"), np.array([3, 7]), torch.tensor([3, 7]), None])
def test_a_list_of_paths_stays_as_it_is(labels: Any) -> None:
    found = video_list(["b.mp4", Path("a.mp4")], labels)
    assert found == VideoList(["b.mp4", "a.mp4"], None if labels is None else [*map(type(found.labels[0]), labels)])  # type: ignore[index]


def test_folders_of_classes_label_their_videos(here: Path) -> None:
    make(here, "run/b.mp4", "jump/a.mp4", "run/a.mp4")
    found = video_list(here)
    assert [Path(path).relative_to(here).as_posix() for path in found.paths] == ["jump/a.mp4", "run/a.mp4", "run/b.mp4"]
    assert (found.labels, found.classes) == ([0, 1, 1], ("jump", "run"))
    assert video_list(here, classes=["walk", "run", "jump"]).labels == [2, 1, 1]
    assert len(video_list(here, split="train").paths) == 2


def test_a_folder_of_videos_has_no_labels(here: Path) -> None:
    make(here, "b.mp4", "a/1.jpg")
    found = video_list(here)
    assert ([Path(path).name for path in found.paths], found.labels) == (["a", "b.mp4"], None)
    assert video_list(here / "b.mp4").paths == [str(here / "b.mp4")]
    (here / "c.mp4").symlink_to(here / "gone.mp4")
    assert (video_list(here).paths, video_list(here).missing) == (found.paths, (str(here / "c.mp4"),))


def test_numbers_in_a_list_are_labels_as_they_stand(here: Path) -> None:
    make(here, "a.mp4", "b.mp4")
    found = video_list(write_list(here, "b.mp4 7", "a.mp4 3", "gone.mp4 1"))
    assert ([Path(path).name for path in found.paths], found.labels) == (["b.mp4", "a.mp4"], [7, 3])
    assert (found.classes, found.missing) == ((), ("gone.mp4",))
    found = video_list(write_list(here, "path,label", "b.mp4,run", "a.mp4,jump"), prefix=here)
    assert (found.labels, found.classes) == ([1, 0], ("jump", "run"))


def test_an_index_names_all_of_its_videos(here: Path, run: Run) -> None:
    (here / "bad.mp4").write_text("no video")
    make_video(here / "a.mp4", 30)
    run("index", here, "-o", "s.parquet", "--workers", 0)
    assert video_list("s.parquet") == VideoList([str(here / "a.mp4"), str(here / "bad.mp4")])


@pytest.mark.parametrize(
    ("argument", "problem", "videos", "how"),
    [
        ("videos", "at least one", [], {}),
        ("videos", "must be paths, got 3", ["a.mp4", 3], {}),
        ("videos", "must be paths, got ''", [""], {}),
        ("videos", "a path or a list of paths, got 3", 3, {}),
        ("labels", "one per video, got 1 for 2", ["a.mp4", "b.mp4"], {"labels": [3]}),
        ("labels", "integers, or all of them words", ["a.mp4", "b.mp4"], {"labels": [3, "run"]}),
        ("labels", "integers, or all of them words", ["a.mp4"], {"labels": [0.5]}),
        ("labels", "only for a list of paths", "videos", {"labels": [3]}),
        ("prefix", "not for a list of paths", ["a.mp4"], {"prefix": "x"}),
        ("classes", "have no labels", "videos", {"classes": ["run"]}),
        ("split", "train or val", "data", {}),
    ],
)
def test_options_that_do_not_fit_are_refused(
    argument: str, problem: str, videos: Any, how: dict[str, Any], here: Path
) -> None:
    make(here, "videos/a.mp4", "data/train/run/a.mp4", "data/val/run/b.mp4")
    with pytest.raises(ArgumentError, match=f"^{argument} .*{re.escape(problem)}"):
        video_list(videos, **how)


@pytest.mark.parametrize("videos", ["nowhere", "empty", "list.csv", "not_an_index.parquet"])
def test_data_that_is_not_there_is_named(videos: str, here: Path) -> None:
    make(here, "not_an_index.parquet")
    (here / "empty").mkdir()
    with pytest.raises(ClipselectError, match=videos):
        video_list(videos)
