"""Image encoders: backbones from uint8 images to feature maps, and heads from maps to vectors."""

from serl_rl.networks.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.networks.encoders.backbone import Backbone
from serl_rl.networks.encoders.conditioning import GoalConditionedEncoder, LanguageConditionedEncoder
from serl_rl.networks.encoders.factory import make_backbone, make_image_encoder
from serl_rl.networks.encoders.head import CameraHeads, ImageHead
from serl_rl.networks.encoders.image_encoder import ImageEncoder
from serl_rl.networks.encoders.remembered import RememberedMaps

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
    "RememberedMaps",
    "make_backbone",
    "make_image_encoder",
]
