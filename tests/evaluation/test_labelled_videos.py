"""Which output of a base is which class of the data."""

import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning
from clipselect.evaluation.clip_tables import Networks
from clipselect.evaluation.labelled_videos import labelled_videos
from clipselect.evaluation.synthetic import SyntheticData


def test_a_base_without_names_takes_those_of_the_data(made: SyntheticData, networks: Networks, tmp_path: Path) -> None:
    nameless = replace(networks.base, classes=("0", "1"))
    with pytest.warns(ClipselectWarning, match="no names"):
        dataset, base, named_by = labelled_videos(made.data, nameless)
    assert base.classes == dataset.classes == ("blinking", "moving") and "assumed" in named_by
    with pytest.raises(ArgumentError, match=r"classes must .*the 3 outputs.* has 2 classes"):
        labelled_videos(made.data, replace(networks.base, classes=("0", "1", "2")))


def test_a_file_names_the_outputs_in_its_order(made: SyntheticData, networks: Networks, tmp_path: Path) -> None:
    nameless, names = replace(networks.base, classes=("0", "1")), tmp_path / "names.txt"
    names.write_text("\ufeffmoving\n\nblinking\n", encoding="utf-8")
    dataset, base, named_by = labelled_videos(made.data, nameless, classes=names)
    assert base.classes == dataset.classes == ("moving", "blinking") and named_by.endswith("names.txt")
    names.write_text("moving\nblinking\nresting\n")
    with pytest.raises(ClipselectError, match=r"names.txt: names 3 classes, and the base has 2 outputs"):
        labelled_videos(made.data, nameless, classes=names)


def test_a_base_that_knows_its_classes_keeps_them(made: SyntheticData, networks: Networks) -> None:
    dataset, base, named_by = labelled_videos(made.data, networks.base)
    assert base is networks.base and dataset.classes == base.classes and named_by == "named by the base"


@pytest.mark.parametrize("split", ["", "train/"])
@pytest.mark.parametrize("listed", [False, True])
def test_videos_left_out_where_no_val_is_named_are_counted_and_all_takes_them(
    networks: Networks, tmp_path: Path, split: str, listed: bool
) -> None:
    files = make_files(tmp_path / "videos", [f"{split}{name}/{i}.mp4" for name in NAMES for i in range(10)])
    data = write_list(tmp_path / "list.csv", files, split) if listed else tmp_path / "videos"
    with pytest.warns(
        ClipselectWarning, match=r"no val split: 4 held-out .*16 are left out.*; all_videos takes them, too$"
    ):
        dataset, _, _ = labelled_videos(data, networks.base)
    assert len(dataset.videos) == 4 and dataset.other_split == 16
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset, _, _ = labelled_videos(data, networks.base, all_videos=True)
    assert sorted(video.path for video in dataset.videos) == sorted(map(str, files)) and not dataset.other_split


def test_data_that_names_its_splits_is_val_or_all(networks: Networks, tmp_path: Path) -> None:
    make_files(tmp_path, [f"{split}/{name}/{i}.mp4" for split in ("train", "val") for name in NAMES for i in range(3)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(labelled_videos(tmp_path, networks.base)[0].videos) == 6
        assert len(labelled_videos(tmp_path, networks.base, all_videos=True)[0].videos) == 12
        assert len(labelled_videos(tmp_path / "val", networks.base, all_videos=True)[0].videos) == 6


NAMES = ("blinking", "moving")


def make_files(folder: Path, names: list[str]) -> list[Path]:
    files = [folder / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return files


def write_list(file: Path, videos: list[Path], split: str) -> Path:
    column = ",split" if split else ""
    value = ",train" if split else ""
    lines = [f"{video},{video.parent.name}{value}" for video in videos]
    file.write_text("\n".join([f"path,label{column}", *lines]))
    return file
