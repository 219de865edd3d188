"""Tables of videos on disk: an evaluation that was stopped continues, and another K opens no video."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError, ClipselectWarning
from clipselect.evaluation.clip_tables import ClipGrid, Networks, VideoTable, video_table
from clipselect.evaluation.kept_arrays import Arrays, kept_arrays, states
from clipselect.media.files import make_folder
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.media.shots import shot_starts
from clipselect.media.sources import open_source
from clipselect.media.unreadable import UNREADABLE, OnError, as_clipselect_error, ignore_error

VERSION = 3
"""Of what a table holds: raised whenever the same video, networks and grid give other tables."""
SHOTS_VERSION = 1
"""Likewise, of the places where shots begin."""


@dataclass(frozen=True)
class TableCache:
    """Tables of videos in a folder, one .npz each, found again while video, networks and grid are the same."""

    folder: Path
    networks: Networks
    grid: ClipGrid
    fps: float

    def table(self, path: str) -> VideoTable:
        """From the folder, or else from the video; a VideoError if that cannot be read."""
        folder = None if self._made_with is None else self.folder
        names = [field.name for field in fields(VideoTable)]
        made_of = [states([path]), self._made_with]
        return VideoTable(**kept_arrays(folder, made_of, names, partial(self._table, path), self._is_table))

    def _table(self, path: str) -> Arrays:
        return asdict(video_table(open_source(path, fps=self.fps), self.grid, self.networks))

    def _is_table(self, arrays: Arrays) -> bool:
        table = VideoTable(**arrays)
        n, classes = len(table.spans), len(self.networks.base.classes)
        values = (table.scores, table.motion, table.packets)
        shapes = (table.spans.shape, table.probabilities.shape, *(value.shape for value in values))
        whole = n > 0 and shapes == ((n, 2), (n, classes), (n,), (n,), (n,))
        return whole and all(np.isfinite(value).all() for value in values)

    def tables(
        self, paths: Sequence[str], *, progress: ProgressCallback = no_progress, on_error: OnError = ignore_error
    ) -> dict[str, VideoTable]:
        """The tables of all videos that can be read, by path; the others are reported to `on_error`.

        Raises:
            ClipselectError: not one video can be read, or the folder cannot be written to.
        """
        make_folder(self.folder)
        found = {}
        for path in tracked(paths, "both networks on every clip", len(paths), progress):
            try:
                found[path] = self.table(path)
            except UNREADABLE as e:
                on_error(path, as_clipselect_error(path, e))
        if not found:
            raise ClipselectError(f"not one of the {len(paths)} videos can be read; see the errors above")
        return found

    def shots(self, tables: Mapping[str, VideoTable], progress: ProgressCallback = no_progress) -> NDArray[np.int64]:
        """The shot of its video in which the middle of each clip [m] of these tables lies; kept like the tables.

        Raises:
            VideoError: a video that could be read before cannot be read now.
        """
        found = []
        for path, table in tracked(tables.items(), "shots", len(tables), progress):
            made_of = ["shots", states([path]), self.fps, SHOTS_VERSION]
            kept = kept_arrays(self.folder, made_of, ("starts",), partial(self._shot_starts, path), _are_starts)
            found.append(np.searchsorted(kept["starts"], table.spans.mean(axis=1), side="right") - 1)
        return np.concatenate(found)

    def _shot_starts(self, path: str) -> Arrays:
        return {"starts": shot_starts(open_source(path, fps=self.fps))}

    @cached_property
    def _made_with(self) -> list[Any] | None:
        """None for a base that nothing identifies: without weights and without a file of code."""
        base, scorer = self.networks.base, self.networks.scorer
        if base.metadata.get("code") is None and not base.net.state_dict():
            problem = f"{base.name} has no weights to identify it by: nothing is kept under {self.folder}"
            warnings.warn(problem, ClipselectWarning, stacklevel=2)
            return None
        about = [base.identity, scorer.metadata["sha256"], asdict(scorer.input_spec)]
        return [VERSION, *about, asdict(self.grid), self.fps]


def _are_starts(arrays: Arrays) -> bool:
    starts = arrays["starts"]
    return starts.ndim == 1 and starts[0] == 0 and bool((np.diff(starts) > 0).all())
