"""Changes of the source that a test must notice: `python -m tests.mutations` applies each and runs that test."""
