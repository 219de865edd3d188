"""Parts of a video that decode by themselves: its key frames, and groups of pictures.

A group of pictures is a key frame and the packets up to the next one. Its frames refer to each other, and those that
are shown before its key frame also to the group before.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clipselect.media.packet_sizes import PacketSizes

if TYPE_CHECKING:
    import av


@dataclass(frozen=True)
class Part:
    """What of a video is decoded.

    Attributes:
        gops: numbers of groups of pictures; None for the key frames of all.
    """

    gops: frozenset[int] | None = None

    def packets(self, packets: "Iterable[av.Packet[Any]]") -> "Iterator[av.Packet[Any] | None]":
        """The packets of this part; None where the decoder must forget what it has seen, since packets are missing.

        Args:
            packets: of one stream, in the order of the file; the last one, which ends the stream, may be empty.
        """
        gop = last = -1
        for packet in packets:
            gop += packet.is_keyframe and packet.size > 0  # counted as `read_index` does
            if self.gops is None:
                if packet.is_keyframe or not packet.size:
                    yield packet
            elif gop in self.gops or not packet.size:
                if last >= 0 and gop > last + 1:
                    yield None
                last = gop
                yield packet


def gops_of(packets: PacketSizes, frames: NDArray[np.int64]) -> frozenset[int]:
    """The groups of pictures to decode for some frames of a video.

    >>> from fractions import Fraction
    >>> from clipselect.media.candidate_clips import Timeline
    >>> timeline = Timeline(np.arange(6), end=6, time_base=Fraction(1, 25))
    >>> is_key, gop = np.array([True, False, False, True, False, False]), np.array([0, 0, 1, 1, 1, 1])
    >>> packets = PacketSizes(timeline, Fraction(0), np.ones(6, np.int64), is_key, gop)
    >>> sorted(gops_of(packets, np.array([4])))
    [1]
    >>> sorted(gops_of(packets, np.array([2])))  # shown before the key frame of its group
    [0, 1]
    """
    gops = packets.gop[frames]
    before = gops[frames < packets.key_of_gop[gops]] - 1
    return frozenset([*gops.tolist(), *before.tolist()])
