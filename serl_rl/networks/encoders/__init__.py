"""Image encoders: backbones from uint8 images to feature maps, and heads from maps to vectors."""

from serl_rl.networks.encoders.backbone import Backbone
from serl_rl.networks.encoders.conditioning import GoalConditionedEncoder, LanguageConditionedEncoder
from serl_rl.networks.encoders.factory import BackboneConfig, EncoderConfig, make_backbone, make_image_encoder
from serl_rl.networks.encoders.head import CameraHeads, HeadConfig, ImageHead
from serl_rl.networks.encoders.image_encoder import ImageEncoder

__all__ = [
    "Backbone",
    "BackboneConfig",
    "CameraHeads",
    "EncoderConfig",
    "GoalConditionedEncoder",
    "HeadConfig",
    "ImageEncoder",
    "ImageHead",
    "LanguageConditionedEncoder",
    "make_backbone",
    "make_image_encoder",
]
