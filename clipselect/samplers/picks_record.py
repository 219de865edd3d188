"""What JSON holds of the picked clips of a video."""

from dataclasses import asdict
from fractions import Fraction
from typing import Any

from clipselect.samplers.pick import Pick
from clipselect.samplers.picks import Picks


def picks_record(picks: Picks) -> dict[str, Any]:
    """The record of the video as `clipselect score --json` writes it, all candidates in its "clips"."""
    scores = picks.scores
    picked = dict(zip(picks.picked.ordered.tolist(), picks, strict=True))
    return {
        "path": None if picks.path is None else str(picks.path),
        "duration": _seconds(scores.duration),
        "start_time": _seconds(scores.source.start_time),
        "model": scores.model,
        "error": None,
        "warnings": [*picks.warnings],
        "doubts": [*picks.doubts],
        "caveats": [*picks.caveats],
        "fast": scores.fast,
        "decoded": round(scores.decoded, 4),
        "skipped": scores.skipped,
        "seconds": {stage: round(seconds, 4) for stage, seconds in scores.seconds.items()},
        "clips": [
            {
                "start": _seconds(clip.start), "end": _seconds(clip.end), "frames": clip.frames,
                "first_frame": clip.first, "score": round(score, 6),
                "percentile": None if percentile is None else round(percentile, 1), "rank": rank,
                "picked": i in picked,
                "weight": round(picked[i].weight, 6) if i in picked else None, "file": None,
                "explanation": _explained(picked[i]) if i in picked else None,
            }
            for i, (clip, score, percentile, rank) in enumerate(
                zip(scores.clips, scores.scores.tolist(), picks.percentiles, picks.ranks.tolist(), strict=True)
            )
        ],
    }  # fmt: skip


def _explained(pick: Pick) -> dict[str, Any] | None:
    if pick.explanation is None:
        return None
    return {k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(pick.explanation).items()}


def _seconds(value: Fraction) -> float:
    return round(float(value), 6)
