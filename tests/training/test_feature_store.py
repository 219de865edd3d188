"""Features of the training elements, of clips and of frames: no crash loses them, those of another run are refused."""

import errno
import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import torch
from clipselect.zoo.base import Base
from clipselect.zoo.embedder import BATCH, Embedder
from helpers.frame_fixtures import SMALL, Blocks, blocks, pattern, write
from helpers.training_data import Colours, colours, film

from clipselect.data.datasets import LabelledVideo
from clipselect.data.identities import LabelledImages
from clipselect.errors import ClipselectError, NetworkError
from clipselect.media.images import read_image
from clipselect.media.progress import Progress
from clipselect.media.sources import open_source
from clipselect.training.clip_elements import ClipData, clip_outputs
from clipselect.training.elements import Elements, joined
from clipselect.training.feature_store import FeatureStore
from clipselect.training.frame_elements import FrameData, Variants

LENGTH = Fraction(1, 5)  # 5 of the 12 frames: candidates at 0, 0.2 and, to end with the video, 0.28 s
BAD = 4
PER_ITEM = 3
"""Elements of an item: clips of a video, or an image and two variants."""


def clips_of(paths: list[str]) -> ClipData:
    videos = [LabelledVideo(path, (i % 2,)) for i, path in enumerate(paths)]
    return ClipData(videos, colours(), LENGTH, LENGTH)


def frames_of(paths: list[str]) -> FrameData:
    images = LabelledImages(tuple(paths), tuple(i % 2 for i in range(len(paths))), ("a", "b"))
    return FrameData(images, blocks()[0], Variants("faces", 2, 0))


def make_film(path: Path, item: int) -> None:
    film(path, "ab"[item % 2], item)


def make_picture(path: Path, item: int) -> None:
    write(path, pattern(item % 2, item))


@dataclass(frozen=True)
class Kind:
    """Of elements: their data for some paths, a file of an item, and its suffix."""

    data: Callable[[list[str]], Any]
    make: Callable[[Path, int], None]
    suffix: str
    says: str

    def fresh(self, paths: list[str]) -> Any:
        """The data with a base that has seen nothing yet."""
        data = self.data(paths)
        counter(data.base).seen = 0
        return data


def counter(base: Base | Embedder) -> Any:
    return base.net if isinstance(base, Base) else base.run


def seen(data: Any) -> int:
    """Items whose elements the base has seen."""
    network = counter(data.base)
    assert isinstance(network, Colours | Blocks) and network.seen % PER_ITEM == 0
    return network.seen // PER_ITEM


