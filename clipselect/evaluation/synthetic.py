"""Generated videos and two tiny networks, to run an evaluation without data. No claim of accuracy.

In grainy videos a square moves or blinks for a while: two classes. The networks are trained in seconds by the same
steps as real ones: a base, the D-scores of its training clips, a DDNet that regresses them.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from clipselect.media.extract import write_frames
from clipselect.media.files import write_whole
from clipselect.method.ddnet import DDNet, DDNetConfig
from clipselect.method.discriminability import class_centroids, d_scores, discriminability, normalisation
from clipselect.method.losses import distillation_loss, ranking_loss
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.weights_file import save_weights
from clipselect.zoo.base import MEAN, STD, Base
from clipselect.zoo.networks import NarrowR3D

WIDTH, HEIGHT, RATE, SQUARE = 96, 64, 12, 20
CLIP_SECONDS, ACTION_SECONDS = 0.5, 1.5
INPUT_SPEC = InputSpec(32, 32, MEAN, STD, 4)
CLASSES = ("blinking", "moving")
NOTHING = len(CLASSES)
DOMAINS = {"dark": 60, "light": 150}
BATCH = 16


@dataclass(frozen=True)
class SyntheticData:
    """What was made.

    Attributes:
        data: a list of the videos with their labels and where the action is.
        background: a folder of videos without action, by domain; `domains`: the domain of each class.
        base, model: weights files.
    """

    data: Path
    background: Path
    domains: Path
    base: Path
    model: Path


def make_synthetic(folder: Path, *, videos: int = 12, steps: int = 160) -> SyntheticData:
    """Make all of it in a folder, which need not exist; the same every time."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("videos.csv", "background", "domains.csv", "base.safetensors", "ddnet.safetensors")
    made = SyntheticData(*(folder / name for name in names))
    lines = ["path,label,start,end,split"]
    for i in range(videos):
        rng = np.random.default_rng([1, i])
        seconds, label = 4 + i % 3, i % 2
        start = round(float(rng.uniform(0, seconds - ACTION_SECONDS)), 2)
        write_frames(folder / f"{i:02d}.mp4", scene(rng, seconds, label, start), RATE, WIDTH, HEIGHT)
        lines.append(f"{i:02d}.mp4,{CLASSES[label]},{start},{start + ACTION_SECONDS},val")
    write_whole(made.data, "\n".join(lines) + "\n")
    for number, (domain, light) in enumerate(DOMAINS.items()):
        (made.background / "val" / domain).mkdir(parents=True, exist_ok=True)
        for i in range(2):
            rng = np.random.default_rng([2, number, i])
            frames = scene(rng, 4, NOTHING, light=light)
            write_frames(made.background / "val" / domain / f"{i}.mp4", frames, RATE, WIDTH, HEIGHT)
    write_whole(made.domains, "class,domain\nblinking,dark\nmoving,light\n")
    fit(made.base, made.model, steps)
    return made


def write_class_folders(folder: Path, *, videos: int) -> Path:
    """Make `folder`/CLASS/*.mp4, so many videos of 4 s for each class; returns the folder."""
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(videos):
            rng = np.random.default_rng([6, label, i])
            frames = scene(rng, 4, label, float(rng.uniform(0, 4 - ACTION_SECONDS)))
            write_frames(folder / name / f"{i:02d}.mp4", frames, RATE, WIDTH, HEIGHT)
    return folder


def scene(
    rng: np.random.Generator, seconds: float, label: int, start: float = 0, light: float | None = None
) -> NDArray[np.uint8]:
    """[n, HEIGHT, WIDTH, 3] grainy grey frames with a square that acts from `start` on for a while, and else rests."""
    light = float(rng.uniform(*DOMAINS.values())) if light is None else light
    t = np.arange(round(seconds * RATE)) / RATE
    acts = (t >= start) & (t < start + ACTION_SECONDS) & (label != NOTHING)
    frames = light + rng.normal(0, 8, (len(t), HEIGHT, WIDTH, 1)).repeat(3, axis=3)
    x, y = (int(rng.integers(side - SQUARE)) for side in (WIDTH, HEIGHT))
    for i in range(len(t)):
        shift = int(4 * RATE * (t[i] - start)) % (WIDTH - SQUARE) if acts[i] and label == 1 else 0
        left = (x + shift) % (WIDTH - SQUARE)
        if not (acts[i] and label == 0 and i % 2):
            frames[i, y : y + SQUARE, left : left + SQUARE] += (90, 60, -40)
    return frames.clip(0, 255).astype(np.uint8)


