"""Features of the training elements: no crash loses them, and those of another run are refused."""

import errno
import json
from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.base import Base
from helpers.training_data import Colours, colours, film

from clipselect.data.datasets import LabelledVideo
from clipselect.errors import ClipselectError, NetworkError
from clipselect.media.sources import open_source
from clipselect.method.discriminability import class_centroids
from clipselect.training import feature_files
from clipselect.training.feature_files import BACKGROUND, Elements, FeatureFiles
from clipselect.training.features import clip_outputs
from clipselect.training.targets import centroids_of

LENGTH = Fraction(1, 5)  # 5 of the 12 frames: candidates at 0, 0.2 and, to end with the video, 0.28 s


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledVideo]:
    """Seven, three to a file below: four of "a" and "b", one that is none, and two of background."""
    folder = tmp_path_factory.mktemp("videos")
    found = [LabelledVideo(str(film(folder / f"{i}.mp4", "ab"[i % 2], i)), (i % 2,)) for i in range(4)]
    (folder / "no.mp4").write_bytes(b"no video")
    found.append(LabelledVideo(str(folder / "no.mp4"), (0,)))
    return found + [LabelledVideo(str(film(folder / f"n{i}.mp4", "n", 9 + i)), ()) for i in range(2)]


@pytest.fixture(autouse=True)
def three_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_files, "VIDEOS_PER_FILE", 3)


def at(folder: Path, videos: list[LabelledVideo], **settings: Any) -> FeatureFiles:
    return FeatureFiles(folder / "features", videos, {"of": "the test", **settings})


def compute(
    features: FeatureFiles,
    base: Base,
    share: tuple[int, int] = (0, 1),
    failed: Callable[[str, ClipselectError], Any] = lambda *_: None,
) -> int:
    """Compute them; how many videos were reported as done."""
    counts: list[int] = []
    features.files.prepare()
    features.compute(base, LENGTH, None, 30, share=share, failed=failed, done=counts.append)
    return sum(counts)


def seen_by(base: Base) -> int:
    """Clips, and a blank one when it was made."""
    assert isinstance(base.net, Colours)
    return base.net.seen


def joined(features: FeatureFiles) -> Elements:
    parts = [*features]
    return Elements(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Elements)})


def assert_alike(one: FeatureFiles, other: FeatureFiles) -> None:
    assert one.files.errors() == other.files.errors()
    for f in fields(Elements):
        assert np.array_equal(getattr(joined(one), f.name), getattr(joined(other), f.name))


# --- labels of clips -------------------------------------------------------------------------------------------------


def test_files_hold_what_the_base_says_about_every_candidate_clip(tmp_path: Path, videos: list[LabelledVideo]) -> None:
    features, base = at(tmp_path, videos), colours()
    assert features.files.count == 3 and compute(features, base) == 7
    elements = joined(features)
    assert elements.video.tolist() == [i for i in (0, 1, 2, 3, 5, 6) for _ in range(3)]
    assert elements.start[:3].tolist() == [0, 0.2, 0.28] and elements.features.dtype == np.float32
    alone = clip_outputs(open_source(videos[3].path), base, LENGTH)
    assert np.array_equal(elements.features[elements.video == 3], alone.features.numpy())
    assert np.array_equal(elements.confidence[elements.video == 3], alone.probabilities.max(1).values.numpy())


def test_streamed_centroids_are_those_of_everything_at_once(tmp_path: Path, videos: list[LabelledVideo]) -> None:
    features = at(tmp_path, videos)
    compute(features, colours())
    elements = joined(features)
    shows = np.where(elements.shows == BACKGROUND, 2, elements.shows)
    at_once = class_centroids(torch.from_numpy(elements.features), torch.from_numpy(shows), 3)
    assert torch.allclose(centroids_of(features, ("a", "b")), at_once, rtol=1e-12, atol=0)
    assert not bool(at_once.isnan().any())


def test_every_domain_of_background_has_a_centroid_of_its_own(tmp_path: Path, videos: list[LabelledVideo]) -> None:
    features = at(tmp_path, videos)
    compute(features, colours())
    domains = {videos[5].path: "wood", videos[6].path: "street", "/not/read.mp4": "beach"}
    centroids, elements = centroids_of(features, ("a", "b"), domains), joined(features)
    assert centroids.isnan().any(dim=1).tolist() == [False, False, True, True, False, False]  # by name: beach first
    for row, video in ((4, 6), (5, 5)):
        mean = elements.features[elements.video == video].astype(np.float64).mean(0)
        assert np.allclose(centroids[row].numpy(), mean, rtol=1e-12)


def test_centroids_without_background_have_an_empty_last_row(tmp_path: Path, videos: list[LabelledVideo]) -> None:
    features = at(tmp_path, videos[:2])
    compute(features, colours())
    assert centroids_of(features, ("a", "b")).isnan().any(dim=1).tolist() == [False, False, True]


def test_a_class_that_no_clip_shows_is_an_error_and_so_is_nothing_at_all(
    tmp_path: Path, videos: list[LabelledVideo]
) -> None:
    features = at(tmp_path, videos[:2])
    compute(features, colours())
    assert centroids_of(features, ("a", "b", "c"))[2].isnan().all()  # a class of the base that the data are not about
    named = at(tmp_path / "named", [*videos[:2], LabelledVideo(videos[4].path, (2,))])
    compute(named, colours())
    with pytest.raises(ClipselectError, match=r"class 'c': not one clip shows it; .*\(1 such\)"):
        centroids_of(named, ("a", "b", "c"))
    nothing = at(tmp_path / "nothing", videos[4:5])
    compute(nothing, colours())
    with pytest.raises(ClipselectError, match="not one of the training videos can be read"):
        centroids_of(nothing, ("a", "b"))


