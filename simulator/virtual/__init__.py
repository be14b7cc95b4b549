"""Emulates hardware: doubles that speak the protocols of real devices, to try and test a cell without them."""
