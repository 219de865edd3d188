"""Real untrimmed video files out of trimmed clips, for everything that times or decodes."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from clipselect.zoo.recipes.actions import CLIP_SECONDS, Composition, SourceVideo

WIDTH, HEIGHT, RATE = 320, 240, 25


def write_composition(composition: Composition, sources: list[SourceVideo], path: Path) -> None:
    """Decode the composition's clips and encode them one after the other: 20 s of H.264 at 320 x 240 and 25 frames/s.

    Every frame is squashed to 320 x 240; squashed again for scoring, it is what the composed list of clips holds.
    """
    frames_per_clip = int(CLIP_SECONDS * RATE)
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "20", "preset": "veryfast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        written = 0
        for number, start in composition.clips:
            with av.open(str(sources[number].path)) as source:
                frames = list(source.decode(video=0))
            pts = sources[number].timeline.pts
            ticks = [
                (start + CLIP_SECONDS * i / frames_per_clip) / sources[number].timeline.time_base
                for i in range(frames_per_clip)
            ]
            shown = (np.searchsorted(pts, [float(t) for t in ticks], side="right") - 1).clip(0, len(frames) - 1)
            for i in shown.tolist():
                picture = frames[i].reformat(width=WIDTH, height=HEIGHT, format="yuv420p")
                picture.pts, picture.time_base = written, Fraction(1, RATE)
                written += 1
                picture.pict_type = av.video.frame.PictureType.NONE
                out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    part.rename(path)
