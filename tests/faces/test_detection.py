"""Detectors: what they refuse, what they drop, and faces of the real data where it is."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from clipselect.zoo.face_checkpoints import load_face_network
from clipselect.zoo.face_networks import FACE_NETWORKS
from helpers.verification import rank_accuracy

from clipselect.errors import ClipselectError
from clipselect.faces import MTCNN, YuNet, align, iou
from clipselect.faces.detection import Detections, Detector, Face, _padded, drop_small, shrink

MODEL = "weights/face_detection_yunet_2026may.onnx"


def picture(path: Path) -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


def on_canvas(image: np.ndarray, height: int, width: int, y: int, x: int) -> np.ndarray:
    canvas = np.full((height, width, 3), 90, np.uint8)
    canvas[y : y + image.shape[0], x : x + image.shape[1]] = image
    return canvas


def test_a_file_that_is_no_detector_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.onnx").write_text("no network")
    (tmp_path / "empty.onnx").touch()
    for name, says in (("none.onnx", "cannot be read"), ("text.onnx", "not a YuNet"), ("empty.onnx", "not a YuNet")):
        with pytest.raises(ClipselectError, match=rf"{name}: .*{says}.*give"):
            YuNet(tmp_path / name)
    with pytest.raises(ClipselectError, match="cannot be read"):
        YuNet(tmp_path)
    assert capfd.readouterr().err == ""


def test_small_faces_are_dropped_and_counted_and_the_surest_comes_first() -> None:
    faces = [Face((0, 0, 30, 19.9), 0.99), Face((5, 0, 20, 20), 0.7), Face((0, 0, 50, 60), 0.8), Face((0, 0, 1, 1), 1)]
    kept = drop_small(faces, 20)
    assert [f.confidence for f in kept.faces] == [0.8, 0.7] and kept.too_small == 2


def test_frames_are_shrunk_padded_and_scaled_back() -> None:
    image, scale = shrink(np.zeros((500, 1999, 3), np.uint8), 1000)
    assert image.shape == (250, 1000, 3) and scale == pytest.approx([1.999, 2.0])
    same, scale = shrink(frame := np.zeros((30, 100, 3), np.uint8), 1000)
    assert same is frame and scale.tolist() == [1, 1]
    padded = _padded(np.full((30, 100, 3), 7, np.uint8))
    assert padded.shape == (64, 100, 3) and (padded[:30] == 7).all() and not padded[30:].any()


@pytest.fixture
def faces(shared: Path) -> Path:
    return shared / "faces/val"


@pytest.fixture
def yunet(shared: Path) -> YuNet:
    return YuNet(shared / MODEL)


def test_a_network_that_finds_no_faces_is_refused(shared: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ClipselectError, match=r"osnet.*not a YuNet"):
        YuNet(shared / "weights/osnet_x0_25_msmt17.onnx")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0, 12.0])
def test_both_detectors_find_a_face_at_any_size_where_it_is(faces: Path, yunet: YuNet, scale: float) -> None:
    still = cv2.resize(picture(faces / "lfw_colin_powell/000.jpg"), None, fx=scale, fy=scale)
    frame = on_canvas(still, round(260 * scale), round(420 * scale), round(8 * scale), round(140 * scale))
    expected = np.array([211, 77, 91, 117]) * scale  # x, y, w, h, from the still alone
    found = {name: detector(frame).faces for name, detector in (("yunet", yunet), ("mtcnn", MTCNN()))}
    for name, several in found.items():
        best = max(several, key=lambda f: f.box[2])
        assert iou([best.box], [expected])[0, 0] > 0.5, name
        points = best.landmarks
        eyes = np.array([[244, 118], [286, 118]]) * scale  # to a sixth of their distance
        assert points is not None and points[:2] == pytest.approx(eyes, abs=7 * scale), name
        assert points[0, 0] < points[1, 0] and points[:2, 1].max() < points[2, 1] < points[3:, 1].min(), name


def test_it_finds_what_opencv_finds_in_its_own_order_of_colours(faces: Path, yunet: YuNet, shared: Path) -> None:
    path = faces / "lfw_vladimir_putin/000.jpg"
    bgr = cv2.imread(str(path))
    theirs = cv2.FaceDetectorYN.create(str(shared / MODEL), "", (bgr.shape[1], bgr.shape[0]), 0.6).detect(bgr)[1]
    best = max(theirs, key=lambda row: row[14])
    own = yunet(picture(path)).faces[0]
    assert own.box == pytest.approx(best[:4]) and own.confidence == pytest.approx(best[14], abs=1e-6)
    assert np.allclose(own.landmarks, best[4:14].reshape(5, 2))


def test_small_frames_have_no_faces_out_of_memory_that_nobody_wrote(yunet: YuNet) -> None:
    for i in range(60):
        for shape in ((20, 20), (21, 300), (40, 20), (32, 32), (64, 64)):
            np.random.default_rng(i).random((100, 100))
            assert yunet(np.zeros((*shape, 3), np.uint8)) == Detections(())


def test_aligned_faces_are_recognised(faces: Path, yunet: YuNet, shared: Path) -> None:
    architecture = FACE_NETWORKS["mobilefacenet_foamliu"]
    net = load_face_network("mobilefacenet_foamliu", shared / "weights/mobilefacenet_foamliu.pt")
    mean, std = (np.array(v) * 255 for v in (architecture.mean, architecture.std))
    paths = [path for person in sorted(faces.glob("lfw_*"))[:30] for path in sorted(person.glob("*.jpg"))[:4]]
    detectors: dict[str, Detector] = {"yunet": yunet, "mtcnn": MTCNN()}
    for name, detector in detectors.items():
        crops, people = [], []
        for path in paths:
            frame = picture(path)
            if several := detector(frame).faces:
                crops.append(align(frame, max(several, key=lambda f: f.box[2])).image)
                people.append(path.parent.name)
        with torch.inference_mode():
            x = torch.from_numpy((np.stack(crops) - mean) / std).float().permute(0, 3, 1, 2).contiguous()
            rows = torch.nn.functional.normalize(net(x)).numpy()
        similarities = rows @ rows.T
        np.fill_diagonal(similarities, -1)
        assert len(crops) >= 0.93 * len(paths)
        assert rank_accuracy(similarities, people, people, [1]).rates[0] >= 0.97, name
