"""The servers that are fuzzed, each with what a valid peer says to it and how it is led back to where it listens."""

import contextlib
from dataclasses import dataclass, field
from types import MappingProxyType

from google.protobuf import descriptor_pool, message_factory
from serl.learner.v1 import learner_service_pb2 as learner_pb
from serl.robot.v1 import camera_service_pb2, control_pb2, robot_service_pb2
from serl.simulator.v1 import simulator_service_pb2

from serl_api.codec import control, geometry
from serl_api.security import ChannelSecurity, ServerSecurity
from serl_api.values import FullCompliance
from serl_client import RobotClient
from serl_rl.actor.learner_client import LearnerClient
from serl_rl.learner.publish import PolicySnapshot
from tests.support.floods import HEALTH
from tests.support.learners import SETTINGS, SPEC, RunningLearner, batch, join_request
from tests.support.servers import ROBOT, SERVERS, methods_of_services

Control = robot_service_pb2.ControlRequest
_ROBOT = "/serl.robot.v1.RobotService/"
_OPENING = MappingProxyType(
    {
        f"{_ROBOT}Control": Control(open=control_pb2.Open(client_name="fuzz")),
        f"{_ROBOT}EStop": robot_service_pb2.EStopRequest(arm=robot_service_pb2.ArmEStop(client_name="fuzz")),
    }
)
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
ENDLESS = ("/StreamState", "/StreamFrames", "/WatchPolicy", ".Health/Watch")
"""Methods that answer for as long as they are listened to."""
STREAMS = ("/Control", "/EStop", "/StreamSteps", "/ServerReflectionInfo")
"""Methods that take a stream of requests."""
SLOW = MappingProxyType(
    {
        "/RenderView": 0.01,
        "/LoadTask": 0.02,
        "/SetPacing": 0.02,
        "/EStop": 0.02,
        "/ServerReflectionInfo": 0.2,
        **dict.fromkeys(ENDLESS, 0.04),
    }
)
"""How often methods come that take long by design, or are others' code, of 1."""


@dataclass
class Target:
    """One running server."""

    name: str
    address: str
    methods: list
    samples: dict = field(default_factory=dict)
    """Valid requests of a method, by its path."""
    opening: dict = field(default_factory=dict)
    """What a stream begins with, by its path."""
    lead_back: object = lambda: None
    """Ends what a fuzzed message may have begun: a latched stop, a fault."""
    require_alive: object = lambda: None
    """Raises when the server no longer does what it is for."""
    close: object = lambda: None


def kind_of(method):
    """Class of a method's requests."""
    service, _, name = method.strip("/").partition("/")
    found = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(name)
    return message_factory.GetMessageClass(found.input_type)


def _control_samples(pose, joints):
    step = Control()
    step.step.tcp_pose.CopyFrom(pose)
    step.step.period.FromMilliseconds(20)
    step.step.gripper.width_m = 0.05
    by_joints = Control()
    by_joints.step.period.FromMilliseconds(20)
    by_joints.step.joint_positions.positions_rad.extend(joints)
    increment = Control()
    increment.step.period.FromMilliseconds(20)
    increment.step.pose_increment.translation_m.x = 0.001
    move = control_pb2.Move(tcp_pose=pose, speed_ratio=1.0)
    compliance = control.encode_compliance(FullCompliance())
    return [
        step,
        by_joints,
        increment,
        Control(move=move),
        Control(reset=control_pb2.Reset(seed=1)),
        Control(set_compliance=control_pb2.SetCompliance(compliance=compliance)),
        Control(activate_gripper=control_pb2.ActivateGripper()),
        Control(set_load=control_pb2.SetLoad(mass_kg=0.1)),
    ]


