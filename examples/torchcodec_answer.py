"""What a video shows, by torchvision's R3D-18 on the five best clips, which torchcodec decodes.

    pip install 'clipselect[torchcodec]'    # it also needs FFmpeg on the system
    python examples/torchcodec_answer.py video.mp4

For pipelines built on torchcodec's samplers: `clips_by_score` stands where `clips_at_regular_timestamps` stood.
Weights trained on Kinetics-400 are downloaded, unless --checkpoint names a file with a state dict.
"""

import argparse

import torch
from torchcodec.decoders import VideoDecoder
from torchvision.models.video import R3D_18_Weights, r3d_18

from clipselect import aggregate, select
from clipselect.samplers.torchcodec import clips_by_score

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("video")
parser.add_argument("--checkpoint", help="state dict of r3d_18 with 400 outputs")
arguments = parser.parse_args()

weights = R3D_18_Weights.DEFAULT
network = r3d_18(weights=None if arguments.checkpoint else weights).eval()
if arguments.checkpoint:
    network.load_state_dict(torch.load(arguments.checkpoint, weights_only=True))

picks = select(arguments.video, k=5)
print(picks)
decoder = VideoDecoder(arguments.video)  # device="cuda" decodes on a GPU
clips = clips_by_score(decoder, picks, num_frames_per_clip=16, seconds_between_frames=1 / 16)
with torch.inference_mode():  # clips.data: [clips, 16, 3, height, width]
    answer = aggregate(network(weights.transforms()(clips.data)).softmax(1), picks.weights)
for i in answer.argsort(descending=True)[:3].tolist():
    print(f"{answer[i]:6.1%}  {weights.meta['categories'][i]}")
