"""Labelled videos from lists of paths."""

import codecs
import csv
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from helpers.data_folders import SPLITS, labelled, make, refused, write_list
from hypothesis import given
from hypothesis import strategies as st

from clipselect.data.datasets import LabelledVideo, Segment, read_dataset
from clipselect.data.splits import held_out


@pytest.mark.parametrize(
    "text",
    [
        "path,label\na.mp4,run\nmy b.mp4,jump\n",
        "label; Video_Path ;x\nrun; a.mp4 ;1\njump;my b.mp4;1\n",
        "filename\tclass\na.mp4\trun\nmy b.mp4\tjump\n",
        '"file","action"\r\n"a.mp4","run"\r\n"my b.mp4","jump"\r\n',
        "\ufeffpath,class_name,extra\na.mp4,run,\n\n ,\nmy b.mp4,jump,\n",
        "a.mp4,run\nmy b.mp4,jump\n",
        "a.mp4\trun\nmy b.mp4\tjump\n",
        '# a comment\n"a.mp4",run\n"my b.mp4","jump"\n',
        "path,label,start,end\na.mp4,run,,\nmy b.mp4,jump,,\n",
    ],
)
@pytest.mark.parametrize("name", ["list.csv", "list.txt", "LIST.TSV"])
def test_lists_of_many_kinds_are_understood(here: Path, text: str, name: str) -> None:
    make(here, "a.mp4", "my b.mp4")
    (here / name).write_text(text, "utf-8", newline="")
    dataset = read_dataset(here / name, "train")
    assert labelled(dataset) == {"a.mp4": ["run"], "my b.mp4": ["jump"]}
    assert (dataset.name, dataset.classes) == (Path(name).stem, ("jump", "run"))


@pytest.mark.parametrize(
    "line", ["{} 7", "{},7", "{}, 7", "{}\t7", "{}  7", '"{}",7'], ids=["space", "comma", "both", "tab", "spaces", "q"]
)
@pytest.mark.parametrize("name", ["a.mp4", "my clip.mp4", "part 2", "ä ö.mp4", "one, two.mp4", "2"])
def test_pytorchvideos_lists_are_understood_with_any_separator(here: Path, line: str, name: str) -> None:
    make(here, name, "other.mp4")
    data = write_list(here, line.format(name), "other.mp4 3")
    assert labelled(read_dataset(data, "train")) == {name: ["7"], "other.mp4": ["3"]}


def test_a_header_may_hold_quoted_names_over_several_lines(here: Path) -> None:
    make(here, "a\nb, c.mp4", "d.mp4")
    data = write_list(here, "path,label", '"a\nb, c.mp4",x', "d.mp4,y")
    assert labelled(read_dataset(data, "train")) == {"a\nb, c.mp4": ["x"], "d.mp4": ["y"]}


def test_lists_that_excel_saves_as_unicode_text_are_read(here: Path) -> None:
    make(here, "ä.mp4", "b.mp4")
    (here / "l.txt").write_bytes(codecs.BOM_UTF16_LE + "path\tlabel\r\nä.mp4\tü\r\nb.mp4\tx\r\n".encode("utf-16-le"))
    assert labelled(read_dataset(here / "l.txt", "train")) == {"ä.mp4": ["ü"], "b.mp4": ["x"]}


def test_names_that_are_not_utf8_survive_but_labels_must_be(here: Path) -> None:
    make(here, os.fsdecode(b"\xff.mp4"), "b.mp4")
    (here / "l.csv").write_bytes(b"path,label\n\xff.mp4,x\nb.mp4,y\n")
    assert read_dataset(here / "l.csv", "train").videos[0].path == os.fsdecode(b"\xff.mp4")
    (here / "l.csv").write_bytes(b"path,label\n\xff.mp4,\xff\nb.mp4,y\n")
    refused("is not UTF-8; rename it, or save the list as UTF-8", "l.csv")


def test_a_list_with_a_column_split_is_split_by_it_in_its_order(here: Path) -> None:
    make(here, *"abcd")
    data = write_list(here, "path,split,label", "d,train,x", "a,Training,y", "c,validate,x", "b,val,y")
    assert [*labelled(read_dataset(data, "train"))] == ["d", "a"]
    assert [*labelled(read_dataset(data, "val"))] == ["c", "b"]


def test_a_list_with_a_test_set_only_uses_it_as_val_and_passes_over_what_has_no_label(here: Path) -> None:
    make(here, *"abcd")
    rows = ["path,split,label", "a,train,x", "b,train,y", "c,test,x", "d,test,"]
    assert [*labelled(read_dataset(write_list(here, *rows), "val"))] == ["c"]
    assert [*labelled(read_dataset(write_list(here, *rows, "d,val,y"), "val"))] == ["d"]


