"""A DDNet as ONNX gives torch's scores and says what it takes, or the file is not there."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from helpers import frame_fixtures, sampling

from clipselect.errors import ClipselectError, NetworkError
from clipselect.scoring import onnx_export
from clipselect.scoring.onnx_export import export_onnx
from clipselect.scoring.scorer import Scorer, load_scorer


@dataclass
class Exported:
    """A small DDNet, its ONNX file and what `export_onnx` has returned."""

    ddnet: Path
    file: Path
    about: dict[str, str]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("clips")
    ddnet = sampling.tiny_ddnet(folder / "tiny.safetensors")
    return Exported(ddnet, folder / "net.onnx", export_onnx(folder / "net.onnx", ddnet))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("frames")
    ddnet = frame_fixtures.tiny_ddnet(folder / "tiny.safetensors", height=24, width=16, spread=9)
    return Exported(ddnet, folder / "net.onnx", export_onnx(folder / "net.onnx", ddnet))


def refused(path: Path, model: Path | str | None, *says: str) -> None:
    with pytest.raises(ClipselectError) as caught:
        export_onnx(path, model)
    assert "\n" not in str(caught.value)
    for text in says:
        assert text in str(caught.value)


@pytest.mark.parametrize("kind", ["clips", "frames"])
def test_scores_are_those_of_torch_for_any_number(kind: str, request: pytest.FixtureRequest) -> None:
    exported: Exported = request.getfixturevalue(kind)
    scorer = load_scorer(exported.ddnet, "cpu")
    session = onnxruntime.InferenceSession(exported.file)
    for count in (1, 2, 5):
        elements = np.random.default_rng(1).integers(0, 256, (count, *scorer.input_spec.shape), dtype=np.uint8)
        elements[0] //= 4
        [scores] = session.run(["scores"], {kind: elements})
        assert scores.dtype == np.float32 and scores == pytest.approx(scorer.score(elements), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ddnet3d-actions", "ddnet2d-faces", "ddnet2d-persons"])
def test_the_shipped_ones_are_standard_onnx(name: str, tmp_path: Path) -> None:
    about = export_onnx(tmp_path / "net.onnx", name)  # which checks the scores
    assert about["base"] != "unknown"
    model = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", onnx_export.OPSET)]


def test_the_file_describes_its_input_and_its_ddnet(clips: Exported) -> None:
    model = onnx.load(clips.file)
    assert {one.key: one.value for one in model.metadata_props} == clips.about
    expected = {
        "name": "tiny0", "sha256": load_scorer(clips.ddnet, "cpu").metadata["sha256"], "base": "unknown",
        "input": "clips", "layout": "NTHWC", "dtype": "uint8", "color": "RGB", "value_range": "[0, 255]", "frames": "4",
        "height": "32", "width": "32", "mean": "[0.45, 0.45, 0.45]", "std": "[0.225, 0.225, 0.225]",
        "clip_duration": "1.0",
    }  # fmt: skip
    assert clips.about.items() >= expected.items()
    [pixels] = model.graph.input
    shape = pixels.type.tensor_type.shape.dim
    assert pixels.name == "clips" and shape[0].dim_param and [d.dim_value for d in shape[1:]] == [4, 32, 32, 3]


def test_a_ddnet_for_frames_has_no_time(frames: Exported) -> None:
    about = frames.about
    assert (about["input"], about["layout"], about["height"], about["width"]) == ("frames", "NHWC", "24", "16")
    assert not {"frames", "clip_duration"} & {*about}


def test_nothing_of_the_caller_gets_in_and_nothing_is_printed(
    clips: Exported, tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        export_onnx(tmp_path / "net.onnx", clips.ddnet)
    assert capfd.readouterr() == ("", "") and not recwarn.list
    data = (tmp_path / "net.onnx").read_bytes()
    assert data == clips.file.read_bytes()
    assert str(Path(onnx_export.__file__).parent).encode() not in data and b"site-packages" not in data


@pytest.mark.parametrize("shift", [0.01, float("nan")])
def test_a_network_that_scores_otherwise_is_not_written(
    shift: float, clips: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = Scorer.score
    (tmp_path / "net.onnx").write_text("of before")
    monkeypatch.setattr(onnx_export, "_onnx_bytes", lambda *_: clips.file.read_bytes())
    monkeypatch.setattr(Scorer, "score", lambda self, elements: score(self, elements) + shift)
    with pytest.raises(NetworkError, match=r"tiny0.*differ"):
        export_onnx(tmp_path / "net.onnx", clips.ddnet)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["of before"]


def test_a_torch_that_cannot_export_is_named(clips: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: Any, **options: Any) -> None:
        raise TypeError("unexpected keyword argument 'dynamo'\nlong story")

    monkeypatch.setattr(torch.onnx, "export", fails)
    refused(tmp_path / "net.onnx", clips.ddnet, "tiny0", torch.__version__, "dynamo", "update torch")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("library", ["onnx", "onnxruntime", "onnxscript"])
def test_a_missing_library_is_named_with_the_command(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    refused(tmp_path / "net.onnx", None, library, "pip install 'clipselect[onnx]'")


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    refused(tmp_path / "none" / "net.onnx", "no-such-model", "none", "create it")
    refused(tmp_path, "no-such-model", str(tmp_path), "folder")
    refused(tmp_path / "net.onnx", "no-such-model", "no-such-model")


def test_weights_are_not_replaced(clips: Exported) -> None:
    before = clips.ddnet.read_bytes()
    refused(clips.ddnet, clips.ddnet, str(clips.ddnet), "would be lost")
    assert clips.ddnet.read_bytes() == before
