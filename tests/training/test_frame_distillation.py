"""Distilling for frames: D-scores against equations 2 to 4 by hand, examples, runs that were killed or shared."""

import math
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from clipselect.zoo.embedder import Embedder
from helpers.command_line import Run
from helpers.frame_fixtures import (
    EMBEDDER,
    HALF,
    SMALL,
    blocks,
    features_in,
    frames_command,
    labelled,
    noise,
    people,
    write,
)
from helpers.training_data import TORCHRUN, assert_same_weights, begin, stamps
from numpy.typing import NDArray

from clipselect.data.identities import LabelledImages
from clipselect.errors import ClipselectError
from clipselect.media.images import read_image, squash_image
from clipselect.method.ddnet import DDNetConfig
from clipselect.method.discriminability import EPS
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.scorer import load_scorer
from clipselect.training import frame_features, loop
from clipselect.training.frame_distillation import (
    FrameExamples,
    FrameRecipe,
    centroids_of,
    discriminabilities,
    features_of,
    write_targets,
)
from clipselect.training.frame_features import FrameFeatures, Variants
from clipselect.training.frame_held_out import frame_quality
from clipselect.training.loop import TrainingConfig

PATIENCE = 300


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabelledImages:
    """Of four identities with three pictures each, in files of five."""
    monkeypatch.setattr(frame_features, "IMAGES_PER_FILE", 5)
    return labelled(people(tmp_path / "people", 4, 3))


def computed(folder: Path, images: LabelledImages, base: Embedder | None = None, count: int = 2) -> FrameFeatures:
    features = features_in(folder, images, "faces", count)
    features.compute(base or blocks()[0], failed=lambda *_: None, done=lambda _: None)
    return features


def by_hand(features: FrameFeatures) -> tuple[NDArray[Any], list[float], list[float]]:
    """Centroids of the images as they are, discriminabilities and D-scores of all elements, one by one."""
    rows = [
        (features.images.labels[image], variant, feature.astype(np.float64))
        for part in features
        for image, variant, feature in zip(part.image.tolist(), part.variant.tolist(), part.features, strict=True)
    ]
    people = range(len(features.images.identities))
    centroids = [np.mean([f for own, variant, f in rows if own == m and variant == 0], axis=0) for m in people]

    def cosine(a: NDArray[Any], b: NDArray[Any]) -> float:
        return float(a @ b / math.sqrt((a @ a) * (b @ b)))

    ratios = [
        cosine(f, centroids[own]) / max(*(cosine(f, centroids[m]) for m in people if m != own), EPS)  # eq. 2, 3
        for own, _, f in rows
    ]
    low, high = np.quantile(ratios, [0.01, 0.99])
    clipped = [min(max(d, low), high) for d in ratios]
    mu, sigma = np.mean(clipped), np.std(clipped)
    return np.array(centroids), ratios, [1 / (1 + math.exp(-(d - mu) / sigma)) for d in clipped]  # eq. 4


# --- D-scores --------------------------------------------------------------------------------------------------------


def test_d_scores_are_those_of_equations_2_to_4(images: LabelledImages, tmp_path: Path) -> None:
    features = computed(tmp_path / "f", images)
    centroids, ratios, wanted = by_hand(features)
    assert centroids_of(features).numpy() == pytest.approx(centroids, abs=1e-6)
    norm = write_targets(features, "cosine", "ratio", tmp_path / "d.parquet")
    table = pq.read_table(tmp_path / "d.parquet").to_pydict()
    assert table["discriminability"] == pytest.approx(ratios, rel=1e-6)
    assert table["d_score"] == pytest.approx(wanted, abs=1e-6) and np.ptp(wanted) > 0.5
    assert table["path"] == [path for path in images.paths for _ in range(3)]
    assert table["variant"] == [0, 1, 2] * 12
    assert table["identity"] == [Path(path).parent.name for path in table["path"]]
    assert norm.low <= norm.mu <= norm.high and norm.sigma > 0


def test_centroids_are_of_the_images_as_they_are(images: LabelledImages, tmp_path: Path) -> None:
    plain, spoilt = computed(tmp_path / "a", images, count=0), computed(tmp_path / "b", images, count=4)
    assert torch.equal(centroids_of(plain), centroids_of(spoilt))


@pytest.mark.parametrize(("metric", "contrast"), [("euclidean", "ratio"), ("cosine", "difference")])
def test_other_measures_reach_the_file(images: LabelledImages, tmp_path: Path, metric: Any, contrast: Any) -> None:
    features = computed(tmp_path / "f", images)
    write_targets(features, metric, contrast, tmp_path / "d.parquet")
    found = pq.read_table(tmp_path / "d.parquet")["discriminability"].to_numpy()
    assert np.array_equal(found, discriminabilities(features, metric, contrast)[1].numpy())
    assert not np.allclose(found, discriminabilities(features)[1].numpy())


