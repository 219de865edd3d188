"""Results to look at: HTML pages that hold everything themselves, for a video of any length."""

import base64
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from clipselect import __version__
from clipselect.commands.output.records import AGGREGATE, Failed, Record, Result, Scored
from clipselect.commands.output.shown import (
    MAX_TILES,
    NAMED_GROUPS,
    best_first,
    frames_of_page,
    names,
    others_last,
)
from clipselect.commands.output.terminal import where
from clipselect.media.text import count
from clipselect.pages.axis import ScoreAxis, score_axis
from clipselect.pages.document import breakable, card, environment
from clipselect.pages.formats import brief
from clipselect.pages.thumbnails import data_uri, thumbnail_uri
from clipselect.pages.timeline import pick_ranks, timeline_note, timeline_svg
from clipselect.samplers.clip_selector import DEFAULT_FPS
from clipselect.samplers.explanation import HOW_TO_READ, Explanation

MAX_ROWS = 5000
"""Clips of a video without a picture that are listed."""
MAX_UNFOLDED = 12
"""Rows of an overview that are shown at once; frames of a group among which those that were not picked are."""
PLAYABLE = frozenset((".mp4", ".m4v", ".mov", ".webm", ".mkv", ".ogv"))


def clips_page(results: Sequence[Result], settings: Record, folder: Path) -> str:
    """A page without outside references: per video a timeline, its picks large, and the other candidates folded away.

    Args:
        folder: where the page will lie; picks play if the video is still at the same place seen from there.
    """
    scored = [result for result in results if isinstance(result, Scored)]
    has_folders = any(Path(video.facts["path"]).is_dir() for video in scored)  # which have no rate of their own
    settings = {**settings, "fps": (settings.get("fps") or DEFAULT_FPS) if has_folders else None}
    videos = [_video(video, f"v{number}", folder) for number, video in enumerate(scored, start=1)]
    columns = ("video", "length", "clips", "picked", "best score")
    return _page("clips.html.jinja", results, settings, "video", videos, columns, [])


def frames_page(results: Sequence[Result], settings: Record, folder: Path) -> str:
    """A page without outside references: the best groups first, of each its picked frames, with scores and weights."""
    scored = best_first(results)
    frames = frames_of_page(scored)
    ends = [score for group in scored for score in (group.scores.min().item(), group.scores.max().item())]
    axis = score_axis(ends)  # one for all, so that bars of different groups can be compared
    groups = [
        _group(group, f"g{number}", shown, axis)
        for number, (group, shown) in enumerate(zip(scored, frames, strict=True), start=1)
    ]
    if len(results) > 1:
        groups = [{**group, "name": name} for group, name in zip(groups, names(scored), strict=True)]
    left_out = []
    if without := sum(not group["shown"] for group in groups):
        left_out.append(
            f"The best {count(len(groups) - without, 'group')} are shown with pictures, {without:,} are not."
        )
    pictured = [group for group in groups if group["shown"]]
    if any(group["picks_hidden"] for group in pictured):
        left_out.append(
            f"Of groups with more than {MAX_TILES} picked frames, {MAX_TILES} are shown, evenly from best to worst."
        )
    if any(group["others_hidden"] for group in pictured):
        most = max(group["others_shown"] for group in pictured)
        how = f"At most {count(most, 'other frame')} of a group are shown, evenly from best to worst."
        left_out.append(how if most else "Frames that were not picked are not shown.")
    if len(groups) > NAMED_GROUPS:
        left_out.append(f"{len(groups) - NAMED_GROUPS:,} more groups are in the JSON and CSV files only.")
    columns = ("group", "frames", "picked", "best score")
    return _page("frames.html.jinja", results, settings, "group", groups[:NAMED_GROUPS], columns, left_out)


