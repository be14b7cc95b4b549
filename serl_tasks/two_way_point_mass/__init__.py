"""Push a point to the right and back to the left: two opposite tasks for tests, need no simulator."""
