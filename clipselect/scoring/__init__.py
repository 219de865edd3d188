"""Pixels in, scores out: the DDNet, its weights file, and the threads that it shares with a decoder."""
