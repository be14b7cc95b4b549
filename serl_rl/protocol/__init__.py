"""Implements the learner's protocol: specs, tensors and errors between actors and a learner."""
