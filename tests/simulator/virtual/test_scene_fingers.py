"""The link to a virtual arm: over its control channel with rigid fingers for a scene, and to a whole arm."""

import math
import threading
from dataclasses import replace

import numpy as np
import pytest
import serial

from robot_daemon.drivers.robotiq import RobotiqGripper, RobotiqOptions
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.enums import GripperMotion
from serl_api.values import GripperTarget
from simulator.devices.world import World
from simulator.model.arm_table import ARMS
from simulator.physics.kinematics import solve_pose
from simulator.virtual.fci.control_channel import ControlServer
from simulator.virtual.fci.process import VirtualFciProcess
from simulator.virtual.fingers import FingerTarget, RigidFingers
from simulator.virtual.robotiq import TWO_FINGER_85, VirtualRobotiq
from simulator.virtual.robotiq.command import main
from simulator.virtual.scene_fingers import SceneFingers
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time


class Scene:
    """A control channel over rigid fingers with the opening of the scene's gripper."""

    def __init__(self, path, has_gripper=True):
        self.path = path
        self.fingers = RigidFingers(0.085)
        self.target = None
        self.asked = []
        self.has_gripper = has_gripper
        self._server = None
        self.start()

    def start(self):
        self._server = ControlServer(self.path, self._handle)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self):
        self._ending.set()
        self._thread.join()

    def _serve(self):
        while not self._ending.wait(0.001):
            self._server.poll()
        self._server.close()

    def _handle(self, request):
        if not self.has_gripper:
            raise ValueError("this virtual arm has no gripper")
        if request["op"] == "set_gripper":
            self.asked.append(request)
            speed, force = request.get("speed", 0.0), request.get("force", 0.0)
            self.target = FingerTarget(width=request["width"], speed=speed, force=force)
            return None
        state = self.fingers.advance(self.target)
        return {"width": state.width, "force": state.force, "object_held": state.object_held}


@pytest.fixture
def scene(tmp_path):
    served = Scene(tmp_path / "control.sock")
    yield served
    served.close()


def test_a_target_reaches_the_scene_once_and_its_state_comes_back(scene):
    fingers = SceneFingers(scene.path, 0.085)
    scene.fingers.place_object(0.04)
    target = FingerTarget(width=0.0, speed=1.0, force=50.0)
    wait_until(lambda: fingers.advance(target).object_held)
    state = fingers.advance(target)
    assert (state.width, state.force) == (0.04, 50.0)
    assert [(asked["width"], asked["speed"], asked["force"]) for asked in scene.asked] == [(0.0, 1.0, 50.0)]
    fingers.close()


def test_none_stays_where_the_fingers_are(scene):
    fingers = SceneFingers(scene.path, 0.085)
    fingers.advance(FingerTarget(width=0.0, speed=0.05, force=50.0))
    wait_until(lambda: scene.fingers.advance(scene.target).width < 0.08)
    fingers.advance(None)
    width = scene.target.width
    assert 0.0 < width < 0.085
    fingers.close()


def test_a_smaller_hand_knows_no_wider_opening(scene):
    fingers = SceneFingers(scene.path, 0.08)
    assert fingers.advance(None).width == 0.08
    fingers.close()


def test_it_comes_back_with_the_virtual_arm(scene):
    fingers = SceneFingers(scene.path, 0.085)
    target = FingerTarget(width=0.02, speed=1.0, force=50.0)
    fingers.advance(target)
    scene.close()
    with pytest.raises(OSError, match=r".*"):
        fingers.advance(target)
    scene.start()
    fingers.advance(target)
    assert [asked["width"] for asked in scene.asked] == [0.02, 0.02], "a new arm does not know the target"
    fingers.close()


def test_a_gripper_whose_arm_is_gone_answers_with_an_exception(scene):
    fingers = SceneFingers(scene.path, 0.085)
    with VirtualRobotiq(fingers) as virtual:
        scene.close()
        with serial.Serial(virtual.port, timeout=1.0) as port:
            port.write(bytes.fromhex("090407d00003b1ce"))
            assert port.read(5).hex()[:6] == "098404"
        scene.start()
    fingers.close()


def test_no_arm_and_no_gripper_are_told(tmp_path, scene, capfd):
    missing = tmp_path / "missing.sock"
    with pytest.raises(OSError, match=r"no virtual arm at .*missing.sock .No such file or directory.; start one with"):
        SceneFingers(missing, 0.085)
    assert main(["--fci", str(missing)]) == 1
    assert "serl-virtual robotiq: no virtual arm at" in capfd.readouterr().err
    scene.has_gripper = False
    with pytest.raises(OSError, match="this virtual arm has no gripper"):
        SceneFingers(scene.path, 0.085)


def over_the_cube(fci):
    """Joint positions with the open fingers around the cube, rad."""
    cube = fci.state()["objects"]["cube"]
    _, _, z, w = cube["quaternion"]
    quarter = math.pi / 2.0
    yaw = (2.0 * math.atan2(z, w) + quarter / 2.0) % quarter - quarter / 2.0
    tool = np.array([math.cos(yaw / 2.0), math.sin(yaw / 2.0), 0.0, 0.0])
    world = World("pick-cube", ARMS["panda"], 0)
    home = np.array(fci.state()["positions"])
    joints = solve_pose(world.physics.model, ARMS["panda"], np.array(cube["position"]), tool, home)
    assert joints is not None
    return joints.tolist()


def test_a_virtual_robotiq_grasps_the_cube_of_a_virtual_arm():
    with VirtualFciProcess(task="pick-cube") as fci:
        fingers = SceneFingers(fci.control_path, 0.085)
        with VirtualRobotiq(fingers, ratings=replace(TWO_FINGER_85, activation_s=0.0)) as virtual:
            fci.inject("place", positions=over_the_cube(fci))
            gripper = RobotiqGripper(RobotiqOptions(port=virtual.port, activate=True), RealTimebase())
            wait_until(lambda: gripper.read_state().motion is GripperMotion.AT_TARGET)
            gripper.set_target(GripperTarget(width=0.0))
            wait_until(lambda: gripper.read_state().motion is GripperMotion.OBJECT_HELD)
            assert gripper.read_state().width == pytest.approx(0.04, abs=0.002)
            assert fci.gripper()["object_held"]
            gripper.set_target(GripperTarget(width=0.085))
            wait_until(lambda: gripper.read_state().motion is GripperMotion.AT_TARGET)
            assert not fci.gripper()["object_held"]
            gripper.close()
        fingers.close()
