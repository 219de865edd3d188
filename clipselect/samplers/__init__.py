"""Where selection plugs in: PyTorchVideo, groups of frames, and the aggregators of their answers."""
