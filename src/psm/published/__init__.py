"""Checkpoints of the PSM paper and of its backbones, turned into models of ours."""
