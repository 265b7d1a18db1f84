"""What others published, turned into ours: checkpoints of the PSM paper and of its backbones."""
