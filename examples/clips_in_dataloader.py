"""Train a network on the best clips of labelled videos, with a plain PyTorch DataLoader.

    python examples/clips_in_dataloader.py videos

`videos` holds one folder per class; without it, small ones are made. For more than one epoch score the videos once:
`clipselect index videos -o scores.parquet`, and `ClipDataset(..., index="scores.parquet")`.
"""

import sys
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from torchvision.models.video import r3d_18

from clipselect import ClipDataset, VideoAggregator
from clipselect.evaluation.synthetic import write_class_folders

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else write_class_folders(Path("made_videos"), videos=4)
    dataset = ClipDataset(folder, k=2, num_frames=8, size=64, on_error="skip")
    loader = DataLoader(dataset, batch_size=2, shuffle=True)
    network = r3d_18(num_classes=len(dataset.classes))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01)
    aggregator = VideoAggregator()
    for batch in loader:
        clips = batch["video"].float().div(255).flatten(0, 1)  # [B, K, 3, T, H, W] -> [B * K, 3, T, H, W]
        logits = network(clips)
        loss = torch.nn.functional.cross_entropy(logits, batch["label"].repeat_interleave(2))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        aggregator.update(logits.detach().softmax(1), batch)
        print([*batch["video"].shape], "loss", f"{loss.item():.2f}")
    answers = aggregator.compute()  # one answer per video, the weighted mean over its clips
    print(f"{len(answers.labels)} videos, answers {[*answers.values.shape]}")
