"""What every training does around its loop: join the processes, and write weights and card."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from clipselect import __version__
from clipselect.errors import MissingFileError
from clipselect.media.files import make_folder, write_whole
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.unreadable import LeftOut, ignore_error
from clipselect.scoring.weights_file import Metadata, save_weights
from clipselect.training.runtime import Runtime, launch
from clipselect.training.training_call import TrainingCall, card_path


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
    """The processes that a training runs in, and whom it reports to. `TrainingRun.begin` makes one.

    Attributes:
        progress, left_out: report for the first process only; the other processes report to nobody.
    """

    call: TrainingCall
    runtime: Runtime
    progress: ProgressCallback
    left_out: LeftOut

    @classmethod
    def begin(cls, call: TrainingCall) -> "TrainingRun":
        """Make the work folder and join the processes of the run.

        Raises:
            ClipselectError: the work folder cannot be written to, or see `launch`.
        """
        make_folder(call.work)
        runtime = launch(call.device, call.precision, call.work / "logs")
        progress, on_error = (call.progress, call.on_error) if runtime.is_global_zero else (no_progress, ignore_error)
        return cls(call, runtime, progress, LeftOut(on_error))

    @property
    def output(self) -> Path:
        return self.call.output

    @property
    def work(self) -> Path:
        return self.call.work

    def report_missing(self, names: Iterable[str]) -> None:
        """Report files that a list of training data names and that are not there."""
        for name in names:
            self.left_out(name, MissingFileError(f"{name}: is listed but not there; check the list and the prefix"))

    def origin(self, kind: str, data: str, seed: int, steps: int) -> Metadata:
        """How weights are made, as the metadata of all kinds of weights say it.

        Args:
            data: short name of the training data.
        """
        return {
            "kind": kind, "name": self.output.stem, "data": data, "seed": seed, "steps": steps,
            "clipselect": __version__, "command": self.call.command,
        }  # fmt: skip

    def finish(self, tensors: Mapping[str, Tensor], metadata: Metadata, card: str) -> TrainResult:
        """Write the weights with all that was measured, marked as finished, and their card."""
        metadata = {**metadata, "call": self.call.relevant_call}
        save_weights(self.output, dict(tensors), metadata)
        write_whole(card_path(self.output), card)
        return TrainResult(self.output, card_path(self.output), metadata)


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
