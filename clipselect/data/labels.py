"""Which class a clip of a labelled video shows."""

from clipselect.data.datasets import LabelledVideo
from clipselect.media.candidates import Clip

BACKGROUND = -1
MIN_INSIDE = 0.5
"""A clip shows an action if at least this fraction of it lies within segments of the action."""


def shown_class(clip: Clip, video: LabelledVideo) -> int:
    """The class that a clip of a video shows: where segments are known the one whose segments fill most of it together,
    or BACKGROUND if none fills half of it; else that of the video."""
    if not video.segments:
        return video.labels[0] if video.labels else BACKGROUND
    start, end = float(clip.start), float(clip.end)
    filled: dict[int, float] = {}
    filled_to: dict[int, float] = {}
    for s in sorted(video.segments, key=lambda segment: segment.start):
        from_, to = max(start, s.start, filled_to.get(s.label, start)), min(end, s.end)
        if from_ < to:
            filled[s.label] = filled.get(s.label, 0.0) + to - from_
            filled_to[s.label] = to
    label = max(filled, key=lambda label: filled[label], default=BACKGROUND)
    return label if filled.get(label, 0.0) >= MIN_INSIDE * (end - start) else BACKGROUND
