"""Pretraining of backbones on pictures of the simulator, for cells without weights of ImageNet."""