def fit(base_file: Path, model_file: Path, steps: int) -> None:
    """Train a base on new clips at every step, then a DDNet on the D-scores of some clips."""
    shape = {**asdict(INPUT_SPEC), "clip_duration": CLIP_SECONDS, "classes": CLASSES}
    torch.manual_seed(0)
    net = NarrowR3D(len(CLASSES) + 1)

    def base_loss(step: int) -> torch.Tensor:
        clips, labels = draw([3, step], BATCH)
        return nn.functional.cross_entropy(net(INPUT_SPEC.normalise(clips)), labels)

    minimise(base_loss, net, steps)
    about = {"name": "synthetic", "network": "narrow_r3d", "outputs": len(CLASSES) + 1}
    save_weights(base_file, net.state_dict(), {"kind": "base", **about, **shape})

    base = Base.from_module(net, INPUT_SPEC, CLIP_SECONDS, name="synthetic", classes=CLASSES, device="cpu")
    clips, labels = draw([4], 10 * BATCH)
    features = base.features(clips)
    video = torch.where(labels == NOTHING, torch.arange(len(labels)) % len(CLASSES), labels)  # class of the video
    ratio = discriminability(features, video, class_centroids(features, labels, len(CLASSES) + 1))
    norm = normalisation(ratio)
    targets = d_scores(ratio, norm).float()
    config = DDNetConfig(dims=3, stem_stride=2)
    ddnet = DDNet(config)

    def ddnet_loss(step: int) -> torch.Tensor:
        part = np.random.default_rng([5, step]).choice(len(clips), BATCH)
        logits, wanted = ddnet.logits(INPUT_SPEC.normalise(clips[part])), targets[torch.from_numpy(part)]
        return distillation_loss(torch.sigmoid(logits), wanted) + 0.1 * ranking_loss(logits, wanted)

    minimise(ddnet_loss, ddnet, steps)
    about = {"name": "synthetic-ddnet", "config": asdict(config), "base": "synthetic", **asdict(norm)}
    save_weights(model_file, ddnet.state_dict(), {"kind": "ddnet", **about, **shape})


def minimise(loss_at: Callable[[int], torch.Tensor], net: nn.Module, steps: int) -> None:
    """The learning rate falls to 0. With a constant one, the result of so few steps depends on the machine."""
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0, total_iters=steps)
    for step in range(steps):
        optimiser.zero_grad()
        loss_at(step).backward()
        optimiser.step()
        schedule.step()


def draw(seed: list[int], count: int) -> tuple[NDArray[np.uint8], torch.Tensor]:
    """Clips [count, T, size, size, 3] and labels [count]; half of them show nothing."""
    rng = np.random.default_rng(seed)
    labels = np.where(np.arange(count) % 2, NOTHING, np.arange(count) // 2 % len(CLASSES))
    size, frames = INPUT_SPEC.size, INPUT_SPEC.clip_frames
    clips = np.empty((count, frames, size, size, 3), np.uint8)
    columns, rows = ((np.arange(size) + 0.5) * side / size for side in (WIDTH, HEIGHT))
    shown = ((np.arange(frames) + 0.5) * CLIP_SECONDS * RATE / frames).astype(int)
    for i, label in enumerate(labels.tolist()):
        video = scene(rng, CLIP_SECONDS, label)
        clips[i] = video[shown][:, rows.astype(int)][:, :, columns.astype(int)]
    return clips, torch.from_numpy(labels)
