"""Checkpoints of a training: a run that was killed continues from its last one. Nothing but tensors is unpickled."""

import glob
import json
from pathlib import Path
from typing import Any

import torch

from clipselect.errors import ClipselectError
from clipselect.media.files import whole_file


def save_checkpoint(path: Path, parts: dict[str, Any], settings: dict[str, Any], step: int) -> None:
    """Write the state of all parts (networks, optimiser, ...), whole or not at all.

    Args:
        settings: those of the run; only a run with the same ones may continue from the file.
        step: steps done.

    Raises:
        ClipselectError: the file cannot be written.
    """
    content = {"step": step, "settings": _text(settings), **{name: p.state_dict() for name, p in parts.items()}}
    with whole_file(path) as part, part.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as e:  # raised at the end of PyTorch's archive, over the system's error
            raise (e.__context__ if isinstance(e.__context__, OSError) else OSError(str(e))) from None
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):  # by runs that were killed as they wrote
        left.unlink(missing_ok=True)


def load_checkpoint(path: Path, parts: dict[str, Any], settings: dict[str, Any]) -> int:
    """Load the state of all parts, if there is a checkpoint; returns the number of steps done.

    Raises:
        ClipselectError: a damaged checkpoint, or one of a run with other settings.
    """
    if not path.exists():
        return 0
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        made_with = state["settings"]
    except Exception as e:  # a damaged file may make the unpickler raise anything
        raise ClipselectError(f"{path}: a damaged checkpoint; delete it to start again") from e
    if made_with != _text(settings):
        raise ClipselectError(
            f"{path}: a checkpoint of a run with other options; delete it, or choose another work folder"
        )
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])


def _text(settings: dict[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True, default=str)