def test_a_list_of_val_videos_alone_takes_its_classes_from_them(here: Path) -> None:
    make(here, *"ab")
    data = write_list(here, "path,label,split", "a,x,val", "b,y,val")
    assert read_dataset(data, "val").classes == ("x", "y")
    refused("list.csv: has no videos for train; name some", data)


def test_of_a_list_of_train_videos_alone_a_fifth_of_every_class_is_held_out(here: Path) -> None:
    names = {label: [f"{label}{i}" for i in range(10)] for label in "xy"}
    make(here, *names["x"], *names["y"])
    data = write_list(here, "path,label,split", *(f"{n},{label},train" for label in "xy" for n in names[label]))
    train, val = (read_dataset(data, split) for split in SPLITS)
    assert {*labelled(val)} == held_out(names["x"]) | held_out(names["y"]) and len(val.videos) == 4
    assert {*labelled(train)} == {*names["x"], *names["y"]} - {*labelled(val)}
    assert val.classes == train.classes == ("x", "y")


def test_a_list_of_train_videos_is_no_val_whatever_its_name_says(here: Path) -> None:
    make(here, *"abcd")
    data = write_list(here, "path,label,split", "a,x,train", "b,x,train", "c,y,train", "d,y,train", name="val.csv")
    assert [len(read_dataset(data, split).videos) for split in SPLITS] == [2, 2]


def test_a_class_in_val_alone_is_refused_in_a_list_too(here: Path) -> None:
    make(here, *"abc")
    data = write_list(here, "path,label,split", "a,x,train", "b,y,train", "c,z,val")
    refused("class 'z' is in val but not in train", data, "val")


def test_a_list_that_is_val_by_its_name_is_val_as_a_whole(here: Path) -> None:
    make(here, *"abcd")
    data = write_list(here, "a 0", "b 0", "c 1", "d 1", name="val.csv")
    assert [*labelled(read_dataset(data, "val"))] == [*"abcd"]
    refused("val.csv: holds val videos only", data)


def test_paths_count_from_the_prefix_or_else_from_here_and_then_from_the_list(here: Path) -> None:
    make(here, "both", "sub/both", "sub/only", "pre/both", "pre/only")
    rows = ("both,x,train", "only,y,train", f"{here}/pre/only,x,train", "other,x,val")
    data = write_list(here / "sub", "path,label,split", *rows)
    assert [*labelled(read_dataset(data, "train"))] == ["both", f"{here}/sub/only", f"{here}/pre/only"]
    inside = read_dataset(data, "train", prefix=Path("pre"))
    assert [*labelled(inside)] == ["pre/both", "pre/only", f"{here}/pre/only"]


def test_files_that_are_not_there_are_told_apart_and_never_stop_the_rest(here: Path) -> None:
    make(here, "a", "b")
    data = write_list(here, "path,label,split", "a,x,train", "gone,y,train", "b,y,train", "nul\0,x,train", "c,x,val")
    dataset = read_dataset(data, "train")
    assert ([*labelled(dataset)], dataset.missing) == (["a", "b"], ("gone", "nul\ufffd"))


def test_a_list_of_which_nothing_is_there_is_refused_with_where_was_looked(here: Path) -> None:
    (here / "sub").mkdir()
    data = write_list(here / "sub", "path,label,split", "a,x,train", "b,y,train", "c,y,val")
    says = rf"none of its 2 train files is there; a, for example, is not in .* or {here}/sub; give .* as prefix$"
    refused(says, data)
    refused("a, for example, is not in sub; give", data, prefix=Path("sub"))
    refused("^nowhere: no such folder; give the one that the videos of", data, prefix=Path("nowhere"))


