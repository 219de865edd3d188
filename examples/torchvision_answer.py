"""What a video shows, by torchvision's R3D-18 on its five best clips: from a path to an answer in plain PyTorch.

    pip install clipselect
    python examples/torchvision_answer.py video.mp4

Weights trained on Kinetics-400 are downloaded, unless --checkpoint names a file with a state dict. Every network of
torchvision.models.video takes the same lines. The shipped DDNet was not distilled for this network: give your own as
--model ("Distil for your own network" in the README).
"""

import argparse

import torch
from torchvision.models.video import R3D_18_Weights, r3d_18

from clipselect import aggregate, select

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("video")
parser.add_argument("--checkpoint", help="state dict of r3d_18 with 400 outputs")
parser.add_argument("--model", help="weights file of a DDNet; the shipped one by default")
arguments = parser.parse_args()

weights = R3D_18_Weights.DEFAULT
network = r3d_18(weights=None if arguments.checkpoint else weights).eval()
if arguments.checkpoint:
    network.load_state_dict(torch.load(arguments.checkpoint, weights_only=True))
prepare = weights.transforms()  # scale, crop, normalise: [T, 3, H, W] uint8 -> [3, T, 112, 112]

picks = select(arguments.video, k=5, scorer=arguments.model)
print(picks)
clips = torch.stack([prepare(clip) for clip in picks.decode(num_frames=16, short_side=128)])
with torch.inference_mode():
    answer = aggregate(network(clips).softmax(1), picks.weights)  # [400], the weighted mean over the clips
for i in answer.argsort(descending=True)[:3].tolist():
    print(f"{answer[i]:6.1%}  {weights.meta['categories'][i]}")
