"""Implements image encoders: backbones from uint8 images to feature maps, and heads from maps to vectors."""
