"""What lies on disk: labelled videos, identities, tracklets, splits, degradations, compositions."""
