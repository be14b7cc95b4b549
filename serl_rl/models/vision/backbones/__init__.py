"""Implements backbones: networks from uint8 images to feature maps."""
