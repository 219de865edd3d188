"""Training an embedder as a library function, and how held-out identities are measured."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clipselect.zoo.embedder_loading import load_trained
from helpers.cards import use_as_the_card_says
from helpers.identity_pictures import data_set

import clipselect
from clipselect.data.identities import read_identities
from clipselect.errors import ArgumentError, ClipselectError
from clipselect.media.progress import Progress, no_progress
from clipselect.training.embedder_training import check_whole_identities, fingerprint_of, leave_one_out, readable

pytestmark = pytest.mark.usefixtures("one_thread")


def test_an_embedder_is_trained_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_set(tmp_path / "people")
    (tmp_path / "people" / "train" / "p1" / "bad.png").write_bytes(b"no picture")
    shown, failed = list[Progress](), list[str]()
    made = clipselect.train_embedder(
        tmp_path / "people", tmp_path / "person.safetensors", network="narrow_reid", height=48, width=24, batch=8,
        images_per_identity=2, steps=2, device="cpu", progress=shown.append,
        on_error=lambda path, error: failed.append(Path(path).name),
    )  # fmt: skip
    assert failed == ["bad.png"] and made.metadata["failed"] == 1 and made.metadata["held_out"]["queries"] == 12
    assert [*dict.fromkeys(p.stage for p in shown)] == [
        "reading the images", "training the embedder", "the held-out images",
    ]  # fmt: skip
    net, input_spec, metadata = load_trained(made.weights)
    assert (input_spec.height, input_spec.width) == (48, 24) and not net.training
    assert made.metadata.items() <= {**metadata, "mean": tuple(metadata["mean"]), "std": tuple(metadata["std"])}.items()
    card = made.card.read_text()
    assert f"clipselect.train_embedder(data='{tmp_path / 'people'}', " in card and "steps=2, batch=8, " in card
    assert use_as_the_card_says(made.card, monkeypatch).sha256 == metadata["sha256"]


def test_a_resnet50_ibn_is_trained_with_the_bag_of_tricks(tmp_path: Path) -> None:
    data_set(tmp_path / "people")
    options: dict[str, Any] = {
        "network": "reid_resnet50_ibn", "height": 32, "width": 32, "batch": 4, "images_per_identity": 2, "steps": 1,
        "device": "cpu", "bag_of_tricks": True,
    }  # fmt: skip
    made = clipselect.train_embedder(tmp_path / "people", tmp_path / "person.safetensors", **options)
    assert made.metadata["bag_of_tricks"] and "with random erasing and label smoothing." in made.card.read_text()
    assert clipselect.load_embedder(made.weights, "cpu").dim == 2048
    with pytest.raises(ArgumentError, match="loss must be triplet or softmax for the bag of tricks, got arcface"):
        clipselect.train_embedder(tmp_path / "people", tmp_path / "o.safetensors", **options, loss="arcface")
    with pytest.raises(
        ClipselectError, match="reid_resnet50_ibn cannot take images of 16 x 16; leave height and width"
    ):
        clipselect.train_embedder(
            tmp_path / "people", tmp_path / "o.safetensors", **{**options, "height": 16, "width": 16}
        )


def test_errors_of_the_library_name_the_argument(tmp_path: Path) -> None:
    data_set(tmp_path / "people")
    for argument, value in (("network", "vit"), ("loss", "center"), ("height", 1), ("learning_rate", -1.0)):
        with pytest.raises(ArgumentError) as refused:
            clipselect.train_embedder(tmp_path / "people", tmp_path / "o.safetensors", **{argument: value})  # type: ignore[arg-type]
        assert refused.value.argument == argument


def test_images_that_cannot_be_read_are_left_out_with_their_identity(tmp_path: Path) -> None:
    data_set(tmp_path, 3, 2)
    for bad in ("p0/0.png", "p0/1.png", "p2/0.png"):
        (tmp_path / "train" / bad).write_bytes(b"no picture")
    failed: list[str] = []
    people = read_identities([tmp_path], "train")
    found = readable(people, "reading", no_progress, lambda path, error: failed.append(path))
    assert found.identities == ("p1", "p2") and found.labels == (0, 0, 1) and len(failed) == 3
    assert fingerprint_of(found) != fingerprint_of(people)
    (tmp_path / "train" / "p2" / "1.png").write_bytes(b"")
    with pytest.raises(ClipselectError, match="fewer than two identities"):
        readable(read_identities([tmp_path], "train"), "reading", no_progress, lambda path, error: None)


def test_held_out_images_are_sought_among_all_others() -> None:
    found = leave_one_out(np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2]], [0, 0, 1, 1, 2])
    assert found.cmc[1] == 1 and found.queries.tolist() == [0, 1, 2, 3] and found.excluded == 1


def test_a_batch_that_processes_cannot_share_is_refused_with_the_remedy() -> None:
    check_whole_identities(batch=16, k=4, processes=2)
    with pytest.raises(ArgumentError, match=r"^batch must be .* 4 x 2, got 12; choose 16 or another multiple of 8"):
        check_whole_identities(batch=12, k=4, processes=2)


def test_no_folder_is_refused_by_the_name_of_the_argument(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"^data must name at least one folder"):
        clipselect.train_embedder([], tmp_path / "o.safetensors")
