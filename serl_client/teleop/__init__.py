"""Ways to drive an arm other than by a policy."""