def test_features_need_not_stay_in_memory(images: LabelledImages, tmp_path: Path) -> None:
    found, values = discriminabilities(computed(tmp_path / "f", images))
    assert sum(elements.features.size for elements in found) == 0 and len(values) == 36


def test_an_identity_without_a_readable_image_is_no_rival(images: LabelledImages, tmp_path: Path) -> None:
    for path in images.paths[:3]:
        Path(path).write_bytes(b"no image")
    features = computed(tmp_path / "f", images)
    assert centroids_of(features).isnan().any(1).tolist() == [True, False, False, False]
    write_targets(features, "cosine", "ratio", tmp_path / "d.parquet")
    table = pq.read_table(tmp_path / "d.parquet")
    assert len(table) == 27 and np.isfinite(table["d_score"].to_numpy()).all()


@pytest.mark.parametrize(("left", "says"), [(0, "not one of the images"), (3, "of one identity alone")])
def test_too_little_that_can_be_read_is_said(images: LabelledImages, tmp_path: Path, left: int, says: str) -> None:
    for path in images.paths[left:]:
        Path(path).write_bytes(b"no image")
    features = computed(tmp_path / "f", images)
    with pytest.raises(ClipselectError, match=says):
        write_targets(features, "cosine", "ratio", tmp_path / "d.parquet")
    scorer: Any = None
    with pytest.raises(ClipselectError, match=says):
        frame_quality(features, scorer, "cosine", "ratio", iter)


def test_a_base_that_sees_no_difference_gives_equal_d_scores(images: LabelledImages, tmp_path: Path) -> None:
    blind = Embedder.from_module(lambda x: torch.ones(len(x), 3), SMALL, device="cpu")
    norm = write_targets(computed(tmp_path / "f", images, blind), "cosine", "ratio", tmp_path / "d.parquet")
    assert norm.sigma == 0 and set(pq.read_table(tmp_path / "d.parquet")["d_score"].to_pylist()) == {0.5}


# --- examples --------------------------------------------------------------------------------------------------------


@pytest.fixture
def examples(images: LabelledImages, tmp_path: Path) -> FrameExamples:
    features = computed(tmp_path / "f", images)
    write_targets(features, "cosine", "ratio", tmp_path / "d.parquet")
    input_spec, schedule = InputSpec(32, 48, HALF, HALF), TrainingConfig(100, 4, 1e-3, 0.0, seed=3)
    recipe = FrameRecipe(DDNetConfig(2), input_spec, features.variants, schedule)
    return FrameExamples.of(tmp_path / "d.parquet", images, recipe)


def test_examples_are_the_pixels_that_the_base_saw_perhaps_mirrored(examples: FrameExamples) -> None:
    known = {}
    for number, variant, d in zip(examples.image, examples.variant, examples.d_scores, strict=True):
        image = read_image(examples.images.paths[number])
        known[np.float32(d).item()] = squash_image(examples.recipe.variants.of(image, number, variant), 32, 48)
    mirrored = 0
    for i in range(40):
        pixels, wanted = examples(99, i)
        assert pixels.shape == (3, 32, 48) and pixels.dtype == wanted.dtype == torch.float32
        found, expected = (pixels * 255).round().numpy().transpose(1, 2, 0), known[wanted.item()]
        mirrored += not np.array_equal(found, expected)
        assert np.array_equal(found, expected) or np.array_equal(found, expected[:, ::-1])
    assert 8 < mirrored < 32


def test_examples_depend_on_step_and_place_alone_and_begin_small(examples: FrameExamples) -> None:
    one, other = examples(5, 1), examples(5, 1)
    assert torch.equal(one[0], other[0]) and one[0].shape == (3, 16, 32)
    assert len({examples(step, i)[0].numpy().tobytes() for step in (5, 6) for i in range(4)}) > 4


def test_examples_are_drawn_evenly_over_the_d_scores(examples: FrameExamples) -> None:
    drawn = np.array([examples(99, i)[1].item() for i in range(600)])
    low, high = examples.d_scores.min(), examples.d_scores.max()
    parts = [np.histogram(values, 10, (low, high))[0] for values in (drawn, examples.d_scores)]
    assert ((parts[0] > 0) == (parts[1] > 0)).all()
    occupied = parts[0][parts[1] > 0] / 600
    assert occupied == pytest.approx(1 / len(occupied), abs=0.06)


