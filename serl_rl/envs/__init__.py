"""The environments of runs, by name, and the evaluation of a policy in one."""
