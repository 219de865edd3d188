"""Scorers by name or file: the user's own code, ONNX networks, the qualities of frames, LightQNet."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import pytest
from helpers.frame_fixtures import frames
from helpers.onnx_files import network
from onnx import TensorProto, helper
from PIL import Image

from clipselect import FunctionScorer, load_scorer
from clipselect.commands import options
from clipselect.errors import ClipselectError, NetworkError
from clipselect.samplers.frame_sampler import FrameSampler
from clipselect.scoring.frame_qualities import agreement, feature_norm
from clipselect.scoring.named_scorers import QUALITIES
from clipselect.scoring.scorer import Scorer

CODE = """
from __future__ import annotations
from dataclasses import dataclass

import numpy as np
import clipselect

@dataclass
class Options:
    side: int | None = None

def bright(frames):
    return frames.mean(axis=(1, 2, 3))

class Dark:
    def __call__(self, frames):
        return -bright(frames)

large = clipselect.FunctionScorer(bright, name="large", size=224)

class Own:
    def score_images(self, images):
        return [0.0 for _ in images]

own = Own()
ddnet = clipselect.load_scorer("ddnet2d-faces", "cpu")
number = 5

def broken(frames):
    raise OSError("no disk")
"""


def reduced(batch: int | str | None, shape: list[Any], *, outputs: int = 1, dtype: int = TensorProto.FLOAT) -> bytes:
    """A network that gives the sum of the values of an element, and perhaps more outputs."""
    axes = helper.make_tensor("axes", TensorProto.INT64, [len(shape)], [*range(1, len(shape) + 1)])
    cast = helper.make_node("Cast", ["x"], ["float"], to=TensorProto.FLOAT)
    nodes = [cast, helper.make_node("ReduceSum", ["float", "axes"], ["score"], keepdims=0)]
    nodes += [helper.make_node("Identity", ["float"], ["feature"])] if outputs > 1 else []
    names = ["feature", "score"] if outputs > 1 else ["score"]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    taken = helper.make_tensor_value_info("x", dtype, [batch, *shape])
    made = helper.make_model(
        helper.make_graph(nodes, "net", [taken], values, [axes]), opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )  # fmt: skip
    return made.SerializeToString()


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "quality.py").write_text(CODE)
    return tmp_path / "quality.py"


def refused(scorer: object, *says: str) -> None:
    with pytest.raises(ClipselectError) as caught:
        load_scorer(scorer, "cpu", elements="frames")  # type: ignore[arg-type]
    for text in says:
        assert text in str(caught.value)


# --- FILE.py:NAME ----------------------------------------------------------------------------------------------------


def test_code_may_hold_a_function_an_object_a_class_or_a_scorer(code: Path) -> None:
    bright = load_scorer(f"{code}:bright")
    assert bright.name == "bright"
    dark, large = load_scorer(f"{code}:Dark"), load_scorer(f"{code}:large")
    assert dark.score_images(frames()) == pytest.approx(-bright.score_images(frames()))
    assert isinstance(large, FunctionScorer) and (large.name, large.size) == ("large", 224)
    assert isinstance(load_scorer(f"{code}:ddnet"), Scorer)


def test_code_that_cannot_be_loaded_is_named(code: Path, tmp_path: Path) -> None:
    refused(f"{code}:missing", "quality.py", "missing")
    refused(f"{code}:number", "quality.py", "number", "function")
    refused(f"{code}:own", "quality.py:own must be a function of a batch of elements")
    refused(f"{tmp_path}/none.py:bright", "none.py", "no such file")
    (tmp_path / "bad.py").write_text("1 +")
    refused(f"{tmp_path}/bad.py:bright", "bad.py", "SyntaxError")
    with pytest.raises(NetworkError, match=r"broken.*OSError: no disk"):
        FrameSampler(k=1, scorer=f"{code}:broken")(frames())


# --- ONNX ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 4, "n"])
@pytest.mark.parametrize(("normalisation", "mean", "std"), [("half", 0.5, 0.5), ("unit", 0, 1), ("bytes", 0, 1 / 255)])
def test_a_network_gets_the_size_of_its_input_normalised_as_asked(
    tmp_path: Path, batch: Any, normalisation: str, mean: float, std: float
) -> None:
    (tmp_path / "q.onnx").write_bytes(reduced(batch, [3, 16, 24]))
    scorer = load_scorer(f"{tmp_path}/q.onnx:{normalisation}", elements="frames")
    images = np.full((6, 50, 50, 3), 100, np.uint8)
    assert scorer.name == "q"
    assert scorer.score_images(images) == pytest.approx(np.full(6, 16 * 24 * 3 * (100 / 255 - mean) / std), rel=1e-4)


def test_clips_and_bytes_go_in_as_export_writes_them(tmp_path: Path, video: Path) -> None:
    (tmp_path / "clips.onnx").write_bytes(reduced("n", [4, 16, 16, 3], dtype=TensorProto.UINT8))
    scorer = load_scorer(tmp_path / "clips.onnx", elements="clips")
    assert isinstance(scorer, FunctionScorer) and (scorer.size, scorer.num_frames) == ((16, 16), 4)
    assert scorer.score(np.full((2, 4, 16, 16, 3), 2, np.uint8)).tolist() == [6144, 6144]
    refused(tmp_path / "clips.onnx", "must be for frames")
    (tmp_path / "floats.onnx").write_bytes(reduced("n", [3, 4, 16, 16]))
    scorer = load_scorer(f"{tmp_path}/floats.onnx:unit", elements="clips")
    assert scorer.score(np.full((2, 4, 16, 16, 3), 255, np.uint8)) == pytest.approx([3072, 3072])


def test_of_several_outputs_the_number_is_the_score(tmp_path: Path) -> None:
    (tmp_path / "two.onnx").write_bytes(reduced("n", [3, 16, 16], outputs=2))
    scorer = load_scorer(f"{tmp_path}/two.onnx:unit")
    assert scorer.score(np.full((3, 16, 16, 3), 255, np.uint8)) == pytest.approx([768] * 3)


def test_networks_that_are_no_scorers_are_refused(tmp_path: Path) -> None:
    def file(content: bytes) -> str:
        (tmp_path / "n.onnx").write_bytes(content)
        return f"{tmp_path}/n.onnx:half"

    refused(f"{tmp_path}/none.onnx:half", "none.onnx", "cannot be read")
    refused(file(b"no network"), "n.onnx", "not an ONNX network")
    refused(file(network("n").SerializeToString()), "n.onnx", "a number per element")
    refused(file(reduced("n", [3, "h", "w"])), "n.onnx", "of one size")
    refused(file(reduced("n", [1, 16, 16])), "n.onnx", "RGB")
    for shape, dtype in (([3], TensorProto.FLOAT), ([], TensorProto.FLOAT), ([], TensorProto.UINT8)):
        refused(file(reduced("n", shape, dtype=dtype)), "n.onnx", "RGB")
    refused(file(reduced("n", [3, 300, 16, 16])), "n.onnx", "num_frames exceeds 256")
    timed = onnx.load_from_string(reduced("n", [3, 16, 16]))
    helper.set_model_props(timed, {"clip_duration": "long"})
    refused(file(timed.SerializeToString()), "n.onnx", "long")
    refused(file(reduced("n", [16, 16, 3], dtype=TensorProto.UINT8)), "n.onnx", "leave out half")
    refused(
        file(reduced("n", [3, 16, 16])).removesuffix("half") + "caffe", "how they are normalised", "imagenet", "caffe"
    )
    refused(tmp_path / "n.onnx", "n.onnx:NAME", "imagenet")


# --- qualities -------------------------------------------------------------------------------------------------------


def blurred(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import cv2

    return np.asarray(cv2.GaussianBlur(image, (9, 9), 3))


@pytest.mark.parametrize("name", ["sharpness", "jpeg-bytes"])
def test_a_blurred_frame_has_less_sharpness_and_fewer_bytes(name: str) -> None:
    sharp = np.random.default_rng(0).integers(0, 255, (64, 48, 3), dtype=np.uint8)
    scorer = load_scorer(name)
    assert scorer.name == name
    before, after = scorer.score(np.stack([sharp, blurred(sharp)]))
    assert before > 1.5 * after
    assert scorer.score(np.stack([[sharp, blurred(sharp)]])) == pytest.approx((before + after) / 2)  # a clip


def test_every_quality_scores_clips() -> None:
    for name in QUALITIES:
        scores = load_scorer(name, elements="clips").score(np.zeros((2, 3, 16, 16, 3), np.uint8))
        assert scores.shape == (2,)


def test_what_is_unlike_its_group_agrees_least() -> None:
    def embed(images: Any) -> np.ndarray[Any, Any]:
        return np.array([image.mean(axis=(0, 1)) for image in images])

    red, blue = np.zeros((2, 40, 30, 3), np.uint8)
    red[..., 0], blue[..., 2] = 200, 100
    group = [red, blue, *[red] * 40]
    scores = agreement(embed).score_images(group)
    assert scores.argmin() == 1 and np.ptp(np.delete(scores, 1)) < 1e-6
    assert feature_norm(embed).score_images(group)[:2] == pytest.approx([200, 100])


def test_lightqnet_finds_blurred_faces_worse(shared: Path) -> None:
    path = shared / "weights" / "lightqnet" / "lightqnet-dm025.pb"
    with Image.open(Path(__file__).parents[2] / "docs" / "faces.png") as strip:
        face = np.asarray(strip.convert("RGB").crop((152, 34, 273, 155)))  # a photograph in the public domain
    scorer = load_scorer(f"lightqnet:{path}", elements="frames")
    sharp, soft = scorer.score_images([face, blurred(blurred(face))])
    assert 0 < soft < sharp < 1 and scorer.multiply_adds == pytest.approx(6.9e6, rel=0.01)


def test_a_file_that_is_no_lightqnet_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.pb").write_bytes(b"no graph")
    refused(f"lightqnet:{tmp_path}/a.pb", "a.pb", "lightqnet-dm100.pb")
    refused(f"lightqnet:{tmp_path}/none.pb", "none.pb")


def test_the_help_of_the_command_line_names_them_all() -> None:
    """It starts without PyTorch, so it has them in its own words."""
    option = get_args(options.AnyScorer)[1]
    assert f" {', '.join(QUALITIES)};" in option.help
