"""Policies as an actor runs them."""
