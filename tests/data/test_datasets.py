"""Labelled videos from folders of classes, and background."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.data_folders import SPLITS, labelled, make, refused, write_list

from clipselect.data.datasets import has_classes, read_background, read_dataset
from clipselect.data.splits import held_out
from clipselect.errors import ArgumentError, ClipselectError


@pytest.fixture
def kinetics(here: Path) -> Path:
    make(
        here, "train/run/b.mp4", "train/run/a.MKV", "train/jump/deep/er/c.webm", "train/jump/notes.txt",
        "train/run/.hidden.mp4", "train/.git/x.mp4", "val/run/d.mp4", "val/jump/frames/1.jpg", "val/jump/frames/2.jpg",
        "stray.mp4", "LICENCE",
    )  # fmt: skip
    return here


def test_folders_of_splits_and_classes_give_their_videos_sorted_by_path(kinetics: Path) -> None:
    dataset = read_dataset(kinetics, "train")
    assert (dataset.name, dataset.classes, dataset.missing) == ("data", ("jump", "run"), ())
    assert labelled(dataset, kinetics) == {
        "train/jump/deep/er/c.webm": ["jump"], "train/run/a.MKV": ["run"], "train/run/b.mp4": ["run"],
    }  # fmt: skip
    assert [Path(v.path).name for v in dataset.videos] == ["c.webm", "a.MKV", "b.mp4"]
    assert all(v.segments == () and v.label == v.labels[0] for v in dataset.videos)


def test_a_folder_of_frames_is_a_video(kinetics: Path) -> None:
    assert labelled(read_dataset(kinetics, "val"), kinetics) == {"val/jump/frames": ["jump"], "val/run/d.mp4": ["run"]}


@pytest.mark.parametrize("name", ["val", "Validation", "valid", "test"])
def test_held_out_videos_may_lie_in_folders_of_several_names(kinetics: Path, name: str) -> None:
    (kinetics / "val").rename(kinetics / name)
    assert {*labelled(read_dataset(kinetics, "val"), kinetics)} == {f"{name}/jump/frames", f"{name}/run/d.mp4"}


def test_a_test_set_is_not_read_where_there_is_a_val(kinetics: Path) -> None:
    make(kinetics, "test/run/t.mp4")
    assert "test/run/t.mp4" not in labelled(read_dataset(kinetics, "val"), kinetics)


def test_labels_of_both_splits_are_indices_of_the_training_classes(kinetics: Path) -> None:
    make(kinetics, "train/climb/e.mp4")
    train, val = (read_dataset(kinetics, split) for split in SPLITS)
    assert val.classes == train.classes == ("climb", "jump", "run")
    assert [v.labels for v in val.videos] == [(1,), (2,)]


def test_of_a_folder_that_holds_train_alone_a_fifth_of_every_class_is_held_out(here: Path) -> None:
    names = {c: [f"{c}/{i}.mp4" for i in range(10)] for c in "ab"}
    make(here, *(f"train/{name}" for c in "ab" for name in names[c]))
    train, val = (read_dataset(here, split) for split in SPLITS)
    assert {*labelled(val, here / "train")} == held_out(names["a"]) | held_out(names["b"]) and len(val.videos) == 4
    assert {*labelled(train, here / "train")} == {*names["a"], *names["b"]} - {*labelled(val, here / "train")}
    assert val.classes == train.classes == ("a", "b")
    for split, whole in zip(SPLITS, (train, val), strict=True):  # nothing of val is in train if the path is shortened
        assert read_dataset(here / "train", split).videos == whole.videos


def test_a_folder_that_holds_val_alone_is_val(here: Path) -> None:
    make(here, *(f"val/{c}/{i}.mp4" for c in "ab" for i in range(3)))
    assert len(read_dataset(here, "val").videos) == 6
    refused("data: has no folder train; add it", here)


def test_a_path_with_a_trailing_dot_or_a_relative_one_has_the_folders_name(kinetics: Path) -> None:
    assert read_dataset(Path(), "val").name == "data"
    assert [v.path for v in read_dataset(Path(), "val").videos] == ["val/jump/frames", "val/run/d.mp4"]


def test_a_class_may_be_called_train(here: Path) -> None:
    make(here, "train/a.mp4", "train/b.mp4", "car/c.mp4", "car/d.mp4")
    assert read_dataset(here, "train").classes == ("car", "train")


@pytest.mark.parametrize("name", ["val", "test", "ucf_val", "k400.validation"])
def test_data_that_is_val_by_its_name_is_val_as_a_whole(here: Path, name: str) -> None:
    make(here, *(f"{name}/{c}/{i}.mp4" for c in "ab" for i in range(7)))
    assert len(read_dataset(here / name, "val").videos) == 14
    refused("videos only, by its name; give the data that train is in too", here / name)


def test_data_that_is_train_by_its_name_still_has_some_held_out(here: Path) -> None:
    make(here, *(f"train/{c}/{i}.mp4" for c in "ab" for i in range(5)))
    assert [len(read_dataset(here / "train", split).videos) for split in SPLITS] == [8, 2]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (
            ["a.mp4", "b.mp4"],
            "data: its videos lie in it directly; put them into one folder per class .distill --un",
        ),
        (["train/a.mp4"], "train: its videos lie in it directly; put them into one folder per class"),
        (["notes.txt"], "data: there are no videos in it; put them into one folder per class"),
        (["a/1.mp4", "b/notes.txt"], "b: a class without videos; fill the folder or remove it"),
        (["a/1.mp4", "b/1.jpg", "b/2.jpg"], "b: holds images, not videos; put the images of each video"),
        (["a/1.mp4", "a/2.mp4"], "data: only one class, 'a'; give at least two"),
        (["val/a/1.mp4", "val/b/1.mp4"], "data: has no folder train; add it"),
    ],
)
def test_a_folder_that_is_no_data_set_is_refused_and_named(here: Path, names: list[str], says: str) -> None:
    make(here, *names)
    refused(says, here)


def test_a_split_without_videos_is_refused(here: Path) -> None:
    make(here, "a/1.mp4", "b/1.mp4")
    assert len(read_dataset(here, "train").videos) == 2
    refused("data: has no videos for val, since no class has two videos; add some", here, "val")


def test_images_beside_the_videos_of_a_class_are_no_video(here: Path) -> None:
    make(here, "train/a/1.mp4", "train/a/thumbnail.jpg", "train/b/2.mp4")
    assert {*labelled(read_dataset(here, "train"), here)} == {"train/a/1.mp4", "train/b/2.mp4"}


def test_a_class_in_val_but_not_in_train_is_refused(kinetics: Path) -> None:
    make(kinetics, "val/fly/x.mp4")
    refused("data: class 'fly' is in val but not in train; add training videos, or leave out", kinetics, "val")


@pytest.mark.parametrize("data", ["nowhere", "nowhere.csv", "nowhere.json"])
def test_a_path_that_does_not_exist_is_refused(here: Path, data: str) -> None:
    refused(f"^{data}: no such file or folder; check the path$", data)


def test_a_file_that_is_no_data_set_is_refused(here: Path) -> None:
    make(here, "a.mp4")
    refused(r"a.mp4: is no data set; give a folder of classes, a list", "a.mp4")


def test_a_prefix_for_a_folder_and_a_split_of_another_name_are_refused(kinetics: Path) -> None:
    refused("data: is a folder, and a prefix is for lists and JSON", kinetics, prefix=kinetics)
    refused("split must be train or val, got 'test'", kinetics, "test")


def test_a_class_that_is_not_utf8_is_refused(kinetics: Path) -> None:
    make(kinetics, os.fsdecode(b"train/\xff/a.mp4"))
    refused(r"the class '\\udcff' is not UTF-8; rename it", kinetics)


def test_given_classes_keep_their_order_and_may_be_more_than_the_datas(kinetics: Path) -> None:
    dataset = read_dataset(kinetics, "val", classes=["run", "swim", "jump"])
    assert dataset.classes == ("run", "swim", "jump")
    assert [v.labels for v in dataset.videos] == [(2,), (0,)]
    shutil.rmtree(kinetics / "val" / "run")
    assert len(read_dataset(kinetics, "val", classes=["run", "jump"]).videos) == 1


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        ("jump", "class 'run' is not among the 1 classes of the base"),
        ("", "classes 'climb', 'jump', 'run' are not among"),
    ],
)
def test_classes_that_a_base_lacks_are_refused_and_named(kinetics: Path, classes: str, says: str) -> None:
    if not classes:
        make(kinetics, "train/climb/a.mp4")
    refused(says, kinetics, classes=classes.split())


def test_at_most_three_of_the_classes_that_a_base_lacks_are_named(here: Path) -> None:
    make(here, *(f"{c}/{i}.mp4" for c in "abcdef" for i in range(2)))
    refused("classes 'b', 'c', 'd' and 2 more are not among the 2 classes of the base", here, classes=["a", "z"])


def relative(domains: dict[str, list[str]], root: Path) -> dict[str, list[str]]:
    return {name: [Path(path).relative_to(root).as_posix() for path in paths] for name, paths in domains.items()}


def test_background_comes_by_domain(here: Path) -> None:
    make(here, "train/street/b.mp4", "train/street/a.mp4", "train/dark/f/1.jpg", "val/street/c.mp4", "train/loose.mp4")
    make(here, "train/traffic/clip.mp4", "train/traffic/thumbnail.jpg", "train/frames/1.jpg")
    assert relative(read_background(here, "train"), here) == {
        "dark": ["train/dark/f"],
        "data": ["train/frames", "train/loose.mp4"],
        "street": ["train/street/a.mp4", "train/street/b.mp4"],
        "traffic": ["train/traffic/clip.mp4"],
    }
    assert relative(read_background(here, "val"), here) == {"street": ["val/street/c.mp4"]}


@pytest.mark.parametrize("folder", ["", "street/"])
@pytest.mark.parametrize("train", ["", "train/"])
def test_background_without_val_is_held_out_like_the_rest(here: Path, folder: str, train: str) -> None:
    names = [f"{folder}{i}.mp4" for i in range(10)]
    make(here / train, *names)
    domain = folder[:-1] or "data"
    train, val = (relative(read_background(here, split), here / train)[domain] for split in SPLITS)
    assert {*val} == held_out(names) and {*train} == {*names} - {*val} and val == sorted(val)


@pytest.mark.parametrize(
    ("names", "split", "says"),
    [
        (["notes.txt"], "train", "has no background videos for train; add some"),
        (["a/1.mp4"], "val", "has no background videos for val; add some"),
        (["a/1.mp4", "b/notes.txt"], "train", "b: a domain without videos"),
        (["val/a/1.mp4"], "train", "has no folder train"),
    ],
)
def test_background_that_is_not_there_is_refused(here: Path, names: list[str], split: Any, says: str) -> None:
    make(here, *names)
    with pytest.raises(ClipselectError, match=re.escape(says)):
        read_background(here, split)
    with pytest.raises(ClipselectError, match="nowhere: no such folder; give a folder of background videos"):
        read_background(here / "nowhere", split)


def test_all_of_data_without_splits_is_read_when_no_split_is_asked_for(kinetics: Path) -> None:
    make(kinetics, *(f"train/jump/{i}.mp4" for i in range(9)))
    dataset = read_dataset(kinetics / "train", None)
    assert (len(dataset.videos), dataset.classes) == (12, ("jump", "run"))
    shutil.rmtree(kinetics / "train/jump")
    assert read_dataset(kinetics / "train", None).classes == ("run",)


def test_data_with_splits_is_not_mixed_when_no_split_is_asked_for(kinetics: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"^split must be train or val, since .*data has splits"):
        read_dataset(kinetics, None)
    lines = ["path,label,split", "train/run/a.MKV,run,train", "val/run/d.mp4,run,val"]
    with pytest.raises(ArgumentError, match=r"^split must be"):
        read_dataset(write_list(kinetics, *lines), None)
    assert len(read_dataset(write_list(kinetics, *lines[:2]), None).videos) == 1


def test_all_of_a_list_is_read_when_no_split_is_asked_for(kinetics: Path) -> None:
    dataset = read_dataset(write_list(kinetics, "train/run/a.MKV 3", "train/run/b.mp4 7", "gone.mp4 7"), None)
    assert [video.label for video in dataset.videos] == [0, 1]
    assert (dataset.classes, dataset.missing) == (("3", "7"), ("gone.mp4",))
    refused("none of its 1 listed files is there", write_list(kinetics, "gone.mp4 3"), split=None)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["run/a.mp4", "jump/b.mp4"], True),
        (["run/a/1.jpg"], True),
        (["a.mp4", "b.mp4"], False),
        (["a.mp4", "run/b.mp4"], False),
        (["a/1.jpg", "b/1.jpg"], False),
        (["1.jpg"], False),
        (["notes/a.txt"], False),
    ],
)
def test_whether_videos_lie_in_folders_of_classes(files: list[str], expected: bool, here: Path) -> None:
    make(here, *files)
    assert has_classes(here) is expected
