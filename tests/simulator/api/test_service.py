import grpc
import numpy as np
import pytest
from google.protobuf import duration_pb2
from serl.robot.v1 import control_pb2, robot_service_pb2, robot_service_pb2_grpc
from serl.simulator.v1 import simulator_service_pb2 as messages
from serl.simulator.v1 import simulator_service_pb2_grpc

from serl_api.enums import Pacing
from simulator.api.server import build_server
from simulator.scene.finding import scene_names

pytestmark = pytest.mark.real_time


@pytest.fixture
def server():
    running = build_server("pick-cube", Pacing.LOCKSTEP, 0)
    running.address = running.start()
    yield running
    running.stop(grace_s=0.1)


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(server.address) as opened:
        yield opened


@pytest.fixture
def simulator(channel):
    return simulator_service_pb2_grpc.SimulatorServiceStub(channel)


@pytest.fixture
def robot(channel):
    return robot_service_pb2_grpc.RobotServiceStub(channel)


@pytest.fixture
def control(robot):
    """Sends the requests of one session and returns the last answer to each."""

    def run(*requests):
        numbered = [
            robot_service_pb2.ControlRequest(sequence_number=index, **request)
            for index, request in enumerate([{"open": control_pb2.Open(client_name="test")}, *requests], start=1)
        ]
        return list(robot.Control(iter(numbered), timeout=20.0))[1:]

    return run


def seconds(value):
    return duration_pb2.Duration(nanos=round(value * 1e9) % 10**9, seconds=int(value))


def step(period_s=0.1):
    return {"step": control_pb2.Step(period=seconds(period_s))}


def refused(call):
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details()


def test_tasks_are_listed(simulator):
    response = simulator.ListTasks(messages.ListTasksRequest(), timeout=20.0)
    assert response.loaded_task == "pick-cube"
    tasks = {task.name: task for task in response.tasks}
    assert tuple(tasks) == scene_names()
    task = tasks["pick-cube"]
    assert (list(task.tracked_objects), list(task.cameras)) == (["cube"], ["front", "wrist"])


def test_loading_a_task_draws_its_scene_from_the_seed(simulator):
    def place(seed):
        simulator.LoadTask(messages.LoadTaskRequest(name="pick-cube", seed=seed), timeout=20.0)
        truth = simulator.GetGroundTruth(messages.GetGroundTruthRequest(), timeout=20.0)
        assert truth.scene_seed == seed
        return truth.objects[0].pose.position.x

    assert place(3) == place(3) != place(4)


def test_an_unknown_task_is_refused_with_the_list(simulator):
    code, text = refused(lambda: simulator.LoadTask(messages.LoadTaskRequest(name="fly"), timeout=20.0))
    assert (code, "pick-cube" in text) == (grpc.StatusCode.NOT_FOUND, True)


@pytest.mark.parametrize("call", ["LoadTask", "SetPacing"])
def test_nothing_is_replaced_under_an_open_session(simulator, robot, server, call):
    held = server.core.claim("me", "test", server.core.default_compliance)
    request = {
        "LoadTask": messages.LoadTaskRequest(name="pick-cube"),
        "SetPacing": messages.SetPacingRequest(pacing=robot_service_pb2.PACING_REAL_TIME),
    }[call]
    code, text = refused(lambda: getattr(simulator, call)(request, timeout=5.0))
    assert (code, '"me"' in text) == (grpc.StatusCode.FAILED_PRECONDITION, True)
    server.core.release(held)


def test_the_seed_starts_a_stream_of_scenes(simulator, control):
    def scenes():
        simulator.SetSeed(messages.SetSeedRequest(seed=5), timeout=20.0)
        places = []
        for answer in control({"reset": control_pb2.Reset()}, {"reset": control_pb2.Reset()}):
            position = answer.reset_done.observation.tracked_objects[0].pose.position
            places.append((position.x, position.y))
        return places

    first = scenes()
    assert first == scenes()
    assert first[0] != first[1]


def test_observations_over_the_daemon_are_deterministic_to_the_bit(control):
    def observe():
        rng = np.random.default_rng(1)
        requests = [{"reset": control_pb2.Reset(seed=2)}]
        for _ in range(15):
            moved = step()
            x, y, z = rng.uniform([0.3, -0.2, 0.02], [0.5, 0.2, 0.3])
            pose = moved["step"].tcp_pose
            pose.position.x, pose.position.y, pose.position.z, pose.orientation.x = x, y, z, 1.0
            moved["step"].gripper.width_m = rng.uniform(0.0, 0.085)
            requests.append(moved)
        seen = []
        for answer in control(*requests)[1:]:
            state = answer.stepped.observation.state
            cube = answer.stepped.observation.tracked_objects[0]
            seen.append(
                (
                    *(*state.joint_positions_rad, *state.joint_velocities_rad_per_s, *state.joint_torques_nm),
                    *(state.external_wrench.force.z, state.gripper.width_m),
                    *(cube.pose.position.x, cube.twist.angular.z),
                )
            )
        return seen

    assert observe() == observe()


def test_ground_truth_names_what_touches(simulator, control):
    control(step(0.5))
    truth = simulator.GetGroundTruth(messages.GetGroundTruthRequest(), timeout=20.0)
    (contact,) = truth.contacts
    assert (contact.first_body, contact.second_body) == ("cube", "table")
    assert contact.normal_force_n == pytest.approx(0.981, rel=0.02)
    assert truth.simulated_time_ns == 500_000_000
    assert truth.objects[0].ground_truth


