"""Tiny video classifiers of transformers with random weights, saved as fine-tuned ones are."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from clipselect.media.optional import LIBRARIES

transformers = pytest.importorskip("transformers", minversion=LIBRARIES["transformers"].minimum)

RESIZE, SIDE, FRAMES, CLASSES = 36, 32, 4, ("b", "a", "c")
KINDS = ("videomae", "timesformer", "vivit", "vjepa2")

_SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
_CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "videomae": ("VideoMAE", {"image_size": SIDE, "num_frames": FRAMES, "intermediate_size": 32}),
    "timesformer": ("Timesformer", {"image_size": SIDE, "num_frames": FRAMES, "intermediate_size": 32}),
    "vivit": ("Vivit", {"image_size": SIDE, "num_frames": FRAMES, "intermediate_size": 32}),
    "vjepa2": (
        "VJEPA2",
        {
            "crop_size": SIDE, "frames_per_clip": FRAMES, "hidden_size": 48, "num_pooler_layers": 1, "mlp_ratio": 1,
            "pred_hidden_size": 48, "pred_num_attention_heads": 2, "pred_num_hidden_layers": 1,
            "pred_num_mask_tokens": 1,
        },
    ),
}  # fmt: skip


def classifier_config(kind: str, classes: tuple[str, ...] = CLASSES, **settings: Any) -> Any:
    name, own = _CONFIGS[kind]
    names = dict(enumerate(classes))
    return getattr(transformers, f"{name}Config")(**{**_SMALL, **own, "id2label": names, **settings})


def tiny_classifier(
    folder: Path, kind: str = "videomae", *, seed: int = 0, processor: dict[str, Any] | None = None, **settings: Any
) -> Path:
    """The folder with config, weights and processor of a classifier; `settings` are of its config."""
    torch.manual_seed(seed)
    model = transformers.AutoModelForVideoClassification.from_config(classifier_config(kind, **settings))
    with torch.no_grad():  # else all classes are as likely, and norms do nothing
        for name, parameter in model.named_parameters():
            parameter.add_(0.3 * torch.randn_like(parameter) if parameter.ndim == 1 or "classifier" in name else 0)
    model.save_pretrained(folder)
    tiny_processor(kind, **(processor or {})).save_pretrained(folder)
    return folder


def tiny_processor(kind: str, **settings: Any) -> Any:
    """Scales the short side to 36 pixels, as that of V-JEPA 2 does for a crop of 32 whatever its settings."""
    made = {"size": {"shortest_edge": RESIZE}, "crop_size": {"height": SIDE, "width": SIDE}, **settings}
    return getattr(transformers, f"{_CONFIGS[kind][0]}VideoProcessor")(**made)


def edit(file: Path, **settings: Any) -> None:
    """Change entries of a JSON file."""
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))
