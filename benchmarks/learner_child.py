"""Times our update: prints "ready", then calls a second for each line read from standard input, like `serl_jax.py`.

One call is `critic_updates_per_actor_update` critic updates of 256, then one policy and temperature update.
"""

import argparse
import sys
import time

from serl_rl.models.openmp import choose_waiting

choose_waiting()  # As the learner does; read when torch loads its OpenMP.

import numpy as np
import torch

from benchmarks.rows import spec
from serl_rl.algorithms.sac.agent import SacAgent
from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.replay.update_batch import UpdateBatch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--critics", type=int, default=10)
    parser.add_argument("--utd", type=int, default=8)
    parser.add_argument("--actor-batch", choices=("last", "all"), default="all")
    parser.add_argument("--compile", choices=("on", "off"), default="on")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--adam-clock", choices=("separate", "joint"), default="joint")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4.0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    config = SacConfig(
        critic_count=arguments.critics,
        target_critic_count=2 if arguments.critics > 2 else None,
        critic_updates_per_actor_update=arguments.utd,
        actor_batch=arguments.actor_batch,
        compile=arguments.compile,
        precision=arguments.precision,
        adam_clock=arguments.adam_clock,
    )
    agent = SacAgent(spec(0), config)
    batch = _batch(arguments.utd)
    for _ in range(3):
        agent.update(batch)
    print("ready", flush=True)
    for _line in sys.stdin:
        start, calls = time.perf_counter(), 0
        while time.perf_counter() - start < arguments.seconds:
            agent.update(batch)
            calls += 1
        print(calls / (time.perf_counter() - start), flush=True)


def _batch(utd: int) -> UpdateBatch:
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal((utd, 256, *shape)).astype(np.float32))

    return UpdateBatch(
        observations={"state": normal(10)},
        actions=normal(4).clamp(-1, 1),
        rewards=normal(),
        next_observations={"state": normal(10)},
        terminated=torch.zeros(utd, 256),
        interventions=torch.zeros(utd, 256),
        grasp_penalties=torch.zeros(utd, 256),
    )


if __name__ == "__main__":
    main()
