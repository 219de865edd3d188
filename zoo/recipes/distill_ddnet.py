"""Distil the zoo's DDNet `ddnet3d-actions` from the base `r3d-actions`.

    python -m clipselect.zoo.recipes.distill_ddnet --data DATA --work WORK --out zoo/ddnet3d_actions.safetensors

1. The frozen base embeds every clip of the training compositions; its class centroids are those of the action clips
   of each class, and one more of the background, which can only be a negative.
2. D-scores (eq. 2 to 4) of all clips, each with the label of the video it stands in: WORK/d_scores.npz.
3. The DDNet regresses them (eq. 6 and a ranking term), elements drawn evenly over the range of D-scores.

About 25 minutes on 2 cores; a run that was interrupted resumes.
"""

import argparse
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from clipselect.augment import augment, normalised
from clipselect.checkpoint import save_weights
from clipselect.ddnet import DDNet, DDNetConfig
from clipselect.discriminable import Normalisation, class_centroids, d_scores, discriminability, normalisation
from clipselect.distill import distillation_loss, even_weights, ranking_loss
from clipselect.zoo.base import Base
from clipselect.zoo.loading import load_base
from clipselect.zoo.recipes.actions import (
    CLIP_SECONDS,
    GEOMETRY,
    Composition,
    SourceVideo,
    compose,
    load_sources,
    provenance,
)
from clipselect.zoo.recipes.training import train

BATCH, TRAIN_SIZE = 32, 128
COMPOSITIONS_PER_VIDEO = 2
RANKING = 0.1
SMALL, SMALL_SHARE = 80, 0.6
"""The first part of the training sees smaller clips, at half the cost."""

Element = tuple[int, Fraction]


def embed(base: Base, sources: list[SourceVideo], elements: list[Element]) -> Tensor:
    """[n, d] features of clips, squashed a second time from the training cache to the base's size."""
    out = []
    for i in track(range(0, len(elements), BATCH), description="features of the training clips"):
        clips = torch.from_numpy(np.stack([sources[v].clip(start) for v, start in elements[i : i + BATCH]]))
        small = nn.functional.interpolate(
            clips.flatten(0, 1).permute(0, 3, 1, 2).float(), size=(GEOMETRY.size,) * 2, mode="bilinear", antialias=True
        )
        out.append(base.features(small.permute(0, 2, 3, 1).unflatten(0, clips.shape[:2]).numpy()))
    return torch.cat(out)


@dataclass(frozen=True)
class Targets:
    """What the DDNet learns.

    Attributes:
        elements: [n] clips, one for every clip of every composition.
        d_scores: [n] in (0, 1).
        action: [n], whether the clip shows the action.
        norm: statistics of eq. 4.
        centroids: [classes + 1, d], the background's last.
    """

    elements: list[Element]
    d_scores: NDArray[np.float64]
    action: NDArray[np.bool_]
    norm: Normalisation
    centroids: NDArray[np.float64]


def training_targets(base: Base, sources: list[SourceVideo], compositions: list[Composition]) -> Targets:
    """The D-scores (eq. 2 to 4) of all elements of the compositions."""
    distinct = sorted({clip for c in compositions for clip in c.clips})
    row = {clip: i for i, clip in enumerate(distinct)}
    features = embed(base, sources, distinct)
    background = len(base.classes)
    own = [base.classes.index(s.group) if s.is_action else background for s in sources]
    centroids = class_centroids(features, torch.tensor([own[v] for v, _ in distinct]), background + 1)

    elements = [clip for c in compositions for clip in c.clips]
    labels = torch.tensor([base.classes.index(c.label) for c in compositions for _ in c.clips])
    ratio = discriminability(features[[row[clip] for clip in elements]], labels, centroids)
    norm = normalisation(ratio)
    return Targets(
        elements,
        d_scores(ratio, norm).numpy(),
        np.concatenate([c.action for c in compositions]),
        norm,
        centroids.numpy(),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for decoded frames, D-scores and checkpoints")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", default="r3d-actions")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    sources = load_sources(args.data, "train", TRAIN_SIZE, args.work / "frames")
    base = load_base(args.base)
    compositions = [
        *compose(sources, "mixed", COMPOSITIONS_PER_VIDEO, args.seed),
        *compose(sources, "hard", COMPOSITIONS_PER_VIDEO, args.seed),
    ]
    targets = training_targets(base, sources, compositions)
    elements, wanted, action = targets.elements, targets.d_scores, targets.action
    np.savez(args.work / "d_scores.npz", d_scores=wanted, action=action, centroids=targets.centroids)
    print(f"{len(compositions)} compositions, {len(elements)} elements, {targets.norm}")
    print(f"mean D-score of action {wanted[action].mean():.3f}, of background {wanted[~action].mean():.3f}", flush=True)
    share = even_weights(wanted)

    config = DDNetConfig(dims=3, stem_stride=2)
    torch.manual_seed(args.seed)
    net = DDNet(config).to(memory_format=torch.channels_last_3d)

    def loss_of_step(net: nn.Module, step: int) -> Tensor:
        assert isinstance(net, DDNet)
        rng = np.random.default_rng([args.seed, step])
        picked = rng.choice(len(elements), BATCH, p=share)
        size = SMALL if step < SMALL_SHARE * args.steps else GEOMETRY.size
        clips = []
        for i in picked:
            number, start = elements[i]
            shift = Fraction(rng.uniform(-0.1, 0.1)).limit_denominator(1000)
            length = CLIP_SECONDS * Fraction(rng.uniform(0.85, 1.2)).limit_denominator(1000)
            start = max(Fraction(0), min(start + shift, sources[number].duration - length))
            clips.append(augment(sources[number].clip(start, length), size, rng))
        logits = net.logits(normalised(torch.stack(clips), GEOMETRY.mean, GEOMETRY.std))
        aims = torch.tensor(wanted[picked], dtype=torch.float32)
        return distillation_loss(torch.sigmoid(logits), aims) + RANKING * ranking_loss(logits, aims)

    averaged = train(
        net,
        loss_of_step,
        steps=args.steps,
        learning_rate=3e-3,
        weight_decay=0.02,
        checkpoint=args.work / f"ddnet{args.seed}.pt",
    )
    metadata = {
        "kind": "ddnet",
        "name": "ddnet3d-actions",
        "config": asdict(config),
        **asdict(GEOMETRY),
        "clip_duration": float(CLIP_SECONDS),
        **asdict(targets.norm),
        "base": base.name,
        "base_sha256": base.metadata["sha256"],
        "classes": base.classes,
        "seed": args.seed,
        "steps": args.steps,
        **provenance("distill_ddnet", args.steps, args.seed),
    }
    save_weights(args.out, averaged.state_dict(), metadata)
    print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
