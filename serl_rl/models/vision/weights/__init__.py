"""Weight files of backbones: SERL's pickle, safetensors, torchvision's; each read without running any of its code."""

from serl_rl.models.vision.weights.files import WeightsError, load_heads, load_weights, read_arrays, save_weights

__all__ = ["WeightsError", "load_heads", "load_weights", "read_arrays", "save_weights"]
