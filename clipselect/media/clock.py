"""Presentation times of frames as a clock that always runs forwards, out of what a container says.

Times are integers, in ticks of a stream's time base.

>>> monotonic([10, 20, None, 15, 40], step=10, second=100).tolist()   # one missing, one a little too early
[0, 10, 20, 21, 30]
>>> monotonic([0, 1000, 0, 10], step=10, second=100).tolist()         # two recordings joined
[0, 1000, 1010, 1020]
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class Clock:
    """Cleans the times of frames that arrive one by one.

    A missing time follows the one before by `step` ticks. A time that steps back by more than a `second` (in ticks) is
    a new start, as in joined broadcasts, and the clock runs on. A smaller step back becomes one tick after the frame
    before.
    """

    def __init__(self, step: int, second: int) -> None:
        self.step, self.second = step, second
        self.previous: int | None = None
        self.offset = 0

    def tick(self, pts: int | None) -> int:
        """The cleaned time of the next frame, not counted from the first one."""
        if self.previous is None:
            self.previous = pts if pts is not None else 0
            return self.previous
        now = self.previous + self.step if pts is None else pts + self.offset
        if now < self.previous - self.second:
            self.offset += self.previous + self.step - now
            now = self.previous + self.step
        self.previous = max(now, self.previous + 1)
        return self.previous


def monotonic(pts: Iterable[int | None], step: int, second: int) -> NDArray[np.int64]:
    """Presentation times [n] int64 from 0, strictly increasing: those of a `Clock`, counted from the first frame."""
    clock = Clock(step, second)
    out = np.array([clock.tick(p) for p in pts], dtype=np.int64)
    return out - out[0] if len(out) else out
