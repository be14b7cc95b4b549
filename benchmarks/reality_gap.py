"""Measures success against the delays of a cell: `python -m benchmarks.reality_gap RUN`, a row a delay."""

import argparse
from pathlib import Path

from serl_rl.cli.evaluate import DEFAULT_SEED, with_wrappers
from serl_rl.envs.evaluation import evaluate, wilson_interval
from serl_rl.envs.factory import make_environment
from serl_rl.policies.saved import load_policy

DELAYS_S = ((0.0, 0.0), (0.03, 0.0), (0.06, 0.0), (0.1, 0.0), (0.15, 0.0), (0.0, 0.03), (0.0, 0.06), (0.06, 0.03))
"""Of observations and of actions."""
JITTER = 0.3
"""Share of a delay."""


def gap(observation_s, action_s):
    options = {
        "observation_delay_s": observation_s,
        "observation_jitter_s": round(JITTER * observation_s, 4),
        "action_delay_s": action_s,
        "action_jitter_s": round(JITTER * action_s, 4),
    }
    return ",".join(["reality-gap", *(f"{name}={value}" for name, value in options.items())])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run or a checkpoint")
    parser.add_argument("--episodes", type=int, default=100)
    options = parser.parse_args()
    policy, config, _ = load_policy(options.run)
    for observation_s, action_s in DELAYS_S:
        env = make_environment(with_wrappers(config.environment, (gap(observation_s, action_s),)))
        result = evaluate(env, policy, options.episodes, DEFAULT_SEED)
        env.close()
        successes = sum(outcome.success for outcome in result.outcomes)
        low, high = wilson_interval(successes, options.episodes)
        steps = sum(outcome.step_count for outcome in result.outcomes) / options.episodes
        print(
            f"| {1e3 * observation_s:.0f} | {1e3 * action_s:.0f} | {successes} of {options.episodes} "
            f"| {100 * low:.0f}–{100 * high:.0f} | {steps:.1f} |",  # noqa: RUF001 - a range.
            flush=True,
        )


if __name__ == "__main__":
    main()
