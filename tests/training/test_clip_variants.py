"""Variants of training clips: the same for the base and for the DDNet."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from clipselect.zoo.base import Base
from helpers.videos import make_video
from torch import Tensor, nn

from clipselect.data.datasets import BACKGROUND, LabelledVideo
from clipselect.media.decoder import Decoder
from clipselect.media.geometry import SQUASH, Geometry
from clipselect.media.sources import open_source
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.clip_elements import ClipData
from clipselect.training.clip_variants import JITTER, as_bytes, fixed_variant, variant_outputs
from clipselect.training.elements import NO_CENTROID
from clipselect.training.frame_cache import FrameCache

SIZE, FRAMES = 32, 4


class Pixels(nn.Module):
    """Features are what it sees of the clip, at a quarter of the size."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.head = nn.Identity(), nn.Linear(FRAMES * 64, 2)

    def forward(self, x: Tensor) -> Tensor:
        small = nn.functional.avg_pool2d(x.mean(1), SIZE // 8).flatten(1)
        return self.head(self.seen(small))  # type: ignore[no-any-return]


def base_of(geometry: Geometry = SQUASH) -> Base:
    spec = InputSpec(SIZE, SIZE, (0.0,) * 3, (1.0,) * 3, FRAMES, geometry)
    return Base.from_module(Pixels(), spec, 0.4, classes=("a", "b"), device="cpu")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("variants") / "video.mp4"
    make_video(path, 25, size=(64, 64))
    return path


def test_a_variant_is_the_same_in_every_run_and_near_its_clip() -> None:
    one, again, other = fixed_variant(1, 2, 7, 1), fixed_variant(1, 2, 7, 1), fixed_variant(1, 2, 7, 2)
    assert one == again and one != other and one != fixed_variant(1, 2, 8, 1)
    for number in range(1, 40):
        variant = fixed_variant(1, 2, 7, number)
        assert abs(variant.start - 1) <= JITTER + 1e-3
        assert 1 - 1.5 * JITTER - 1e-3 <= variant.length <= 1 + 2 * JITTER + 1e-3


def test_the_base_sees_a_variant_as_the_ddnet_does(video: Path, tmp_path: Path) -> None:
    base, cache = base_of(), FrameCache(tmp_path, 37, Fraction(25), 10**8)
    variants = [fixed_variant(start, start + 0.4, 0, number) for number in (1, 2) for start in (0.5, 0.0, 0.3)]
    features, probabilities = variant_outputs(open_source(video), base, variants)
    assert features.shape == (6, FRAMES * 64) and probabilities.shape == (6, 2)
    seen = np.stack(
        [as_bytes(v.augmentation(cache.clip(str(video), v.start, v.length, FRAMES), SIZE)) for v in variants]
    )
    assert torch.allclose(features, base.features(seen), atol=0.02)
    assert not torch.allclose(features[0], features[1], atol=0.02)


def test_of_a_base_that_crops_a_variant_shows_the_middle(video: Path) -> None:
    base = base_of(Geometry(SIZE))
    wide = fixed_variant(0.0, 0.4, 0, 3)
    features, _ = variant_outputs(open_source(video), base, [wide])
    assert features.shape == (1, FRAMES * 64) and bool(features.isfinite().all())


def test_variants_stand_in_the_same_video_and_make_no_centroids(video: Path) -> None:
    videos = [LabelledVideo(str(video), (1,)), LabelledVideo(str(video), ())]
    data = ClipData(videos, base_of(), Fraction(2, 5), Fraction(2, 5), variants=2)
    labelled, background = data.read([0, 1], lambda path, error: pytest.fail(str(error)))
    clips = int((labelled.variant == 0).sum())
    assert clips == 3 and labelled.variant.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert labelled.label.tolist() == [1] * 9 and background.shows.tolist() == [BACKGROUND] * 9
    assert labelled.start.tolist() == [*labelled.start[:3]] * 3
    assert data.centroid_rows(labelled).tolist() == [1] * 3 + [NO_CENTROID] * 6
    plain = ClipData(videos, base_of(), Fraction(2, 5), Fraction(2, 5)).read([0], lambda path, error: None)[0]
    assert plain.variant.tolist() == [0] * 3 and np.array_equal(plain.start, labelled.start[:3])


def test_all_variants_are_read_in_one_pass(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = list[bool]()
    opened = Decoder._opened
    monkeypatch.setattr(Decoder, "_opened", lambda *a: passes.append(True) or opened(*a))
    for variants in (0, 1, 5):
        passes.clear()
        data = ClipData([LabelledVideo(str(video), (1,))], base_of(), Fraction(2, 5), Fraction(2, 5), variants=variants)
        [elements] = data.read([0], lambda path, error: pytest.fail(str(error)))
        assert len(elements.item) == 3 * (1 + variants) and len(passes) == (2 if variants else 1)
