"""Reads weight files of backbones: SERL's pickle, safetensors, torchvision's; without running any of their code."""
