"""Drivers: one maker, one file. `robot_daemon.config.cell_builder` finds them by name."""
