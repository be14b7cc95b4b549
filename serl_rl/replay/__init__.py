"""Stores rows of episodes once, and samples transitions from them."""
