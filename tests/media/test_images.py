"""Images are read as upright RGB whatever they are, a file that only half decodes is an error, squashing is exact."""

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.frame_fixtures import cut, noise, pattern, with_exif, write
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipselect.errors import ImageError
from clipselect.media.images import Image, read_image, squash_image


def png(path: Path, pixels: NDArray[np.uint8] | NDArray[np.uint16], colour: int) -> Path:
    """A PNG [h, w, channels] written by hand: colour 0 is grey, 2 RGB, 4 grey and alpha, 6 RGBA."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels)
    chunks = (
        (b"IHDR", struct.pack(">2I5B", width, height, 8 * pixels.itemsize, colour, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    parts = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def jpeg(path: Path, image: Image, *how: int) -> Path:
    data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100, *how])[1]
    path.write_bytes(data.tobytes())
    return path


def refused(path: Path, *says: str) -> None:
    """One sentence that begins with the path and ends with a remedy."""
    with pytest.raises(ImageError) as caught:
        read_image(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    for text in says:
        assert text in message


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff"])
def test_lossless_files_come_back_as_they_are(tmp_path: Path, suffix: str) -> None:
    image = noise(9, 14)
    found = read_image(write(tmp_path / f"a{suffix}", image))
    assert found.dtype == np.uint8 and found.flags.c_contiguous and np.array_equal(found, image)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_red_is_red_in_lossy_files_too(tmp_path: Path, suffix: str) -> None:
    image = np.zeros((16, 24, 3), np.uint8)
    image[:] = 250, 20, 60
    assert np.abs(read_image(write(tmp_path / f"a{suffix}", image)).astype(int) - image).max() <= 8


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    grey = noise(7, 5)[..., :1]
    assert np.array_equal(read_image(png(tmp_path / "a.png", grey, 0)), grey.repeat(3, 2))


def test_transparency_is_dropped_and_the_colours_beneath_it_stay(tmp_path: Path) -> None:
    pixels = np.concatenate([noise(6, 8), noise(6, 8, 1)[..., :1]], 2)
    pixels[0, :, 3] = 0
    assert np.array_equal(read_image(png(tmp_path / "rgba.png", pixels, 6)), pixels[..., :3])
    assert np.array_equal(read_image(png(tmp_path / "grey.png", pixels[..., 2:], 4)), pixels[..., 2:3].repeat(3, 2))


@pytest.mark.parametrize(("channels", "colour"), [(1, 0), (3, 2)])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, channels: int, colour: int) -> None:
    image = noise(6, 8)[..., :channels]
    found = read_image(png(tmp_path / "a.png", image.astype(np.uint16) * 257, colour))
    assert np.abs(found.astype(int) - image).max() <= 1 and found.shape == (6, 8, 3)


UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    path = jpeg(tmp_path / "a.jpg", pattern(0, 0)[:16])
    expected = UPRIGHT[orientation](read_image(path))  # type: ignore[no-untyped-call]
    assert np.array_equal(read_image(with_exif(path, orientation)), expected)


@pytest.mark.parametrize("name", ["Łukasz 北京 é.png", b"caf\xe9 \xff.png", "50% #[x].png"])
def test_any_name_will_do(tmp_path: Path, name: str | bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    assert np.array_equal(read_image(write(path, noise())), noise())
    assert np.array_equal(read_image(str(path)), noise())


KINDS = {
    "baseline": (".jpg", ()),
    "progressive": (".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
    "thumbnail": (".jpg", ()),
    "png": (".png", ()),
    "bmp": (".bmp", ()),
    "tif": (".tif", ()),
    "webp": (".webp", ()),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_an_error_and_no_half_grey_picture(
    tmp_path: Path, kind: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    suffix, how = KINDS[kind]
    path, image = tmp_path / f"a{suffix}", cv2.resize(noise(12, 12), (96, 64))
    if suffix == ".jpg":
        jpeg(path, image, *how)
        if kind == "thumbnail":  # a whole JPEG within the header of another one
            with_exif(path, 1, path.read_bytes())
    else:
        write(path, image)
    assert read_image(path).shape == (64, 96, 3)
    refused(cut(path, share), "remove it")
    assert capfd.readouterr() == ("", "")


def test_a_jpeg_without_its_last_two_bytes_is_cut_off(tmp_path: Path) -> None:
    path = jpeg(tmp_path / "a.jpg", noise())
    os.truncate(path, path.stat().st_size - 2)
    refused(path, "cut off")


def test_a_jpeg_cut_in_the_middle_does_not_rely_on_opencv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: noise())  # as OpenCV 4.10 does: half of it is invented
    refused(cut(jpeg(tmp_path / "a.jpg", noise(64, 64)), 0.5), "cut off")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_bytes_behind_the_end_do_no_harm(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}", noise())
    before = read_image(path)
    path.write_bytes(path.read_bytes() + b"\0" * 3000)
    assert np.array_equal(read_image(path), before)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8", b"\x89PNG", b"BM", b"GIF89a", b"II*\0", b"text\n" * 50, b"\0" * 9]
)
def test_what_is_no_image_is_named_and_nothing_else_is_printed(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    refused(path, "remove it")
    assert capfd.readouterr() == ("", "")


def test_missing_files_folders_and_impossible_names_are_named(tmp_path: Path) -> None:
    refused(tmp_path / "none.jpg", "No such file", "check its name")
    refused(tmp_path, "Is a directory")
    refused(tmp_path / ("x" * 300), "too long")
    refused(Path("a\0b.jpg"), "null")


def test_opencv_says_as_much_as_before_afterwards(tmp_path: Path) -> None:
    log = getattr(cv2.utils, "logging", cv2)
    level = log.getLogLevel()
    refused(cut(write(tmp_path / "a.tif", noise()), 0.5))
    assert log.getLogLevel() == level != 0


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(1, 40), st.integers(0, 255))
def test_squashing_has_the_size_asked_for_and_keeps_one_colour(h: int, w: int, height: int, width: int, c: int) -> None:
    found = squash_image(np.full((h, w, 3), c, np.uint8), height, width)
    assert found.shape == (height, width, 3) and found.dtype == np.uint8 and (found == c).all()


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 5), st.integers(1, 5), st.integers(0, 9))
def test_what_shrinks_by_a_whole_number_is_the_mean_of_blocks(h: int, w: int, by: int, across: int, seed: int) -> None:
    image = noise(h * by, w * across, seed)
    means = image.reshape(h, by, w, across, 3).mean((1, 3))
    assert np.abs(squash_image(image, h, w) - means).max() <= 0.51


def test_one_side_is_averaged_though_the_other_one_grows_or_stays() -> None:
    """Fine stripes: sampled instead of averaged, they would come out as others."""
    stripes = np.zeros((1000, 100, 3), np.uint8)
    stripes[::2] = 255
    for width in (50, 100, 112):
        assert np.abs(squash_image(stripes, 112, width).astype(int) - 128).max() <= 16
        assert np.abs(squash_image(stripes.transpose(1, 0, 2), width, 112).astype(int) - 128).max() <= 16


def test_what_grows_is_interpolated_linearly() -> None:
    image = np.array([[0, 90]], np.uint8)[..., None].repeat(3, 2)
    assert squash_image(image, 1, 6)[0, :, 0].tolist() == [0, 0, 30, 60, 90, 90]


@pytest.mark.parametrize("image", [noise() / 255, noise()[..., 0], noise()[..., :1], noise()[:0], noise()[None]])
def test_what_is_no_image_of_bytes_is_not_squashed_into_one(image: Image) -> None:
    for size in (8, 24):
        with pytest.raises(ValueError, match=r"images must be \[h, w, 3\] uint8 RGB, got (float|uint8)"):
            squash_image(image, size, size)
