"""A list of videos, cut into parts that are worked on one by one; what is lost is given out again."""

import itertools
import math
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path

VIDEOS_PER_CORE = 64
"""Of a part at most. Starting a part's processes takes about as long as scoring one or two videos of 10 s."""
MAX_LOST = 4
"""Tasks that may be lost over a video that they work on alone, before the video is to blame."""


class Parts:
    """Parts for tasks of `cores` cores each: large ones first, small ones near the end, so that all tasks end together.

    >>> parts = Parts([Path(f"{i}.mp4") for i in range(12)], cores=2)
    >>> [len(parts.next(tasks=1)) for _ in range(5)]
    [6, 3, 2, 1, 0]
    """

    def __init__(self, paths: Sequence[Path], cores: int) -> None:
        self._paths, self._left, self._cores = iter(paths), len(paths), cores
        self._again: deque[list[Path]] = deque()
        self._lost: Counter[Path] = Counter()

    def next(self, tasks: int) -> list[Path]:
        """The next part, where `tasks` run at a time; empty if there is none."""
        if self._again:
            return self._again.popleft()
        share = math.ceil(self._left / (2 * tasks))
        part = [*itertools.islice(self._paths, max(self._cores, min(share, VIDEOS_PER_CORE * self._cores)))]
        self._left -= len(part)
        return part

    def give_back(self, part: list[Path]) -> Path | None:
        """Take what a lost task has not finished, to be given out again in halves.

        Returns:
            The video that is to blame, which is not given out again; None if that is not known.
        """
        if len(part) > 1:
            middle = len(part) // 2
            self._again += (part[:middle], part[middle:])
        elif part:
            self._lost.update(part)
            if self._lost[part[0]] == MAX_LOST:
                return part[0]
            self._again.append(part)
        return None
