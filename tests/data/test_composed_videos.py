"""Compositions as real video files."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from helpers.videos import make_video

from clipselect.data.composed_videos import write_composition
from clipselect.media.candidates import candidate_clips
from clipselect.media.sources import open_source


def test_a_composed_file_holds_its_clips_in_order(tmp_path: Path) -> None:
    long = open_source(make_video(tmp_path / "long.mp4", 50))
    short = open_source(make_video(tmp_path / "short.mp4", 10))
    clips = [(long, candidate_clips(long.timeline, 1)[0]), (short, candidate_clips(short.timeline, 1)[0])]
    write_composition(clips, Fraction(64, 60), tmp_path / "out.mp4")
    out = open_source(tmp_path / "out.mp4")
    assert len(out.timeline.pts) == round(2 * 25 * 64 / 60)
    grey = [int(f[2, -2, 0]) for _, f in out.frames(np.arange(len(out.timeline.pts)), 16)]
    expected = [40 + (min(i, 24) * 13) % 160 for i in range(27)]
    assert np.allclose(grey[:27], expected, atol=12)
    assert np.allclose(grey[37:], 40 + (9 * 13) % 160, atol=12)  # the last frame stays
