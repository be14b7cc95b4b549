"""Saves and loads classifiers: a folder with manifest, safetensors, report and plot; no pickle."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from serl_api.settings import to_dataclass
from serl_rl.artifacts.provenance import timestamp, versions
from serl_rl.artifacts.tensor_file import write_tensors
from serl_rl.artifacts.whole_folder import whole_folder
from serl_rl.rewards.classifier.config import ClassifierConfig
from serl_rl.rewards.classifier.errors import ClassifierError
from serl_rl.rewards.classifier.network import ClassifierSpec, RewardClassifier

FORMAT = "serl-classifier"
FORMAT_VERSION = 1
MANIFEST, WEIGHTS, REPORT, PLOT = "manifest.json", "classifier.safetensors", "report.json", "report.png"


@dataclass(frozen=True, kw_only=True, eq=False)
class SavedClassifier:
    """Holds a classifier as it was saved."""

    classifier: RewardClassifier
    """In evaluation mode on the CPU; nothing of it is trained further."""
    threshold: float
    """Recommended threshold on the probability of success."""
    manifest: Mapping[str, Any]
    """Everything else that is known of it."""


def save_classifier(
    classifier: RewardClassifier, threshold: float, path: Path, facts: Mapping[str, Any] | None = None
) -> None:
    """Writes a classifier into a new folder, which is there whole or not at all.

    Args:
        classifier: The network.
        threshold: Recommended threshold.
        path: Folder to make; must not exist.
        facts: More for the manifest, as JSON values.

    Raises:
        ClassifierError: The folder exists or cannot be written.
    """
    if path.exists():
        raise ClassifierError(f"{path} exists already; give another folder, or remove it")
    tensors = {name: value.detach().cpu().contiguous() for name, value in classifier.state_dict().items()}
    try:
        with whole_folder(path) as folder:
            write_tensors(tensors, folder / WEIGHTS)
            manifest = _manifest(classifier, threshold) | dict(facts or {})
            manifest["sha256"] = _fingerprint(folder / WEIGHTS)
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, default=str) + "\n")
    except OSError as error:
        raise ClassifierError(f"cannot write the classifier {path}: {error.strerror or error}") from error


def load_classifier(path: Path) -> SavedClassifier:
    """Reads a classifier.

    Raises:
        ClassifierError: It is missing, damaged, or something else.
    """
    manifest = _read_manifest(path)
    try:
        if _fingerprint(path / WEIGHTS) != manifest["sha256"]:
            raise ClassifierError(f"the classifier {path} is damaged: {WEIGHTS} has changed since it was saved")
        tensors = load_file(path / WEIGHTS)
        spec = ClassifierSpec(
            classes=tuple(manifest["classes"]),
            success_class=manifest["success_class"],
            image_sizes={name: (height, width) for name, height, width in manifest["cameras"]},
        )
        classifier = RewardClassifier(
            spec, to_dataclass(ClassifierConfig, manifest["config"]), torch.Generator().manual_seed(0)
        )
        classifier.load_state_dict(tensors)
        threshold = float(manifest["threshold"])
    except ClassifierError:
        raise
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ClassifierError(f"the classifier {path} is damaged ({reason}); train it again") from error
    classifier.requires_grad_(requires_grad=False)
    return SavedClassifier(classifier=classifier.eval(), threshold=threshold, manifest=manifest)


def _manifest(classifier: RewardClassifier, threshold: float) -> dict[str, Any]:
    spec, encoder = classifier.spec, classifier.config.encoder
    # The weights are in the file beside; what they were read from need not exist any more.
    is_batch = any("running_mean" in name for name in classifier.state_dict())
    normalization = "fixed-batch" if is_batch else "group"
    backbone = dataclasses.replace(encoder.backbone, weights=None, normalization=normalization)
    config = dataclasses.replace(classifier.config, encoder=dataclasses.replace(encoder, backbone=backbone))
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "classes": list(spec.classes),
        "success_class": spec.success_class,
        "cameras": [[camera, *size] for camera, size in spec.image_sizes.items()],
        "threshold": threshold,
        "config": dataclasses.asdict(config),
        "created": timestamp(),
        "versions": versions(),
    }


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((path / MANIFEST).read_text())
    except FileNotFoundError:
        raise ClassifierError(
            f"{path} is no classifier: it has no {MANIFEST}; train one with train-classifier"
        ) from None
    except (OSError, ValueError) as error:
        raise ClassifierError(f"the classifier {path} is damaged: its {MANIFEST} cannot be read ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ClassifierError(f"{path} is no classifier: its {MANIFEST} does not say format {FORMAT!r}")
    if manifest.get("format_version") != FORMAT_VERSION:
        found = manifest.get("format_version")
        raise ClassifierError(f"the classifier {path} has format version {found}; this program reads {FORMAT_VERSION}")
    return manifest


def _fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
