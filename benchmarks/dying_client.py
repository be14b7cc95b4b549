"""Moves an arm up and down for ever, until somebody kills it: `python dying_client.py ADDRESS`."""

import math
import sys

import numpy as np

from serl_client import Pose, RobotClient

robot = RobotClient(sys.argv[1])
session = robot.control("the one that dies")
session.reset(seed=0, speed_ratio=1.0)
home = robot.info.arm.home_tcp_pose
step = 0
while True:
    height = 0.06 * math.sin(2 * math.pi * step / 12)
    session.step(Pose(home.position + np.array([0.0, 0.0, height]), home.quaternion_xyzw), period_s=0.1)
    if step == 3:
        print("moving", flush=True)
    step += 1
