"""Teaches small weights of our own; the network's code knows nothing of it."""
