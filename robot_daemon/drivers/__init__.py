"""Drivers: one maker, one file. `robot_daemon.cell` finds them by name."""