def _page(
    template: str, results: Sequence[Result], settings: Record, noun: str, shown: list[dict[str, Any]],
    columns: Sequence[str], left_out: Sequence[str],
) -> str:  # fmt: skip
    errors = [("not scored: " if isinstance(r, Failed) else "") + r.error for r in results if r.error is not None]
    failed = [result.title for result in results if isinstance(result, Failed)]
    doubtful = sum(bool(result.facts.get("doubts")) for result in results)
    remarks = [f"{len(failed):,} not scored"] * bool(failed) + [f"{doubtful:,} whose order is a guess"] * bool(doubtful)
    sources = {_source(result) for result in results}
    heading = (f"{_source(results[0]).name}: " if len(sources) == 1 else "") + count(len(results), noun)
    kept = {name.replace("_", " "): _brief(value) for name, value in settings.items() if value}
    page = environment("clipselect.commands.output").get_template(template)
    return page.render(
        heading=shown[0]["name"] if len(results) == 1 else heading, is_single=len(results) == 1,
        is_long=len(results) > MAX_UNFOLDED, results=shown, failed=failed, remarks=remarks, columns=columns,
        left_out=left_out, errors=errors, settings=kept, version=__version__,
    )  # fmt: skip


def _video(video: Scored, anchor: str, folder: Path) -> dict[str, Any]:
    clips, duration = video.elements, video.facts["duration"]
    order = others_last(clips)
    with_picture = [i for i in order if i in video.thumbnails]
    rows = [i for i in order if i not in video.thumbnails][:MAX_ROWS]
    address = _address(Path(video.facts["path"]), folder)

    def picture(i: int) -> Markup:
        clip = clips[i]
        return card(
            data_uri(video.thumbnails[i]), brief(clip["start"], clip["end"]), clip["score"], video.axis,
            rank=clip["rank"], picked=clip["picked"], aspect=video.aspect, anchor=f"{anchor}c{i}",
            detail=_sentences(_exceeds(clip, "clip"), _explained(clip)),
            timeline=f"#{anchor}t", **{"video" if clip["picked"] else "link": _played(address, clip)},
        )  # fmt: skip

    def row(i: int) -> dict[str, Any]:
        clip = clips[i]
        shown = {"start": brief(clip["start"]), "score": f"{clip['score']:.4f}", "anchor": f"{anchor}c{i}"}
        return {**shown, "rank": clip["rank"], "picked": clip["picked"], "video": _played(address, clip)}

    reachable = {*with_picture, *rows}
    links = [f"#{anchor}c{i}" if i in reachable else None for i in range(len(clips))]
    spans = [(clip["start"], clip["end"]) for clip in clips]
    picked = order[: video.picked]
    timeline = timeline_svg(spans, video.scores, picked, duration, links=links, axis=video.axis)
    crowded = sum(one.row is None for one in pick_ranks(spans, video.scores, picked, duration))
    unranked = f"{count(crowded, 'pick')} without a rank, for lack of room" * bool(crowded)
    others = len(clips) - video.picked
    left_out = len(clips) - len(reachable)
    return {
        **_named(video, anchor),
        "cells": (brief(duration), f"{len(clips):,}", f"{video.picked:,}", _best(video)),
        "shown": True,
        "facts": (
            *_folder(video), brief(duration), count(len(clips), "candidate clip"), f"{video.picked:,} picked",
            _range(video), video.facts["model"],
            f"scored in {video.facts['seconds']['total']:.2f} s",
            *(["fast: scores are estimates"] if video.facts["fast"] else []),
        ),
        "aspect": video.aspect,
        "timeline": Markup(timeline),
        "timeline_notes": [note for note in (timeline_note(spans, video.scores, picked, duration), unranked) if note],
        "how_to_read": [HOW_TO_READ, *video.facts["caveats"]] if any(c.get("explanation") for c in clips) else [],
        "picks": [picture(i) for i in with_picture if clips[i]["picked"]],
        "pick_rows": [row(i) for i in rows if clips[i]["picked"]],
        "other_count": count(others, "other candidate") + (f", {left_out:,} of them not listed" if left_out else "")
        if others else "",
        "others": [picture(i) for i in with_picture if not clips[i]["picked"]],
        "other_rows": [row(i) for i in rows if not clips[i]["picked"]],
    }  # fmt: skip


