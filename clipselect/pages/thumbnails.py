"""Pictures of clips and frames, small enough for a page."""

import base64
import io
from collections.abc import Sequence

import av
from PIL import Image as Pillow

from clipselect.errors import ClipselectError
from clipselect.media.candidate_clips import Clip
from clipselect.media.clip_tensors import clip_arrays
from clipselect.media.images import Image
from clipselect.media.sources import Source


def clip_thumbnails(source: Source, clips: Sequence[Clip], sides: Sequence[int]) -> dict[int, bytes]:
    """JPEG bytes of the middle frame of every clip, by the clip's place.

    Only what is needed is decoded. If the file has changed since it was scored, pictures are missing.

    Args:
        clips: in time order.
        sides: of every clip, the longer side of its picture in pixels.
    """
    made: dict[int, bytes] = {}
    try:
        width, height = fitting(source.aspect, max(sides, default=1))
        for place, [picture] in enumerate(clip_arrays(source, clips, 1, size=(height, width))):
            made[place] = jpeg(picture, *fitting(source.aspect, sides[place]))
    except (ClipselectError, av.FFmpegError, OSError):
        pass  # the scores still stand
    return made


def jpeg(picture: Image, width: int | None = None, height: int | None = None) -> bytes:
    """[h, w, 3] uint8 RGB as JPEG bytes, scaled to a width and height if they are given."""
    shown = Pillow.fromarray(picture)
    if width and height:
        shown = shown.resize((width, height), Pillow.Resampling.LANCZOS)
    out = io.BytesIO()
    shown.save(out, "jpeg", quality=80, optimize=True)
    return out.getvalue()


def data_uri(jpeg_bytes: bytes) -> str:
    """The address of a picture that the page itself holds."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg_bytes).decode()


def thumbnail_uri(picture: Image) -> str:
    """[h, w, 3] uint8 RGB as the `src` of an `<img>`."""
    return data_uri(jpeg(picture))


def fitting(aspect: float, side: int) -> tuple[int, int]:
    """Width and height of a picture of that aspect ratio whose longer side has so many pixels.

    >>> fitting(16 / 9, 320), fitting(9 / 16, 320)
    ((320, 180), (180, 320))
    """
    width, height = (side, side / aspect) if aspect >= 1 else (side * aspect, side)
    return max(round(width), 1), max(round(height), 1)
