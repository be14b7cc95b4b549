"""Metrics of a run and the curves drawn from them."""
