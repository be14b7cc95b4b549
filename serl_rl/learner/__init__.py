"""The learner: replay, training, checkpoints and the service that actors talk to."""