def _group(group: Scored, anchor: str, shown: Sequence[int], axis: ScoreAxis) -> dict[str, Any]:
    frames = group.elements

    def picture(i: int) -> Markup:
        frame, pixels = frames[i], group.pictures[i]
        return card(
            thumbnail_uri(pixels), where(frame), frame["score"], axis, rank=frame["rank"], picked=frame["picked"],
            aspect=pixels.shape[1] / pixels.shape[0],
            detail=_sentences(_weight(frame), _exceeds(frame, "frame")),
        )  # fmt: skip

    pictures = {i: picture(i) for i in shown}
    picks, others = ([i for i in shown if frames[i]["picked"] == wanted] for wanted in (True, False))
    facts = [
        *_folder(group),
        count(len(frames), "frame"),
        f"{group.picked:,} picked",
        _range(group),
        group.facts["model"],
    ]
    if len(picks) < group.picked:
        facts.append(f"{len(picks)} of the picked ones are shown, evenly from best to worst")
    folded = others if len(frames) > MAX_UNFOLDED else []
    hidden = len(frames) - group.picked > len(others)
    return {
        **_named(group, anchor),
        "cells": (f"{len(frames):,}", f"{group.picked:,}", _best(group)),
        "shown": bool(shown),
        "picks_hidden": len(picks) < group.picked,
        "others_hidden": hidden,
        "others_shown": len(others),
        "aggregate": _aggregate(group),
        "facts": facts,
        "pictures": [pictures[i] for i in shown if i not in folded],
        "other_count": count(len(frames) - group.picked, "other frame")
        + (f", {len(others)} of them shown, evenly from best to worst" if hidden else ""),
        "others": [pictures[i] for i in folded],
    }


def _aggregate(group: Scored) -> dict[str, Any] | None:
    """What a network made of the picked frames; saved from the page, the picture still says so."""
    if AGGREGATE not in group.pictures:
        return None
    from clipselect.sets.aggregated_face import AggregatedFace  # PyTorch

    face = AggregatedFace(group.pictures[AGGREGATE], group.facts["aggregate"]["frames"])
    return {"label": face.label, "picture": Markup("data:image/png;base64," + base64.b64encode(face.png()).decode())}


def _named(result: Scored, anchor: str) -> dict[str, Any]:
    source, group = _source(result), result.facts.get("group")
    name = source.name or str(source)
    doubts = result.facts.get("doubts", ())
    notes = [note[:1].upper() + note[1:] for note in (*result.facts["warnings"], *doubts)]
    return {"name": f"{name}, {group}" if group else name, "anchor": anchor, "notes": notes, "doubtful": bool(doubts)}


def _exceeds(element: Record, kind: str) -> str:
    percentile = element.get("percentile")
    return "" if percentile is None else f"above {math.floor(percentile)} % of the {kind}s it was trained on"


def _explained(clip: Record) -> str:
    return str(Explanation(**clip["explanation"])) if clip.get("explanation") else ""


def _weight(frame: Record) -> str:
    return "" if frame["weight"] is None else f"weight {frame['weight']:.3f}"


def _sentences(*texts: str) -> str:
    return "; ".join(text for text in texts if text)


def _folder(result: Scored) -> tuple[str, ...]:
    """Where the video or group lies, if that says anything."""
    folder = _source(result).parent
    return () if folder == Path() else (breakable(f"{folder}/"),)


def _source(result: Result) -> Path:
    return Path(result.facts.get("path") or result.facts["source"])


def _best(result: Scored) -> str:
    return f"{max(element['score'] for element in result.elements):.4f}"


def _range(result: Scored) -> str:
    scores = [element["score"] for element in result.elements]
    return f"scores {min(scores):.4f} to {max(scores):.4f}" if len(scores) > 1 else f"score {scores[0]:.4f}"


def _brief(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value


def _played(address: str, clip: Record) -> str:
    """The address of a clip within its video; empty if that cannot be played."""
    return f"{address}#t={clip['start']:.10g},{clip['end']:.10g}" if address else ""


def _address(video: Path, folder: Path) -> str:
    """Of a video as seen from a folder, for a browser; empty if a browser cannot play it."""
    if video.suffix.lower() not in PLAYABLE or not video.is_file():
        return ""
    try:
        relative = os.path.relpath(video.absolute(), folder.absolute())
    except ValueError:  # another drive of Windows
        return ""
    return quote(os.fsencode(relative.replace(os.sep, "/")))
