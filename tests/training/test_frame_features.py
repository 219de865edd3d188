"""Features of frames in files: all of them, in order, resumable, shared out, with what cannot be read left out."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clipselect.zoo.embedder import Embedder
from helpers.frame_fixtures import SMALL, blocks, features_in, labelled, pattern, people, write

from clipselect.data.identities import LabelledImages
from clipselect.errors import ClipselectError, NetworkError
from clipselect.media.images import read_image
from clipselect.training import frame_features
from clipselect.training.frame_features import FrameElements, FrameFeatures, Variants


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabelledImages:
    """Of three identities with four pictures each, in files of five."""
    monkeypatch.setattr(frame_features, "IMAGES_PER_FILE", 5)
    return labelled(people(tmp_path / "people", 3, 4))


def compute(features: FrameFeatures, base: Embedder | None = None, share: tuple[int, int] = (0, 1)) -> list[str]:
    """The paths of images that could not be read."""
    failed: list[str] = []
    features.compute(base or blocks()[0], share=share, failed=lambda path, _: failed.append(path), done=lambda _: None)
    return failed


def joined(features: FrameFeatures) -> FrameElements:
    parts = [*features]
    return FrameElements(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("image", "variant", "features")))


# --- variants --------------------------------------------------------------------------------------------------------


def test_variant_nought_is_the_image_itself_and_others_depend_on_seed_image_and_number() -> None:
    image = pattern(0, 0)
    variants = Variants("faces", 3, seed=5)
    assert variants.per_image == 4 and variants.of(image, 7, 0) is image
    drawn = {(n, v): variants.of(image, n, v).tobytes() for n in (7, 8) for v in (1, 2, 3)}
    assert len({*drawn.values()}) == 6
    assert Variants("faces", 9, seed=5).of(image, 7, 2).tobytes() == drawn[7, 2]
    assert Variants("faces", 3, seed=6).of(image, 7, 2).tobytes() != drawn[7, 2]


@pytest.mark.parametrize("variants", [Variants(None, 5, 0), Variants("faces", 0, 0)])
def test_without_degradations_there_is_the_image_alone(variants: Variants) -> None:
    assert variants.per_image == 1


# --- files -----------------------------------------------------------------------------------------------------------


def test_the_features_are_those_of_every_image_and_its_variants(images: LabelledImages, tmp_path: Path) -> None:
    base, _ = blocks()
    features = features_in(tmp_path / "f", images, "faces", 2)
    assert compute(features) == [] and features.files.errors() == {} and features.files.count == 3
    found = joined(features)
    assert found.image.tolist() == np.arange(12).repeat(3).tolist() and found.variant.tolist() == [0, 1, 2] * 12
    assert [len(part.image) for part in features] == [15, 15, 6]
    for n, (image, variant) in enumerate(zip(found.image.tolist(), found.variant.tolist(), strict=True)):
        pixels = features.variants.of(read_image(images.paths[image]), image, variant)
        assert found.features[n] == pytest.approx(base.embed([pixels])[0], abs=1e-5)


def test_processes_share_the_files_and_together_do_what_one_does(images: LabelledImages, tmp_path: Path) -> None:
    alone, shared = (features_in(tmp_path / name, images, "faces", 1) for name in ("alone", "shared"))
    compute(alone)
    shares = [(rank, 2) for rank in (1, 0)]
    counted = dict.fromkeys(shares, 0)
    for share in shares:
        shared.compute(
            blocks()[0], share=share, failed=print, done=lambda n, s=share: counted.update({s: counted[s] + n})
        )
        assert counted[share] == shared.files.items_of(share)
    assert counted == {(1, 2): 5, (0, 2): 7}
    for one, other in zip(alone, shared, strict=True):
        assert np.array_equal(one.features, other.features) and np.array_equal(one.image, other.image)


def test_what_is_done_is_not_done_again(images: LabelledImages, tmp_path: Path) -> None:
    base, net = blocks()
    features = features_in(tmp_path / "f", images)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        features.compute(base, failed=print, done=stop)
    assert [file.name for file in sorted((tmp_path / "f").glob("*.npz"))] == ["000000.npz"] and net.seen == 5
    compute(features, base)
    assert net.seen == 12 and len(joined(features).image) == 12
    compute(features, base)
    assert net.seen == 12


def test_a_run_with_other_settings_is_refused(images: LabelledImages, tmp_path: Path) -> None:
    features = features_in(tmp_path / "f", images)
    features.files.prepare()
    other = FrameFeatures(tmp_path / "f", images, features.variants, {"of": "another"})
    with pytest.raises(ClipselectError, match=f"{tmp_path / 'f'}: features of another base or of other data"):
        other.files.prepare()


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_damaged_file_is_named(images: LabelledImages, tmp_path: Path, content: bytes | None) -> None:
    features = features_in(tmp_path / "f", images)
    compute(features)
    path = tmp_path / "f" / "000001.npz"
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    for look in (lambda: [*features], features.files.errors, lambda: compute(features)):
        with pytest.raises(ClipselectError, match=r"000001.npz: damaged; delete it and run the same command again"):
            look()
    path.unlink()
    compute(features)
    assert len(joined(features).image) == 12


def test_a_base_that_fails_leaves_no_file(images: LabelledImages, tmp_path: Path) -> None:
    base = Embedder.from_module(lambda x: x.mean((2, 3)).log() if x.max() > 0 else x.mean((2, 3)), SMALL, device="cpu")
    features = features_in(tmp_path / "f", images)
    with pytest.raises(NetworkError, match="not numbers"):
        compute(features, base)
    assert not [*(tmp_path / "f").glob("*.npz")]


# --- what cannot be read ---------------------------------------------------------------------------------------------


def test_unreadable_images_are_named_left_out_and_picked_up_when_repaired(
    images: LabelledImages, tmp_path: Path
) -> None:
    bad = [images.paths[i] for i in (1, 5, 6, 7, 8, 9)]  # one of the first file, all of the second
    for path in bad:
        Path(path).write_bytes(b"no image")
    base, net = blocks()
    features = features_in(tmp_path / "f", images, "faces", 1)
    assert compute(features, base) == bad and [*features.files.errors()] == bad
    assert all(f"{path}: not an image" in why for path, why in features.files.errors().items())
    assert joined(features).image.tolist() == [0, 0, 2, 2, 3, 3, 4, 4, 10, 10, 11, 11]
    assert len([*features]) == 2  # the file without any element is left out
    write(Path(bad[0]), pattern(0, 1))
    net.seen = 0
    assert compute(features, base) == bad[1:] and [*features.files.errors()] == bad[1:]
    assert net.seen == 10  # the first file, but not the third, which had no errors
    for path in bad[1:]:
        write(Path(path), pattern(1, 1))
    assert compute(features, base) == [] and features.files.errors() == {}
    assert joined(features).image.tolist() == np.arange(12).repeat(2).tolist()


def test_names_that_are_not_utf_8_are_kept(tmp_path: Path) -> None:
    paths = (str(write(tmp_path / "a.png", pattern(0, 0))), str(tmp_path / "caf\udce9.png"))
    features = features_in(tmp_path / "f", LabelledImages(paths, (0, 1), ("a", "b")))
    assert compute(features) == [paths[1]] and [*features.files.errors()] == [paths[1]]
    json.dumps(features.files.errors())


def test_features_are_held_for_one_file_at_a_time(
    images: LabelledImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of pixels no more than a batch."""
    embedded: list[int] = []
    original: Callable[..., object] = Embedder._embed_batch

    def counted(self: Embedder, batch: np.ndarray) -> object:
        embedded.append(len(batch))
        return original(self, batch)

    monkeypatch.setattr(Embedder, "_embed_batch", counted)
    features = features_in(tmp_path / "f", images, "faces", 9)
    compute(features)
    assert sum(embedded) == 2 + 120 and max(embedded) == 32  # two blank ones to begin with
    assert max(elements.features.nbytes for elements in features) == 5 * 10 * 48 * 4
