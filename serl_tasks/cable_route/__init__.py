"""SERL's cable routing: a cable that the gripper holds by its end is laid into a clip on the table."""
