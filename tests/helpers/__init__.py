"""What several tests share: made videos, tiny networks, the command line within the process."""
