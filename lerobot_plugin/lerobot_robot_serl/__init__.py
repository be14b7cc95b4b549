"""Lets LeRobot's own commands drive any daemon of the serl.robot.v1 API: `--robot.type=serl`.

LeRobot imports this package by its name, and finds the classes here by the names of their configurations.
"""

from lerobot_robot_serl.configs import SerlDeviceConfig, SerlExpertConfig, SerlRobotConfig
from lerobot_robot_serl.serl_device import SerlDevice
from lerobot_robot_serl.serl_expert import SerlExpert
from lerobot_robot_serl.serl_robot import SerlRobot

__all__ = ["SerlDevice", "SerlDeviceConfig", "SerlExpert", "SerlExpertConfig", "SerlRobot", "SerlRobotConfig"]
