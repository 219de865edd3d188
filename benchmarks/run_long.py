"""Long videos on a budget: what is lost where only the clips whose key frames promise most are decoded.

    python benchmarks/run_long.py --data DATA/actions --background DATA/background --out OUT

Every action video of `val` stands at a random place among all background videos of `val`, in random order. The long
videos are put together from numbers, not from files: each source is decoded once, and its key frames are its first
frame and one every N seconds at a random phase, as an encoder puts them. What `clipselect score --budget` would then
decode is computed by its own functions. `kept` is which share of the five best clips of the whole video it still finds.
Writes OUT/results.json and OUT/results.md.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clipselect.zoo.base import Base
from clipselect.zoo.loading import load_base
from numpy.typing import NDArray
from rich.progress import track
from shared import write_results

from clipselect.commands.exit_codes import run_command
from clipselect.data.datasets import BACKGROUND, read_background, read_dataset
from clipselect.evaluation.metrics.intervals import bootstrap_interval
from clipselect.evaluation.provenance import environment
from clipselect.media.candidate_clips import Timeline, candidate_clips, frames_to_score
from clipselect.media.clip_decoding import BATCH
from clipselect.media.files import make_folder
from clipselect.media.key_frames import gops_of
from clipselect.media.packet_sizes import PacketSizes
from clipselect.media.sources import open_source
from clipselect.method.selection import uniform
from clipselect.scoring.input_spec import batches
from clipselect.scoring.promising_clips import chosen_gops, promise
from clipselect.scoring.scorer import Scorer, load_scorer
from clipselect.training.clip_elements import clip_outputs

BEST = 5
"""Of so many best clips it is counted how many a budget keeps."""


@dataclass(frozen=True)
class SourceVideo:
    """A source video.

    Attributes:
        label: its class, or BACKGROUND.
        frames: how many.
        shown: [clips, T] the frames that the DDNet sees.
        scores: [clips].
        probabilities: [clips, classes] of the base.
        keys: by interval and round, the key frames and the scores of a clip of each.
    """

    label: int
    frames: int
    shown: NDArray[np.int64]
    scores: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    keys: dict[tuple[float, int], tuple[NDArray[np.int64], NDArray[np.float32]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="trimmed videos: SPLIT/CLASS/VIDEO")
    parser.add_argument("--background", type=Path, required=True, help="SPLIT/DOMAIN/VIDEO")
    parser.add_argument("--base", default="r3d-actions")
    parser.add_argument("--model", help="DDNet (default: the shipped one)")
    parser.add_argument("--key-seconds", type=float, nargs="+", default=[1, 2, 3, 5, 10], help="between key frames")
    parser.add_argument("--budget", type=float, nargs="+", default=[0.1, 0.2, 0.3, 0.4])
    parser.add_argument("--k", type=int, nargs="+", default=[1, 5, 9])
    parser.add_argument("--rounds", type=int, default=2, help="long videos per action video")
    parser.add_argument("--out", type=Path, required=True, help="folder for results.json")
    arguments = parser.parse_args()
    make_folder(arguments.out)
    scorer, base = load_scorer(arguments.model, elements="clips"), load_base(arguments.base)
    assert isinstance(scorer, Scorer)
    actions = read_dataset(arguments.data, "val", classes=base.classes).videos
    scenes = [path for paths in read_background(arguments.background, "val").values() for path in paths]
    sources = [(video.path, video.labels[0]) for video in actions] + [(path, BACKGROUND) for path in scenes]
    wanted = [(seconds, number) for seconds in arguments.key_seconds for number in range(arguments.rounds)]
    parts = [
        decoded(path, label, scorer, base, wanted, seed)
        for seed, (path, label) in enumerate(track(sources, description="decoding"))
    ]
    write_results(arguments.out, evaluated(parts, arguments, scorer, base))


def decoded(
    path: Path | str, label: int, scorer: Scorer, base: Base, wanted: Sequence[tuple[float, int]], seed: int
) -> SourceVideo:
    source, spec = open_source(path), scorer.input_spec
    count = len(source.timeline.pts)
    frames = np.stack([image for _, image in source.frames(np.arange(count), spec.size)])
    times = source.timeline.pts * float(source.timeline.time_base)
    clips = candidate_clips(source.timeline, scorer.clip_duration)
    shown = np.stack([frames_to_score(source.timeline, clip, spec.clip_frames) for clip in clips])
    keys = {}
    for seconds, number in wanted:
        begin = np.random.default_rng([seed, number, round(1000 * seconds)]).random() * seconds
        at = np.searchsorted(times, np.arange(begin, times[-1], seconds)) if times[-1] > begin else []
        own = np.unique([0, *at]).astype(np.int64)
        keys[seconds, number] = own, scored(scorer, frames[np.repeat(own[:, None], spec.clip_frames, axis=1)])
    outputs = clip_outputs(source, base, Fraction(scorer.clip_duration))
    assert len(outputs.clips) == len(clips)
    return SourceVideo(label, count, shown, scored(scorer, frames[shown]), outputs.probabilities.numpy(), keys)


def scored(scorer: Scorer, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.concatenate([scorer.score(np.stack(batch)) for batch in batches(clips, BATCH)])


def evaluated(parts: list[SourceVideo], arguments: argparse.Namespace, scorer: Scorer, base: Base) -> dict[str, Any]:
    """Every action video among all of the background, several times."""
    background = [part for part in parts if part.label == BACKGROUND]
    actions = [part for part in parts if part.label != BACKGROUND]
    rng = np.random.default_rng(0)
    found: dict[tuple[str, str, int], list[float]] = {}
    kept: dict[tuple[str, str], list[float]] = {}
    for action in track(actions, description="putting together"):
        for number in range(arguments.rounds):
            order = [background[i] for i in rng.permutation(len(background))]
            order.insert(int(rng.integers(len(order) + 1)), action)
            for seconds in arguments.key_seconds:
                name = f"key frames every {seconds:g} s"
                right, kept_by = trial(order, action.label, (seconds, number), arguments)
                for (method, k), value in right.items():
                    found.setdefault((name, method, k), []).append(value)
                for method, share in kept_by.items():
                    kept.setdefault((name, method), []).append(share)
    groups = [n for n in range(len(actions)) for _ in range(arguments.rounds)]
    rows, differences = [], []
    for (name, method, k), values in found.items():
        shared = {"data": name, "method": method, "k": k}
        low, high = bootstrap_interval(values, clusters=groups)
        top1 = {"top1": 100 * float(np.mean(values)), "top1_low": 100 * low, "top1_high": 100 * high}
        rows.append(shared | {"videos": len(groups), "sources": len(actions), "clips": k} | top1)
        if (name, method) in kept:
            rows[-1]["kept"] = 100 * float(np.mean(kept[name, method]))
            lost = np.subtract(values, found[name, "whole", k])
            low, high = bootstrap_interval(lost, clusters=groups)
            ends = {"difference": 100 * float(lost.mean()), "low": 100 * low, "high": 100 * high}
            differences.append(shared | {"metric": "top1", "than": "whole", "than_k": k} | ends)
    clips = sum(len(part.scores) for part in background) + float(np.mean([len(part.scores) for part in actions]))
    counts = {"videos": len(groups), "sources": len(actions), "classes": len(base.classes), "candidates": clips}
    return {
        "benchmark": "long",
        "element": "clip",
        "group": "video",
        "files": "videos",
        "settings": {name: getattr(arguments, name) for name in ("key_seconds", "budget", "k", "rounds")},
        "environment": environment(torch.device("cpu")),
        "base": {"name": base.name, "sha256": base.sha256},
        "model": {"name": scorer.name, "sha256": scorer.metadata.get("sha256")},
        "data": [{"name": name} | counts for name in dict.fromkeys(name for name, *_ in found)],
        "rows": rows,
        "differences": differences,
    }


def trial(
    parts: list[SourceVideo], label: int, which: tuple[float, int], arguments: argparse.Namespace
) -> tuple[dict[tuple[str, int], float], dict[str, float]]:
    """By method and K, whether the base is right about one long video; by method, its share of the best clips."""
    scores = np.concatenate([part.scores for part in parts])
    probabilities = np.concatenate([part.probabilities for part in parts])
    best = np.argsort(-scores, kind="stable")
    packets, shown, promised, keys = together(parts, which)
    right: dict[tuple[str, int], float] = {}
    kept: dict[str, float] = {}
    ranked = {"whole": best}
    for budget in arguments.budget:
        gops = chosen_gops(packets, shown, promised, round(budget * len(packets.gop)) - keys)
        method = f"budget {budget:g}"
        ranked[method] = np.array([i for i in best.tolist() if gops_of(packets, shown[i]) <= gops])
        kept[method] = float(np.isin(best[:BEST], ranked[method][:BEST]).mean())
    for k in arguments.k:
        for method, order in (ranked | {"uniform": uniform(len(scores), k)}).items():
            right[method, k] = float(probabilities[order[:k]].mean(axis=0).argmax() == label)
    return right, kept


def together(
    parts: list[SourceVideo], which: tuple[float, int]
) -> tuple[PacketSizes, list[NDArray[np.int64]], NDArray[np.float32], int]:
    """Groups of pictures, frames shown by every clip, what each promises, and the key frames of one long video."""
    starts = np.cumsum([0, *(part.frames for part in parts)])
    total = int(starts[-1])
    shown = [frames + start for part, start in zip(parts, starts[:-1], strict=True) for frames in part.shown]
    keys = np.concatenate([part.keys[which][0] + start for part, start in zip(parts, starts[:-1], strict=True)])
    is_key = np.isin(np.arange(total), keys)
    timeline = Timeline(np.arange(total), total, Fraction(1, 25))
    packets = PacketSizes(timeline, Fraction(0), np.ones(total, np.int64), is_key, np.cumsum(is_key) - 1)
    return packets, shown, promise(np.concatenate([part.keys[which][1] for part in parts]), keys, shown), len(keys)


if __name__ == "__main__":
    run_command(main)
