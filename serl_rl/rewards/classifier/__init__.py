"""Trains reward classifiers, which detect success in images, and computes rewards from them."""
