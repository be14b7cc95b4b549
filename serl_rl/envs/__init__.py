"""Makes the environments of runs, and evaluates policies in them."""
