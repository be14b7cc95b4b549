"""Trains a tiny ACT with LeRobot itself, in its own virtual environment: `training.py SET CHECKPOINT STEPS`."""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from lerobot.configs import FeatureType
from lerobot.datasets import LeRobotDataset
from lerobot.policies import make_pre_post_processors
from lerobot.policies.act import ACTConfig, ACTPolicy
from lerobot.utils.feature_utils import dataset_to_policy_features

CHUNK, BATCH = 8, 4


def main(folder: Path, checkpoint: Path, steps: int) -> None:
    torch.manual_seed(0)
    known = LeRobotDataset("check/set", root=folder)
    features = dataset_to_policy_features(known.meta.features)
    outputs = {name: one for name, one in features.items() if one.type is FeatureType.ACTION}
    read = ("observation.state", "observation.images.front", "observation.images.wrist")
    config = ACTConfig(
        input_features={name: features[name] for name in read},
        output_features=outputs,
        chunk_size=CHUNK,
        n_action_steps=CHUNK,
        dim_model=32,
        n_heads=2,
        dim_feedforward=64,
        n_encoder_layers=1,
        n_vae_encoder_layers=1,
        pretrained_backbone_weights=None,
        device="cpu",
    )
    policy = ACTPolicy(config).train()
    before, after = make_pre_post_processors(config, dataset_stats=known.meta.stats)
    times = {"action": [step / known.fps for step in range(CHUNK)]}
    dataset = LeRobotDataset("check/set", root=folder, delta_timestamps=times)
    loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=1e-3)
    losses = []
    while len(losses) < steps:
        for batch in loader:
            loss, _ = policy.forward(before(batch))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
            if len(losses) >= steps:
                break
    policy.save_pretrained(checkpoint)
    before.save_pretrained(checkpoint)
    after.save_pretrained(checkpoint)
    print(f"LeRobot's ACT: loss {losses[0]:.2f} to {losses[-1]:.2f} in {steps} steps")  # noqa: T201 - a program.


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