def test_the_first_process_tells_of_all_images_that_could_not_be_read(images: LabelledImages, tmp_path: Path) -> None:
    bad = [images.paths[i] for i in (1, 6)]  # the second is for another process
    for path in bad:
        Path(path).write_bytes(b"no image")
    other = features_in(tmp_path / "f", images)
    (tmp_path / "f" / "settings.json").unlink()  # whatever they are

    def barrier() -> None:  # as if that one had been as fast
        other.compute(blocks()[0], share=(1, 2), failed=lambda *_: None, done=lambda _: None)

    crew: Any = SimpleNamespace(is_global_zero=True, rank=0, processes=2, fabric=SimpleNamespace(barrier=barrier))
    failed: dict[str, str] = {}
    stages: Any = lambda *_: nullcontext(SimpleNamespace(more=lambda _: None))  # noqa: E731
    features_of(
        blocks()[0], images, other.variants, tmp_path / "f", crew, stages, lambda p, e: failed.update({p: str(e)})
    )
    assert [*failed] == bad and all(why.startswith(f"{path}: not an image") for path, why in failed.items())


# --- processes -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """On 300 training images, two files of features, the last one no image."""
    folder = tmp_path_factory.mktemp("many")
    for identity in range(38):
        for number in range(10):
            write(folder / "people" / f"p{identity:02d}" / f"{number}.bmp", noise(4, 4, 50 * identity + number // 4))
    (folder / "people" / "p37" / "9.bmp").write_bytes(b"no image")
    (folder / "base.py").write_text(EMBEDDER)
    return [*frames_command(folder), "--steps", 4, "--depths", "1,1,1,1", "--variants", 1]


@pytest.fixture
def processes() -> Iterator[list[Any]]:
    """Those that a test began; none outlives it."""
    begun: list[Any] = []
    yield begun
    for process in begun:
        process.kill()
        process.communicate()


class Killed(BaseException):
    """What nothing on the way catches."""


def test_a_run_killed_in_training_or_shared_by_two_processes_ends_as_one_left_alone(
    command: list[object],
    tmp_path: Path,
    run: Run,
    processes: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed, crew, alone = (tmp_path / f"{name}.safetensors" for name in ("killed", "crew", "alone"))
    processes.append(begin(*command, "-o", crew, launcher=TORCHRUN))
    assert run(*command, "-o", alone).code == 0 and "1 images could not be read" in run.err
    save, saved = loop._save, list[int]()

    def save_and_die(path: Path, parts: Any, settings: Any, step: int) -> None:
        save(path, parts, settings, step)
        saved.append(step)
        if saved == [1, 2]:
            raise Killed

    monkeypatch.setattr(loop, "_save", save_and_die)
    with pytest.raises(Killed):
        run(*command, "-o", killed)
    (checkpoint,) = (tmp_path / "killed.work").glob("ddnet-*.ckpt")
    assert torch.load(checkpoint, weights_only=True)["step"] == 2 and not killed.exists()
    before = stamps(tmp_path / "killed.work" / "features")
    assert run(*command, "-o", killed).code == 0 and saved == [1, 2, 3, 4]
    after = stamps(tmp_path / "killed.work" / "features")
    assert before["000000.npz"] == after["000000.npz"] and len(before) == 2
    assert_same_weights(killed, alone)

    stdout, stderr = processes[0].communicate(timeout=PATIENCE)
    assert processes[0].returncode == 0 and "Traceback" not in stderr, stderr
    assert stdout.count("\n") == 1 and stdout.startswith(f"{crew}: Spearman's rho ")
    assert stderr.count("9.bmp: not an image") == 1 and stderr.count("1 images could not be read") == 1
    works = [path.with_suffix(".work") for path in (crew, alone)]
    table, expected = (pq.read_table(work / "d_scores.parquet") for work in works)
    assert table["path"].equals(expected["path"])
    assert np.allclose(table["d_score"].to_numpy(), expected["d_score"].to_numpy(), atol=1e-5)
    one, other = map(_centroids, works)
    assert one == pytest.approx(other, abs=1e-5)


def _centroids(work: Path) -> NDArray[Any]:
    metadata = load_scorer(work.with_suffix(".safetensors"), "cpu", elements="frames").metadata
    table = pq.read_table(work / "d_scores.parquet", columns=["path", "identity"])
    paths = dict(zip(table["path"].to_pylist(), table["identity"].to_pylist(), strict=True))
    identities = tuple(sorted(set(paths.values())))
    assert metadata["failed"] == 1 and metadata["identities"] == len(identities)
    labels = tuple(identities.index(name) for name in paths.values())
    images = LabelledImages(tuple(paths), labels, identities)
    return centroids_of(FrameFeatures(work / "features", images, Variants("faces", 1, 0), {})).numpy()
