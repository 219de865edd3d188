"""Labelled videos from the CSVs of Kinetics and the JSON of ActivityNet as they are published."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from helpers.data_folders import SPLITS, labelled, make, refused, write_list

from clipselect.data.datasets import LabelledVideo, Segment, read_dataset

PUBLISHED = (
    "label,youtube_id,time_start,time_end,split,is_cc",
    "riding a bike,--a_b,7,17,train,0",
    "riding a bike,cdef,10,20,train,0",
    "abseiling,cdef,100,110,train,0",
    "abseiling,gone,0,10,train,0",
    "abseiling,val1,0,10,validate,0",
)


@pytest.mark.parametrize("layout", ["{}", "{label}/{}", "k700/train/{label}/{}"])
def test_kinetics_csv_finds_the_cut_clips_flat_or_in_folders(here: Path, layout: str) -> None:
    clips = {"--a_b_000007_000017.mkv": "riding_a_bike", "cdef_000010_000020.mp4": "x", "cdef_000100_000110.mp4": "y"}
    make(here / "videos", *(layout.format(name, label=label) for name, label in clips.items()), "unrelated.mp4")
    dataset = read_dataset(write_list(here, *PUBLISHED), "train", prefix=here / "videos")
    assert dataset.classes == ("abseiling", "riding a bike")
    assert [(Path(v.path).name, v.label) for v in dataset.videos] == [
        ("--a_b_000007_000017.mkv", 1),
        ("cdef_000010_000020.mp4", 1),
        ("cdef_000100_000110.mp4", 0),
    ]
    assert all(v.segments == () for v in dataset.videos)  # the file is the clip
    assert dataset.missing == ("gone_000000_000010",)


def test_kinetics_csv_takes_whole_uploads_with_their_segments(here: Path) -> None:
    make(here, "cdef.webm", "--a_b/1.jpg")
    dataset = read_dataset(write_list(here, *PUBLISHED), "train")
    assert [(Path(v.path).name, v.labels, v.segments) for v in dataset.videos] == [
        ("--a_b", (1,), (Segment(7, 17, 1),)),
        ("cdef.webm", (1, 0), (Segment(10, 20, 1), Segment(100, 110, 0))),
    ]


def test_of_files_of_one_name_the_one_in_the_folder_of_the_class_is_taken_or_else_the_first(here: Path) -> None:
    make(here, "abseiling/cdef.mp4", "riding_a_bike/cdef.mp4", "aaa/cdef.mp4", "two/--a_b.mp4", "one/--a_b.mp4")
    dataset = read_dataset(write_list(here, *PUBLISHED), "train")
    assert [*labelled(dataset, here)] == ["one/--a_b.mp4", "riding_a_bike/cdef.mp4", "abseiling/cdef.mp4"]


def test_the_published_training_csv_alone_has_a_fifth_held_out(here: Path) -> None:
    header, *rows = PUBLISHED[0], *(f"{c},id{c}_{i},7,17,train,0" for c in "ab" for i in range(5))
    clips = [f"id{c}_{i}_000007_000017" for c in "ab" for i in range(5)]
    make(here / "videos", *(f"{name}.mp4" for name in clips))
    data = write_list(here, header, *rows, name="kinetics_train.csv")
    train, val = ([*labelled(read_dataset(data, split, prefix=here / "videos"))] for split in SPLITS)
    assert (len(train), len(val)) == (8, 2)
    assert {Path(path).stem for path in train + val} == {*clips}


def test_clips_of_one_upload_are_held_out_together(here: Path) -> None:
    rows = [f"{label},id{i},{7 + k},17,train,0" for i in range(20) for k, label in enumerate("ab")]
    make(here, *(f"id{i}.mp4" for i in range(20)))
    data = write_list(here, PUBLISHED[0], *rows)
    train, val = ({*labelled(read_dataset(data, split))} for split in SPLITS)
    assert (len(train), len(val)) == (16, 4) and not train & val


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("abseiling,x,10,5,train,0", r"line 2 \(x\): the segment 10 to 5 s is empty"),
        ("abseiling,x,ten,20,train,0", r"line 2 \(x\): 'ten' to '20' is no segment"),
        (",x,10,20,train,0", "line 2 has no label"),
    ],
)
def test_rows_of_kinetics_csv_that_cannot_be_read_are_refused(here: Path, row: str, says: str) -> None:
    refused(says, write_list(here, PUBLISHED[0], row))


def test_kinetics_csv_without_its_videos_is_refused_with_where_was_looked(here: Path) -> None:
    refused(
        rf"none of its 4 train files is there; --a_b_000007_000017, for example, is not in {here}",
        write_list(here, *PUBLISHED),
    )


def entry(subset: str, *annotations: tuple[float, float, str]) -> dict[str, Any]:
    return {
        "subset": subset,
        "duration": 60.0,
        "annotations": [{"segment": [s, e], "label": c} for s, e, c in annotations],
    }


DATABASE = {
    "one": entry("training", (20, 25, "Surfing"), (1.5, 2.5, "Archery"), (30, 33.5, "Archery"), (1.5, 2.5, "Archery")),
    "-two": entry("training", (-0.5, 10, "Surfing")),
    "gone": entry("training", (0, 10, "Surfing")),
    "three": entry("validation", (0, 10, "Archery")),
    "four": entry("testing"),
}


def write_json(folder: Path, database: object, **more: object) -> Path:
    (folder / "anet.json").write_text(json.dumps({"database": database, "version": "1.3", **more}))
    return folder / "anet.json"


def test_activitynets_json_gives_segments_and_the_longest_label_first(here: Path) -> None:
    make(here, "v_one.mkv", "deep/-two.mp4", "v_three/1.jpg", "v_four.mp4")
    dataset = read_dataset(write_json(here, DATABASE), "train")
    archery, surfing = 0, 1
    assert (dataset.name, dataset.classes, dataset.missing) == ("anet", ("Archery", "Surfing"), ("gone",))
    assert dataset.videos == [
        LabelledVideo(
            f"{here}/v_one.mkv", (surfing, archery),
            (Segment(1.5, 2.5, archery), Segment(20, 25, surfing), Segment(30, 33.5, archery)),
        ),
        LabelledVideo(f"{here}/deep/-two.mp4", (surfing,), (Segment(0, 10, surfing),)),
    ]  # fmt: skip
    assert [v.path for v in read_dataset(here / "anet.json", "val").videos] == [f"{here}/v_three"]


def test_activitynets_videos_may_lie_elsewhere(here: Path) -> None:
    make(here, "videos/three.mp4")
    data = write_json(here, DATABASE)
    assert labelled(read_dataset(data, "val", prefix=Path("videos"))) == {"videos/three.mp4": ["Archery"]}
    refused("none of its 3 train files is there; one, for example, is not in videos", data, prefix=Path("videos"))


def test_a_name_of_a_folder_of_frames_may_hold_dots(here: Path) -> None:
    make(here, "v_a.b/1.jpg", "c.d.mp4")
    data = write_json(here, {"a.b": entry("training", (0, 1, "A")), "c.d": entry("training", (0, 1, "B"))})
    assert labelled(read_dataset(data, "train"), here) == {"v_a.b": ["A"], "c.d.mp4": ["B"]}


def test_of_two_entries_of_one_video_the_last_one_counts(here: Path) -> None:
    make(here, "one.mp4", "two.mp4")
    one = json.dumps(entry("training", (0, 1, "A"))), json.dumps(entry("training", (0, 2, "B")))
    two = json.dumps(entry("training", (0, 1, "C")))
    (here / "anet.json").write_text(f'{{"database": {{"one": {one[0]}, "two": {two}, "one": {one[1]}}}}}', "utf-8-sig")
    assert {*read_dataset(here / "anet.json", "train").classes} == {"B", "C"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "anet.json: is not JSON"),
        ('{"database": {', "anet.json: is not JSON"),
        ("[" * 100_000, "anet.json: is not JSON"),
        ("\udcff", "anet.json: is not JSON"),
        ("[1]", "anet.json: is not ActivityNet's JSON; it must hold videos under `database`"),
        ('{"videos": {}}', "anet.json: is not ActivityNet's JSON"),
        ('{"database": []}', "anet.json: is not ActivityNet's JSON"),
        ('{"database": {}}', "anet.json: is not ActivityNet's JSON"),
        ('{"database": {"one": 3}}', "video one has no list of annotations"),
        ('{"database": {"one": {"annotations": 3}}}', "video one has no list of annotations"),
        (
            '{"database": {"one": {"annotations": [3], "subset": "x"}}}',
            "video one has subset 'x'; write training or val",
        ),
        ('{"database": {"one": {"annotations": [3]}}}', "video one has subset None"),
        (
            '{"database": {"one": {"annotations": [3], "subset": "training"}}}',
            "video one has an annotation without label",
        ),
        (
            '{"database": {"one": {"annotations": [{"label": "x"}], "subset": "training"}}}',
            "annotation without segment",
        ),
        ('{"database": {"one": {"subset": "testing"}}}', "anet.json: has no videos for train"),
    ],
)
def test_json_that_is_not_activitynets_is_refused(here: Path, text: str, says: str) -> None:
    (here / "anet.json").write_text(text, "utf-8", "surrogateescape")
    refused(says, here / "anet.json")


@pytest.mark.parametrize("empty", [(5, 5), (5, 3), (-3, -1)])
def test_empty_segments_are_left_out_and_videos_of_nothing_else_are_missing(
    here: Path, empty: tuple[float, float]
) -> None:
    make(here, *(f"{name}.mp4" for name in ("one", "two", "three", "four")))
    database = {
        "one": entry("training", (*empty, "Archery"), (1, 2, "Surfing"), (3, 4, "Archery")),
        "two": entry("training", (*empty, "Surfing")),
        "three": entry("validation", (0, 10, "Archery"), (*empty, "Surfing")),
        "four": entry("validation", (*empty, "Surfing"), (*empty, "Archery")),
        "five": entry("testing"),
    }
    train, val = (read_dataset(write_json(here, database), split) for split in SPLITS)
    assert [(v.labels, v.segments) for v in train.videos] == [((1, 0), (Segment(1, 2, 1), Segment(3, 4, 0)))]
    assert [(v.labels, v.segments) for v in val.videos] == [((0,), (Segment(0, 10, 0),))]
    assert (train.missing, val.missing) == (("two (only empty segments)",), ("four (only empty segments)",))


@pytest.mark.parametrize("segment", ["[0, NaN]", "[0, Infinity]", '[0, "x"]', "[null, 1]"])
def test_a_segment_without_numbers_is_refused_with_its_video(here: Path, segment: str) -> None:
    make(here, "one.mp4")
    text = (
        f'{{"database": {{"one": {{"subset": "training", "annotations": [{{"segment": {segment}, "label": "x"}}]}}}}}}'
    )
    (here / "anet.json").write_text(text)
    refused(r"video one: .* is no segment; write two numbers", here / "anet.json")


def test_a_folder_of_files_is_listed_once_for_all_videos(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(here, *(f"v_{i}.mp4" for i in range(50)))
    scanned: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr("clipselect.index.inputs.os.scandir", lambda path: scanned.append(str(path)) or scandir(path))
    data = write_json(here, {str(i): entry("training", (0, 1, f"class {i % 2}")) for i in range(50)})
    assert len(read_dataset(data, "train").videos) == 40
    assert scanned == [str(here)]
