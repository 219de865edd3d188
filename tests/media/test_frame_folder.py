"""A folder of images is a video."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from helpers.videos import expected_levels, grey_levels, picture

from clipselect.media.sources import Source, open_source


def assert_all_frames(source: Source, count: int) -> None:
    assert len(source.timeline.pts) == count
    assert np.abs(np.subtract(grey_levels(source), expected_levels(count))).max() <= 6


def test_frame_folder_in_natural_order(tmp_path: Path) -> None:
    folder = tmp_path / "frames of a video"
    folder.mkdir()
    for i in range(12):
        image = av.VideoFrame.from_ndarray(picture(i), format="rgb24")
        with av.open(str(folder / f"frame{i}.png"), "w", format="image2", options={"update": "1"}) as out:
            stream = out.add_stream("png", rate=1)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
            out.mux([*stream.encode(image), *stream.encode(None)])
    (folder / "notes.txt").write_text("not a frame")
    source = open_source(folder, fps=10)
    assert_all_frames(source, 12)
    assert source.timeline.duration == Fraction(12, 10)
    (folder / "frame3.png").write_bytes(b"broken")
    assert len(grey_levels(source)) == 12
    assert "frame3.png" in source.warnings[0]
