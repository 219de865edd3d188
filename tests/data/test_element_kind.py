"""Whether data are clips or frames: seen from what lies in a folder, and asked where that does not show it."""

from pathlib import Path

import pytest
import torch

from clipselect.data.element_kind import element_kind, kind_of_base
from clipselect.errors import ArgumentError, ClipselectError
from clipselect.scoring.weights_file import save_weights


def folder(at: Path, *files: str) -> Path:
    for name in files:
        path = at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return at


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (["a/0.mp4", "b/0.MKV"], "clips"),
        (["train/a/0.mp4", "val/a/1.mp4"], "clips"),
        (["0.mp4", "notes.txt"], "clips"),
        (["ann/0.jpg", "bob/0.png"], "frames"),
        (["train/ann/0.jpg", "val/bob/0.jpg"], "frames"),
        (["0002_c1.jpg", "0003_c2.jpg"], "frames"),
        (["a/0.mp4", ".thumbnails/0.jpg"], "clips"),
    ],
)
def test_a_folder_shows_what_it_holds(tmp_path: Path, files: list[str], kind: str) -> None:
    assert element_kind([folder(tmp_path / "d", *files)]) == kind


def test_a_list_or_a_video_is_of_clips_whatever_it_says(tmp_path: Path) -> None:
    folder(tmp_path, "list.csv", "activities.json", "one.mp4")
    assert [element_kind([path]) for path in sorted(tmp_path.iterdir())] == ["clips"] * 3


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["a/0.mp4", "a/0.jpg"], "videos and images"),
        (["a/video/0.jpg", "a/video/1.jpg"], "images that may be frames of videos or of identities"),
        (["ann/0.jpg", "bob/camera/0.jpg"], "images that may be"),
    ],
)
def test_what_may_be_either_must_be_said(tmp_path: Path, files: list[str], says: str) -> None:
    with pytest.raises(ArgumentError, match=f"^elements must be clips or frames, since .*d holds {says}"):
        element_kind([folder(tmp_path / "d", *files)])


def test_several_data_must_be_of_one_kind(tmp_path: Path) -> None:
    faces, more = folder(tmp_path / "f", "ann/0.jpg"), folder(tmp_path / "g", "bob/0.jpg")
    assert element_kind([faces, more]) == "frames"
    with pytest.raises(ArgumentError, match="elements"):
        element_kind([faces, folder(tmp_path / "v", "a/0.mp4")])


def test_nothing_is_neither(tmp_path: Path) -> None:
    with pytest.raises(ClipselectError, match=r"d: holds no videos and no images"):
        element_kind([folder(tmp_path / "d", "readme.txt")])
    with pytest.raises(ClipselectError, match=r"gone: no such file or folder"):
        element_kind([tmp_path / "gone"])


@pytest.mark.parametrize(
    ("base", "kind"),
    [
        ("slowfast_r50:weights.pyth", "clips"),
        ("hf:organisation/model", "clips"),
        ("r3d-actions", "clips"),
        ("resnet50", None),
        ("reid_resnet50:weights.pth", "frames"),
        ("faces.onnx", "frames"),
        ("clips.safetensors", "clips"),
        ("frames.safetensors", "frames"),
        ("ddnet.safetensors", None),
        ("torchvision:r3d_18:base.pt", "clips"),
        ("base.py:base", None),
        ("notes.txt", None),
    ],
)
def test_a_base_says_what_it_is_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str, kind: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    folder(tmp_path, "base.py", "notes.txt")
    for name, of in (("clips", "base"), ("frames", "embedder"), ("ddnet", "ddnet")):
        save_weights(tmp_path / f"{name}.safetensors", {"w": torch.ones(2)}, {"kind": of})
    assert kind_of_base(base) == kind


def test_a_folder_that_leads_back_to_itself_ends(tmp_path: Path) -> None:
    data = folder(tmp_path / "d", "a/0.mp4")
    (data / "a" / "loop").symlink_to(data)
    assert element_kind([data]) == "clips"
