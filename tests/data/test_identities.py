"""Folders of identities: what is read, what is held out, and that nobody stands in both splits."""

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.data.identities import LabelledImages, read_identities
from clipselect.data.splits import held_out
from clipselect.errors import ArgumentError, ClipselectError

Read = tuple[LabelledImages, LabelledImages]
"""Of train and of val."""


def make(root: Path, *files: str) -> Path:
    """Empty files; only names decide here."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def folders(root: Path, names: Sequence[str], each: int = 2) -> Path:
    return make(root, *(f"{name}/{i}.jpg" for name in names for i in range(each)))


def both(*data: Path, shared_names: bool = False) -> Read:
    train, val = (read_identities(data, split, shared_names=shared_names) for split in ("train", "val"))  # type: ignore[arg-type]
    return train, val


def files(images: LabelledImages, root: Path) -> dict[str, list[str]]:
    """Paths relative to `root` by identity."""
    out: dict[str, list[str]] = {name: [] for name in images.identities}
    for path, label in zip(images.paths, images.labels, strict=True):
        out[images.identities[label]].append(os.path.relpath(path, root))
    return out


def refused(data: Sequence[Path], *says: str, split: str = "train", shared_names: bool = False) -> None:
    with pytest.raises(ClipselectError) as caught:
        read_identities(data, split, shared_names=shared_names)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    for text in (str(data[-1]), *says):
        assert text in str(caught.value)


NAMES = [f"p{i:02d}" for i in range(10)]


def test_a_folder_without_images_beside_others_is_refused(tmp_path: Path) -> None:
    people, empty = folders(tmp_path / "people", NAMES), make(tmp_path / "empty", "a/notes.txt")
    refused([people, empty], "empty: holds no images of identities")
    refused([folders(tmp_path / "more", NAMES), people, empty], "empty: holds no images", split="val")
    with pytest.raises(ArgumentError, match=r"^data must name at least one folder"):
        read_identities([], "train")


# --- one data set ----------------------------------------------------------------------------------------------------


def test_folders_of_splits_are_the_splits(tmp_path: Path) -> None:
    folders(tmp_path / "train", ["a", "b", "c"])
    folders(tmp_path / "val", ["d", "e"], each=1)
    train, val = both(tmp_path)
    assert train.identities == ("a", "b", "c") and val.identities == ("d", "e")
    assert train.labels == (0, 0, 1, 1, 2, 2) and val.labels == (0, 1)
    assert files(train, tmp_path)["b"] == ["train/b/0.jpg", "train/b/1.jpg"]


def test_a_test_set_serves_as_val_where_there_is_no_other(tmp_path: Path) -> None:
    folders(tmp_path / "Train", ["a", "b"])
    folders(tmp_path / "test", ["c", "d"])
    assert [split.identities for split in both(tmp_path)] == [("a", "b"), ("c", "d")]


@pytest.mark.parametrize("root", [".", "train"])
def test_without_val_a_fifth_of_the_identities_is_held_out(tmp_path: Path, root: str) -> None:
    folders(tmp_path / root, NAMES, each=3)
    train, val = both(tmp_path)
    assert set(val.identities) == held_out(NAMES) and len(val.identities) == 2
    assert set(train.identities) | set(val.identities) == {*NAMES} and len(train.paths) == 24


def test_all_images_below_a_folder_are_of_its_identity(tmp_path: Path) -> None:
    make(tmp_path, "train/a/1.JPG", "train/a/deep/er/2.png", "train/a/deep/3.webp", "train/b/1.bmp", "train/b/2.tiff")
    make(tmp_path, "train/a/notes.txt", "train/a/.hidden.jpg", "train/.cache/x.jpg", "train/empty/x.txt", "train/x.md")
    folders(tmp_path / "val", ["c", "d"])
    found = files(both(tmp_path)[0], tmp_path)
    assert found == {
        "a": ["train/a/1.JPG", "train/a/deep/3.webp", "train/a/deep/er/2.png"],
        "b": ["train/b/1.bmp", "train/b/2.tiff"],
    }


def test_flat_names_as_market_1501_has_them(tmp_path: Path) -> None:
    data = make(tmp_path / "market", *(f"{i:04d}_c{c}s1_000151_0{c}.jpg" for i in range(1, 11) for c in (1, 2)))
    make(data, "-1_c1s1_0001.jpg", "-1_c2s1_0002.jpg", "readme_first.txt", "nounderscore.jpg")
    train, val = both(data)
    assert set(train.identities) | set(val.identities) == {f"{i:04d}" for i in range(1, 11)}
    assert len(train.paths) == 16 and len(val.paths) == 4
    assert all(Path(path).name.startswith(name) for name, paths in files(val, data).items() for path in paths)


def test_junk_of_market_and_mars_is_nobody(tmp_path: Path) -> None:
    folders(tmp_path / "train", [*NAMES, "00-1", "-1"])
    folders(tmp_path / "val", ["x", "y", "00-1"])
    assert [split.identities for split in both(tmp_path)] == [tuple(NAMES), ("x", "y")]


def test_files_and_a_folder_of_one_name_are_one_identity(tmp_path: Path) -> None:
    folders(tmp_path / "train", ["a", "b"])
    make(tmp_path, "train/a_1.jpg", "val/c/1.jpg", "val/d/1.jpg")
    assert files(both(tmp_path)[0], tmp_path)["a"] == ["train/a/0.jpg", "train/a/1.jpg", "train/a_1.jpg"]


def test_who_stands_in_both_folders_of_splits_is_val_with_all_images(tmp_path: Path) -> None:
    folders(tmp_path / "train", ["a", "b", "both"])
    folders(tmp_path / "val", ["c", "both"])
    train, val = both(tmp_path)
    assert train.identities == ("a", "b") and val.identities == ("both", "c")
    assert len(files(val, tmp_path)["both"]) == 4


def test_names_that_are_not_utf_8_are_names(tmp_path: Path) -> None:
    strange = os.fsdecode(b"caf\xe9")
    folders(tmp_path / "train", ["a", strange])
    folders(tmp_path / "val", ["c", "é"])
    train, val = both(tmp_path)
    assert train.identities == ("a", strange) and val.identities == ("c", "é")


def test_links_are_followed_but_never_in_a_circle(tmp_path: Path) -> None:
    elsewhere = make(tmp_path / "elsewhere", "1.jpg")
    data = folders(tmp_path / "data" / "train", ["a", "b"])
    folders(tmp_path / "data" / "val", ["c", "d"])
    (data / "linked").symlink_to(elsewhere)
    for place, target in (("a/self", "."), ("a/up", ".."), ("a/far", "../../.."), ("around", "."), ("b/other", "../a")):
        (data / place).symlink_to(target)
    found = files(both(tmp_path / "data")[0], data)
    assert found == {
        "a": ["a/0.jpg", "a/1.jpg"],
        "b": ["b/0.jpg", "b/1.jpg", "b/other/0.jpg", "b/other/1.jpg"],
        "linked": ["linked/1.jpg"],
    }


# --- several data sets -----------------------------------------------------------------------------------------------


def test_identities_of_two_data_sets_are_never_the_same(tmp_path: Path) -> None:
    one, other = folders(tmp_path / "one", NAMES), folders(tmp_path / "other", NAMES)
    train, val = both(one, other)
    assert len(train.identities) == 16 and len(val.identities) == 4
    assert {name.partition("/")[0] for name in (*train.identities, *val.identities)} == {"one", "other"}
    for name, paths in (files(train, tmp_path) | files(val, tmp_path)).items():
        assert all(path.startswith(f"{name}/") for path in paths) and len(paths) == 2


def test_nor_are_those_of_data_sets_of_the_same_name(tmp_path: Path) -> None:
    data = [folders(tmp_path / name / "faces", NAMES) for name in ("one", "other")]
    train, val = both(*data)
    assert len(train.identities) == 16 and len(val.identities) == 4
    assert all(len(paths) == 2 for paths in files(train, tmp_path).values())


def test_with_shared_names_they_are_and_who_is_held_out_of_one_is_held_out_of_all(tmp_path: Path) -> None:
    mars = folders(tmp_path / "mars" / "train", ["0001", "0002", "0003"])
    folders(tmp_path / "mars" / "val", ["0004", "0005"])
    market = make(tmp_path / "market", *(f"{i:04d}_c1.jpg" for i in range(1, 11)))
    train, val = both(mars.parent, market, shared_names=True)
    alone = held_out(f"{i:04d}" for i in range(1, 11))
    assert set(val.identities) == {"0004", "0005"} | alone
    assert len(files(val, tmp_path)["0004"]) == 3
    assert set(train.identities) == {f"{i:04d}" for i in range(1, 11)} - set(val.identities)


PEOPLE = st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=8, unique=True)
DATA_SET = st.fixed_dictionaries({"train": PEOPLE}, optional={"val": PEOPLE}) | st.fixed_dictionaries({".": PEOPLE})


@given(st.lists(DATA_SET, min_size=1, max_size=3), st.booleans())
def test_nobody_stands_in_both_splits(sets: list[Mapping[str, list[str]]], shared: bool) -> None:
    with TemporaryDirectory() as root:
        data = [Path(root) / f"set{i}" for i in range(len(sets))]
        for folder, parts in zip(data, sets, strict=True):
            for part, names in parts.items():
                folders(folder / part, names, each=1)
        found = []
        for split in ("train", "val"):
            try:
                found.append(files(read_identities(data, split, shared_names=shared), Path(root)))  # type: ignore[arg-type]
            except ClipselectError as e:
                assert "identit" in str(e)
                found.append({})
    people = [
        {(p if shared else i.split("/")[0] + p) for i, p in map(_person, itertools.chain(*f.values()))} for f in found
    ]
    assert not people[0] & people[1] and not {*found[0]} & {*found[1]}
    if all(found):
        written = sum(len(names) for parts in sets for names in parts.values())
        paths = [path for split in found for identity in split.values() for path in identity]
        assert len(paths) == len({*paths}) == written
        for split in found:
            for identity, names in split.items():
                assert {_person(path)[1] for path in names} == {identity[-1]}


def _person(path: str) -> tuple[str, str]:
    """Data set and name."""
    return path.partition("/")[0], Path(path).parent.name


# --- errors ----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    refused([tmp_path / "none"], "no such folder")
    file = make(tmp_path, "file.jpg") / "file.jpg"
    refused([file], "no such folder")
    empty = tmp_path / "empty"
    empty.mkdir()
    refused([empty], "no images of identities for train", "give a folder of images per identity")
    refused([folders(tmp_path / "one", ["a"])], "only one identity, 'a', for train")
    few = folders(tmp_path / "few", ["a", "b", "c"])
    refused([few], "only one identity", "for val", split="val")
    refused([folders(tmp_path / "data_test", NAMES)], "test")
    refused([few, tmp_path / "empty" / ".." / "few"], "given twice")
    refused([few, few], "given twice", shared_names=True)


@pytest.mark.parametrize("name", ["bbox_train", "bounding_box_train"])
def test_the_root_of_mars_or_market_is_not_taken_for_identities(tmp_path: Path, name: str) -> None:
    for folder in (name, name.replace("train", "test"), "query"):
        folders(tmp_path / folder, NAMES)
    with pytest.raises(ClipselectError, match=f"{name}: is named like a split, not like an identity; give that folder"):
        read_identities([tmp_path], "train")
    assert len(read_identities([tmp_path / name], "train").identities) == 8


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders(tmp_path, NAMES)
    original = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("p03"):
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(ClipselectError, match=r"p03: cannot be read \(Permission denied\); check its permissions"):
        read_identities([tmp_path], "train")
