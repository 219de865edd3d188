"""From scores to what a network sees: the clips of a video, the frames of a group, and one answer from their outputs.

`clip_selector` is for any reader of videos, `clip_dataset` for a plain DataLoader, `clip_samplers` for PyTorchVideo's
datasets, `frame_sampler` for faces and person tracklets; `video_aggregator` turns a network's outputs for clips into
one answer per video.
"""
