"""How many bytes each frame of a video takes in its file: what a container says without decoding anything."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clipselect.media.candidate_clips import Timeline


@dataclass(frozen=True)
class PacketSizes:
    """The packets of the n frames that a file promises, in the order shown.

    Attributes:
        timeline: when these frames are shown.
        start_time: seconds in the container's own clock at which the first of them is shown.
        sizes: [n] int64 bytes.
        is_key: [n] bool, which frames are coded without reference to others.
        gop: [n] int64, the group of pictures that each stands in, see `clipselect.media.key_frames`.
    """

    timeline: Timeline
    start_time: Fraction
    sizes: NDArray[np.int64]
    is_key: NDArray[np.bool_]
    gop: NDArray[np.int64]

    @cached_property
    def key_of_gop(self) -> NDArray[np.int64]:
        """[groups] which frame is the key frame of each group of pictures; 0 for one that is never shown."""
        keys = np.flatnonzero(self.is_key)
        found = np.zeros(int(self.gop.max()) + 1, np.int64)
        found[self.gop[keys]] = keys
        return found

    @property
    def without_key_frames(self) -> NDArray[np.float64]:
        """[n] bytes, those of a key frame replaced by what its neighbours suggest (linear interpolation).

        A key frame takes many bytes for what it shows, not for what changes, and where it stands is the encoder's
        choice. Of a file of key frames alone all count as they are.

        >>> timeline = Timeline(np.arange(4), end=4, time_base=Fraction(1, 25))
        >>> sizes, is_key = np.array([900, 10, 900, 30]), np.array([True, False, True, False])
        >>> PacketSizes(timeline, Fraction(0), sizes, is_key, gop=np.array([0, 0, 1, 1])).without_key_frames.tolist()
        [10.0, 10.0, 20.0, 30.0]
        """
        predicted = np.flatnonzero(~self.is_key)
        if not len(predicted):
            return self.sizes.astype(np.float64)
        return np.interp(np.arange(len(self.sizes)), predicted, self.sizes[predicted])
