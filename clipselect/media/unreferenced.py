"""Which packets of a video a decoder can leave out: their frames are used by no other frame, as their headers say.

H.264 says it of every slice (nal_ref_idc), H.265 by the kind of the slice, MPEG-2 by the kind of the picture.
"""

from collections.abc import Callable, Iterator
from functools import partial

import av

IsUnreferenced = Callable[[bytes], bool]
OfUnit = Callable[[bytes], bool]
"""Says something of a unit of H.264 or H.265 by its first two bytes."""

START_CODE = b"\0\0\1"
PICTURE_HEADER = START_CODE + b"\0"
B_PICTURE = 3
"""Of MPEG-2: `picture_coding_type`, three bits after ten bits of the picture's header."""
VPS = b"\x40\1"
"""Of H.265: the header of the video parameter set."""


def unreferenced(container: av.container.InputContainer, stream: av.VideoStream) -> IsUnreferenced | None:
    """A function that says of the bytes of a packet whether no other frame refers to its frame.

    None for other codecs, whose headers do not tell it, and for AVI, which keeps no times by which the frame of a
    packet could be known. MPEG-4 is left out, since some of its files hold two frames in a packet.
    """
    name, extra = stream.codec_context.name, stream.codec_context.extradata or b""
    if container.format.name == "avi":
        return None
    if name == "mpeg2video":
        return _is_b_picture
    if name == "h264":
        return partial(_all_slices, _length_bytes(extra, 4), _is_h264_slice, _is_h264_unreferenced)
    if name == "hevc" and (layers := _sub_layers(extra)):
        return partial(_all_slices, _length_bytes(extra, 21), _is_hevc_slice, partial(_is_hevc_unreferenced, layers))
    return None


def _length_bytes(extra: bytes, at: int) -> int:
    """Bytes of the lengths that stand before every unit of a stream with such extra data; 0 where start codes do."""
    return (extra[at] & 3) + 1 if extra[:1] == b"\1" and len(extra) > at else 0


def _all_slices(length_bytes: int, is_slice: OfUnit, is_unreferenced: OfUnit, packet: bytes) -> bool:
    """Whether it holds of every slice in a packet, and there are some; not of a packet that is not well formed.

    Args:
        length_bytes: that stand before every unit; 0 where start codes do.

    >>> of_h264 = _is_h264_slice, _is_h264_unreferenced
    >>> _all_slices(2, *of_h264, bytes([0, 2, 0x09, 0, 0, 3, 0x01, 7, 7]))
    True
    >>> _all_slices(0, *of_h264, b"\\0\\0\\1\\x09\\0\\0\\1\\x41\\7"), _all_slices(0, *of_h264, b"\\0\\0\\1")
    (False, False)
    """
    units = _by_lengths(packet, length_bytes) if length_bytes else _by_start_codes(packet)
    try:
        found = [is_unreferenced(header) for header in units if is_slice(header)]
    except IndexError:
        return False
    return bool(found) and all(found)


def _by_lengths(packet: bytes, length_bytes: int) -> Iterator[bytes]:
    at = 0
    while at < len(packet):
        length = int.from_bytes(packet[at : at + length_bytes], "big")
        at += length_bytes
        if at + length > len(packet):
            raise IndexError
        yield packet[at : at + 2]
        at += length


def _by_start_codes(packet: bytes) -> Iterator[bytes]:
    at = packet.find(START_CODE)
    while at >= 0:
        at += len(START_CODE)
        yield packet[at : at + 2]
        at = packet.find(START_CODE, at)


def _is_h264_slice(header: bytes) -> bool:
    return 1 <= header[0] & 0x1F <= 5  # nal_unit_type


def _is_h264_unreferenced(header: bytes) -> bool:
    return not header[0] >> 5 & 3  # nal_ref_idc


def _is_hevc_slice(header: bytes) -> bool:
    return header[0] >> 1 & 0x3F < 32  # nal_unit_type


def _is_hevc_unreferenced(layers: int, header: bytes) -> bool:
    """Frames of such a kind are referred to by none of their own temporal sub-layer, but perhaps by some of a higher
    one. So they must be of the highest of all."""
    kind, layer = header[0] >> 1 & 0x3F, header[1] & 7  # nuh_temporal_id_plus1
    return kind < 15 and kind % 2 == 0 and layer == layers  # TRAIL_N, TSA_N, STSA_N, RADL_N, RASL_N


def _sub_layers(extra: bytes) -> int:
    """How many temporal sub-layers H.265 with such extra data has; 0 if it does not say so.

    >>> _sub_layers(b"\\1" + bytes(20) + bytes([2 << 3])), _sub_layers(b"\\0\\0\\1\\x40\\1\\x0c\\3"), _sub_layers(b"")
    (2, 2, 0)
    """
    if extra[:1] == b"\1":
        return extra[21] >> 3 & 7 if len(extra) > 21 else 0
    at = extra.find(START_CODE + VPS) + len(START_CODE + VPS)
    return (extra[at + 1] >> 1 & 7) + 1 if at >= len(START_CODE + VPS) and len(extra) > at + 1 else 0


def _is_b_picture(packet: bytes) -> bool:
    """
    >>> _is_b_picture(b"\\0\\0\\1\\0\\0\\x18"), _is_b_picture(b"\\0\\0\\1\\0\\0\\x10"), _is_b_picture(b"")
    (True, False, False)
    """
    at = packet.find(PICTURE_HEADER) + len(PICTURE_HEADER)
    return at >= len(PICTURE_HEADER) and len(packet) > at + 1 and packet[at + 1] >> 3 & 7 == B_PICTURE
