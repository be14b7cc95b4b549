"""Pretrains backbones on images of the simulator, for cells without weights of ImageNet."""
