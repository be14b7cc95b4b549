"""HIL-SERL's USB stick: picked up from its holder, inserted into a port, and let go of."""
