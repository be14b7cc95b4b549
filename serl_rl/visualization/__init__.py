"""Looking at a policy while it acts: what is known of each step, in videos and in a rerun viewer."""