def test_videos_that_cannot_be_read_are_recorded_and_told_again_when_a_run_goes_on(
    tmp_path: Path, videos: list[LabelledVideo]
) -> None:
    told: list[str] = []
    features = at(tmp_path, videos)
    assert compute(features, colours(), failed=lambda path, _: told.append(path)) == 7
    assert told == [videos[4].path]
    again = at(tmp_path, videos)
    assert compute(again, colours(), failed=lambda path, _: told.append(path)) == 7
    assert told == [videos[4].path] * 2 and [*again.files.errors()] == told[:1]
    assert again.files.errors()[videos[4].path].startswith(f"{videos[4].path}: not a video")


def test_a_repaired_video_is_read_when_a_run_goes_on(tmp_path: Path, videos: list[LabelledVideo]) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    some = [videos[0], LabelledVideo(str(broken), (1,)), videos[1]]
    features, base = at(tmp_path, some), colours()
    compute(features, colours())
    film(broken, "b", 3)
    assert compute(features, base) == 3
    assert seen_by(base) == 1 + 3 and features.files.errors() == {}  # the clips of that one alone, after a blank one
    whole = at(tmp_path / "whole", some)
    compute(whole, colours())
    assert_alike(features, whole)


def test_a_base_that_fails_ends_the_run_and_is_blamed_on_no_video(tmp_path: Path, videos: list[LabelledVideo]) -> None:
    features, base = at(tmp_path, videos), colours()
    assert base.head is not None
    torch.nn.init.constant_(base.head.bias, float("nan"))
    with pytest.raises(NetworkError, match="base 'colours' gives outputs that are not numbers"):
        compute(features, base)
    assert not [*features.folder.glob("*.npz")]


def test_a_stopped_run_computes_only_what_is_not_there_yet(tmp_path: Path, videos: list[LabelledVideo]) -> None:
    features, base = at(tmp_path, videos), colours()

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute(features, base, failed=stop)
    assert seen_by(base) == 1 + 12 and len([*features.folder.glob("*.npz")]) == 1  # the second file was begun
    rest, whole = colours(), at(tmp_path / "whole", videos)
    compute(features, rest)
    assert seen_by(rest) == 1 + 9
    compute(whole, colours())
    assert_alike(features, whole)


@pytest.mark.parametrize("processes", [2, 3, 5])
def test_processes_share_the_files(tmp_path: Path, videos: list[LabelledVideo], processes: int) -> None:
    shared, alone = at(tmp_path / "shared", videos), at(tmp_path / "alone", videos)
    counts = [compute(shared, colours(), share=(rank, processes)) for rank in range(processes)]
    assert counts == [shared.files.items_of((rank, processes)) for rank in range(processes)] and sum(counts) == 7
    compute(alone, colours())
    assert_alike(shared, alone)


@pytest.mark.parametrize("change", [{"of": "another test"}, {"stride": "1"}])
def test_features_of_other_settings_are_refused_and_kept(
    tmp_path: Path, videos: list[LabelledVideo], change: dict[str, Any]
) -> None:
    features = at(tmp_path, videos[:2])
    compute(features, colours())
    with pytest.raises(
        ClipselectError, match="features: features of another base or of other data; give another --work"
    ):
        at(tmp_path, videos[:2], **change).files.prepare()
    assert len([*features]) == 1
    (features.folder / "settings.json").write_bytes(b"\xff")
    with pytest.raises(ClipselectError, match="features of another base"):
        features.files.prepare()


@pytest.mark.parametrize("content", ["empty", "text", "half", "flipped", "other arrays"])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, videos: list[LabelledVideo], content: str) -> None:
    features = at(tmp_path, videos)
    compute(features, colours())
    path = features.folder / "000001.npz"
    whole = path.read_bytes()
    if content == "other arrays":
        with path.open("wb") as file:
            np.savez(file, errors=np.frombuffer(b"{}", np.uint8), video=np.zeros(1))
    else:
        at_half = len(whole) // 2
        flipped = whole[:at_half] + bytes(b ^ 255 for b in whole[at_half : at_half + 40]) + whole[at_half + 40 :]
        path.write_bytes({"empty": b"", "text": b"text", "half": whole[:at_half], "flipped": flipped}[content])
    with pytest.raises(ClipselectError, match=r"000001\.npz: damaged; delete it and run the same command again"):
        joined(features)
    path.unlink()
    compute(features, colours())
    assert len([*features]) == 3


def test_a_full_disk_is_told_and_leaves_no_half_of_a_file(
    tmp_path: Path, videos: list[LabelledVideo], monkeypatch: pytest.MonkeyPatch
) -> None:
    features, save = at(tmp_path, videos), np.savez

    def full(path: Path, **arrays: Any) -> None:
        if path.name.startswith("000001"):
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(path, **arrays)

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(ClipselectError, match=r"cannot be written \(No space left on device\); make room"):
            compute(features, colours())
    assert sorted(file.name for file in features.folder.iterdir()) == ["000000.npz", "settings.json"]
    base = colours()
    compute(features, base)
    assert seen_by(base) == 1 + 9


def test_names_that_are_no_utf8_and_hold_all_kinds_of_signs_are_kept(tmp_path: Path) -> None:
    names = ["[red]\n<script>.mp4", "\udcff.mp4"]
    for name in names:
        (tmp_path / name).write_bytes(b"no video")
    features = at(tmp_path, [LabelledVideo(str(tmp_path / name), (0,)) for name in names])
    compute(features, colours())
    assert [*features.files.errors()] == [str(tmp_path / name) for name in names] and [*features] == []
    assert json.loads((features.folder / "settings.json").read_text()) == {"of": "the test"}
