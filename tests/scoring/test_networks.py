"""A DDNet in NumPy and in PyTorch: the same scores, and who computes them when."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from clipselect.method.ddnet import DDNet, DDNetConfig
from clipselect.scoring import networks
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.networks import QuickStart, TorchNetwork
from clipselect.scoring.numpy_ddnet import NumPyDDNet
from clipselect.scoring.scorer import load_ddnet
from clipselect.scoring.shipped import DDNETS, DEFAULT_DDNET, weights_path
from clipselect.scoring.weights_file import load_arrays

SPEC = InputSpec(33, 33, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3), frames=5)
CONFIGS = [
    DDNetConfig(3, widths=(4, 4, 6, 8), depths=(1, 2, 1, 3), stem_stride=2),
    DDNetConfig(3, widths=(4, 6, 6, 8)),
    DDNetConfig(3, widths=(3, 5, 5, 7), depths=(2, 1, 2, 1), stem_stride=3),
]


def pixels(count: int, spec: InputSpec = SPEC) -> np.ndarray:
    """Noise, darker from clip to clip."""
    random = np.random.default_rng(count)
    return np.stack([random.integers(0, 256 // (i + 1), spec.shape, np.uint8) for i in range(count)])


def random_net(config: DDNetConfig) -> DDNet:
    """No parameter and no statistic is what it is initialised with."""
    torch.manual_seed(0)
    net = DDNet(config).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.3, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, -0.3, 0.5)
    return net


def arrays_of(net: DDNet) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in net.state_dict().items()}


@pytest.mark.parametrize("config", CONFIGS)
def test_numpy_gives_the_scores_and_features_of_pytorch(config: DDNetConfig) -> None:
    net = random_net(config)
    scores, features = NumPyDDNet(arrays_of(net), config, SPEC)(pixels(3))
    expected_scores, expected = TorchNetwork(net, SPEC, torch.device("cpu"))(pixels(3))
    assert (scores.dtype, features.dtype) == (np.float32, np.float32) and np.ptp(expected_scores) > 1e-3
    np.testing.assert_allclose(features, expected, atol=1e-5)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-5)


def test_numpy_gives_the_scores_of_the_shipped_ddnet() -> None:
    scorer = load_ddnet(device="cpu")
    arrays, _ = load_arrays(weights_path(DEFAULT_DDNET, DDNETS), "ddnet")
    own = {name: array for name, array in arrays.items() if not name.startswith("training_domain")}
    clips = pixels(2, scorer.input_spec)
    found = NumPyDDNet(own, scorer.net.config, scorer.input_spec)(clips)
    for one, other in zip(found, scorer.outputs(clips), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_scores_of_numpy_do_not_depend_on_the_batch() -> None:
    net = NumPyDDNet(arrays_of(random_net(CONFIGS[0])), CONFIGS[0], SPEC)
    clips = pixels(5)
    assert np.array_equal(net(clips)[0], np.concatenate([net(clips[:1])[0], net(clips[1:])[0]]))


@pytest.mark.parametrize("change", ["missing", "shape", "further"])
def test_arrays_of_another_network_are_refused(change: str) -> None:
    arrays = arrays_of(random_net(CONFIGS[0]))
    if change == "missing":
        del arrays["stages.0.shortcut.0.weight"]
    else:
        arrays["head.bias" if change == "shape" else "tail.bias"] = np.zeros(2, np.float32)
    with pytest.raises((KeyError, ValueError)):
        NumPyDDNet(arrays, CONFIGS[0], SPEC)


def test_pytorch_takes_over_after_a_number_of_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(networks, "MAX_NUMPY_PIXELS", 2 * 3 * 5 * 33 * 33)
    asked: list[str] = []

    def network(name: str, score: float) -> object:
        def outputs(elements: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            asked.append(name)
            return np.full(len(elements), score), elements

        outputs.device_name = "cuda:7"  # type: ignore[attr-defined]
        return outputs

    quick = QuickStart(network("numpy", 0.25), lambda: network("torch", 0.75))  # type: ignore[arg-type, return-value]
    assert quick.device_name == "cpu"
    scores: list[Sequence[float]] = [quick(pixels(3))[0].tolist() for _ in range(3)]
    assert asked == ["numpy", "numpy", "torch"] and scores[-1] == [0.75] * 3 and quick.device_name == "cuda:7"


SCORES = """
import sys
sys.argv[0] = "clipselect"
from clipselect.__main__ import main
try:
    main()
finally:
    print(*sorted({"torch", "pyarrow", "jinja2", "PIL", "numpy"} & {*sys.modules}))
"""


def test_scoring_a_short_video_imports_no_pytorch(video: Path, tmp_path: Path) -> None:
    """It would take three times as long; the scores are those of PyTorch."""
    out = tmp_path / "scores.json"
    command = [sys.executable, "-c", SCORES, "score", str(video), "--json", str(out), "--quiet", "--k", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["numpy"]
    found = json.loads(out.read_text())
    code = "import torch\n" + SCORES
    command = [sys.executable, "-c", code, "score", str(video), "--json", "-", "--quiet", "--k", "2"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    expected = json.loads(text[: text.rindex("}") + 1])
    assert "torch" in text[text.rindex("}") :] and found["settings"] == expected["settings"]
    [ours], [theirs] = found["videos"], expected["videos"]
    assert [clip["picked"] for clip in ours["clips"]] == [clip["picked"] for clip in theirs["clips"]]
    scores = [[clip["score"] for clip in one["clips"]] for one in (ours, theirs)]
    np.testing.assert_allclose(*scores, atol=1e-5)
