"""Only the clips worth watching: rank the clips of a video by how discriminable they are for a base network."""

__version__ = "0.1.0"
