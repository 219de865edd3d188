"""Score once, use often: score indexes, built by one process, several processes, or Ray."""
