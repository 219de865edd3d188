"""The parts that pages have in common: style, timeline, thumbnails, score bars and how numbers are written."""
