"""Stands in for the Python of LeRobot's environment: serves a policy that leads the point mass to its centre."""

import json
import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[3]), str(Path(__file__).parents[3] / "lerobot_plugin")]

import numpy as np  # noqa: E402

from tests.support import lerobot_classes  # noqa: E402

lerobot_classes.install()

from lerobot_robot_serl import policy_server  # noqa: E402


class ToTheCentre:
    inputs = {"state": (2,)}  # noqa: RUF012
    action_size = 2

    def begin_episode(self):
        """Nothing to forget."""

    def actions(self, observation, instruction):
        return np.clip(-10 * observation["state"], -1, 1)[None]


_, _, checkpoint, _, ready = sys.argv[1:]
server = policy_server.PolicyServer(ToTheCentre())
Path(checkpoint, "served.json").write_text(json.dumps({"arguments": sys.argv[1:], "pid": os.getpid()}))
Path(ready).write_text(server.address)
server.run()
