"""The models of arm and gripper as MjSpec bodies and as URDF."""
