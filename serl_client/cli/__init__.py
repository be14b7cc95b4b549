"""Implements the subcommands of `serl-robot`, one family a file."""
