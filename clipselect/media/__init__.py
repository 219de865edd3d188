"""Time and pixels: candidate clips, containers, decoding, images, extraction, files written whole."""
