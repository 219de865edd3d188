"""Which packets of a video a decoder can leave out: their frames are used by no other frame, as their headers say.

H.264 says it of every slice (nal_ref_idc), H.265 by the kind of the slice, MPEG-2 by the kind of the picture.
"""

from collections.abc import Callable, Iterator

import av

IsUnreferenced = Callable[[bytes], bool]

START_CODE = b"\0\0\1"
PICTURE_HEADER = START_CODE + b"\0"
B_PICTURE = 3
"""Of MPEG-2: `picture_coding_type`, three bits after ten bits of the picture's header."""


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
    if name not in OF_SLICES:
        return None
    at, is_slice, is_slice_unreferenced = OF_SLICES[name]
    length_bytes = (extra[at] & 3) + 1 if extra[:1] == b"\1" and len(extra) > at else 0

    def is_unreferenced(packet: bytes) -> bool:
        headers = _slices(packet, length_bytes, is_slice)
        return bool(headers) and all(map(is_slice_unreferenced, headers or ()))

    return is_unreferenced


def _slices(packet: bytes, length_bytes: int, is_slice: Callable[[int], bool]) -> list[int] | None:
    """First bytes of the slices in a packet; None if it is not well formed.

    Args:
        length_bytes: that stand before every unit; 0 where start codes do.

    >>> _slices(bytes([0, 2, 0x09, 0, 0, 3, 0x01, 7, 7]), 2, _is_h264_slice)
    [1]
    >>> _slices(b"\\0\\0\\1\\x09\\0\\0\\1\\x41\\7", 0, _is_h264_slice)
    [65]
    """
    try:
        units = _by_lengths(packet, length_bytes) if length_bytes else _by_start_codes(packet)
        return [header for header in units if is_slice(header)]
    except IndexError:
        return None


def _by_lengths(packet: bytes, length_bytes: int) -> Iterator[int]:
    at = 0
    while at < len(packet):
        length = int.from_bytes(packet[at : at + length_bytes], "big")
        if at + length_bytes + length > len(packet):
            raise IndexError
        yield packet[at + length_bytes]
        at += length_bytes + length


def _by_start_codes(packet: bytes) -> Iterator[int]:
    at = packet.find(START_CODE)
    while at >= 0:
        yield packet[at + len(START_CODE)]
        at = packet.find(START_CODE, at + len(START_CODE))


def _is_h264_slice(header: int) -> bool:
    return 1 <= header & 0x1F <= 5  # nal_unit_type


def _is_h264_unreferenced(header: int) -> bool:
    return not header >> 5 & 3  # nal_ref_idc


def _is_hevc_slice(header: int) -> bool:
    return header >> 1 & 0x3F < 32  # nal_unit_type


def _is_hevc_unreferenced(header: int) -> bool:
    kind = header >> 1 & 0x3F
    return kind < 15 and kind % 2 == 0  # TRAIL_N, TSA_N, STSA_N, RADL_N, RASL_N


OF_SLICES: dict[str, tuple[int, Callable[[int], bool], Callable[[int], bool]]] = {
    "h264": (4, _is_h264_slice, _is_h264_unreferenced),
    "hevc": (21, _is_hevc_slice, _is_hevc_unreferenced),
}
"""By codec: which byte of the stream's extra data says how long the lengths are that stand before every unit; whether a
unit is a slice, and whether it is of a frame that no other refers to, by the unit's first byte."""


def _is_b_picture(packet: bytes) -> bool:
    """
    >>> _is_b_picture(b"\\0\\0\\1\\0\\0\\x18"), _is_b_picture(b"\\0\\0\\1\\0\\0\\x10"), _is_b_picture(b"")
    (True, False, False)
    """
    at = packet.find(PICTURE_HEADER) + len(PICTURE_HEADER)
    return at >= len(PICTURE_HEADER) and len(packet) > at + 1 and packet[at + 1] >> 3 & 7 == B_PICTURE
