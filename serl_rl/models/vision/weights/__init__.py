"""Weight files of backbones: SERL's pickle, safetensors, torchvision's; each read without running any of its code."""
