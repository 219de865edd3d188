"""Train the zoo's base `r3d-actions` on the action and background clips.

    python -m clipselect.zoo.recipes.train_base --data DATA --work WORK --out zoo/r3d_actions.safetensors

Thirteen outputs: the twelve actions and "background". Two thirds of a batch are action clips, every class alike, one
third background, every domain alike. About 25 minutes on 2 cores; a run that was interrupted resumes.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from clipselect.augment import augment, normalised
from clipselect.checkpoint import save_weights
from clipselect.zoo.narrow_r3d import NarrowR3D
from clipselect.zoo.recipes.actions import GEOMETRY, load_sources, provenance, random_clip
from clipselect.zoo.recipes.training import train

BATCH, TRAIN_SIZE = 32, 128
SMALL, SMALL_SHARE = 80, 0.65
"""The first part of the training sees smaller clips: half the cost, and the last part makes up for it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for decoded frames and checkpoints")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1900)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    sources = load_sources(args.data, "train", TRAIN_SIZE, args.work / "frames")
    classes = sorted({s.group for s in sources if s.is_action})
    domains = sorted({s.group for s in sources if not s.is_action})
    of_group = {g: [s for s in sources if s.group == g] for g in classes + domains}
    background = len(classes)
    torch.manual_seed(args.seed)
    net = NarrowR3D(background + 1).to(memory_format=torch.channels_last_3d)

    def loss_of_step(net: nn.Module, step: int) -> Tensor:
        rng = np.random.default_rng([args.seed, step])
        size = SMALL if step < SMALL_SHARE * args.steps else GEOMETRY.size
        clips, labels = [], []
        for i in range(BATCH):
            group = str(rng.choice(domains if i % 3 == 0 else classes))
            source = of_group[group][int(rng.integers(len(of_group[group])))]
            clips.append(augment(random_clip(source, rng), size, rng))
            labels.append(background if i % 3 == 0 else classes.index(group))
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(normalised(torch.stack(clips), GEOMETRY.mean, GEOMETRY.std))
        return nn.functional.cross_entropy(logits.float(), torch.tensor(labels), label_smoothing=0.05)

    averaged = train(
        net,
        loss_of_step,
        steps=args.steps,
        learning_rate=2e-3,
        weight_decay=0.05,
        checkpoint=args.work / f"base{args.seed}.pt",
    )
    metadata = {
        "kind": "base",
        "name": "r3d-actions",
        "config": {"widths": [24, 48, 96, 160]},
        "outputs": background + 1,
        "classes": classes,
        **asdict(GEOMETRY),
        "clip_duration": 1.0,
        "seed": args.seed,
        "steps": args.steps,
        **provenance("train_base", args.steps, args.seed),
    }
    halves = {n: t.half() if t.is_floating_point() else t for n, t in averaged.state_dict().items()}
    save_weights(args.out, halves, metadata)
    print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
