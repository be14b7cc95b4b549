import numpy as np
import pytest

from serl_api.enums import ArmMode, Pacing
from serl_api.errors.robot import (
    ControlHeldError,
    DeviceUnavailableError,
    FaultError,
    NotEquippedError,
    NotFoundError,
)
from serl_client import RobotClient, SimulatorClient
from serl_client.simulator import OrbitView


@pytest.fixture
def robot(simulator_address):
    with RobotClient(simulator_address) as client:
        yield client


@pytest.fixture
def simulator(robot):
    made = SimulatorClient(robot.connection)
    yield made
    made.clear_injections()
    robot.recover()


def test_tasks_are_listed(simulator):
    tasks = simulator.list_tasks()
    assert tasks.loaded == "pick-cube"
    assert "cube" in tasks.tasks["pick-cube"].tracked_objects


def test_a_task_is_loaded(simulator):
    assert simulator.load_task("pick-cube", seed=3).name == "pick-cube"
    assert simulator.get_ground_truth().scene_seed == 3


def test_an_unknown_task_lists_the_known_ones(simulator):
    with pytest.raises(NotFoundError) as caught:
        simulator.load_task("pick-cub")
    assert "pick-cube" in caught.value.available


def test_a_task_is_not_loaded_while_somebody_controls(simulator, robot):
    with robot.control("holder"), pytest.raises(ControlHeldError):
        simulator.load_task("pick-cube")


def test_the_seed_decides_the_scene(simulator, robot):
    def cube():
        with robot.control("test") as session:
            return session.reset().tracked_objects["cube"].pose.position

    simulator.set_seed(5)
    first, second = cube(), cube()
    simulator.set_seed(5)
    np.testing.assert_array_equal(cube(), first)
    assert not np.allclose(first, second)


def test_ground_truth_agrees_with_the_observation(simulator, robot):
    with robot.control("test") as session:
        observation = session.reset(seed=1)
    truth = simulator.get_ground_truth()
    assert truth.scene_seed == 1
    np.testing.assert_allclose(
        truth.objects["cube"].pose.position, observation.tracked_objects["cube"].pose.position, atol=1e-6
    )


@pytest.mark.parametrize("view", ["front", OrbitView(target=(0.4, 0.0, 0.1), distance=1.0, elevation=0.5)])
def test_a_view_is_rendered_at_any_size(simulator, view):
    frame = simulator.render_view(view, width=64, height=48)
    assert frame.rgb.shape == (48, 64, 3)
    assert frame.rgb.std() > 1.0


def test_pacing_changes_there_and_back(simulator, robot):
    simulator.set_pacing(Pacing.REAL_TIME)
    assert robot.refresh_info().pacing is Pacing.REAL_TIME
    simulator.set_pacing(Pacing.LOCKSTEP)
    assert robot.refresh_info().pacing is Pacing.LOCKSTEP


def test_a_reflex_needs_recovery(simulator, robot):
    with robot.control("test") as session:
        session.reset(seed=0)
        simulator.trigger_contact_reflex()
        with pytest.raises(FaultError):
            session.step(period_s=0.1)
    assert robot.recover().remaining == ()


def test_a_camera_drops_and_returns(simulator, robot):
    from serl_client import CameraClient

    cameras = CameraClient(robot.connection)
    simulator.drop_camera("front")
    with pytest.raises(DeviceUnavailableError):
        cameras.get_frame("front")
    simulator.clear_injections()
    assert cameras.get_frame("front").camera == "front"


def test_other_faults_are_accepted(simulator):
    simulator.delay_camera("wrist", 0.05, jitter_s=0.01, duration_s=1.0)
    simulator.jam_gripper(duration_s=0.5)


def test_an_arm_that_is_guided_by_hand_takes_no_targets(simulator, robot):
    simulator.guide_by_hand()
    assert robot.get_state().mode is ArmMode.GUIDED
    with pytest.raises(FaultError, match="guides the simulated arm by hand"):
        robot.control("test")
    simulator.clear_injections()
    assert robot.get_state().mode is ArmMode.IDLE


def test_a_cell_that_is_no_simulator_says_so(lockstep_daemon):
    with SimulatorClient(lockstep_daemon.address) as simulator, pytest.raises(NotEquippedError):
        simulator.list_tasks()
