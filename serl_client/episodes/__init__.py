"""Episode files: recording, reading and editing."""
