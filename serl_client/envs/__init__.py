"""Provides gymnasium environments over any daemon."""
