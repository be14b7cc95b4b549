"""Ways to drive an arm other than by a policy: devices in a person's hand, and scripted experts."""
