"""Lets processes begin and end together: signals, ready files, whole files and children."""
