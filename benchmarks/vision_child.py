"""Times our update from two 128 x 128 cameras: prints "ready", then calls a second for each line read from stdin.

One call is `--utd` critic updates, then one policy and temperature update. SERL's update of DrQ, measured on two cores
like these, takes 23.7 s at batch 128 with one critic update, 10 critics, 2 in the target (JAX 0.4.25).
"""

import argparse
import sys
import time

from serl_rl.models.openmp import choose_waiting

choose_waiting()

import torch

from benchmarks.rows import spec
from serl_rl.algorithms.sac.agent import SacAgent
from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.config.presets import preset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", choices=("maps", "images"), default="maps")
    parser.add_argument("--preset", default="pick-cube-vision-resnet10", help="whose way of seeing")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--critics", type=int, default=10)
    parser.add_argument("--utd", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=4.0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    config = SacConfig(
        batch_size=arguments.batch,
        critic_count=arguments.critics,
        target_critic_count=2 if arguments.critics > 2 else None,
        critic_updates_per_actor_update=arguments.utd,
        adam_clock="joint",
    )
    agent = SacAgent(spec(2), config, vision=preset(arguments.preset).vision, device=arguments.device)
    kept = arguments.inputs == "maps"
    agent.prepare(kept_maps=kept)
    batch = agent._made_up_batch(kept_maps=kept).to(agent.device)
    agent.update(batch)
    print("ready", flush=True)
    for _line in sys.stdin:
        _wait(agent.device)
        start, calls = time.perf_counter(), 0
        while time.perf_counter() - start < arguments.seconds:
            agent.update(batch)
            _wait(agent.device)
            calls += 1
        print(calls / (time.perf_counter() - start), flush=True)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
