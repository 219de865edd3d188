"""The whole frame is scaled to a square."""

from pathlib import Path

import numpy as np
from helpers.videos import make_video

from clipselect.media.sources import open_source


def test_the_geometry_is_a_squash_of_the_whole_frame(tmp_path: Path) -> None:
    """Nothing is cropped: the quarter and the half of the test picture stay a quarter and a half of the square."""
    wide = open_source(make_video(tmp_path / "wide.mp4", 2, size=(256, 48), options={"crf": "5"}))
    frame = next(f for _, f in wide.frames(np.array([0]), 32)).astype(int)
    assert frame.shape == (32, 32, 3)
    assert (frame[2:14, 2:14, 0] > 180).all() and (frame[2:14, 18:30, 0] < 100).all()
    assert (frame[18:30, :, 2] > 180).all()
