"""Templates of IJB as published, on made-up files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.frame_fixtures import noise

from clipselect.errors import ClipselectError, ImageError
from clipselect.evaluation.sets import ijb

COLUMNS = "TEMPLATE_ID,SUBJECT_ID,FILE,MEDIA_ID,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT"


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines))
    return path


def ijbc_files(folder: Path) -> Path:
    text(folder / "meta/ijbc_face_tid_mid.txt", "1.jpg 5 100", "2.jpg 5 100", "3.jpg 5 7", "4.jpg 8 9", "5.jpg 9 1")
    text(folder / "meta/ijbc_template_pair_label.txt", "5 8 1", "5 9 0")
    return folder


def test_ijbc_templates_media_and_identities(tmp_path: Path) -> None:
    sets = ijb.ijbc(ijbc_files(tmp_path))
    assert sets.groups == [[0, 1, 2], [3], [4]] and sets.paths[3] == str(tmp_path / "loose_crop/4.jpg")
    assert sets.media is not None and sets.media.tolist() == [100, 100, 7, 9, 1]
    assert sets.identities == ["0", "0", "1"]  # what a pair calls the same is one identity
    assert sets.rounds[0].same.tolist() == [True, False] and sets.crop is None
    upright = "30 40 70 40 50 60 35 80 65 80"
    text(tmp_path / "meta/ijbc_name_5pts_score.txt", *(f"{i}.jpg {upright} 0.9" for i in range(1, 6)))
    aligned = ijb.ijbc(tmp_path)
    assert aligned.crop is not None and aligned.crop(noise(90, 110), 2).shape == (112, 112, 3)


@pytest.mark.parametrize(
    ("file", "lines", "says"),
    [
        ("ijbc_face_tid_mid.txt", ["1.jpg 5"], "line 1: needs a file, a template and a medium"),
        ("ijbc_template_pair_label.txt", ["5 77 1"], "line 1: names template 77, which has no face"),
        ("ijbc_template_pair_label.txt", ["5 8 2"], "line 1: needs two templates and 1 or 0"),
        ("ijbc_name_5pts_score.txt", ["1.jpg 1 2 3"], "line 1: needs a file and x and y of five points"),
        ("ijbc_name_5pts_score.txt", ["1.jpg nan 2 3 4 5 6 7 8 9 10 .9"], "line 1: has points that are not finite"),
        ("ijbc_name_5pts_score.txt", ["1.jpg 1 2 3 4 5 6 7 8 9 10 .9"], "has no points of 2.jpg"),
        ("other_face_tid_mid.txt", [""], "needs one file"),
    ],
)
def test_ijbc_files_that_are_wrong(tmp_path: Path, file: str, lines: list[str], says: str) -> None:
    text(ijbc_files(tmp_path) / "meta" / file, *lines)
    with pytest.raises(ClipselectError, match=says):
        ijb.ijbc(tmp_path)


def ijba_files(folder: Path, change: Callable[[str], str] = str) -> Path:
    for split in (1, 2):
        lines = ["1,80,img/1.jpg,4,1,10,0,20,30", "1,80,frame/2.png,5,2,0,0,5,5", "2,80,img/3.jpg,6,3,1,1,9,9"]
        lines += ["3,81,img/4.jpg,7,4,-3,-3,9,9"]
        text(folder / f"split{split}/verify_metadata_{split}.csv", *map(change, [COLUMNS, *lines]))
        text(folder / f"split{split}/verify_comparisons_{split}.csv", "1,2", "1,3")
    return folder


def test_ijba_splits_boxes_and_subjects(tmp_path: Path) -> None:
    sets = ijb.ijba(ijba_files(tmp_path))
    assert [len(g) for g in sets.groups] == [2, 1, 1] * 2 and sets.identities == ["80", "80", "81"] * 2
    assert [(p.first.tolist(), p.second.tolist()) for p in sets.rounds] == [([0, 0], [1, 2]), ([3, 3], [4, 5])]
    assert [p.same.tolist() for p in sets.rounds] == [[True, False]] * 2
    assert sets.media is not None and len({*sets.media.tolist()}) == 4
    image = noise(40, 50)
    assert sets.crop is not None and np.array_equal(sets.crop(image, 0), image[0:30, 10:30])
    assert np.array_equal(sets.crop(image, 3), image[:6, :6])  # a box that begins outside
    with pytest.raises(ImageError, match="lies beside its image"):
        sets.crop(noise(9, 9), 0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda line: line.replace("MEDIA_ID", "M"), "the column MEDIA_ID is missing"),
        (lambda line: line.replace("-3,-3,9,9", "-3,-3,0,9"), "line 5: has an empty box"),
        (lambda line: line.replace("10,0,20", "x,0,20"), "line 2: has a box that is no number"),
        (lambda line: line.replace("10,0,20", "10,0,nan"), "metadata_1.csv, line 2: has a box that is not finite"),
        (lambda line: line.replace("10,0,20", "inf,0,20"), "line 2: has a box that is not finite"),
        (lambda line: line.replace("3,81", "4,81"), "comparisons_1.csv, line 2: names template 3"),
        (lambda line: "1,80" if line.startswith("1,80,f") else line, "too few fields"),
    ],
)
def test_ijba_files_that_are_wrong(tmp_path: Path, change: Callable[[str], str], says: str) -> None:
    with pytest.raises(ClipselectError, match=says):
        ijb.ijba(ijba_files(tmp_path, change))


def test_a_folder_that_is_not_ijb(tmp_path: Path) -> None:
    with pytest.raises(ClipselectError, match="holds no verify_metadata_N"):
        ijb.ijba(tmp_path)
