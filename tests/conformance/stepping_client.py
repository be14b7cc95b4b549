"""A client that steps for ever, to be killed. Arguments: address, x of the target."""

import itertools
import sys

import numpy as np

from serl_api.values import Pose
from serl_client import RobotClient

robot = RobotClient(sys.argv[1])
session = robot.control("doomed")
here = session.opening_observation.state.tcp_pose
for count in itertools.count():
    away = Pose(position=here.position + np.array([0.0, 0.05, 0.0]), quaternion_xyzw=here.quaternion_xyzw)
    session.step(away, period_s=0.02)
    if count == 2:
        sys.stdout.write("stepping\n")
        sys.stdout.flush()
