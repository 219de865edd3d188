"""What can be scored: a video file through PyAV or decord, or a folder of frames. All of them are a `Source`.

What is done about files whose data differ from what their containers promise: `clipselect.media.read_again`.
"""

import re
import stat
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol, get_args

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.errors import VideoError, check_argument
from clipselect.media.candidate_clips import Seconds, Timeline
from clipselect.media.frame_folder import FrameFolder
from clipselect.media.images import Image
from clipselect.media.optional import require
from clipselect.media.packet_sizes import PacketSizes
from clipselect.media.scaling import Convert
from clipselect.media.video import VideoFile

Backend = Literal["pyav", "decord"]
"""What decodes a video file; decord must be installed."""


class Source(Protocol):
    """A video whose frames can be scored.

    Attributes:
        path: as the user gave it.
        timeline: times of all frames.
        start_time: seconds in the container's own clock at which the first frame is shown.
        aspect: width over height as shown, for thumbnails.
        warnings: what the user should know about the file, one sentence each.
        seek_cost: how many frames could be decoded in the time that `pictures` takes to get to its first frame.
        packets: what the frames take in the file, where there is one.
    """

    @property
    def path(self) -> Path: ...
    @property
    def timeline(self) -> Timeline: ...
    @property
    def start_time(self) -> Fraction: ...
    @property
    def aspect(self) -> float: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...
    @property
    def seek_cost(self) -> float: ...
    @property
    def packets(self) -> PacketSizes: ...

    def frames(self, wanted: NDArray[np.int64], size: int, fast: bool = False) -> Iterator[tuple[int, Image]]:
        """Decode once, forwards, and yield (index, [size, size, 3] uint8 RGB, squashed) for every wanted index.

        A pass may turn out void at its end: call this within `read_again.settled`.

        Args:
            wanted: increasing frame indices.
            fast: skip frames that no other frame needs, where that is possible; see `clipselect.media.fast`.
        """
        ...

    def converted(self, wanted: NDArray[np.int64], convert: Convert) -> Iterator[tuple[int, Image]]:
        """The same with another conversion of the decoded frames, at full size and not turned, than squashing."""
        ...

    def pictures(self, first: int, last: int) -> Iterator[av.VideoFrame]:
        """The frames `first` to `last`, both inclusive, at full size and as stored: not turned upright."""
        ...

    def with_timeline(self, timeline: Timeline) -> "Source":
        """The same video with the times that an earlier pass over it has found."""
        ...


def check_decoder(decoder: str) -> None:
    """Raise an ArgumentError for an unknown decoder, a MissingLibraryError for one that is not installed."""
    check_argument(decoder in get_args(Backend), "decoder", f"must be 'pyav' or 'decord', got {decoder!r}")
    if decoder == "decord":
        require("decord", "the decoder decord")


def open_source(path: Path | str, *, decoder: Backend = "pyav", fps: Seconds = 30, threads: int = 0) -> Source:
    """A video file or a folder of frames, ready to be scored.

    >>> source = open_source("video.mp4")
    >>> float(source.timeline.duration), len(source.timeline.pts), source.warnings
    (2.52, 63, ())

    Args:
        decoder: "pyav" (the default) or "decord", for files.
        fps: frames per second of a folder of frames, which has no clock of its own.
        threads: that decode a file; 0 for as many as are fastest.

    Raises:
        ArgumentError: no path, an unknown decoder, or fps is not a positive number.
        MissingLibraryError: decord is not installed.
        VideoError: the path does not exist, is not a video, or holds no frames.
    """
    check_decoder(decoder)
    check_argument(isinstance(path, str | Path) and path != "", "path", f"must be that of a video, got {path!r}")
    path = Path(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return FrameFolder.open(path, fps)
        if not stat.S_ISREG(mode):
            raise VideoError(f"{path}: not a file that can be read twice; save it to a file first")
        with path.open("rb"):
            pass
    except FileNotFoundError as e:
        if address := re.match(
            r"(https?|ftp|rtsp|rtmp|s3|gs):/+", str(path), re.IGNORECASE
        ):  # of two slashes Path keeps one
            named = f"{address[1]}://{str(path)[address.end() :]}"
            raise VideoError(f"{named}: an address, not a file; download it first") from e
        raise VideoError(f"{path}: no such file; check the path") from e
    except OSError as e:
        raise VideoError(f"{path}: cannot be read ({e.strerror}); check its name and permissions") from e
    except ValueError as e:  # a NUL
        raise VideoError(f"{path}: not a possible file name; check where it comes from") from e
    return (DecordFile if decoder == "decord" else VideoFile).open(path, threads)


class DecordFile(VideoFile):
    """A video file whose frames for scoring decord decodes, all of them; everything else is as for `VideoFile`."""

    can_be_fast = False

    def frames(self, wanted: NDArray[np.int64], size: int, fast: bool = False) -> Iterator[tuple[int, Image]]:
        decord = require("decord", "the decoder decord")
        expected = len(self.timeline.pts)
        try:
            reader = decord.VideoReader(str(self.path), width=size, height=size)
            found = len(reader)
            for i in wanted.tolist() if found == expected else []:
                yield i, reader[i].asnumpy()
        except (decord.DECORDError, RuntimeError) as e:
            raise VideoError(f"{self.path}: decord cannot decode it; use the decoder pyav") from e
        if found != expected:
            counts = f"decord finds {found} frames, its container {expected}"
            raise VideoError(f"{self.path}: {counts}; use the decoder pyav")
