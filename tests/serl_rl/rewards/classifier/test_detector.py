"""When a classifier says that something is done."""

import numpy as np
import pytest
import torch

from serl_rl.rewards.classifier.detector import Detector, share_backbones
from serl_rl.rewards.classifier.errors import ClassifierError
from serl_rl.rewards.classifier.network import ClassifierSpec, RewardClassifier
from serl_rl.rewards.classifier.reward import ClassifierReward
from tests.support.rounding import kernel_bound


def test_cameras_that_do_not_fit_are_refused(lamp_env, brightness_classifier):
    for classifier, words in (
        (brightness_classifier(camera="wrist"), "through camera 'wrist'; the observation has front"),
        (brightness_classifier(size=(9, 9)), r"9 x 9 px of camera 'front'; the observation has \(8, 8, 3\)"),
    ):
        with pytest.raises(ClassifierError, match=words):
            ClassifierReward(lamp_env([1]), {"success": Detector(classifier=classifier, threshold=0.5)})


@pytest.mark.parametrize(("values", "words"), [({"threshold": 0.0}, "threshold"), ({"threshold": 1.1}, "threshold")])
def test_bad_detectors_are_refused(values, words, brightness_classifier):
    with pytest.raises(ValueError, match=words):
        Detector(classifier=brightness_classifier(), **values)
    with pytest.raises(ValueError, match="consecutive_steps"):
        Detector(classifier=brightness_classifier(), threshold=0.5, consecutive_steps=0)
    with pytest.raises(ClassifierError, match="has no class 'lifted'; it has failure, success"):
        Detector(classifier=brightness_classifier(), threshold=0.5, class_name="lifted")


def test_another_class_than_success_can_be_looked_for(brightness_classifier):
    frame = {"front": np.full((8, 8, 3), 51, np.uint8)}
    for name, expected in ((None, 0.2), ("success", 0.2), ("failure", 0.8)):
        detector = Detector(classifier=brightness_classifier(), threshold=0.5, class_name=name)
        assert detector.probability(frame) == pytest.approx(expected)


def test_classifiers_of_one_backbone_run_it_once(small_config):
    calls = []
    classifiers = []
    for seed in range(2):  # Heads differ; the seed of the frozen backbone is the configuration's.
        spec = ClassifierSpec(image_sizes={"front": (36, 36)})
        classifier = RewardClassifier(spec, small_config, torch.Generator().manual_seed(seed)).eval()
        classifier.encoder.backbones[0].register_forward_hook(lambda *_: calls.append(1))
        classifiers.append(classifier)
    rng = np.random.default_rng(0)
    observations = [{"front": rng.integers(0, 256, (36, 36, 3), dtype=np.uint8)} for _ in range(3)]

    def classify():
        return [[classifier.classify(observation) for classifier in classifiers] for observation in observations]

    alone = classify()
    assert len(calls) == 6
    bound = kernel_bound(classify)
    share_backbones(Detector(classifier=classifier, threshold=0.5) for classifier in classifiers)
    calls.clear()
    together = classify()
    assert len(calls) == 3
    np.testing.assert_allclose(together, alone, rtol=0, atol=bound)
    assert not np.allclose(together[0][0], together[0][1])
