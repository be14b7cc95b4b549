"""Controls a simulator: tasks, ground truth, free views, pacing, injected faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from serl.robot.v1 import robot_service_pb2
from serl.simulator.v1 import simulator_service_pb2, simulator_service_pb2_grpc

from serl_api.codec.geometry import encode_vector
from serl_api.codec.observation import decode_frame, decode_tracked_objects
from serl_api.codec.times import encode_duration
from serl_api.enums import Pacing
from serl_api.values import Frame, TrackedObject, Triple
from serl_client.connection.channel import SLOW_TIMEOUT_S, ServiceClient


@dataclass(frozen=True, kw_only=True)
class TaskInfo:
    """Describes a task that a simulator can load."""

    name: str
    """In kebab-case."""
    text: str
    """One sentence."""
    tracked_objects: tuple[str, ...]
    """Names of the objects that observations track."""
    cameras: tuple[str, ...]
    """Names of the cameras."""


@dataclass(frozen=True, kw_only=True)
class TaskList:
    """Lists the tasks of a simulator."""

    tasks: Mapping[str, TaskInfo]
    """By name."""
    loaded: str
    """Name of the one that is loaded."""


@dataclass(frozen=True, kw_only=True)
class ContactPair:
    """Describes two bodies that touch."""

    first_body: str
    """Name."""
    second_body: str
    """Name."""
    normal_force: float
    """N."""


@dataclass(frozen=True, kw_only=True)
class GroundTruth:
    """Holds the exact state of a scene."""

    objects: Mapping[str, TrackedObject]
    """By name."""
    contacts: tuple[ContactPair, ...]
    """Pairs in contact."""
    simulated_time_ns: int
    """Simulated time."""
    scene_seed: int
    """Seed that the scene was drawn from."""


@dataclass(frozen=True, kw_only=True)
class OrbitView:
    """Describes a camera that circles a point."""

    target: Triple
    """Point looked at, in `base`, m."""
    distance: float
    """From that point, m."""
    azimuth: float = 0.0
    """About the vertical, rad; 0 looks along +x."""
    elevation: float = 0.0
    """Above the horizontal, rad; positive looks down."""


class SimulatorClient(ServiceClient):
    """Drives the simulator behind a daemon; on a real cell every call raises NotEquippedError.

    See `ServiceClient` for the arguments.
    """

    @cached_property
    def _stub(self) -> simulator_service_pb2_grpc.SimulatorServiceStub:
        return simulator_service_pb2_grpc.SimulatorServiceStub(self.connection.channel)

    def list_tasks(self) -> TaskList:
        """Lists the tasks that can be loaded."""
        response = self.connection.call(self._stub.ListTasks, simulator_service_pb2.ListTasksRequest())
        return TaskList(tasks={task.name: _decode_task(task) for task in response.tasks}, loaded=response.loaded_task)

    def load_task(self, name: str, *, seed: int | None = None) -> TaskInfo:
        """Replaces the scene by a task's.

        Args:
            name: Of the task.
            seed: Of the first scene and of the stream after it; None is 0.

        Raises:
            NotFoundError: No such task; the message lists those that exist.
            ControlHeldError: A control session is open.
        """
        request = simulator_service_pb2.LoadTaskRequest(name=name, seed=seed)
        return _decode_task(self.connection.call(self._stub.LoadTask, request, timeout_s=SLOW_TIMEOUT_S).task)

    def set_seed(self, seed: int) -> None:
        """Seeds the stream of scenes that later resets without a seed draw from."""
        self.connection.call(self._stub.SetSeed, simulator_service_pb2.SetSeedRequest(seed=seed))

    def get_ground_truth(self) -> GroundTruth:
        """Returns the exact state of the scene."""
        response = self.connection.call(self._stub.GetGroundTruth, simulator_service_pb2.GetGroundTruthRequest())
        return GroundTruth(
            objects=decode_tracked_objects(response.objects),
            contacts=tuple(
                ContactPair(first_body=pair.first_body, second_body=pair.second_body, normal_force=pair.normal_force_n)
                for pair in response.contacts
            ),
            simulated_time_ns=response.simulated_time_ns,
            scene_seed=response.scene_seed,
        )

    def render_view(self, view: str | OrbitView, *, width: int = 0, height: int = 0) -> Frame:
        """Renders the scene; does not advance time.

        Args:
            view: Name of a camera, or a camera that circles a point.
            width: In px, in [16, 2048]; 0 is the camera's own, or 640.
            height: In px, in [16, 2048]; 0 is the camera's own, or 480.

        Raises:
            NotFoundError: No such camera.
            LimitExceededError: The size is out of range.
        """
        request = simulator_service_pb2.RenderViewRequest(width_px=width, height_px=height)
        if isinstance(view, str):
            request.camera = view
        else:
            request.orbit.CopyFrom(
                simulator_service_pb2.OrbitView(
                    target_m=encode_vector(view.target),
                    distance_m=view.distance,
                    azimuth_rad=view.azimuth,
                    elevation_rad=view.elevation,
                )
            )
        return decode_frame(self.connection.call(self._stub.RenderView, request, timeout_s=SLOW_TIMEOUT_S).frame)

    def set_pacing(self, pacing: Pacing) -> None:
        """Changes who makes time pass.

        Raises:
            ControlHeldError: A control session is open.
        """
        request = simulator_service_pb2.SetPacingRequest(pacing=cast("robot_service_pb2.Pacing", int(pacing)))
        self.connection.call(self._stub.SetPacing, request, timeout_s=SLOW_TIMEOUT_S)

    def drop_camera(self, camera: str, *, duration_s: float | None = None) -> None:
        """Stops a camera's frames, until `clear_injections` or for a while of the daemon's time."""
        self._inject(duration_s, camera_dropout=simulator_service_pb2.CameraDropout(camera=camera))

    def delay_camera(
        self, camera: str, delay_s: float, *, jitter_s: float = 0.0, duration_s: float | None = None
    ) -> None:
        """Delays a camera's frames, with a mean and half the width of a uniform jitter; its stamps stay true."""
        latency = simulator_service_pb2.CameraLatency(
            camera=camera, delay=encode_duration(delay_s), jitter=encode_duration(jitter_s)
        )
        self._inject(duration_s, camera_latency=latency)

    def delay_observations(self, delay_s: float, *, jitter_s: float = 0.0, duration_s: float | None = None) -> None:
        """Shows the past in every observation, as old as the mean and half the width of a uniform jitter say.

        Raises:
            InvalidRequestError: A delay beyond 0.5 s, a jitter beyond the delay, or a simulator in real time.
        """
        delay = simulator_service_pb2.ObservationDelay(delay=encode_duration(delay_s), jitter=encode_duration(jitter_s))
        self._inject(duration_s, observation_delay=delay)

    def delay_actions(self, delay_s: float, *, jitter_s: float = 0.0, duration_s: float | None = None) -> None:
        """Lets targets take effect later, with a mean and half the width of a uniform jitter.

        Raises:
            InvalidRequestError: A delay beyond 0.5 s, a jitter beyond the delay, or a simulator in real time.
        """
        delay = simulator_service_pb2.ActionDelay(delay=encode_duration(delay_s), jitter=encode_duration(jitter_s))
        self._inject(duration_s, action_delay=delay)

    def filter_targets(self, time_constant_s: float, *, duration_s: float | None = None) -> None:
        """Lets the arm follow poses through a low-pass, as `target_time_constant_s` of a Franka arm's driver does.

        Raises:
            InvalidRequestError: A time constant of 0, or beyond 0.5 s.
        """
        target_filter = simulator_service_pb2.TargetFilter(time_constant=encode_duration(time_constant_s))
        self._inject(duration_s, target_filter=target_filter)

    def trigger_contact_reflex(self) -> None:
        """Stops the arm by a reflex, with the fault "contact_reflex"."""
        self._inject(None, contact_reflex=simulator_service_pb2.ContactReflex())

    def stall(self, *, duration_s: float | None = None) -> None:
        """Holds back every answer of the control loop."""
        self._inject(duration_s, stall=simulator_service_pb2.Stall())

    def jam_gripper(self, *, duration_s: float | None = None) -> None:
        """Jams the gripper."""
        self._inject(duration_s, gripper_jam=simulator_service_pb2.GripperJam())

    def guide_by_hand(self, *, duration_s: float | None = None) -> None:
        """Simulates hand guiding: the arm gives way and ignores targets, in mode GUIDED."""
        self._inject(duration_s, hand_guiding=simulator_service_pb2.HandGuiding())

    def clear_injections(self) -> None:
        """Ends every injected condition; faults still need `RobotClient.recover`."""
        self.connection.call(self._stub.ClearInjections, simulator_service_pb2.ClearInjectionsRequest())

    def _inject(self, duration_s: float | None, **fault: Any) -> None:  # noqa: ANN401
        duration = None if duration_s is None else encode_duration(duration_s)
        request = simulator_service_pb2.InjectFaultRequest(duration=duration, **fault)
        self.connection.call(self._stub.InjectFault, request)


def _decode_task(message: simulator_service_pb2.TaskInfo) -> TaskInfo:
    return TaskInfo(
        name=message.name,
        text=message.text,
        tracked_objects=tuple(message.tracked_objects),
        cameras=tuple(message.cameras),
    )
