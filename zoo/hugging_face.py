"""Bases that Hugging Face's transformers wrote: VideoMAE, TimeSformer, ViViT and V-JEPA 2 with a classifier.

The feature is the input of the classifier: the normalised mean of the patches (VideoMAE), the class token (TimeSformer,
ViViT) or the attentive pooler's answer (V-JEPA 2). Code that comes with a checkpoint is never run, and of torch files
nothing but tensors is unpickled.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clipselect.zoo.base import Base
from torch import Tensor, nn

from clipselect.errors import ArgumentError, ClipselectError, NetworkError
from clipselect.media.geometry import SQUASH, Geometry
from clipselect.media.optional import require
from clipselect.scoring.input_spec import InputSpec

FRAME_STEP = {"videomae": 4, "timesformer": 32, "vivit": 2, "vjepa2": 4}
"""Every how many frames, at 30 per second, the published networks were trained on."""
TIMESFORMER_SECONDS = 256 / 30
"""TimeSformer looks at 8 frames or, in its high resolution, at 16 of the same span."""

MODEL_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


def from_pretrained(
    model: str | Path,
    device: str = "auto",
    *,
    frames: int | None = None,
    clip_duration: float | None = None,
    classes: tuple[str, ...] | None = None,
) -> Base:
    """A base out of what `save_pretrained` of a model and of its processor wrote, or out of a model on huggingface.co.

    Size, geometry, mean and std of its input are its processor's, frames and names of classes those of its config. It
    is loaded in float32. Frames are scaled by the decoder, bilinearly, whatever filter the processor names.

    Args:
        model: a folder, or the ID of a model, which is downloaded unless it is in Hugging Face's cache.
        frames: T, frames per clip, where the config and the processor disagree or the network takes any number.
        clip_duration: seconds per clip. Config and processor do not know it: by default the span that the published
            networks were trained on, 64/30 s for VideoMAE, ViViT and V-JEPA 2 with 16, 32 and 16 frames, and 256/30 s
            for TimeSformer.
        classes: names of the outputs, instead of those of the config.

    Raises:
        ClipselectError: no such model, no network to download it, a model that is no video classifier, weights or a
            processor that are missing or do not fit, absent device.
        MissingLibraryError: transformers is not installed, or older than needed.
    """
    where, folder = str(model), Path(model)
    if not where or not (folder.is_dir() or MODEL_ID.fullmatch(where)):
        raise ClipselectError(
            f"{where or 'hf:'}: no such folder; give one that save_pretrained wrote, or the ID of a model"
        )
    transformers = require("transformers", "a base of Hugging Face")
    with _quiet(transformers):
        config = _load(transformers.AutoConfig, where, "config.json")
        _check_classifier(config, where)
        processor = _load(transformers.AutoVideoProcessor, where, "processor", config=config)
        network = _network(transformers, where, config)
        frames = _frames(where, config, processor) if frames is None else frames
        if frames < 1:
            raise ArgumentError("frames", f"must be 1 or more, got {frames}")
        input_spec = _input_spec(where, processor, frames)
    if clip_duration is None:
        step = FRAME_STEP[config.model_type]
        clip_duration = TIMESFORMER_SECONDS if config.model_type == "timesformer" else frames * step / 30
    try:
        return Base.from_module(
            _Classifier(network), input_spec, clip_duration, name=folder.resolve().name, head="model.classifier",
            classes=classes or _class_names(where, config), metadata={"code": _fingerprint(config)}, device=device,
        )  # fmt: skip
    except NetworkError as e:
        raise ClipselectError(
            f"{where}: its network does not take clips of {frames} frames of {input_spec.height} x {input_spec.width} "
            f"as its processor makes them; give the processor and the frames that it was trained with ({e})"
        ) from e


class _Classifier(nn.Module):
    """Clips [n, 3, T, height, width] -> logits [n, classes]; models of transformers take [n, T, 3, height, width]."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, clips: Tensor) -> Tensor:
        logits: Tensor = self.model(clips.transpose(1, 2), return_dict=True).logits
        return logits


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep the library from printing bars and warnings: what matters is raised as an error."""
    from huggingface_hub.utils import logging as hub

    own = transformers.utils.logging
    levels, bars = (own.get_verbosity(), hub.get_verbosity()), own.is_progress_bar_enabled()
    own.set_verbosity_error()
    hub.set_verbosity_error()
    own.disable_progress_bar()
    try:
        yield
    finally:
        own.set_verbosity(levels[0])
        hub.set_verbosity(levels[1])
        if bars:
            own.enable_progress_bar()


def _load(auto_class: Any, where: str, what: str, **arguments: Any) -> Any:
    """`auto_class.from_pretrained`, its errors as one sentence with a remedy."""
    try:
        return auto_class.from_pretrained(where, trust_remote_code=False, **arguments)
    except Exception as e:  # whatever a file leads the library to
        raise ClipselectError(f"{where}: {_problem(where, what, e)}") from e


def _problem(where: str, what: str, error: Exception) -> str:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
    if "custom code" in str(error) or "trust_remote_code" in str(error):
        return f"needs code of its own, which is not run; load it in a FILE.py of yours ({what})"
    if not Path(where).is_dir():
        remedy = "check the name, or download it where there is a network and give its folder"
        return f"no such folder, and no {what} of it in the cache or on huggingface.co; {remedy} ({reason})"
    remedies = {
        "config.json": "give a folder that save_pretrained wrote",
        "processor": "save the processor of the model that it was trained from beside it: processor.save_pretrained",
        "weights": "save model and config together with save_pretrained",
    }
    return f"its {what} cannot be read; {remedies[what]} ({reason})"


def _check_classifier(config: Any, where: str) -> None:
    if config.model_type not in FRAME_STEP:
        known = "videomae, timesformer, vivit and vjepa2"
        raise ClipselectError(f"{where}: is a network of type {config.model_type!r}, a base may be {known}; give those")
    if config.problem_type not in (None, "single_label_classification"):
        raise ClipselectError(f"{where}: does {config.problem_type}; a base must choose one class of several")


def _network(transformers: Any, where: str, config: Any) -> nn.Module:
    network, loaded = _load(
        transformers.AutoModelForVideoClassification, where, "weights",
        config=config, dtype=torch.float32, weights_only=True, output_loading_info=True,
    )  # fmt: skip
    missing = sorted(loaded["missing_keys"])  # which the library would fill with random numbers
    if missing:
        raise ClipselectError(
            f"{where}: its weights lack {', '.join(missing[:3])}{', ...' * (len(missing) > 3)}: this is no trained "
            "classifier; fine-tune it first"
        )
    assert isinstance(network, nn.Module)
    return network


def _frames(where: str, config: Any, processor: Any) -> int:
    own: int = config.frames_per_clip if config.model_type == "vjepa2" else config.num_frames
    asked = processor.num_frames
    if asked not in (None, own):
        raise ClipselectError(
            f"{where}: its processor takes {asked} frames of a clip and its network {own}; "
            "set num_frames in the processor's file, or give frames"
        )
    return own


def _input_spec(where: str, processor: Any, frames: int) -> InputSpec:
    """What a processor does to the values of pixels, seen on two shades of grey: an affine map, whatever its steps."""
    dark, bright = 51, 204
    values = [_processed(where, processor, np.full((frames, 64, 64, 3), grey, np.uint8)) for grey in (dark, bright)]
    _, _, height, width = values[0].shape
    low, high = (value.double().mean((0, 2, 3)) for value in values)
    std = (bright - dark) / 255 / (high - low)
    mean = dark / 255 - low * std
    if not bool(std.isfinite().all()) or not bool((std > 0).all()):
        raise ClipselectError(f"{where}: its processor makes all pixels equal; check rescale_factor and image_std")
    red, green, blue = (round(float(value), 6) for value in mean)
    by_red, by_green, by_blue = (round(float(value), 6) for value in std)
    geometry = _geometry(processor, height) if height == width else None
    if geometry is None or not geometry.fits(height):
        raise ClipselectError(
            f"{where}: its processor must scale frames to their short side or to height and width, and crop a square "
            "of at most that; check size, crop_size, do_resize and do_center_crop"
        )
    return InputSpec(height, width, (red, green, blue), (by_red, by_green, by_blue), frames, geometry)


def _geometry(processor: Any, side: int) -> Geometry | None:
    """How a processor scales and crops frames to side x side; None where it is no `Geometry`."""
    size = {name: value for name, value in dict(processor.size).items() if value}
    if not processor.do_resize or size.keys() not in ({"shortest_edge"}, {"height", "width"}):
        return None
    resize = size.get("shortest_edge") or (size["height"], size["width"])
    if resize == (side, side):
        return SQUASH
    return Geometry(resize) if processor.do_center_crop else None


def _processed(where: str, processor: Any, clip: np.ndarray[Any, Any]) -> Tensor:
    """[T, 3, height, width] of a clip [T, h, w, 3]."""
    try:
        (pixels,) = processor(clip, do_sample_frames=False, return_tensors="pt").values()
        (made,) = pixels
        assert isinstance(made, Tensor) and made.shape[:2] == (len(clip), 3)
    except Exception as e:  # whatever its settings lead the library to
        raise ClipselectError(f"{where}: its processor fails ({type(e).__name__}: {e}); check its settings") from e
    return made


def _class_names(where: str, config: Any) -> tuple[str, ...] | None:
    """In the order of the outputs; None where the config holds nothing but LABEL_0, LABEL_1, ..."""
    names = [config.id2label.get(i) for i in range(len(config.id2label))]
    if None in names or len(set(names)) < len(names):
        raise ClipselectError(f"{where}: id2label in its config.json must name every output once; fix it")
    return None if names == [f"LABEL_{i}" for i in range(len(names))] else tuple(map(str, names))


def _fingerprint(config: Any) -> str:
    """Of all that decides what the network does with its weights."""
    names = ("id2label", "label2id", "transformers_version", "dtype", "architectures")
    settings = {k: v for k, v in config.to_dict().items() if not k.startswith("_") and k not in names}
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()
