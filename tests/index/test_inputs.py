"""Which videos are meant by folders, wildcards, lists and single paths."""

import os
import re
from pathlib import Path

import pytest

from clipselect.errors import ClipselectError
from clipselect.index.inputs import LIST_SUFFIXES, VIDEO_SUFFIXES, expand, find_videos, listed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(folder: Path, *names: str) -> None:
    """Empty files: nothing here is opened."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(*patterns: Path | str) -> list[str]:
    return [path.as_posix() for path in find_videos(map(str, patterns))]


def test_single_files_come_in_the_order_given_whatever_they_are_called(here: Path) -> None:
    make(here, "b.mp4", "a.dat")
    assert found("b.mp4", "a.dat", "missing.mp4") == ["b.mp4", "a.dat", "missing.mp4"]


def test_a_folder_is_searched_to_the_bottom_in_order(here: Path) -> None:
    make(here, "v/b.mp4", "v/a/z.MKV", "v/a/deep/er/x.webm", "v/c.avi", "v/notes.md", "v/list.csv", "v/noise.wav")
    assert found("v") == ["v/a/deep/er/x.webm", "v/a/z.MKV", "v/b.mp4", "v/c.avi"]


def test_hidden_files_and_folders_are_passed_over(here: Path) -> None:
    make(here, "v/a.mp4", "v/._a.mp4", "v/.cache/b.mp4", "v/f/1.jpg", "v/g/.thumb.jpg", "v/g/c.mp4")
    assert found("v") == ["v/a.mp4", "v/f", "v/g/c.mp4"]


def test_a_folder_that_holds_images_is_one_video(here: Path) -> None:
    make(here, "v/one/1.JPG", "v/one/2.jpg", "v/two/1.png", "v/a.mp4")
    assert found("v") == ["v/a.mp4", "v/one", "v/two"]
    assert found("v/one") == ["v/one"]


def test_images_beside_videos_are_no_video(here: Path) -> None:
    make(
        here,
        "v/poster.jpg",
        "v/a.mp4",
        "v/deep/1.png",
        "v/deep/b.mp4",
        "w/logo.png",
        "w/one/1.jpg",
        "w/one/masks/1.png",
    )
    assert found("v") == ["v/a.mp4", "v/deep/b.mp4"]
    assert found("w") == ["w", "w/one", "w/one/masks"]


def test_links_are_followed_but_never_in_a_circle(here: Path) -> None:
    make(here, "v/a.mp4", "elsewhere/b.mp4", "elsewhere/in/c.mp4")
    (here / "v" / "up").symlink_to(here / "v")
    (here / "v" / "out").symlink_to(here / "elsewhere")
    (here / "elsewhere" / "in" / "back").symlink_to(here / "elsewhere")
    assert found("v") == ["v/a.mp4", "v/out/b.mp4", "v/out/in/c.mp4"]


@pytest.mark.parametrize("name", ["broken.mp4", "itself.mp4"])
def test_a_link_that_leads_nowhere_is_one_missing_video(here: Path, name: str) -> None:
    make(here, "v/a.mp4")
    (here / "v" / name).symlink_to(here / "v" / ("none.mp4" if name == "broken.mp4" else name))
    assert found("v") == ["v/a.mp4", f"v/{name}"]


def test_a_folder_without_videos_is_refused_and_named(here: Path) -> None:
    make(here, "v/notes.md", "v/sub/.hidden.mp4")
    with pytest.raises(ClipselectError, match=r"^v: a folder without videos or images; check the path$"):
        find_videos(["v"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_refused_and_named(here: Path) -> None:
    (here / "v" / "closed").mkdir(parents=True, mode=0)
    with pytest.raises(ClipselectError, match="closed: cannot be read"):
        find_videos(["v"])


def test_wildcards_match_in_order_also_over_folders(here: Path) -> None:
    make(here, "b.mp4", "a.mp4", "x/c.mp4", "x/y/d.mp4", "f1/1.png", "f2/1.png")
    assert found("*.mp4") == ["a.mp4", "b.mp4"]
    assert found("**/*.mp4") == ["a.mp4", "b.mp4", "x/c.mp4", "x/y/d.mp4"]
    assert found("f?") == ["f1", "f2"]


def test_an_existing_name_with_brackets_is_no_wildcard(here: Path) -> None:
    make(here, "[1].mp4", "1.mp4")
    assert found("[1].mp4") == ["[1].mp4"]


def test_a_wildcard_that_matches_nothing_is_refused(here: Path) -> None:
    assert expand(["none*.mp4"]) == [Path("none*.mp4")]
    with pytest.raises(ClipselectError, match=r"^none\*\.mp4: nothing matches"):
        find_videos(["none*.mp4"])


def test_folders_without_videos_that_a_wildcard_matches_are_passed_over(here: Path) -> None:
    make(here, "v/a.mp4", "notes/today.md", "w/b.mp4")
    assert found("*") == ["v/a.mp4", "w/b.mp4"]
    assert found("v/**", "w/b.mp4") == ["v/a.mp4", "w/b.mp4"]
    with pytest.raises(ClipselectError, match=r"^n\*: only folders without videos"):
        find_videos(["n*"])


def test_a_text_file_that_a_wildcard_matches_is_no_list(here: Path) -> None:
    make(here, "v/a.mp4", "elsewhere.mp4")
    (here / "v" / "list.txt").write_text("elsewhere.mp4\n")
    assert found("v/*") == ["v/a.mp4", "v/list.txt"], "it is refused as the text that it is when it is opened"
    assert found("v/list.txt") == ["elsewhere.mp4"]


def test_what_names_no_video_is_reported_and_the_rest_is_found(here: Path) -> None:
    make(here, "a.mp4", "empty/x.md")
    (here / "letter.txt").write_text("Dear all,\nsee you.\n")
    errors: list[tuple[str, str]] = []
    names = ["empty", "a.mp4", "*.mov", "letter.txt"]
    assert find_videos(names, on_error=lambda path, error: errors.append((path, str(error)))) == [Path("a.mp4")]
    assert [path for path, _ in errors] == ["empty", "*.mov", "letter.txt"]
    assert (
        "was read as a list of videos, a path a line, and none of the 2 files it lists is there, such as Dear all"
        in errors[2][1]
    )
    (here / "hi.txt").write_text("hi")
    with pytest.raises(
        ClipselectError,
        match=r"^hi\.txt: was read as a list of videos, a path a line, and the file it lists, hi, is not there; give",
    ):
        find_videos(["hi.txt"])


def test_a_prefix_comes_before_the_paths_of_lists_alone(here: Path) -> None:
    make(here, "videos/a.mp4", "b.mp4", "take 2")
    (here / "list.csv").write_text(f"a.mp4 3\n{here / 'b.mp4'} 1\n")
    assert [str(p) for p in find_videos(["list.csv", "b.mp4"], here / "videos")] == [
        str(here / "videos" / "a.mp4"), str(here / "b.mp4"), "b.mp4",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "path\na.mp4\nb.mp4\n",
        "label,path\n3,a.mp4\n4,b.mp4\n",
        "label, Video_Path ,x\n3, a.mp4 ,1\n4,b.mp4,1\n",
        'filename,label\n"a.mp4","3"\nb.mp4,4\n',
        "file\tlabel\na.mp4\t3\nb.mp4\t4\n",
        "a.mp4\nb.mp4\n",
        "a.mp4 3\nb.mp4 -1\n",
        "a.mp4\t3\nb.mp4\t4\n",
        "a.mp4,3\nb.mp4,running\n",
        "a.mp4, 3\nb.mp4, 4\n",
        "# a comment\na.mp4\n\n  \nb.mp4",
        "\ufeffa.mp4\nb.mp4\n",
        "\ufeffpath,label\na.mp4,1\nb.mp4,2\n",
        "path,label\r\na.mp4,1\r\nb.mp4,2\r\n",
        '"path","label"\n"a.mp4","3"\n"b.mp4","4"\n',
        "path,label\na.mp4,1\n,2\nb.mp4,3\n",
    ],
)
@pytest.mark.parametrize("name", ["list.csv", "list.txt", "LIST.TSV"])
def test_lists_give_their_paths(here: Path, text: str, name: str) -> None:
    (here / name).write_text(text, "utf-8", newline="")
    assert listed(here / name) == [Path("a.mp4"), Path("b.mp4")]


@pytest.mark.parametrize("name", ["my clip.mp4", "take 2", "one, two.mp4", "ä ö.mp4", "a.mp4 3"])
@pytest.mark.parametrize("where", ["cwd", "list", "absolute"])
def test_paths_of_a_list_may_hold_spaces_and_commas(here: Path, name: str, where: str) -> None:
    folder = here / "lists" if where == "list" else here
    make(folder, name)
    written = folder / name if where == "absolute" else Path(name)
    (here / "lists").mkdir(exist_ok=True)
    (here / "lists" / "l.txt").write_text(f"{written}\n", "utf-8")
    expected = {"cwd": name, "list": f"lists/{name}", "absolute": str(here / name)}
    assert found("lists/l.txt") == [expected[where]]


def test_a_path_with_spaces_and_a_label_loses_only_the_label(here: Path) -> None:
    make(here, "my clip.mp4")
    (here / "l.csv").write_text("my clip.mp4 17\n")
    assert found("l.csv") == ["my clip.mp4"]


def test_listed_paths_count_from_the_current_folder_then_from_the_lists(here: Path) -> None:
    make(here, "both.mp4", "sub/both.mp4", "sub/only.mp4")
    (here / "sub" / "l.txt").write_text("both.mp4\nonly.mp4\nnone.mp4\n")
    assert found("sub/l.txt") == ["both.mp4", "sub/only.mp4", "none.mp4"]


def test_names_that_are_not_utf8_survive_a_list(here: Path) -> None:
    name = os.fsdecode(b"\xff.mp4")
    (here / "l.txt").write_bytes(os.fsencode(name) + b"\n")
    assert listed(here / "l.txt") == [Path(name)]


def test_names_may_hold_newlines_in_quotes_and_lists_may_be_utf16(here: Path) -> None:
    (here / "l.txt").write_bytes('label;path\r\n1;"a\nb.mp4"\r\n2;ä.mp4\r\n'.encode("utf-16"))
    assert listed(here / "l.txt") == [Path("a\nb.mp4"), Path("ä.mp4")]


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_of_a_list(here: Path) -> None:
    (here / "l.csv").write_text('label,path\n1,a.mp4\n2,"b.mp4\n3,c.mp4\n')
    with pytest.raises(ClipselectError, match=r"l.csv: line 4 cannot be read .*; check its quotes and commas"):
        listed(here / "l.csv")


def test_a_line_too_long_for_fields_is_one_path(here: Path) -> None:
    line = f"{'x' * 200_000},1"
    (here / "l.csv").write_text(f"{line}\n")
    assert listed(here / "l.csv") == [Path(line)]


@pytest.mark.parametrize("text", ["", "\n \n", "# only a comment\n", "path,label\n"])
def test_a_list_without_paths_is_refused_and_named(here: Path, text: str) -> None:
    (here / "l.csv").write_text(text)
    with pytest.raises(ClipselectError, match=re.escape("l.csv: a list without paths; write one path a line")):
        find_videos(["l.csv"])


def test_a_missing_list_is_reported_like_a_missing_video(here: Path) -> None:
    assert found("none.csv") == ["none.csv"]


def test_no_suffix_is_both_a_video_and_a_list() -> None:
    assert not VIDEO_SUFFIXES & LIST_SUFFIXES


def test_an_empty_path_is_not_the_current_folder() -> None:
    for paths in ([""], ["a.mp4", ""]):
        with pytest.raises(ClipselectError, match="empty"):
            find_videos(paths)
