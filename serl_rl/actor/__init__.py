"""The actor: drives an environment with the newest policy and streams every step to the learner."""
