"""Lets another arm lead: its posture becomes the action."""
