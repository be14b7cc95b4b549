"""Image encoders: backbones from uint8 images to feature maps, and heads from maps to vectors."""

from serl_rl.models.vision.backbone import Backbone
from serl_rl.models.vision.conditioning import GoalConditionedEncoder, LanguageConditionedEncoder
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.models.vision.factory import make_backbone, make_image_encoder
from serl_rl.models.vision.feature_memo import FeatureMemo
from serl_rl.models.vision.head import CameraHeads, ImageHead
from serl_rl.models.vision.image_encoder import ImageEncoder

__all__ = [
    "Backbone",
    "BackboneConfig",
    "CameraHeads",
    "EncoderConfig",
    "FeatureMemo",
    "GoalConditionedEncoder",
    "HeadConfig",
    "ImageEncoder",
    "ImageHead",
    "LanguageConditionedEncoder",
    "make_backbone",
    "make_image_encoder",
]
