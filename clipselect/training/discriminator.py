"""The discriminator of a face aggregation network: is this image one of the data, or aggregated?"""

import math

from torch import Tensor, nn

SLOPE = 0.2
"""Of the leaky ReLUs below 0."""


class Discriminator(nn.Module):
    """Images [B, 3, height, width] -> [B] the logit of the probability that each is real (Hörmann et al., 3.1.2).

    The first two of four 3x3 convolutions have stride 2: 112 x 112 pixels become 28 x 28. One neuron sees every place
    of the last map, so that the face in the middle can count for more than the background.

    >>> import torch
    >>> Discriminator(112, 112)(torch.rand(2, 3, 112, 112)).shape
    torch.Size([2])

    Args:
        height, width: pixels of the images.
        channels: of the first convolution; the others have twice as many.
    """

    def __init__(self, height: int, width: int, channels: int = 16) -> None:
        super().__init__()
        layers = list[nn.Module]()
        before = 3
        for after, stride in ((channels, 2), (2 * channels, 2), (2 * channels, 1), (2 * channels, 1)):
            layers += [nn.Conv2d(before, after, 3, stride, padding=1), nn.LeakyReLU(SLOPE)]
            before = after
        places = math.ceil(height / 4) * math.ceil(width / 4)
        self.layers, self.neuron = nn.Sequential(*layers), nn.Linear(before * places, 1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.neuron(self.layers(images).flatten(1))
        return logits[:, 0]