def test_files_of_the_other_split_are_not_looked_for_and_none_twice(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(here, "a", "b", "c")
    data = write_list(here, "path,label,split", "a,x,train", "b,y,train", "c,y,val")
    looked: list[str] = []
    monkeypatch.setattr("clipselect.data.annotations.os.path.exists", lambda path: looked.append(str(path)) or True)
    read_dataset(data, "train")
    assert [path for path in looked if path != str(data)] == ["a", "b"]


def test_rows_of_the_same_path_are_labels_and_segments_of_one_video(here: Path) -> None:
    make(here, "a", "b")
    data = write_list(
        here, "path,label,start,end,split", "a,run,5,6.5,train", "a,jump,-2,1,train", "b,jump,,,train",
        "a,jump,8,9.5,train", "a,run,5,6.5,train", "b,jump,,,train", "b,run,,,train", "c,run,,,val",
    )  # fmt: skip
    dataset = read_dataset(data, "train")
    jump, run = 0, 1
    assert dataset.videos == [
        LabelledVideo("a", (jump, run), (Segment(0, 1, jump), Segment(5, 6.5, run), Segment(8, 9.5, jump))),
        LabelledVideo("b", (jump, run)),
    ]


def test_a_video_with_several_labels_is_on_one_side_only_when_held_out(here: Path) -> None:
    names = [f"{i}.mp4" for i in range(30)]
    make(here, *names)
    rows = [f"{name},{label}" for name in names for label in ("both", "x" if int(name[:-4]) % 2 else "y")]
    train, val = (labelled(read_dataset(write_list(here, "path,label", *rows), split)) for split in SPLITS)
    assert not {*train} & {*val} and len(train) + len(val) == 30 and len(val) == 6


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["path,title", "a,x"], "list.csv: a list without a column of labels; call it label"),
        (["title,label", "a,x"], "list.csv: a list without a column of paths; call it path"),
        (["path,label", "a,x", "b,"], "line 3 has no label; fill it in or remove the line"),
        (["path,label", "a,x", ",y"], "line 3 has no path; fill it in or remove the line"),
        (["path,label", "a,x", "b"], "line 3 has no label"),
        (["path,label", "a,x", "b,c,y"], "line 3 has 3 fields, the header 2; quote those with commas"),
        (["path,label", "", '"a\nb",x', "c,"], "line 5 has no label"),
        (["path,label", "a,x", '"b,y', "c,z"], r"line 4 cannot be read \(.*\); check its quotes and commas"),
        (["path,label", "a,x", f"b,{'x' * 200_000}"], r"line 3 cannot be read \(field larger"),
        (["path,label,split", "a,x,train", "b,y,trian"], "line 3 has split 'trian'; write train or val"),
        (["path,label,split", "a,x,train", "b,y,"], "line 3 has split ''"),
        (["path,label,split", "a,x,train", "a,x,val"], "a is in both train and val; leave it in one of them"),
        (["a 1", "b"], "line 2 is not a path and a label; write `path,label`"),
        (["a 1", "b -1"], "line 2 is not a path and a label"),
        (["a 1", "b running"], "line 2 is not a path and a label"),
        (["a 1", "# fine", "b,c,run"], "line 3 is not a path and a label"),
        (["a 1", f"b,{'x' * 200_000}"], "line 2 is not a path and a label"),
        (["7", "8"], "line 1 is not a path and a label"),
        (["path,label,start,end", "a,x,1,2", "b,y,3,3"], r"line 3 \(b\): the segment 3 to 3 s is empty"),
        (["path,label,start,end", "a,x,-2,-1", "b,y,3,3"], r"line 2 \(a\): the segment -2 to -1 s is empty"),
        (["path,label,start,end", "a,x,1,nan"], "'1' to 'nan' is no segment; write two numbers of seconds"),
        (["path,label,start,end", "a,x,1,1e999"], "'1' to '1e999' is no segment"),
        (["path,label,start,end", "a,x,,2"], "'' to '2' is no segment"),
        (["path,label,start", "a,x,1"], "'1' to '' is no segment"),
        (["path,label", "a,x", "b,x"], "list.csv: only one class, 'x'"),
        (["path,label"], "list.csv: has no videos for train; name some"),
        ([""], "list.csv: has no videos for train; name some"),
    ],
    ids=lambda value: None if isinstance(value, str) else "|".join(value)[:40],
)
def test_a_list_that_cannot_be_read_is_refused_with_its_line(here: Path, lines: list[str], says: str) -> None:
    make(here, *"ab")
    refused(says, write_list(here, *lines))


def test_a_list_that_breaks_off_within_utf16_is_refused(here: Path) -> None:
    (here / "l.csv").write_bytes(codecs.BOM_UTF16_LE + b"a\x00\x00\xd8")
    refused("is not the UTF-16 text that it begins as; save it as UTF-8", "l.csv")


@given(
    names=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1),
        min_size=2,
    )
)
def test_whatever_the_csv_module_writes_comes_back(
    tmp_path_factory: pytest.TempPathFactory, names: Iterable[str]
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    wanted = [*dict.fromkeys(stripped for name in names if (stripped := name.strip()))]
    rows = [["path", "label", "split"]] + [[name, "x" if i % 2 else "y", "train"] for i, name in enumerate(wanted)]
    with (folder / "l.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([*rows, ["here", "x", "train"], ["here too", "y", "train"], ["val", "x", "val"]])
    make(folder, "here", "here too", "val")
    dataset = read_dataset(folder / "l.csv", "train")
    assert [*dataset.missing] == [name for name in wanted if name not in ("here", "here too", "val", ".", "..")]


def test_classes_that_are_numbers_are_names_sorted_by_value(here: Path) -> None:
    make(here, "a.mp4", "b.mp4", "c.mp4")
    lines = write_list(here, "path,label,split", "a.mp4,10,train", "b.mp4,9,train", "c.mp4,0,train")
    dataset = read_dataset(lines, "train")
    assert dataset.classes == ("0", "9", "10")
    assert [v.label for v in dataset.videos] == [2, 1, 0]
