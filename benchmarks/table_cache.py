"""Tables of videos kept on disk, so that a run resumes and another --k opens no video."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from clip_tables import Cut, Networks, VideoTable, video_table
from rich.text import Text

from clipselect.commands.common import stderr
from clipselect.commands.stages import Failures, Stage
from clipselect.errors import ClipselectError
from clipselect.index.index_file import signature, stored_path
from clipselect.media.files import whole_file
from clipselect.media.sources import open_source
from clipselect.media.text import printable
from clipselect.training.features import UNREADABLE, unreadable

VERSION = 1
"""Of what a table holds: raised whenever the same video, networks and cut give other tables."""


@dataclass(frozen=True)
class Cache:
    """Tables of videos in a folder, one .npz each, found again while video, networks and cut are the same."""

    folder: Path
    networks: Networks
    cut: Cut
    fps: float

    def table(self, path: str) -> VideoTable:
        """From the folder, or else from the video; a VideoError if that cannot be read."""
        if self._made_with is None:
            return video_table(open_source(path, fps=self.fps), self.cut, self.networks)
        file = self.folder / f"{self._key(path)}.npz"
        kept = self._load(file)
        if kept is None:
            kept = video_table(open_source(path, fps=self.fps), self.cut, self.networks)
            with whole_file(file) as part, part.open("wb") as out:
                np.savez(out, **asdict(kept))
        return kept

    @cached_property
    def _made_with(self) -> list[Any] | None:
        """None for a base that nothing identifies: without weights and without a file of code."""
        base, scorer = self.networks.base, self.networks.scorer
        if base.metadata.get("code") is None and not base.net.state_dict():
            told = f"{base.name} has no weights to know it by: nothing is kept under {self.folder}"
            stderr().print(Text(printable(told)))
            return None
        about = [base.identity, scorer.metadata["sha256"], asdict(scorer.input_spec)]
        return [VERSION, *about, self.networks.views, asdict(self.cut), self.fps]

    def _key(self, path: str) -> str:
        what = json.dumps([stored_path(path), signature(path), self._made_with], default=str)
        return hashlib.sha256(what.encode()).hexdigest()[:32]

    def _load(self, file: Path) -> VideoTable | None:
        """None for what is not there or damaged."""
        try:
            with np.load(file, allow_pickle=False) as arrays:
                table = VideoTable(arrays["spans"], arrays["scores"], arrays["probabilities"])
            n, classes = len(table.spans), len(self.networks.base.classes)
            shapes = (table.spans.shape, table.scores.shape, table.probabilities.shape)
            whole = n > 0 and shapes == ((n, 2), (n,), (n, classes))
            return table if whole and np.isfinite(table.scores).all() else None
        except Exception:  # a damaged file raises whatever its bytes lead the reader to
            return None


def tables(paths: Sequence[str], cache: Cache, failures: Failures, stage: Stage) -> dict[str, VideoTable]:
    """The tables of all videos that can be read, by path; the others are added to `failures`.

    Raises:
        ClipselectError: not one video can be read, or the folder cannot be written to.
    """
    try:
        cache.folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ClipselectError(f"{cache.folder}: cannot be made a folder ({e.strerror}); choose another --out") from e
    found = {}
    for path in stage.over(paths):
        try:
            found[path] = cache.table(path)
        except UNREADABLE as e:
            unreadable(path, e, failures.add)
    if not found:
        raise ClipselectError(f"not one of the {len(paths)} videos can be read; see the errors above")
    return found
