"""Visualizes a policy while it acts, in videos and in a rerun viewer."""
