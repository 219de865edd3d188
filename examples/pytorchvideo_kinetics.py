"""PyTorchVideo's SlowFast evaluation of a folder of class folders, with the five best clips per video. Needs no extra.

    python examples/pytorchvideo_kinetics.py kinetics400/val SLOWFAST_8x8_R50.pyth [scores.parquet]

scores.parquet, by `clipselect index kinetics400/val -o scores.parquet --clip-duration 64/30`, saves decoding all else.
"""

import sys
from typing import Any

import torch
from pytorchvideo.data import Kinetics
from pytorchvideo.models.hub import slowfast_r50
from torch.utils.data import DataLoader, SequentialSampler
from torchvision.transforms import v2

from clipselect import DDLClipSampler, VideoAggregator


def both_pathways(sample: dict[str, Any]) -> dict[str, Any]:
    prepare = v2.Compose([v2.Resize(256), v2.CenterCrop(256), v2.Normalize([0.45 * 255] * 3, [0.225 * 255] * 3)])
    frames = sample["video"].transpose(0, 1)  # [T, 3, H, W], floats in [0, 255]
    fast = prepare(frames[torch.linspace(0, len(frames) - 1, 32).long()]).transpose(0, 1)
    return {**sample, "video": [fast[:, torch.linspace(0, 31, 8).long()], fast]}


if __name__ == "__main__":
    folder, checkpoint, *index = sys.argv[1:]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = slowfast_r50().eval().requires_grad_(False).to(device)
    network.load_state_dict(torch.load(checkpoint, weights_only=True)["model_state"])
    five_best = DDLClipSampler(64 / 30, k=5, index=index[0] if index else None)
    dataset = Kinetics(folder, five_best, SequentialSampler, both_pathways, decode_audio=False)
    aggregator = VideoAggregator()
    for batch in DataLoader(dataset, batch_size=4, num_workers=2):
        aggregator.update(network([pathway.to(device) for pathway in batch["video"]]).softmax(1), batch)
    answers = aggregator.compute(incomplete="skip")  # leaves out videos that broke off
    right = answers.values.argmax(1).cpu() == torch.as_tensor(answers.labels)
    print(f"{len(right)} videos, top-1 {right.float().mean():.1%}")
