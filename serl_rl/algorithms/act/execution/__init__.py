"""Ways to execute chunks of actions, in NumPy."""
