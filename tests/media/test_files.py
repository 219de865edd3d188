"""Files appear whole or not at all, and what cannot be written is named before the work."""

import os
from pathlib import Path

import pytest

from clipselect.errors import ClipselectError
from clipselect.media.files import check_writable, make_folder, whole_file, write_whole


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as part:
        part.write_text("half of the new")
        raise ZeroDivisionError
    assert path.read_text() == "old" and [*tmp_path.iterdir()] == [path]


def test_an_error_of_the_disk_names_the_file(tmp_path: Path) -> None:
    with (
        pytest.raises(ClipselectError, match=r"a\.txt: cannot be written \(No space left"),
        whole_file(tmp_path / "a.txt"),
    ):
        raise OSError(28, "No space left on device")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["a.txt", "a" * 255])
def test_two_that_write_one_file_do_not_meet(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with whole_file(path) as part:
        part.write_text("one")
        check_writable(path)
        write_whole(path, "other")
        assert part.read_text() == "one" and path.read_text() == "other"
    assert path.read_text() == "one" and [*tmp_path.iterdir()] == [path]


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_whole(tmp_path / "link", b"\xff")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"\xff"


def test_devices_are_written_to_as_they_are() -> None:
    write_whole(Path("/dev/null"), "nothing")
    check_writable(Path("/dev/null"))
    assert Path("/dev/null").is_char_device()


def test_names_that_are_no_utf8_can_be_written_about(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.txt", os.fsdecode(b"caf\xe9"))
    assert (tmp_path / "a.txt").read_text() == r"caf\udce9"


def test_what_cannot_be_written_is_named_and_checking_leaves_nothing(tmp_path: Path) -> None:
    for path, says in ((tmp_path, "is a folder"), (tmp_path / "no" / "a.txt", "does not exist; create it")):
        with pytest.raises(ClipselectError, match=says) as raised:
            check_writable(path)
        assert str(raised.value).startswith(f"{path}: ")
    check_writable(tmp_path / "a.txt")
    assert not [*tmp_path.iterdir()]
    (tmp_path / "file").touch()
    with pytest.raises(ClipselectError, match="cannot be made a folder"):
        make_folder(tmp_path / "file" / "folder")
