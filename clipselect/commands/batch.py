"""One input after the other: what one of them cannot do costs the others nothing, and Ctrl-C keeps what is done."""

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import av
import typer
from rich.text import Text

from clipselect.commands.common import option_problem, print_error, print_warning, stderr
from clipselect.commands.frame_outputs import FrameOutputs
from clipselect.commands.output.records import Result, Scored, failed_group, failed_video, scored_group, scored_video
from clipselect.commands.outputs import Outputs, VideoOutputs
from clipselect.commands.progress import ProgressDisplay
from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning
from clipselect.media.images import FrameOrigin, Image, read_image
from clipselect.media.progress import Progress, ProgressCallback, no_progress
from clipselect.media.text import count, printable
from clipselect.samplers.clip_selector import ClipSelector

if TYPE_CHECKING:
    from clipselect.samplers.frame_sampler import FrameSampler, FrameSelection
    from clipselect.zoo.base import Base

T = TypeVar("T")

FAILURES = (ClipselectError, av.FFmpegError, OSError, RuntimeError, MemoryError, ValueError)
"""What may go wrong with one input."""


def sentence(path: object, failure: BaseException) -> str:
    """What went wrong with an input, and what to do about it."""
    if isinstance(failure, ArgumentError):
        return f"{path}: {option_problem(failure)}"
    if isinstance(failure, ClipselectError):
        return str(failure)
    cause = printable(failure) or type(failure).__name__
    return f"{path}: cannot be scored ({cause}); convert it, or try --device cpu"


def run_batch(
    inputs: Sequence[T], score: Callable[[T], Iterable[Result]], outputs: Outputs, what: str,
    progress: ProgressCallback = no_progress,
) -> tuple[list[Result], int]:  # fmt: skip
    """The results of all inputs, shown as they come, and how many inputs Ctrl-C has left undone.

    Args:
        score: one input -> its results; failures are results, too.
        what: each of the inputs, such as "video".
        progress: gets the inputs done.
    """
    results: list[Result] = []
    done = 0
    try:
        for one in inputs:
            for result in score(one):
                results.append(result)
                if isinstance(result, Scored):
                    outputs.show(result)
                if result.error is not None:
                    print_error(result.error)
            done += 1
            progress(Progress("scoring", done, len(inputs)))
    except KeyboardInterrupt:
        stderr().print(Text(f"interrupted: {done} of {count(len(inputs), what)} in the results"))
    return results, len(inputs) - done


def finish(results: Sequence[Result], undone: int, what: str, skipped: int = 0) -> None:
    """Print how many failed, and end with the exit code that fits.

    Args:
        undone: inputs that Ctrl-C has left undone.
        what: each of the results, such as "video".
        skipped: files that could not be made part of any input.
    """
    failed, wanted = sum(result.error is not None for result in results), len(results) + undone
    if skipped or (failed and wanted > 1):
        parts = [f"{len(results) - failed} of {count(wanted, what)} scored"]
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{count(skipped, 'name')} could not be read"] if skipped else []
        stderr().print(Text(", ".join(parts)))
    if undone:
        raise typer.Exit(130)
    if failed or skipped:
        nothing = not any(isinstance(result, Scored) for result in results)
        raise typer.Exit(2 if nothing or (failed and wanted == 1) else 1)


def once(paths: Sequence[Path]) -> list[Path]:
    """Every file once, with one warning if some were named several times."""
    named: dict[str, list[Path]] = {}
    for path in paths:
        named.setdefault(os.path.realpath(path), []).append(path)
    again = [own[0] for own in named.values() if len(own) > 1]
    if again:
        others = f" and {len(again) - 1:,} more" * (len(again) > 1)
        print_warning(f"{again[0]}{others}: given more than once, scored once")
    return [own[0] for own in named.values()]


def score_video_file(
    path: Path, label: str, selector: ClipSelector, base: "Base | None", outputs: VideoOutputs, videos: int
) -> Result:
    """The result of one of some videos, its picks extracted and explained; whatever goes wrong with it stays with it.

    Args:
        label: of the progress.
        base: that explains the picks.
        videos: how many there are.
    """
    files: dict[int, Path] = {}
    error = None
    with ProgressDisplay(outputs.quiet, lines=False) as display:

        def show(progress: Progress) -> None:
            display(replace(progress, stage=label))

        try:
            picks = selector(path, progress=show)
            thumbnails = outputs.thumbnails(picks, videos)
        except FAILURES as e:
            return failed_video(path, selector.scorer.name, sentence(path, e))
        try:
            for i, file in outputs.extract(picks):
                files[i] = file  # noqa: PERF403 (those before an error stay)
            picks = picks if base is None else picks.explain(base, progress=show)
        except FAILURES as e:
            error = sentence(path, e)
    return scored_video(picks, files, error, thumbnails, of_several=videos > 1)


def score_files(
    source: str, name: str, paths: Sequence[Path], sampler: "FrameSampler", outputs: FrameOutputs
) -> Result:
    """The result of a group of images.

    Args:
        source, name: of the group, as for `scored_group`.
    """
    model = sampler.scorer.name
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ClipselectWarning)
            selection = sampler(paths)
        warned = [str(w.message) for w in caught if issubclass(w.category, ClipselectWarning)]
        for warning in warned:
            print_warning(warning)
    except FAILURES as e:
        return failed_group(source, name, model, sentence(source, e))
    origins = [FrameOrigin(path) for path in paths]
    return chosen_group(
        source, name, model, origins, selection, lambda i: read_image(paths[i]), outputs, warnings=warned
    )


def chosen_group(
    source: str, name: str, model: str, origins: Sequence[FrameOrigin], selection: "FrameSelection",
    picture: Callable[[int], Image], outputs: FrameOutputs, *,
    warnings: Sequence[str] = (), in_video: Sequence[int] | None = None,
) -> Scored:  # fmt: skip
    """The result of a group whose frames are chosen, with the files and pictures of them that are wanted. If saving or
    drawing these fails, the scores and the files written before stay, and the error says why.

    Args:
        source, name, origins: as for `scored_group`.
        picture: place of a frame in the group -> its pixels.
        in_video: as for `FrameOutputs.save_frames`.
    """
    saved: dict[int, Path] = {}
    error = None
    try:
        for place, file in outputs.save_frames(source, name, selection, picture, in_video):
            saved[place] = file  # noqa: PERF403 (those before an error stay)
    except FAILURES as e:
        error = sentence(source, e)
    group = scored_group(source, name, model, origins, selection, error, warnings=warnings, files=saved)
    if error is not None:
        return group
    try:
        group = outputs.with_pictures(group, lambda i: picture(selection.candidates[i]))
        return outputs.with_aggregate(group, source, name, selection, picture)
    except FAILURES as e:
        return replace(group, facts={**group.facts, "error": sentence(source, e)})


def sampler_settings(sampler: "FrameSampler", **more: Any) -> dict[str, Any]:
    """What the results keep of the options."""
    scorer = sampler.scorer
    limits = {"k": sampler.k, "share": sampler.share, "threshold": sampler.threshold, "min_gap": sampler.min_gap}
    return {
        "model": scorer.name,
        **limits,
        **more,
        "device": scorer.device_name,
        "base": scorer.metadata.get("base"),
    }
