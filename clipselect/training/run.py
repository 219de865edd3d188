"""What every training does around its loop: check its outputs, join the processes, write weights and card."""

import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from clipselect import __version__
from clipselect.errors import ArgumentError, ClipselectError, MissingFileError
from clipselect.media.files import check_writable, make_folder, write_whole
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.unreadable import LeftOut, OnError, ignore_error
from clipselect.scoring.weights_file import Metadata, save_weights, weights_kind, weights_metadata
from clipselect.training.cards import CARD
from clipselect.training.runtime import Runtime, launch

IRRELEVANT = frozenset(
    {"output", "work", "device", "workers", "cache_gigabytes", "checkpoint_minutes", "command", "overwrite"}
)
"""Arguments of a training that make no difference to its result."""


class FinishedError(ArgumentError):
    """Weights that the same call has finished, whose work folder is gone: there is nothing to do."""


@dataclass(frozen=True)
class TrainResult:
    """Weights that a training wrote.

    Attributes:
        weights: the file.
        card: the Markdown file beside it: what the weights are, how they were made, what was measured.
        metadata: what the weights file says about itself, among it the measurements on held-out data.
    """

    weights: Path
    card: Path
    metadata: Metadata


@dataclass(frozen=True)
class TrainingRun:
    """Where a training writes, the processes it runs in, and whom it reports to. `TrainingRun.begin` makes one.

    Attributes:
        output: the weights file to write.
        work: folder for checkpoints and whatever else a run that was stopped continues from.
        progress, left_out: report for the first process only; the other processes report to nobody.
    """

    output: Path
    work: Path
    runtime: Runtime
    progress: ProgressCallback
    left_out: LeftOut

    @classmethod
    def begin(
        cls,
        output: Path,
        work: Path | str | None,
        device: str,
        precision: str,
        progress: ProgressCallback,
        on_error: OnError,
    ) -> "TrainingRun":
        """Make the work folder (by default beside the output) and join the processes of the run.

        Raises:
            ClipselectError: `work` cannot be written to, or see `launch`.
        """
        work = work_folder(output, work)
        make_folder(work)
        runtime = launch(device, precision, work / "logs")
        if not runtime.is_global_zero:
            progress, on_error = no_progress, ignore_error
        return cls(output, work, runtime, progress, LeftOut(on_error))

    def report_missing(self, names: Iterable[str]) -> None:
        """Report files that a list of training data names and that are not there."""
        for name in names:
            self.left_out(name, MissingFileError(f"{name}: is listed but not there; check the list and the prefix"))

    def finish(self, tensors: Mapping[str, Tensor], metadata: Metadata, card: str, call: str = "") -> TrainResult:
        """Write the weights with all that was measured, and their card.

        Args:
            call: as for `check_outputs`; it marks the weights as finished.
        """
        metadata = {**metadata, "call": call}
        save_weights(self.output, dict(tensors), metadata)
        write_whole(card_path(self.output), card)
        return TrainResult(self.output, card_path(self.output), metadata)


def card_path(output: Path) -> Path:
    return output.with_suffix(".md")


def work_folder(output: Path, work: Path | str | None) -> Path:
    """By default beside the output."""
    return output.with_suffix(".work") if work is None else Path(work)


def check_outputs(
    output: Path,
    work: Path | str | None = None,
    *,
    data: Sequence[Path | str] = (),
    networks: Mapping[str, Any] | None = None,
    call: str = "",
    overwrite: bool = True,
) -> None:
    """Refuse now what could not be written after the training, or would damage what the training reads.

    Args:
        work: None for the default.
        data: the data sets that are read.
        networks: argument -> the network that it names, if it does: FILE, NETWORK:FILE or FILE.py:NAME.
        call: what decides the result, as `essential_call` has it.
        overwrite: whether finished weights may be replaced. Where it is False, only the call that made them may go on,
            as long as its work folder is there.

    Raises:
        ArgumentError: the output is one of the networks or no weights file, or lies in the data; or the work folder
            does; or the output is finished, by this call (`FinishedError`) or another one.
        ClipselectError: the weights or their card cannot be written, or a file of the card's name is no card.
    """
    if output.suffix in (".md", ".work"):
        raise ClipselectError(f"{output}: is the name of the card or the work folder; end it in .safetensors")
    for argument, network in (networks or {}).items():
        if isinstance(network, str | Path) and os.path.realpath(output) in _files_of(str(network)):
            raise ArgumentError("output", f"{output} is also the {argument}; choose another name")
    for argument, path in (("output", output), ("work", work_folder(output, work))):
        real = Path(os.path.realpath(path))
        if folder := next((folder for folder in data if real.is_relative_to(os.path.realpath(folder))), None):
            raise ArgumentError(argument, f"{path} lies in the data, {folder}; choose a place outside of them")
    check_writable(output)
    if output.is_file() and output.stat().st_size and weights_kind(output) is None:
        problem = f"{output} exists, is no weights file of clipselect and would be lost; choose another name"
        raise ArgumentError("output", problem)
    if not overwrite:
        _refuse_finished(output, work_folder(output, work), call)
    card = card_path(output)
    check_writable(card)
    if card.is_file() and CARD not in card.read_text("utf-8", "replace"):
        raise ClipselectError(f"{card}: is no card of weights and would be lost; choose another output")


def _refuse_finished(output: Path, work: Path, call: str) -> None:
    metadata = weights_metadata(output)
    if all(metadata.get(key) is None for key in ("call", "held_out", "accuracy")):  # nothing, or a run that was stopped
        return
    if metadata.get("call") != call:
        problem = f"{output} holds finished weights of another run; choose another name, or ask to overwrite them"
        raise ArgumentError("output", problem)
    if not work.is_dir():
        raise FinishedError(
            "output", f"{output} is finished already, by the same call; ask to overwrite it if it must be"
        )


def _files_of(network: str) -> set[str]:
    """Real paths of what may be the file of a network: FILE, NETWORK:FILE, torchvision:NETWORK:FILE or FILE.py:NAME."""
    rest = network.partition(":")[2]
    parts = network, rest, rest.partition(":")[2], network.rpartition(":")[0]
    return {os.path.realpath(part) for part in parts if part}


def origin(kind: str, output: Path, data: str, seed: int, steps: int, command: str) -> Metadata:
    """How weights were made, as the metadata of all kinds of weights say it.

    Args:
        data: short name of the training data.
        command: what to call or to type to make the weights again.
    """
    return {
        "kind": kind, "name": output.stem, "data": data, "seed": seed, "steps": steps, "clipselect": __version__,
        "command": command,
    }  # fmt: skip


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


def essential_call(function: Callable[..., Any], arguments: Mapping[str, Any]) -> str:
    """As `python_call`, without the arguments that make no difference to the result."""
    return python_call(function, {name: value for name, value in arguments.items() if name not in IRRELEVANT})


def to_half_precision(net: nn.Module) -> dict[str, Tensor]:
    """Round the weights of a network to float16, in place, and return them in that type, as they are written.

    Weights that float16 cannot hold stay as they are. What is measured afterwards holds for the written weights.
    """
    state = net.state_dict()
    halves = {
        name: t.half() if t.is_floating_point() and bool(t.half().isfinite().all()) else t for name, t in state.items()
    }
    net.load_state_dict({name: t.to(state[name].dtype) for name, t in halves.items()})
    return {name: t.clone() for name, t in halves.items()}
