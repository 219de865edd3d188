"""Videos without labels: where they come from, and which of them are held out."""

from pathlib import Path

import pytest
from helpers.data_folders import make, write_list

from clipselect.data.splits import held_out
from clipselect.data.unlabelled import read_unlabelled, read_unlabelled_split
from clipselect.errors import ClipselectError


def test_videos_without_labels_come_from_folders_lists_and_single_files(here: Path) -> None:
    make(here, "v/b.mp4", "v/a/c.mp4", "v/f/1.jpg")
    write_list(here, "v/b.mp4 3", "gone.mp4 4", "v/b.mp4 5")
    folder, lines, one = (read_unlabelled(Path(name)) for name in ("v", "list.csv", "v/b.mp4"))
    assert [v.path for v in folder.videos] == ["v/a/c.mp4", "v/b.mp4", "v/f"]
    assert {v.labels for v in folder.videos} == {()} and (folder.name, folder.classes) == ("v", ())
    assert ([v.path for v in lines.videos], lines.missing) == (["v/b.mp4"], ("gone.mp4",))
    assert [v.path for v in one.videos] == ["v/b.mp4"]
    write_list(here, "b.mp4", name="other.txt")
    assert [v.path for v in read_unlabelled(here / "other.txt", prefix=Path("v")).videos] == ["v/b.mp4"]


def test_nothing_without_labels_is_refused(here: Path) -> None:
    write_list(here, "gone.mp4", "gone2.mp4")
    for data, says in (
        ("nowhere", "^nowhere: no such file or folder; check the path$"),
        (
            "list.csv",
            "^list.csv: was read as a list.* none of the 2 files it lists is there, such as gone.mp4; give .*prefix",
        ),
        (".", "a folder without videos or images"),
    ):
        with pytest.raises(ClipselectError, match=says):
            read_unlabelled(Path(data))


def names(data: Path, most_held_out: int = 99) -> tuple[list[str], list[str]]:
    """Of training and of held-out videos, relative to the folder."""
    train, val = read_unlabelled_split(data, most_held_out=most_held_out)
    inside = [[Path(video.path).relative_to(data).as_posix() for video in part.videos] for part in (train, val)]
    return inside[0], inside[1]


def test_folders_of_splits_are_the_splits(here: Path) -> None:
    make(here, "train/a.mp4", "train/x/b.mp4", "test/c.mp4")
    assert names(here) == (["train/a.mp4", "train/x/b.mp4"], ["test/c.mp4"])


def test_of_every_folder_a_fifth_is_held_out_as_of_a_class(here: Path) -> None:
    videos = [f"{folder}/{i}.mp4" for folder in "ab" for i in range(10)]
    make(here, *videos)
    train, val = names(here)
    assert {*val} == held_out(videos[:10]) | held_out(videos[10:]) and sorted([*train, *val]) == videos


def test_of_videos_without_folders_a_fifth_is_held_out(here: Path) -> None:
    videos = [f"{i}.mp4" for i in range(10)]
    make(here, *videos)
    train, val = names(here)
    assert {*val} == held_out(videos) and sorted([*train, *val]) == videos


@pytest.mark.parametrize("most", [0, 1, 3, 4])
def test_no_more_are_held_out_than_asked_for_and_none_is_lost(here: Path, most: int) -> None:
    videos = [f"{folder}/{i}.mp4" for folder in "abcd" for i in range(5)]
    make(here, *videos)
    train, val = names(here, most)
    assert len(val) == min(most, 4) or (most == 3 and 0 < len(val) <= 3)
    assert sorted([*train, *val]) == videos


def test_a_single_video_cannot_be_split(here: Path) -> None:
    make(here, "a.mp4")
    with pytest.raises(ClipselectError, match="one video is too little"):
        read_unlabelled_split(here, most_held_out=9)
