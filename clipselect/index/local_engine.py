"""Indexing by one machine: processes that decode, and one DDNet for the clips of all."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from clipselect.index.bulk import Decoding, decode, entries
from clipselect.index.decode_workers import decode_in_processes
from clipselect.index.entry import Entry
from clipselect.scoring.scorer import Scorer


def local_entries(paths: Sequence[Path], how: Decoding, scorer: Scorer, workers: int) -> Iterator[Entry]:
    """Finished entries of all videos, in the order in which they come.

    Args:
        workers: decoding processes; 0 decodes in this one.

    Raises:
        ArgumentError: decoding processes do not start.
    """
    if workers == 0:
        return entries(((path, message) for path in paths for message in decode(path, how)), scorer)
    return entries(decode_in_processes(paths, how, workers), scorer)
