"""The log of a training for TensorBoard, without tensorboardX's thread, which a full disk ends and then hangs."""

import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clipselect.errors import ClipselectWarning
from clipselect.media.optional import require

MAX_UNWRITTEN_SECONDS = 5.0


class ScalarLog:
    """Numbers per step, as a file of events in a folder.

    A disk that takes no more of them ends the log with a warning, not the training.
    """

    def __init__(self, folder: Path) -> None:
        require("tensorboardX", "training")
        self.folder = folder
        self._writer: Any = None
        self._ended = False
        self._flushed = time.monotonic()

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Add the values of a step."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        if self._ended:
            return
        try:
            if self._writer is None:
                self._writer = self._begin()
            points = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
            event = Event(wall_time=time.time(), step=step, summary=Summary(value=points))
            self._writer.write(event.SerializeToString())
            if time.monotonic() - self._flushed > MAX_UNWRITTEN_SECONDS:
                self._writer.flush()
                self._flushed = time.monotonic()
        except OSError as e:
            self._end(e)

    def close(self) -> None:
        """Write what is left, at the end of a training; further values begin another file."""
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                writer.close()
        except OSError as e:
            self._end(e)

    def _end(self, error: OSError) -> None:
        self._ended, self._writer = True, None
        problem = f"cannot be written to ({error.strerror or error}); the training goes on without its log"
        warnings.warn(f"{self.folder}: {problem}", ClipselectWarning, stacklevel=3)

    def _begin(self) -> Any:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.record_writer import RecordWriter

        self.folder.mkdir(parents=True, exist_ok=True)
        writer = RecordWriter(str(self.folder / f"events.out.tfevents.{time.time():.0f}.{os.getpid()}"))
        writer.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
        return writer
