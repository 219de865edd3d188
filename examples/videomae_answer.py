"""What a video shows, by a VideoMAE classifier of Hugging Face's transformers on the five best clips.

    pip install 'clipselect[transformers]'
    python examples/videomae_answer.py video.mp4 --network FOLDER

FOLDER is what `save_pretrained` of the model and of its processor wrote; an ID on huggingface.co is downloaded.
"""

import argparse

import torch
from transformers import AutoModelForVideoClassification, VideoMAEVideoProcessor

from clipselect import aggregate, select
from clipselect.samplers.transformers import video_metadata

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("video")
parser.add_argument("--network", default="MCG-NJU/videomae-base-finetuned-kinetics", help="folder or ID")
parser.add_argument("--model", help="weights file of a DDNet; the shipped one by default")
arguments = parser.parse_args()

processor = VideoMAEVideoProcessor.from_pretrained(arguments.network)
network = AutoModelForVideoClassification.from_pretrained(arguments.network).eval()
frames = network.config.num_frames

picks = select(arguments.video, k=5, clip_duration=4 * frames / 30, scorer=arguments.model)  # as VideoMAE was trained
print(picks)
inputs = processor(
    [*picks.decode(frames, short_side=256)],
    do_sample_frames=False,  # they are chosen already
    video_metadata=video_metadata(picks, frames),
    return_tensors="pt",
)
with torch.inference_mode():
    answer = aggregate(network(**inputs).logits.softmax(1), picks.weights)  # the weighted mean over the clips
for i in answer.argsort(descending=True)[:3].tolist():
    print(f"{answer[i]:6.1%}  {network.config.id2label[i]}")
