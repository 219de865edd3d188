"""Tracklets of every layout, from empty files: their names say it all."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from helpers.frame_fixtures import textured, write
from hypothesis import given
from hypothesis import strategies as st

from clipselect.data.tracklets import LAYOUTS, Layout, Name, Tracklet, query_and_gallery, read_tracklets
from clipselect.errors import ClipselectError
from clipselect.evaluation.metrics.retrieval import retrieval


def touch(folder: Path, names: Iterable[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def described(tracklets: Iterable[Tracklet]) -> list[tuple[Name, Name | None, Name, list[str]]]:
    return [(t.identity, t.camera, t.track, [p.name for p in t.paths]) for t in tracklets]


MARS = ("0007/0007C2T0003F002.jpg", "0007/0007C2T0003F001.jpg", "0007/0007C1T0001F010.jpg", "0000/0000C1T0001F001.jpg",
        "00-1/00-1C1T0001F001.jpg")  # fmt: skip
MARKET = ("0002_c1s1_000451_03.jpg", "0002_c1s1_000051_01.jpg", "0002_c1s2_000001_01.jpg", "-1_c3s1_000001_02.jpg",
          "0000_c6s3_000001_00.jpg.jpg")  # fmt: skip
ILIDS = ("cam1/person002/cam1_person002_00320.png", "cam2/person002/cam2_person002_00011.png",
         "cam1/person002/cam1_person002_00317.png")  # fmt: skip
PRID = ("cam_a/person_0001/0002.png", "cam_a/person_0001/0001.png", "cam_b/person_0749/0001.png")
FOLDERS = ("ann/cam2/t10/f10.jpg", "ann/cam2/t10/f9.jpg", "ann/cam2/t9/f1.jpg", "bob/t1/f1.png", "cy/f1.webp")


@pytest.mark.parametrize(
    ("layout", "files", "expected"),
    [
        ("mars", MARS, [
            (-1, 1, 1, ["00-1C1T0001F001.jpg"]), (0, 1, 1, ["0000C1T0001F001.jpg"]), (7, 1, 1, ["0007C1T0001F010.jpg"]),
            (7, 2, 3, ["0007C2T0003F001.jpg", "0007C2T0003F002.jpg"])]),
        ("market1501", MARKET, [
            (-1, 3, 1, ["-1_c3s1_000001_02.jpg"]), (0, 6, 3, ["0000_c6s3_000001_00.jpg.jpg"]),
            (2, 1, 1, ["0002_c1s1_000051_01.jpg", "0002_c1s1_000451_03.jpg"]), (2, 1, 2, ["0002_c1s2_000001_01.jpg"])]),
        ("ilids-vid", ILIDS, [
            ("person002", "cam1", 1, ["cam1_person002_00317.png", "cam1_person002_00320.png"]),
            ("person002", "cam2", 1, ["cam2_person002_00011.png"])]),
        ("prid2011", PRID, [
            ("person_0001", "cam_a", 1, ["0001.png", "0002.png"]), ("person_0749", "cam_b", 1, ["0001.png"])]),
        ("folders", FOLDERS, [
            ("ann", "cam2", "t9", ["f1.jpg"]), ("ann", "cam2", "t10", ["f9.jpg", "f10.jpg"]),
            ("bob", None, "t1", ["f1.png"]), ("cy", None, ".", ["f1.webp"])]),
    ],
)  # fmt: skip
def test_every_layout_is_recognised_and_read(
    layout: Layout, files: tuple[str, ...], expected: list[object], tmp_path: Path
) -> None:
    found = read_tracklets(touch(tmp_path, files))
    assert found.layout == layout and found.skipped == ()
    assert described(found.tracklets) == expected
    assert read_tracklets(str(tmp_path), layout) == found


def test_one_folder_of_frames_is_one_tracklet(tmp_path: Path) -> None:
    touch(tmp_path / "ann", ["2.jpg", "10.jpg", "1.jpg"])
    assert described(read_tracklets(tmp_path / "ann").tracklets) == [("ann", None, ".", ["1.jpg", "2.jpg", "10.jpg"])]


def test_a_part_of_a_published_set_is_recognised_by_the_folders_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "sequences", ILIDS)
    monkeypatch.chdir(tmp_path / "sequences" / "cam1" / "person002")
    found = read_tracklets(".")
    assert found.layout == "ilids-vid" and [t.camera for t in found.tracklets] == ["cam1"]


def test_links_are_followed_but_not_in_a_circle_and_hidden_files_passed_over(tmp_path: Path) -> None:
    touch(tmp_path / "a", ["ann/c/t/1.jpg", "ann/c/t/.2.jpg", ".bob/c/t/1.jpg", "ann/c/t/notes.txt"])
    touch(tmp_path / "b", ["c/t/1.jpg"])
    (tmp_path / "a" / "zoe").symlink_to(tmp_path / "b")
    (tmp_path / "a" / "ann" / "again").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "ann" / "c" / "t" / "gone.jpg").symlink_to("nowhere.jpg")
    found = described(read_tracklets(tmp_path / "a").tracklets)
    assert found == [("ann", "c", "t", ["1.jpg"]), ("zoe", "c", "t", ["1.jpg"])]


def test_a_name_that_does_not_parse_is_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    touch(tmp_path, [*MARS, "0007/0007-front.jpg"])
    found = read_tracklets(tmp_path)
    assert found.layout == "mars" and len(found.tracklets) == 4
    (skipped,) = found.skipped
    assert skipped.startswith(f"{tmp_path}/0007/0007-front.jpg: is not named like 0718C3T0010F004.jpg")


@pytest.mark.parametrize(
    ("files", "layout", "says"),
    [
        ([], None, "a folder without images"),
        (["a.txt"], None, "a folder without images"),
        (FOLDERS, "mars", "not one of its images is named like 0718C3T0010F004.jpg"),
        (FOLDERS, "prid2011", "not one of its images is named like cam_a/person_0001/0001.png"),
        (["train/ann/1.jpg", "val/bob/1.jpg"], None, "holds splits (train, val)"),
        (MARS, "duke", f"layout must be one of {', '.join(LAYOUTS)}, got duke"),
    ],
)
def test_what_makes_no_sense_is_refused(files: list[str], layout: Layout | None, says: str, tmp_path: Path) -> None:
    with pytest.raises(ClipselectError) as error:
        read_tracklets(touch(tmp_path, files), layout)
    assert says in str(error.value)


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClipselectError, match="nowhere: no such folder"):
        read_tracklets(tmp_path / "nowhere")


def tracklet(identity: Name, camera: Name | None, track: Name) -> Tracklet:
    return Tracklet(identity, camera, track, (Path(f"{identity}/{camera}/{track}.jpg"),))


SCENE = [
    tracklet(7, 1, 10), tracklet(7, 1, 9), tracklet(7, 2, 1), tracklet(8, 1, 1), tracklet(-1, 1, 1), tracklet(0, 1, 1),
]  # fmt: skip


def test_one_query_for_every_identity_and_camera() -> None:
    split = query_and_gallery(SCENE)
    assert split.queries.tolist() == [1, 2, 3] and split.gallery.tolist() == [0, 1, 2, 3, 5] and split.unmatched == 1


@given(order=st.permutations(range(len(SCENE))))
def test_the_split_does_not_depend_on_the_order(order: list[int]) -> None:
    split = query_and_gallery([SCENE[i] for i in order])
    assert sorted(order[i] for i in split.queries) == [1, 2, 3]
    assert sorted(order[i] for i in split.gallery) == [0, 1, 2, 3, 5] and split.unmatched == 1


def test_an_unknown_camera_is_one_of_its_own() -> None:
    split = query_and_gallery([tracklet("a", None, "1"), tracklet("a", None, "2"), tracklet("b", None, "1")])
    assert split.queries.tolist() == [0, 1, 2] and split.unmatched == 1 and len(set(split.cameras)) == 3


def test_the_retrieval_excludes_what_has_no_match_and_nothing_finds_itself() -> None:
    split = query_and_gallery(SCENE)
    features = np.array([[0.0, 1], [1, 0], [1, 0.1], [5, 5], [1, 0], [1, 0.05]])
    q, g = split.queries, split.gallery
    ids, cameras = split.identities, split.cameras
    found = retrieval(
        features[q], features[g], [ids[i] for i in q], [cameras[i] for i in q], [ids[i] for i in g],
        [cameras[i] for i in g],
    )  # fmt: skip
    assert found.excluded == split.unmatched == 1
    assert found.first_match.tolist() == [2, 2]  # behind the distractor


@pytest.mark.parametrize(("folder", "layout"), [("mars/val", "mars"), ("market1501_train", "market1501")])
def test_real_names(folder: str, layout: Layout, shared: Path) -> None:
    found = read_tracklets(shared / "reid" / folder)
    assert found.layout == layout and found.skipped == () and len(found.tracklets) > 300
    assert query_and_gallery(found.tracklets).unmatched < len(found.tracklets) / 10


def test_stills_beside_the_sequences_of_ilids_are_not_mixed_into_them(tmp_path: Path) -> None:
    for part, name in (("images", "cam1_person001.png"), ("sequences", "cam1_person001_00317.png")):
        write(tmp_path / part / "cam1" / "person001" / name, textured(1, 1))
    with pytest.raises(ClipselectError, match=r"a tracklet is both in .*images.* and in .*sequences.*; give one of"):
        read_tracklets(tmp_path)
    assert len(read_tracklets(tmp_path / "sequences").tracklets[0].paths) == 1
