"""The scripts that made the weights of the zoo."""
