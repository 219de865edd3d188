"""The call of a training function: what all of them are called with, where they write, and how weights say it."""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.media.files import check_writable
from clipselect.media.progress import ProgressCallback
from clipselect.media.unreadable import OnError
from clipselect.scoring.weights_file import weights_kind, weights_metadata
from clipselect.training.cards import CARD

IRRELEVANT = frozenset(
    {"output", "work", "device", "workers", "cache_gigabytes", "checkpoint_minutes", "command", "overwrite"}
)
"""Arguments of a training that make no difference to its result."""


class FinishedError(ArgumentError):
    """Weights that the same call has finished, whose work folder is gone: there is nothing to do."""


@dataclass(frozen=True)
class TrainingCall:
    """The arguments that all training functions have, and the whole call as text. Made by `from_arguments`.

    Attributes:
        output: the weights file to write; the card goes beside it.
        work: folder for checkpoints and whatever else a run that was stopped continues from.
        device, precision: see `clipselect.training.runtime.launch`.
        overwrite: whether finished weights may be replaced.
        relevant_call: the call without the arguments that make no difference to the result; finished weights hold it.
        command: what the card says the weights were made with.
    """

    output: Path
    work: Path
    device: str
    precision: str
    overwrite: bool
    progress: ProgressCallback
    on_error: OnError
    relevant_call: str
    command: str

    @classmethod
    def from_arguments(cls, function: Callable[..., Any], arguments: Mapping[str, Any]) -> "TrainingCall":
        """Of a public training function and all its arguments, by name; `work` is beside the output by default."""
        output, work = Path(arguments["output"]), arguments["work"]
        shared = {name: arguments[name] for name in ("device", "precision", "overwrite", "progress", "on_error")}
        relevant = {name: value for name, value in arguments.items() if name not in IRRELEVANT}
        return cls(
            output=output,
            work=output.with_suffix(".work") if work is None else Path(work),
            relevant_call=python_call(function, relevant),
            command=arguments["command"] or python_call(function, arguments),
            **shared,
        )

    def check_outputs(self, data: Sequence[Path | str], networks: Mapping[str, Any] | None = None) -> None:
        """Refuse now what could not be written after the training, or would damage what the training reads.

        Args:
            data: the data sets that are read.
            networks: argument -> the network that it names, if it does: FILE, NETWORK:FILE or FILE.py:NAME.

        Raises:
            ArgumentError: the output is one of the networks or no weights file, or lies in the data; or the work folder
                does; or the output is finished, by this call (`FinishedError`) or another one.
            ClipselectError: the weights or their card cannot be written, or a file of the card's name is no card.
        """
        output, work = self.output, self.work
        # another ending could be that of the card or the work folder, or share them with other weights
        if output.suffix != ".safetensors":
            raise ArgumentError("output", f"must end in .safetensors, got {output}")
        for argument, network in (networks or {}).items():
            if isinstance(network, str | Path) and os.path.realpath(output) in _files_of(str(network)):
                raise ArgumentError("output", f"{output} is also the {argument}; choose another name")
        for argument, path in (("output", output), ("work", work)):
            real = Path(os.path.realpath(path))
            if folder := next((folder for folder in data if real.is_relative_to(os.path.realpath(folder))), None):
                raise ArgumentError(argument, f"{path} lies in the data, {folder}; choose a place outside of them")
        check_writable(output)
        if output.is_file() and output.stat().st_size and weights_kind(output) is None:
            problem = f"{output} exists, is no weights file of clipselect and would be lost; choose another name"
            raise ArgumentError("output", problem)
        if not self.overwrite:
            self._refuse_finished()
        card = card_path(output)
        check_writable(card)
        if card.is_file() and CARD not in card.read_text("utf-8", "replace"):
            raise ClipselectError(f"{card}: is no card of weights and would be lost; choose another output")

    def _refuse_finished(self) -> None:
        output, metadata = self.output, weights_metadata(self.output)
        if all(metadata.get(key) is None for key in ("call", "held_out", "accuracy")):
            return  # there is nothing, or what a run left that was stopped
        if metadata.get("call") != self.relevant_call:
            problem = f"must be set to replace {output}, finished weights of another run; or choose another name"
            raise ArgumentError("overwrite", problem)
        if not self.work.is_dir():
            raise FinishedError("overwrite", f"must be set to make {output} again, which the same call has finished")


def card_path(output: Path) -> Path:
    return output.with_suffix(".md")


def _files_of(network: str) -> set[str]:
    """Real paths of what may be the file of a network: FILE, NETWORK:FILE, torchvision:NETWORK:FILE or FILE.py:NAME."""
    rest = network.partition(":")[2]
    parts = network, rest, rest.partition(":")[2], network.rpartition(":")[0]
    return {os.path.realpath(part) for part in parts if part}


def python_call(function: Callable[..., Any], arguments: Mapping[str, Any]) -> str:
    """A call of a public function as Python code, without callbacks and arguments that have their defaults.

    >>> def train(data, *, steps=10, progress=None): ...
    >>> python_call(train, {"data": [Path("videos")], "steps": 20, "progress": print})
    "clipselect.train(data=['videos'], steps=20)"
    """
    parameters = inspect.signature(function).parameters
    takes_more = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    shown = [
        f"{name}={_without_paths(value)!r}"
        for name, value in arguments.items()
        if (parameters[name].default != value if name in parameters else takes_more) and not callable(value)
    ]
    return f"clipselect.{function.__name__}({', '.join(shown)})"


def _without_paths(value: Any) -> Any:
    """Paths as text, also within a list: what a reader would write."""
    if isinstance(value, list | tuple):
        return type(value)(map(_without_paths, value))
    return str(value) if isinstance(value, Path) else value
