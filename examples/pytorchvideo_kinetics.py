"""The usual SlowFast evaluation of PyTorchVideo on a Kinetics-style folder, on the five clips per video that pay.

    python examples/pytorchvideo_kinetics.py --data kinetics400/val --checkpoint SLOWFAST_8x8_R50.pyth

Against the pipeline with uniform clips, the line of `clip_sampler` has changed and nothing else.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from pytorchvideo.data import Kinetics
from pytorchvideo.models.hub import slowfast_r50
from torch import Tensor, nn
from torch.utils.data import DataLoader, SequentialSampler

from clipselect import DDLClipSampler, VideoAggregator

FRAMES, ALPHA, SIDE, CLIP_SECONDS = 32, 4, 256, 32 * 2 / 30
MEAN, STD = 0.45, 0.225


class UniformTemporalSubsample:
    """[C, t, H, W] -> [C, frames, H, W], evenly spread, first and last frame included."""

    def __init__(self, frames: int) -> None:
        self.frames = frames

    def __call__(self, video: Tensor) -> Tensor:
        return video[:, torch.linspace(0, video.shape[1] - 1, self.frames).long()]


class Normalize:
    """[0, 255] -> [0, 1], less the mean, divided by the deviation."""

    def __init__(self, mean: float, std: float) -> None:
        self.mean, self.std = mean, std

    def __call__(self, video: Tensor) -> Tensor:
        return (video / 255 - self.mean) / self.std


class ShortSideScale:
    """Scales the shorter side of the picture to `side`."""

    def __init__(self, side: int) -> None:
        self.side = side

    def __call__(self, video: Tensor) -> Tensor:
        height, width = video.shape[2:]
        scale = self.side / min(height, width)
        size = (round(height * scale), round(width * scale))
        return nn.functional.interpolate(video, size=size, mode="bilinear", align_corners=False)


class CenterCrop:
    """Cuts a square out of the middle."""

    def __init__(self, side: int) -> None:
        self.side = side

    def __call__(self, video: Tensor) -> Tensor:
        top, left = ((length - self.side) // 2 for length in video.shape[2:])
        return video[:, :, top : top + self.side, left : left + self.side]


class PackPathway:
    """One clip -> the slow pathway's (every `alpha`-th frame) and the fast one's."""

    def __init__(self, alpha: int) -> None:
        self.alpha = alpha

    def __call__(self, video: Tensor) -> list[Tensor]:
        slow = torch.linspace(0, video.shape[1] - 1, video.shape[1] // self.alpha).long()
        return [video[:, slow], video]


class ApplyToVideo:
    """Transforms `sample["video"]` and leaves the rest as it is."""

    def __init__(self, *transforms: Any) -> None:
        self.transforms = transforms

    def __call__(self, sample: dict[str, Any]) -> dict[str, Any]:
        for transform in self.transforms:
            sample["video"] = transform(sample["video"])
        return sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with a folder per class, or a list of paths")
    weights = parser.add_mutually_exclusive_group(required=True)
    weights.add_argument("--checkpoint", type=Path, help="weights of slowfast_r50, e.g. SLOWFAST_8x8_R50.pyth")
    weights.add_argument("--pretrained", action="store_true", help="download the weights")
    weights.add_argument("--random", action="store_true", help="untrained, to see it run")
    parser.add_argument("--index", type=Path, help="made by clipselect index; then only five clips are decoded")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--side", type=int, default=SIDE, help="at least 224, which the head needs")
    arguments = parser.parse_args()

    network = slowfast_r50(pretrained=arguments.pretrained).eval()
    if arguments.checkpoint:
        network.load_state_dict(torch.load(arguments.checkpoint, weights_only=True)["model_state"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device)

    dataset = Kinetics(
        str(arguments.data),
        # clip_sampler=make_clip_sampler("constant_clips_per_video", CLIP_SECONDS, 10),
        clip_sampler=DDLClipSampler(CLIP_SECONDS, k=5, index=arguments.index),
        video_sampler=SequentialSampler,
        decode_audio=False,
        transform=ApplyToVideo(
            UniformTemporalSubsample(FRAMES),
            Normalize(MEAN, STD),
            ShortSideScale(arguments.side),
            CenterCrop(arguments.side),
            PackPathway(ALPHA),
        ),
    )
    aggregator = VideoAggregator()
    for batch in DataLoader(dataset, batch_size=arguments.batch_size, num_workers=arguments.workers):
        with torch.inference_mode():
            probabilities = network([pathway.to(device) for pathway in batch["video"]]).softmax(1)
        aggregator.update(probabilities, batch)
    answers = aggregator.compute(incomplete="skip")
    right = (answers.values.argmax(1) == torch.as_tensor(answers.labels)).float().mean()
    print(f"{len(answers.names)} videos, top-1 {100 * right:.1f} %")


if __name__ == "__main__":
    main()
