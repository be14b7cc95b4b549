"""Push a point to the centre: for tests of the whole loop, needs no simulator."""
