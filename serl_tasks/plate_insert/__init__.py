"""Insertions of flat parts that the gripper holds: SERL's circuit board and HIL-SERL's memory module."""
