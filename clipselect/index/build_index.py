"""`clipselect.build_index`: scores of many videos in one file, made by one process, several processes, or Ray."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, get_args

from clipselect.errors import ArgumentError, ClipselectError, VideoError, check_argument
from clipselect.index.builder import IndexBuilder
from clipselect.index.bulk import Decoding
from clipselect.index.entry import Scoring
from clipselect.index.index_file import stored_path
from clipselect.index.inputs import LIST_SUFFIXES, find_videos
from clipselect.index.local_engine import local_entries
from clipselect.index.ray_engine import entries_by_ray
from clipselect.media.candidate_clips import Seconds, exact_seconds, frame_rate
from clipselect.media.cores import usable_cores
from clipselect.media.progress import Progress, ProgressCallback, no_progress, tracked
from clipselect.media.unreadable import OnError, ignore_error
from clipselect.scoring.scorer import load_ddnet

Engine = Literal["local", "ray"]


@dataclass(frozen=True)
class IndexSummary:
    """What `build_index` did; `scored`, `unchanged` and `failed` add up to the videos named.

    Attributes:
        scored: videos that were read and scored.
        unchanged: videos whose scores the index, or an unfinished run, had.
        failed: videos that could not be scored; the index says why.
        failed_earlier: those of the failed that were not read again, since they have not changed.
        total: videos that the index holds now, those of earlier runs included.
    """

    scored: int
    unchanged: int
    failed: int
    failed_earlier: int
    total: int


def ignore_warning(path: str, warning: str) -> None:
    """The `on_warning` callback that does nothing."""


def build_index(
    videos: str | Path | Iterable[str | Path],
    output: str | Path,
    *,
    clip_duration: Seconds | None = None,
    stride: Seconds | None = None,
    scorer: str | Path | None = None,
    device: str = "auto",
    fps: float = 30.0,
    fast: bool = False,
    prefix: str | Path | None = None,
    workers: int | None = None,
    engine: Engine = "local",
    retry_failed: bool = False,
    overwrite: bool = False,
    prune: bool = False,
    progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
    on_warning: Callable[[str, str], Any] = ignore_warning,
) -> IndexSummary:
    """Score the candidate clips of many videos once, into a Parquet file for `DDLClipSampler(index=...)`.

    Videos that have not changed since they were indexed are skipped. Every finished video is kept at once: a run that
    was stopped, in whatever way, is continued by the same call.

    >>> from clipselect import ScoreIndex
    >>> summary = build_index("video.mp4", "scores.parquet", stride=0.5, workers=0, device="cpu")
    >>> summary.scored, summary.failed
    (1, 0)
    >>> len(ScoreIndex("scores.parquet").entry("video.mp4").clips)
    4

    `DDLClipSampler(1, k=5, stride=0.5, index="scores.parquet")` then decodes the picked clips alone.

    Args:
        videos: files, folders (searched to the bottom; a folder of images is one video), wildcards, and lists of paths
            (.csv, .tsv, .txt).
        output: the index to make, or to add to.
        clip_duration: seconds, as for `score_video`; what the DDNet was distilled with by default.
        stride: seconds between the starts of candidates; the clip duration by default.
        scorer: a DDNet, a name or a weights file, and no function: an index must show by which scorer it was made.
        device: where the DDNet runs: "auto" (CUDA if there is one), "cpu", "cuda", ...
        fps: frames per second of folders of frames, in [0.001, 10000].
        fast: estimate the scores from the frames that decode quickest, see `clipselect.media.fast`.
        prefix: folder that the relative paths of lists start from; the current one by default.
        workers: decoding processes; 0 decodes in this one. One per core by default; on Windows always 0.
        engine: "local", or "ray" for the machines of a Ray cluster, where each does the same with all of its cores.
        retry_failed: read videos again that failed and have not changed.
        overwrite: give up what the index or unfinished work holds if it was made with other options.
        prune: drop videos from the index that are not among those named.
        progress: gets the stages "comparing with the index" and "indexing", both counted in videos. If an unfinished
            run is continued, the first step of "indexing" has a note that says so.
        on_error: called with the path and the error of every video that fails in this run.
        on_warning: called with the path of a video and what its reader noticed, such as a damaged end.

    Raises:
        ArgumentError: an argument makes no sense, or `overwrite` is needed.
        ClipselectError: no videos, an unusable model, a place that cannot be written to, a second process that builds
            the same index, or lost workers. What is finished is kept.
    """
    _check(clip_duration, stride, fps, workers, engine)
    patterns = [videos] if isinstance(videos, str | Path) else videos
    check_argument(isinstance(patterns, Iterable), "videos", f"must be paths, got {videos!r}")
    patterns = [*patterns]
    for path in patterns:
        check_argument(isinstance(path, str | Path), "videos", f"must be paths, got {path!r} among them")
    check_argument(bool(patterns), "videos", "must name at least one path, got none")
    check_argument(isinstance(output, str | Path) and output != "", "output", f"must be a path, got {output!r}")
    output = Path(output)
    is_index = output.suffix.lower() not in (*LIST_SUFFIXES, ".json", ".html")  # names of other outputs and of lists
    check_argument(is_index, "output", f"must be a Parquet file, got {output}; end its name in .parquet")
    named = find_videos(map(str, patterns), None if prefix is None else Path(prefix))
    paths = [Path(name) for name in dict.fromkeys(map(os.path.abspath, named))]
    if Path(os.path.abspath(output)) in paths:  # noqa: PTH100 (keeps links)
        raise ClipselectError(f"{output}: is both a video and the index; choose another name")
    loaded = load_ddnet(scorer, "cpu" if engine == "ray" else device, elements="clips")
    scoring = Scoring.from_scorer(loaded, clip_duration, stride, fast)
    with IndexBuilder(output, scoring, overwrite=overwrite) as builder:
        todo, failed_earlier = _to_do(builder, paths, fps, retry_failed, progress)
        if engine == "ray":
            found = entries_by_ray(todo, scoring, None if scorer is None else str(scorer), device, fps)
        else:
            workers = _local_workers(workers, len(todo))
            how = Decoding.from_scorer(loaded, scoring, fps, threads=1 if workers > 1 else 0)
            found = local_entries(todo, how, loaded, workers)
        resumed = f"going on where an earlier run stopped, {builder.resumed} videos are done" if builder.resumed else ""
        if todo:
            progress(Progress("indexing", len(paths) - len(todo), len(paths), resumed))
        failed = 0
        for done, entry in enumerate(found, start=len(paths) - len(todo) + 1):
            builder.add(entry)
            if entry.error is not None:
                failed += 1
                on_error(entry.path, VideoError(entry.error))
            for warning in entry.warnings:
                on_warning(entry.path, warning)
            progress(Progress("indexing", done, len(paths)))
        total = builder.finish({stored_path(path) for path in paths} if prune else None)
    unchanged = len(paths) - len(todo) - failed_earlier
    return IndexSummary(len(todo) - failed, unchanged, failed + failed_earlier, failed_earlier, total)


def _check(clip_duration: Seconds | None, stride: Seconds | None, fps: float, workers: int | None, engine: str) -> None:
    in_range = workers is None or (isinstance(workers, Integral) and workers >= 0)
    check_argument(in_range, "workers", f"must be at least 0, a whole number, got {workers!r}")
    check_argument(engine in get_args(Engine), "engine", f"must be local or ray, got {engine}")
    if workers is not None and engine == "ray":
        raise ArgumentError("workers", "must be left out for Ray, whose tasks decode on all cores that they have")
    if workers and os.name == "nt":
        raise ArgumentError("workers", f"must be 0 on Windows, got {workers}")
    frame_rate(fps)
    for value, argument in ((clip_duration, "clip_duration"), (stride, "stride")):
        if value is not None:
            exact_seconds(value, argument)


def _to_do(
    builder: IndexBuilder, paths: list[Path], fps: float, retry_failed: bool, progress: ProgressCallback
) -> tuple[list[Path], int]:
    """The videos that must be read, in their order, and how many of the others are known to fail."""
    if builder.old is None and not builder.resumed:
        return paths, 0
    failed, wanted = 0, set[Path]()
    # sorted as the index is, which makes it quick
    for path in tracked(sorted(paths), "comparing with the index", len(paths), progress):
        known = builder.known(path, fps)
        if known is None or (known.error and retry_failed):
            wanted.add(path)
        else:
            failed += known.error is not None
    return [path for path in paths if path in wanted], failed


def _local_workers(wanted: int | None, videos: int) -> int:
    """Decoding processes of this machine."""
    if wanted is None:
        wanted = 0 if os.name == "nt" else usable_cores()
    return min(wanted, videos)
