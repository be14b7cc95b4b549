"""The link to a virtual arm's scene, over its real control channel; the scene itself is played by rigid fingers."""

import threading
import time

import pytest
import serial

from simulator.virtual.fci.control import ControlServer
from simulator.virtual.fingers import FingerTarget, RigidFingers
from simulator.virtual.robotiq import VirtualRobotiq
from simulator.virtual.robotiq.command import main
from simulator.virtual.scene_fingers import SceneFingers, scene_fingers


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


def until(condition, timeout_s=5.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_target_reaches_the_scene_once_and_its_state_comes_back(scene):
    fingers = SceneFingers(scene.path, 0.085)
    scene.fingers.place_object(0.04)
    target = FingerTarget(width=0.0, speed=1.0, force=50.0)
    until(lambda: fingers.advance(target).object_held)
    state = fingers.advance(target)
    assert (state.width, state.force) == (0.04, 50.0)
    assert [(asked["width"], asked["speed"], asked["force"]) for asked in scene.asked] == [(0.0, 1.0, 50.0)]
    fingers.close()


def test_none_stays_where_the_fingers_are(scene):
    fingers = SceneFingers(scene.path, 0.085)
    fingers.advance(FingerTarget(width=0.0, speed=0.05, force=50.0))
    until(lambda: scene.fingers.advance(scene.target).width < 0.08)
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
        scene_fingers(missing, 0.085)
    assert main(["--fci", str(missing)]) == 1
    assert "serl-virtual robotiq: no virtual arm at" in capfd.readouterr().err
    scene.has_gripper = False
    with pytest.raises(OSError, match="this virtual arm has no gripper"):
        scene_fingers(scene.path, 0.085)
