"""Subcommands of `serl-train`: each a dataclass that tyro fills and a `run` that does it."""
