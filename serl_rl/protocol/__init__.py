"""The learner API: specs, tensors and the transport between actors and a learner."""
