"""Records the metrics of a run and draws its curves."""
