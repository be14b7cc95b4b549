"""Times SERL's own JAX update, with a Python that has SERL's pinned JAX: `python serl_jax.py --serl CHECKOUT`.

Prints "ready", then one number (calls a second) for each line read from standard input, so that the caller can
interleave it with ours. One call is SERL's `update_high_utd`: UTD critic updates of a batch, then one actor update on
all of them. `--vision` is its DrQ agent with two 128 x 128 cameras and the frozen ResNet-10, whose weights are left
random: they change nothing about the time.
"""

import argparse
import sys
import time
import types
from pathlib import Path

_DISTRIBUTION = {"tanh_squash_distribution": True, "std_parameterization": "exp", "std_min": 1e-5, "std_max": 5}
_CAMERAS = ("image_0", "image_1")


def _networks() -> dict:
    from jax import nn

    return {"activations": nn.tanh, "use_layer_norm": True, "hidden_dims": [256, 256]}


def _state_agent(ensemble: int):
    import jax
    import jax.numpy as jnp
    from serl_launcher.agents.continuous.sac import SACAgent

    return SACAgent.create_states(
        jax.random.PRNGKey(0),
        jnp.zeros((1, 10)),
        jnp.zeros((1, 4)),
        policy_kwargs=dict(_DISTRIBUTION),
        critic_network_kwargs=_networks(),
        policy_network_kwargs=_networks(),
        temperature_init=1e-2,
        discount=0.99,
        backup_entropy=False,
        critic_ensemble_size=ensemble,
        critic_subsample_size=2,
    )


def _vision_agent(ensemble: int):
    import jax
    from serl_launcher.agents.continuous.drq import DrQAgent
    from serl_launcher.utils import train_utils

    train_utils.load_resnet10_params = lambda agent, *_args: agent  # It would download them.

    one = _batch(1, vision=True)
    return DrQAgent.create_drq(
        jax.random.PRNGKey(0),
        one["observations"],
        one["actions"],
        encoder_type="resnet-pretrained",
        use_proprio=True,
        image_keys=_CAMERAS,
        policy_kwargs=dict(_DISTRIBUTION),
        critic_network_kwargs=_networks(),
        policy_network_kwargs=_networks(),
        temperature_init=1e-2,
        discount=0.96,
        backup_entropy=False,
        critic_ensemble_size=ensemble,
        critic_subsample_size=2,
    )


def _batch(size: int, *, vision: bool):
    import numpy as np
    from flax.core import frozen_dict

    rng = np.random.default_rng(0)

    def observations():
        if not vision:
            return rng.standard_normal((size, 10)).astype(np.float32)
        images = {camera: rng.integers(0, 256, (size, 1, 128, 128, 3), np.uint8) for camera in _CAMERAS}
        return {"state": rng.standard_normal((size, 1, 10)).astype(np.float32), **images}

    batch = {
        "observations": observations(),
        "next_observations": observations(),
        "actions": rng.uniform(-1, 1, (size, 4)).astype(np.float32),
        "rewards": rng.standard_normal(size).astype(np.float32),
        "masks": np.ones(size, np.float32),
    }
    return frozen_dict.freeze(batch) if vision else batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serl", type=Path, required=True)
    parser.add_argument("--vision", action="store_true")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--critics", type=int, default=10)
    parser.add_argument("--utd", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4.0)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.serl / "serl_launcher"))
    sys.modules.setdefault("wandb", types.ModuleType("wandb"))  # Imported for logging, not used here.

    import jax

    if not hasattr(jax, "tree_map"):
        jax.tree_map = jax.tree_util.tree_map
    agent = (_vision_agent if arguments.vision else _state_agent)(arguments.critics)
    batch = _batch(arguments.batch * arguments.utd, vision=arguments.vision)
    for _ in range(2):
        agent, _info = agent.update_high_utd(batch, utd_ratio=arguments.utd)
    jax.block_until_ready(agent.state.params)
    print("ready", flush=True)
    for _line in sys.stdin:
        start, calls = time.perf_counter(), 0
        while time.perf_counter() - start < arguments.seconds:
            agent, _info = agent.update_high_utd(batch, utd_ratio=arguments.utd)
            jax.block_until_ready(agent.state.params)
            calls += 1
        print(calls / (time.perf_counter() - start), flush=True)


if __name__ == "__main__":
    main()
