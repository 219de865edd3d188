"""What a score index knows of a video as it is now."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from clipselect.errors import ClipselectError, ClipselectWarning, VideoError
from clipselect.index.entry import Entry, Scoring
from clipselect.samplers.arguments import OnMissing

if TYPE_CHECKING:
    from clipselect.index.score_index import ScoreIndex


def check_made_with(index: "ScoreIndex", wanted: Scoring) -> None:
    """Raise a ClipselectError unless the scores of an index were made as wanted."""
    if index.scoring != wanted:
        raise ClipselectError(
            f"{index.path}: was made with {index.scoring}, but {wanted} is asked for; "
            "give both the same, or make the index again"
        )


def indexed_entry(index: "ScoreIndex", path: Path | str, fps: float, on_missing: OnMissing) -> Entry | None:
    """The entry of a video; None, with a warning, if the video must be read.

    Raises:
        VideoError: the video could not be read when it was indexed.
        ClipselectError: the index lacks it or it has changed since, and `on_missing` is "raise".
    """
    known, now = index.entry(path), Entry.before(path, fps)
    if known is not None and known.same_video(now):
        if known.error is not None:
            raise VideoError(known.error)
        return known
    if known is None:
        problem = f"has no entry for {path}; run clipselect index on it"
    elif known.fps != now.fps:
        problem = f"has {path} at {known.fps} frames/s, not {now.fps}; index it again with fps={now.fps}"
    else:
        problem = f"is older than {path}; run clipselect index again"
    if on_missing == "raise":
        raise ClipselectError(f"{index.path}: {problem}")
    warnings.warn(f"{index.path}: {problem} (read on the fly)", ClipselectWarning, stacklevel=3)
    return None
