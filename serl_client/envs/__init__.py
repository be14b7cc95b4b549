"""Gymnasium environments over any daemon."""
