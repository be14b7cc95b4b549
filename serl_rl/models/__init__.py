"""Defines the networks: policy, critic ensemble, temperature, perception."""
