"""Turns an egg over in a pan by pushing the pan against a spatula."""