def test_pacing_can_be_changed_there_and_back(simulator, robot):
    for pacing in (robot_service_pb2.PACING_REAL_TIME, robot_service_pb2.PACING_LOCKSTEP):
        simulator.SetPacing(messages.SetPacingRequest(pacing=pacing), timeout=10.0)
        assert robot.GetInfo(robot_service_pb2.GetInfoRequest(), timeout=20.0).pacing == pacing
    code, _ = refused(lambda: simulator.SetPacing(messages.SetPacingRequest(), timeout=20.0))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_views_are_rendered(simulator):
    orbit = messages.OrbitView(distance_m=1.7, azimuth_rad=2.4, elevation_rad=0.4)
    orbit.target_m.x = 0.3
    frame = simulator.RenderView(messages.RenderViewRequest(orbit=orbit), timeout=20.0).frame
    assert (frame.width_px, frame.height_px, len(frame.data)) == (640, 480, 640 * 480 * 3)
    frame = simulator.RenderView(messages.RenderViewRequest(camera="wrist"), timeout=20.0).frame
    assert (frame.width_px, frame.height_px) == (128, 128)


@pytest.mark.parametrize(
    ("view", "code", "word"),
    [
        ({}, grpc.StatusCode.INVALID_ARGUMENT, "orbit"),
        ({"camera": "left"}, grpc.StatusCode.NOT_FOUND, "front, wrist"),
        ({"camera": "front", "width_px": 8}, grpc.StatusCode.OUT_OF_RANGE, "16"),
        ({"camera": "front", "height_px": 4096}, grpc.StatusCode.OUT_OF_RANGE, "2048"),
        ({"orbit": messages.OrbitView()}, grpc.StatusCode.OUT_OF_RANGE, "distance"),
    ],
)
def test_wrong_views_are_refused(simulator, view, code, word):
    got, text = refused(lambda: simulator.RenderView(messages.RenderViewRequest(**view), timeout=20.0))
    assert (got, word in text) == (code, True)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"camera_dropout": messages.CameraDropout(camera="left")}, grpc.StatusCode.NOT_FOUND),
        ({"camera_latency": messages.CameraLatency(camera="front")}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"stall": messages.Stall(), "duration": duration_pb2.Duration()}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_wrong_injections_are_refused(simulator, fault, code):
    assert refused(lambda: simulator.InjectFault(messages.InjectFaultRequest(**fault), timeout=20.0))[0] is code


def test_a_dropped_camera_is_missing_in_the_observation_until_it_is_cleared(simulator, control):
    look = {"step": control_pb2.Step(period=seconds(0.1), cameras=["front"])}
    dropout = messages.InjectFaultRequest(camera_dropout=messages.CameraDropout(camera="front"))
    simulator.InjectFault(dropout, timeout=5.0)
    (answer,) = control(look)
    assert not answer.stepped.observation.frames
    assert not answer.stepped.observation.synchronized
    simulator.ClearInjections(messages.ClearInjectionsRequest(), timeout=20.0)
    (answer,) = control(look)
    assert len(answer.stepped.observation.frames) == 1


def test_latency_shows_as_an_offset(simulator, control):
    latency = messages.CameraLatency(camera="front", delay=seconds(0.15))
    simulator.InjectFault(messages.InjectFaultRequest(camera_latency=latency), timeout=20.0)
    look = {"step": control_pb2.Step(period=seconds(0.1), cameras=["front"])}
    answer = control(look, look, look, look)[-1]
    offsets = {offset.sensor: offset.offset_ns for offset in answer.stepped.observation.offsets}
    assert offsets["camera/front"] == -200_000_000


def test_a_reflex_faults_the_arm_until_it_recovers(simulator, robot, control):
    simulator.InjectFault(messages.InjectFaultRequest(contact_reflex=messages.ContactReflex()), timeout=20.0)
    faults = robot.ListFaults(robot_service_pb2.ListFaultsRequest(), timeout=20.0).active_faults
    assert [fault.id for fault in faults] == ["contact_reflex"]
    assert refused(lambda: control(step()))[0] is grpc.StatusCode.ABORTED
    robot.RecoverFromFault(robot_service_pb2.RecoverFromFaultRequest(), timeout=20.0)
    assert len(control(step())) == 1


def test_a_jammed_gripper_does_not_move(simulator, control):
    simulator.InjectFault(messages.InjectFaultRequest(gripper_jam=messages.GripperJam()), timeout=20.0)
    close = {"step": control_pb2.Step(period=seconds(0.5), gripper=control_pb2.GripperTarget(width_m=0.0))}
    (answer,) = control(close)
    assert answer.stepped.observation.state.gripper.width_m == pytest.approx(0.085, abs=1e-3)
    simulator.ClearInjections(messages.ClearInjectionsRequest(), timeout=20.0)
    answers = control(step(), step(0.9))
    assert answers[-1].stepped.observation.state.gripper.width_m < 0.01


def test_a_client_cannot_choose_what_the_simulator_imports(simulator):
    name = "serl_tasks.pick_cube.scene:PickCube"
    code, text = refused(lambda: simulator.LoadTask(messages.LoadTaskRequest(name=name), timeout=20.0))
    assert code == grpc.StatusCode.NOT_FOUND
    assert "pick-cube" in text
