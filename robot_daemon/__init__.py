"""Robot daemon: one arm with gripper and cameras behind the serl.robot.v1 API."""
