"""Pixels in, scores out: the DDNet, its weights files, its input, and the cores that it shares with a decoder."""
