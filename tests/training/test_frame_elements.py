"""Frames to learn from: images as they are and degraded, drawn evenly, and the pixels that the base saw."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from helpers.frame_fixtures import HALF, labelled, pattern, people

from clipselect.errors import ClipselectWarning
from clipselect.media.images import read_image, squash_image
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.frame_elements import FrameExamples, Variants


def test_variant_0_is_the_image_itself_and_others_depend_on_seed_image_and_number() -> None:
    image = pattern(0, 0)
    variants = Variants("faces", 3, seed=5)
    assert variants.per_image == 4 and variants.apply(image, 7, 0) is image
    drawn = {(n, v): variants.apply(image, n, v).tobytes() for n in (7, 8) for v in (1, 2, 3)}
    assert len({*drawn.values()}) == 6
    assert Variants("faces", 9, seed=5).apply(image, 7, 2).tobytes() == drawn[7, 2]
    assert Variants("faces", 3, seed=6).apply(image, 7, 2).tobytes() != drawn[7, 2]


@pytest.mark.parametrize("variants", [Variants(None, 5, 0), Variants("faces", 0, 0)])
def test_without_degradations_there_is_the_image_alone(variants: Variants) -> None:
    assert variants.per_image == 1


@pytest.fixture
def examples(tmp_path: Path) -> FrameExamples:
    """Of twelve images with two variants each, most of them with a low D-score."""
    paths, spec = labelled(people(tmp_path / "people", 4, 3)).paths, InputSpec(32, 48, HALF, HALF)
    image, variant = np.repeat(np.arange(12), 3), np.tile(np.arange(3), 12)
    d_score = np.linspace(0.1, 0.9, 36) ** 3
    pq.write_table(pa.table({"image": image, "variant": variant, "d_score": d_score}), tmp_path / "d.parquet")
    return FrameExamples(paths, tmp_path / "d.parquet", spec, steps=100, seed=3, variants=Variants("faces", 2, 0))


def test_examples_are_the_pixels_that_the_base_saw_perhaps_mirrored(examples: FrameExamples) -> None:
    known = {}
    for item, variant, d in zip(*(examples.table[name] for name in ("image", "variant", "d_score")), strict=True):
        image = read_image(examples.paths[item])
        known[np.float32(d).item()] = squash_image(examples.variants.apply(image, item, variant), 32, 48)
    mirrored = 0
    for i in range(40):
        pixels, target = examples(99, i)
        assert pixels.shape == (3, 32, 48) and pixels.dtype == target.dtype == torch.float32
        found, expected = (pixels * 255).round().numpy().transpose(1, 2, 0), known[target.item()]
        mirrored += not np.array_equal(found, expected)
        assert np.array_equal(found, expected) or np.array_equal(found, expected[:, ::-1])
    assert 8 < mirrored < 32


def test_examples_depend_on_step_and_number_alone_and_begin_small(examples: FrameExamples) -> None:
    one, other = examples(5, 1), examples(5, 1)
    assert torch.equal(one[0], other[0]) and one[0].shape == (3, 16, 32)
    assert len({examples(step, i)[0].numpy().tobytes() for step in (5, 6) for i in range(4)}) > 4


def test_examples_are_drawn_evenly_over_the_d_scores(examples: FrameExamples) -> None:
    drawn, known = np.array([examples(99, i)[1].item() for i in range(600)]), examples.table["d_score"]
    parts = [np.histogram(values, 10, (known.min(), known.max()))[0] for values in (drawn, known)]
    assert ((parts[0] > 0) == (parts[1] > 0)).all()
    occupied = parts[0][parts[1] > 0] / 600
    assert occupied == pytest.approx(1 / len(occupied), abs=0.06)


def test_instead_of_an_image_that_is_lost_another_one_is_drawn(examples: FrameExamples) -> None:
    whole = [examples(99, i) for i in range(30)]
    Path(examples.paths[11]).unlink()  # which has the highest D-scores
    with pytest.warns(ClipselectWarning, match=r"2\.png: cannot be read .*; another example is drawn"):
        left = [examples(99, i) for i in range(30)]
    alike = [torch.equal(one[0], other[0]) for one, other in zip(whole, left, strict=True)]
    assert 0 < alike.count(False) < 20
