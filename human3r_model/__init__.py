"""Tensors in, tensors out: Human3R's network, weights, geometry and SMPL-X placement."""
