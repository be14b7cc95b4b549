"""Forward/backward training: one arm, two opposite tasks, a learner for each; each task sets the scene of the other."""
