"""Signals, ready files and children: how processes here begin and end together."""
