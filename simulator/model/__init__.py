"""Models arm and gripper as MjSpec bodies and as URDF."""
