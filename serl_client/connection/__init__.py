"""Connects to a daemon: channel, deadlines and clock offset."""
