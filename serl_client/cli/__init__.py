"""What the subcommands of `serl-robot` do, one family a file."""