@pytest.fixture(params=["clips", "frames"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kind:
    """Three items to a file."""
    for data in (ClipData, FrameData):
        monkeypatch.setattr(data, "items_per_file", 3)
    if request.param == "clips":
        return Kind(clips_of, make_film, ".mp4", "is text, not a video")
    return Kind(frames_of, make_picture, ".png", "not an image")


@pytest.fixture
def paths(kind: Kind, tmp_path: Path) -> list[str]:
    """Seven items, of which one cannot be read."""
    found = [tmp_path / "items" / f"{item}{kind.suffix}" for item in range(7)]
    for item, path in enumerate(found):
        kind.make(path, item)
    found[BAD].write_bytes(b"no such thing")
    return list(map(str, found))


def at(folder: Path, data: Any) -> FeatureStore:
    store = FeatureStore(folder, data)
    store.prepare()
    return store


def compute(store: FeatureStore, process: tuple[int, int] = (0, 1), on_error: Any = lambda *_: None) -> list[int]:
    """Compute them; how many items were reported as done, each time."""
    reports: list[Progress] = []
    store.compute(process=process, progress=reports.append, on_error=on_error)
    assert {report.total for report in reports} == {reports[-1].done}
    return [report.done for report in reports]


def assert_alike(one: FeatureStore, other: FeatureStore) -> None:
    assert one.errors() == other.errors()
    first, second = joined([*one]), joined([*other])
    for f in fields(first):
        assert np.allclose(getattr(first, f.name), getattr(second, f.name), atol=1e-6)


def test_files_hold_all_elements_in_the_order_of_the_items(tmp_path: Path, kind: Kind, paths: list[str]) -> None:
    store = at(tmp_path / "f", kind.data(paths))
    assert store.count == 3 and compute(store) == [*range(8)]
    elements = joined([*store])
    assert isinstance(elements, Elements) and elements.features.dtype == np.float32
    assert elements.item.tolist() == [i for i in range(7) if i != BAD for _ in range(PER_ITEM)]
    assert elements.label.tolist() == [i % 2 for i in elements.item.tolist()]
    assert [len(part.item) for part in store] == [9, 6, 3]


@pytest.mark.parametrize("kind", ["clips"], indirect=True)
def test_of_clips_they_hold_what_the_base_says(tmp_path: Path, kind: Kind, paths: list[str]) -> None:
    store = at(tmp_path / "f", kind.data(paths))
    compute(store)
    elements: Any = joined([*store])
    assert elements.start[:3].tolist() == [0, 0.2, 0.28]
    alone = clip_outputs(open_source(paths[3]), colours(), LENGTH)
    assert np.array_equal(elements.features[elements.item == 3], alone.features.numpy())
    assert np.array_equal(elements.confidence[elements.item == 3], alone.probabilities.max(1).values.numpy())


@pytest.mark.parametrize("kind", ["frames"], indirect=True)
def test_of_frames_they_hold_every_image_and_its_variants(tmp_path: Path, kind: Kind, paths: list[str]) -> None:
    store = at(tmp_path / "f", kind.data(paths))
    compute(store)
    elements: Any = joined([*store])
    assert elements.variant.tolist() == [0, 1, 2] * 6
    for n, (item, variant) in enumerate(zip(elements.item.tolist(), elements.variant.tolist(), strict=True)):
        pixels = store.data.variants.apply(read_image(paths[item]), item, variant)
        assert elements.features[n] == pytest.approx(store.data.base.embed([pixels])[0], abs=1e-5)


def test_what_cannot_be_read_is_recorded_and_reported_again_when_a_run_continues(
    tmp_path: Path, kind: Kind, paths: list[str]
) -> None:
    reported: list[str] = []
    for _ in range(2):
        store = at(tmp_path / "f", kind.data(paths))
        assert compute(store, on_error=lambda path, _: reported.append(path))[-1] == 7
    assert reported == [paths[BAD]] * 2 and [*store.errors()] == [paths[BAD]]
    assert store.errors()[paths[BAD]].startswith(f"{paths[BAD]}: {kind.says}")


def test_a_repaired_item_alone_is_read_when_a_run_continues(tmp_path: Path, kind: Kind, paths: list[str]) -> None:
    compute(at(tmp_path / "f", kind.data(paths)))
    stamp = (tmp_path / "f" / "000000.npz").stat().st_mtime_ns
    kind.make(Path(paths[BAD]), BAD)
    store = at(tmp_path / "f", kind.fresh(paths))
    assert compute(store)[-1] == 7 and seen(store.data) == 1 and store.errors() == {}
    assert (tmp_path / "f" / "000000.npz").stat().st_mtime_ns == stamp
    whole = at(tmp_path / "whole", kind.data(paths))
    compute(whole)
    assert_alike(store, whole)


def test_a_file_without_any_readable_item_is_left_out_until_they_are_repaired(
    tmp_path: Path, kind: Kind, paths: list[str]
) -> None:
    for item in (3, 5):
        Path(paths[item]).write_bytes(b"no such thing")
    store = at(tmp_path / "f", kind.data(paths))
    compute(store)
    assert len([*store]) == 2 and [*store.errors()] == paths[3:6]
    for item in (3, 4, 5):
        kind.make(Path(paths[item]), item)
    compute(store)
    assert joined([*store]).item.tolist() == np.arange(7).repeat(PER_ITEM).tolist() and store.errors() == {}


def test_a_base_that_fails_ends_the_run_and_is_blamed_on_no_item(tmp_path: Path, kind: Kind, paths: list[str]) -> None:
    data = kind.data(paths)
    if isinstance(data.base, Base):
        torch.nn.init.constant_(data.base.head.bias, float("nan"))
    else:
        broken = Embedder.from_module(
            lambda x: x.mean((2, 3)).log() if x.max() > 0 else x.mean((2, 3)), SMALL, device="cpu"
        )
        data = replace(data, base=broken)
    with pytest.raises(NetworkError, match="not numbers"):
        compute(at(tmp_path / "f", data))
    assert not [*(tmp_path / "f").glob("*.npz")]


def test_a_stopped_run_computes_only_what_is_not_there_yet(
    tmp_path: Path, kind: Kind, paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    store = at(tmp_path / "f", kind.fresh(paths))
    with pytest.raises(KeyboardInterrupt):
        compute(store, on_error=stop)
    assert [file.name for file in (tmp_path / "f").glob("*.npz")] == ["000000.npz"]  # the second file was begun
    rest, whole = at(tmp_path / "f", kind.fresh(paths)), at(tmp_path / "whole", kind.data(paths))
    compute(rest)
    assert seen(rest.data) == 3
    read, again = FeatureStore._read, list[int]()

    def noted(self: FeatureStore, number: int) -> Elements | None:
        again.append(number)
        return read(self, number)

    with monkeypatch.context() as patched:
        patched.setattr(FeatureStore, "_read", noted)
        compute(rest)
    assert seen(rest.data) == 3 and again == [BAD // 3]  # what is finished is not read again
    compute(whole)
    assert_alike(rest, whole)


@pytest.mark.parametrize("processes", [2, 5])
def test_processes_share_the_files(tmp_path: Path, kind: Kind, paths: list[str], processes: int) -> None:
    shared, alone = at(tmp_path / "shared", kind.data(paths)), at(tmp_path / "alone", kind.data(paths))
    counts = [compute(shared, (rank, processes))[-1] for rank in reversed(range(processes))]
    assert sum(counts) == 7
    compute(alone)
    assert_alike(shared, alone)


def test_features_of_other_settings_are_refused_and_kept(tmp_path: Path, kind: Kind, paths: list[str]) -> None:
    store = at(tmp_path / "f", kind.data(paths))
    compute(store)
    with pytest.raises(ClipselectError, match="f: features of another base or of other data"):
        at(tmp_path / "f", kind.data(paths[1:]))
    assert len([*store]) == 3
    (tmp_path / "f" / "settings.json").write_bytes(b"\xff")
    with pytest.raises(ClipselectError, match="features of another base"):
        store.prepare()


@pytest.mark.parametrize("content", ["empty", "text", "half", "flipped", "other arrays"])
@pytest.mark.parametrize("kind", ["frames"], indirect=True)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, kind: Kind, paths: list[str], content: str) -> None:
    store = at(tmp_path / "f", kind.data(paths))
    compute(store)
    path = tmp_path / "f" / "000001.npz"
    whole = path.read_bytes()
    if content == "other arrays":
        with path.open("wb") as file:
            np.savez(file, errors=np.frombuffer(b"{}", np.uint8), item=np.zeros(1))
    else:
        at_half = len(whole) // 2
        flipped = whole[:at_half] + bytes(b ^ 255 for b in whole[at_half : at_half + 40]) + whole[at_half + 40 :]
        path.write_bytes({"empty": b"", "text": b"text", "half": whole[:at_half], "flipped": flipped}[content])
    for look in (lambda: [*store], *([] if content == "other arrays" else [lambda: compute(store)])):
        with pytest.raises(ClipselectError, match=r"000001\.npz: damaged; delete it and run the same command again"):
            look()
    path.unlink()
    compute(store)
    assert len([*store]) == 3


@pytest.mark.parametrize("kind", ["frames"], indirect=True)
def test_a_full_disk_is_reported_and_leaves_no_half_of_a_file(
    tmp_path: Path, kind: Kind, paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, save = at(tmp_path / "f", kind.data(paths)), np.savez

    def full(file: IO[bytes], **arrays: Any) -> None:
        if "000001" in file.name:
            file.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(file, **arrays)

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(ClipselectError, match=r"cannot be written \(No space left on device\); make room"):
            compute(store)
    assert sorted(file.name for file in (tmp_path / "f").iterdir()) == ["000000.npz", "settings.json"]
    compute(store)
    assert len([*store]) == 3


def test_names_that_are_no_utf8_and_hold_all_kinds_of_signs_are_kept(tmp_path: Path, kind: Kind) -> None:
    paths = [str(tmp_path / f"{name}{kind.suffix}") for name in ("[red]\n<script>", "\udcff")]
    for path in paths:
        Path(path).write_bytes(b"no such thing")
    store = at(tmp_path / "f", kind.data(paths))
    compute(store)
    assert [*store.errors()] == paths and [*store] == []
    json.loads((tmp_path / "f" / "settings.json").read_text())


@pytest.mark.parametrize("kind", ["frames"], indirect=True)
def test_no_more_than_a_batch_of_pixels_is_held(
    tmp_path: Path, kind: Kind, paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    original: Callable[..., object] = Embedder._embed_batch

    def counted(self: Embedder, batch: np.ndarray) -> object:
        batches.append(len(batch))
        return original(self, batch)

    data = replace(kind.data(paths), variants=Variants("faces", 19, 0))
    monkeypatch.setattr(Embedder, "_embed_batch", counted)
    compute(at(tmp_path / "f", data))
    assert sum(batches) == 6 * 20 and max(batches) == BATCH
