"""Checks a cell and its host before it is served."""
