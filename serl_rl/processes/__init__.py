"""Child processes, signals and streams of commands that run for hours."""