def _robot_samples(pose, joints):
    """What a valid peer sends to an arm in a posture."""
    return {
        f"{_ROBOT}Control": _control_samples(geometry.encode_pose(pose), joints),
        f"{_ROBOT}EStop": [robot_service_pb2.EStopRequest(press=robot_service_pb2.PressEStop(text="x"))],
        f"{_ROBOT}Stop": [robot_service_pb2.StopRequest(client_name="a", text="b")],
        f"{_ROBOT}StreamState": [robot_service_pb2.StreamStateRequest(rate_hz=1000)],
        "/serl.robot.v1.CameraService/StreamFrames": [camera_service_pb2.StreamFramesRequest(cameras=["wrist"])],
        "/serl.robot.v1.CameraService/GetFrame": [camera_service_pb2.GetFrameRequest(camera="wrist")],
        "/serl.simulator.v1.SimulatorService/RenderView": [
            simulator_service_pb2.RenderViewRequest(camera="wrist", width_px=32, height_px=32)
        ],
    }


def daemon_under_control(address, token):
    """A daemon of another process whose arm somebody controls: the peer may do anything but stop the arm."""
    with RobotClient(address, timeout_s=20.0, token=token) as robot:
        samples = _robot_samples(robot.get_state().tcp_pose, robot.info.arm.home)
    methods = [*methods_of_services(ROBOT), *HEALTH, REFLECTION]
    methods = [method for method in methods if not method.endswith(("/Stop", "/EStop"))]
    return Target("daemon", address, methods, samples=samples, opening=_OPENING)


def _robot(name, security):
    build, services = SERVERS[name]
    server = build("127.0.0.1:0", **security)
    address, core = server.start(), server.core
    arm = core.cell.arm

    def lead_back():
        core.clear_stop("fuzz")
        core.recover((), "fuzz")

    def require_alive():
        lead_back()
        token = security["token_file"].read_text() if security else None
        with RobotClient(address, timeout_s=20.0, token=token) as robot:
            with robot.control("afterwards") as session:
                session.step(period_s=0.02)
            assert robot.stop().stop_latched

    return Target(
        name,
        address,
        [*methods_of_services(services), *HEALTH, REFLECTION],
        samples=_robot_samples(arm.read_state().tcp_pose, arm.info.home),
        opening=_OPENING,
        lead_back=lead_back,
        require_alive=require_alive,
        close=lambda: server.stop(0.1),
    )


def _learner(security):
    learner = RunningLearner(security=ServerSecurity(**security))
    learner.publisher.publish(PolicySnapshot(version=1, data=b"x" * 64, env_steps=0))
    path = "/serl.learner.v1.LearnerService/"
    learner.ingest.join(join_request())

    def lead_back():
        """Goes on where the actor's rows end, so that what follows fits."""
        first = learner.replay.acknowledged("a") + 1
        target.samples[f"{path}StreamSteps"] = [batch(first, 1), batch(first, 3), batch(first + 1, 3)]
        target.opening[f"{path}StreamSteps"] = batch(first, 1)

    def require_alive():
        credentials = ChannelSecurity(token_file=security.get("token_file"))
        with contextlib.closing(LearnerClient(learner.address, "b", SPEC, SETTINGS, "1.0.0", credentials)) as client:
            assert client.join(20.0).run_id == "run"

    target = Target(
        "learner",
        learner.address,
        [*methods_of_services(["serl.learner.v1.LearnerService"]), *HEALTH, REFLECTION],
        samples={
            f"{path}Join": [join_request()],
            f"{path}WatchPolicy": [learner_pb.WatchPolicyRequest(actor_id="a")],
            f"{path}ReportEpisode": [learner_pb.ReportEpisodeRequest(actor_id="a")],
            f"{path}ReportEvaluation": [learner_pb.ReportEvaluationRequest(actor_id="a")],
        },
        lead_back=lead_back,
        require_alive=require_alive,
        close=learner.close,
    )
    return target


def start(name, token_file=None):
    """Starts the server of a name, which wants a token where it is given a file with one."""
    security = {} if token_file is None else {"token_file": token_file}
    return _learner(security) if name == "learner" else _robot(name, security)
