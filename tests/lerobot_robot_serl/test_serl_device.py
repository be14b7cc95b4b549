import numpy as np
import pytest

from serl_client.teleop.devices.device import TeleopSample
from serl_client.teleop.plugin import TeleopPlugin
from tests.support import lerobot_classes


class Hand:
    """A device that moves as a test says."""

    name, fault, help = "hand", "", ""

    def __init__(self):
        self.twist, self.gripper, self.is_open = np.zeros(6), 0.0, True

    def read(self):
        return TeleopSample(
            twist=self.twist, gripper=self.gripper, buttons=frozenset(), time=0.0, is_connected=self.is_open
        )

    def close(self):
        self.is_open = False


HAND = Hand()
PLUGIN = TeleopPlugin(open=lambda path, keys, apply: HAND)


def test_a_hand_drives_by_deltas_keeps_the_gripper_and_lets_go_of_the_device():
    from lerobot_robot_serl import SerlDeviceConfig

    config = SerlDeviceConfig(device=f"{__name__}:PLUGIN", keys="terminal", rotation=False)
    teleop = lerobot_classes.make_device(config)
    with pytest.raises(ConnectionError, match="not connected"):
        teleop.get_action()
    teleop.connect()
    HAND.twist = np.array((0.5, 0.0, -0.25, 0.9, 0.0, 0.0))
    HAND.gripper = -1.0
    assert teleop.get_action() == {"delta_x.pos": 0.5, "delta_y.pos": 0.0, "delta_z.pos": -0.25, "gripper.pos": -1.0}
    HAND.gripper = 0.0
    action = teleop.get_action()
    assert action["gripper.pos"] == -1.0
    assert list(action) == list(teleop.action_features)
    teleop.disconnect()
    assert not teleop.is_connected
    assert not HAND.is_open
