"""Sets of faces as data sets publish them, on made-up files."""

from pathlib import Path

import pytest
from helpers.frame_fixtures import noise, people, write

from clipselect.errors import ClipselectError
from clipselect.evaluation.sets import face_sets


def tree(folder: Path, sets: dict[str, int]) -> Path:
    """Folders with so many empty images each."""
    for name, count in sets.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            (folder / name / f"{i}.jpg").touch()
    return folder


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_drawn_sets_of_a_size_are_disjoint_and_of_one_identity(tmp_path: Path) -> None:
    tree(tmp_path, {"a": 9, "b": 8, "c": 4, "d": 3, "e": 1})
    sets = face_sets.drawn_sets(tmp_path, [2, 4], [0, 1])
    twos, fours = [*[("a", 2)] * 4, *[("b", 2)] * 4, *[("c", 2)] * 2], [*[("a", 4)] * 2, *[("b", 4)] * 2]
    assert [(name, len(group)) for name, group in zip(sets.identities, sets.groups, strict=True)] == [
        *twos * 2, *fours * 2
    ]  # fmt: skip
    for start, stop, images in ((0, 10, 20), (10, 20, 20), (20, 24, 16), (24, 28, 16)):
        used = [i for group in sets.groups[start:stop] for i in group]
        assert len({*used}) == len(used) == images
    assert sets.groups[:10] != sets.groups[10:20]
    for name, group in zip(sets.identities, sets.groups, strict=True):
        assert {Path(sets.paths[i]).parent.name for i in group} == {name}
    [(named, why)] = sets.left_out.items()
    assert named == "d and 1 more" and "fewer images than the 4" in why
    assert [(len(p.same), int(p.same.sum()), p.every) for p in sets.rounds] == [(45, 13, True)] * 2 + [(6, 2, True)] * 2
    assert [int(p.first.min()) for p in sets.rounds] == [0, 10, 20, 24]
    alone = face_sets.drawn_sets(tmp_path, [2], [0])
    assert alone.groups == sets.groups[:10] and sets.sizes == [2, 4]
    some = face_sets.drawn_sets(tmp_path, [2, 5], [0])
    assert some.groups == alone.groups and some.sizes == [2] and "0 identities" in some.left_out["sets of 5"]
    with pytest.raises(ClipselectError, match="only 0 identities have images for two sets of 5"):
        face_sets.drawn_sets(tmp_path, [5], [0])


def test_the_val_split_is_what_is_drawn_from(tmp_path: Path) -> None:
    tree(tmp_path, {"train/x": 4, "train/y": 4, "val/a": 4, "val/b": 4})
    assert {*face_sets.drawn_sets(tmp_path, [2], [0]).identities} == {"a", "b"}


def test_youtube_faces_folders_and_pairs(tmp_path: Path) -> None:
    tree(tmp_path, {"Al_B/0": 11, "Al_B/1": 1, "Cy_D/0": 2, "Cy_D/3": 0})
    header = "split number, first name, second name, similarity, is same person"
    pairs = text(tmp_path / "splits.txt", header, "1, Al_B/0, Al_B/1, 0.5, 1", "2, Al_B/1, Cy_D/0, 0")
    sets = face_sets.sets_in_folders(tmp_path, pairs)
    assert sets.identities == ["Al_B", "Al_B", "Cy_D"] and [len(g) for g in sets.groups] == [11, 1, 2]
    names = [Path(sets.paths[i]).name for i in sets.groups[0]]
    assert names[1:3] + names[-1:] == ["1.jpg", "2.jpg", "10.jpg"]  # in the order of the numbers
    (one,) = sets.rounds
    assert (one.first.tolist(), one.second.tolist(), one.same.tolist()) == ([0, 1], [1, 2], [True, False])
    assert one.folds is not None and one.folds.tolist() == [1, 2] and not one.every
    assert sets.left_out == {"Cy_D/3": "holds no image; remove the folder, or fill it"}
    assert len(face_sets.sets_in_folders(tmp_path).rounds[0].same) == 3


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["1, a/0, nobody/7, 0"], r"splits.txt, line 1: names the set nobody/7, which is not there"),
        (["fold, one, other, same", "1, a/0, a/1, yes"], "line 2: needs a fold, two sets and 1 or 0"),
        (["1 a/0 a/1 1"], "line 1: needs a fold"),
        (["1, a/0, a/1, 1"], "needs genuine pairs"),
    ],
)
def test_pairs_that_do_not_fit(tmp_path: Path, lines: list[str], says: str) -> None:
    tree(tmp_path, {"a/0": 1, "a/1": 1, "b/0": 1})
    with pytest.raises(ClipselectError, match=says):
        face_sets.sets_in_folders(tmp_path, text(tmp_path / "splits.txt", *lines))


def test_a_list_of_sets_and_what_is_wrong_with_others(tmp_path: Path) -> None:
    tree(tmp_path, {"v one": 2, "v2": 1, "v3": 1, "v4": 0})
    listed = text(tmp_path / "list.txt", "v one 17", "v2 17", "", "v3 4")
    sets = face_sets.listed_sets(tmp_path, listed)
    assert sets.identities == ["17", "17", "4"] and [len(g) for g in sets.groups] == [2, 1, 1]
    for lines, says in (
        (["v2 1", "v2 2"], "line 2: names v2 a second time"),
        (["v4 1"], "line 1: names v4, a folder without images"),
        (["v9 1"], "line 1: names v9"),
        (["v2"], "line 1: needs a folder of frames and an identity"),
        ([], "names no set"),
        (["v2 1", "v3 2"], "needs two identities, and one with two sets"),
    ):
        with pytest.raises(ClipselectError, match=says):
            face_sets.listed_sets(tmp_path, text(tmp_path / "other.txt", *lines))
    with pytest.raises(ClipselectError, match=r"none.txt: cannot be read"):
        face_sets.listed_sets(tmp_path, tmp_path / "none.txt")


def test_no_sets_at_all(tmp_path: Path) -> None:
    with pytest.raises(ClipselectError, match="holds no IDENTITY/SET/frames"):
        face_sets.sets_in_folders(tmp_path)
    write(people(tmp_path / "p", 1, 1) / "loose.png", noise())
    assert len(face_sets.images_in(tmp_path / "p")) == 1
