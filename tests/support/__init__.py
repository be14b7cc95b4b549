"""What tests share: waiting, clocks that they move, bounds of rounding, doubles, and the judge of real time."""
