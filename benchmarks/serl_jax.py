"""Times SERL's own JAX update, with a Python that has SERL's pinned JAX: `python serl_jax.py --serl CHECKOUT`.

Prints "ready", then one number (calls a second) for each line read from standard input, so that the caller can
interleave it with ours. One call is SERL's `update_high_utd`: UTD critic updates of 256, then one actor update on all
of them.
"""

import argparse
import sys
import time
import types
from pathlib import Path


def _agent(ensemble: int):
    import jax
    import jax.numpy as jnp
    from jax import nn
    from serl_launcher.agents.continuous.sac import SACAgent

    networks = {"activations": nn.tanh, "use_layer_norm": True, "hidden_dims": [256, 256]}
    return SACAgent.create_states(
        jax.random.PRNGKey(0),
        jnp.zeros((1, 10)),
        jnp.zeros((1, 4)),
        policy_kwargs={
            "tanh_squash_distribution": True,
            "std_parameterization": "exp",
            "std_min": 1e-5,
            "std_max": 5,
        },
        critic_network_kwargs=dict(networks),
        policy_network_kwargs=dict(networks),
        temperature_init=1e-2,
        discount=0.99,
        backup_entropy=False,
        critic_ensemble_size=ensemble,
        critic_subsample_size=2,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serl", type=Path, required=True)
    parser.add_argument("--critics", type=int, default=10)
    parser.add_argument("--utd", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4.0)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.serl / "serl_launcher"))
    sys.modules.setdefault("wandb", types.ModuleType("wandb"))  # Imported for logging, not used here.

    import jax
    import numpy as np

    if not hasattr(jax, "tree_map"):
        jax.tree_map = jax.tree_util.tree_map
    agent = _agent(arguments.critics)
    rng = np.random.default_rng(0)
    size = 256 * arguments.utd
    batch = {
        "observations": rng.standard_normal((size, 10)).astype(np.float32),
        "next_observations": rng.standard_normal((size, 10)).astype(np.float32),
        "actions": rng.uniform(-1, 1, (size, 4)).astype(np.float32),
        "rewards": rng.standard_normal(size).astype(np.float32),
        "masks": np.ones(size, np.float32),
    }
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
