"""The schema as Python, for both columns: no torch, MuJoCo, gymnasium or device library."""
