"""Runs a daemon day by day: logs, black box, service manager, checks of the cell and its host."""
