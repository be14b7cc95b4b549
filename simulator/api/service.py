"""Implements `serl.simulator.v1.SimulatorService`."""

from dataclasses import replace

import grpc
from google.protobuf import duration_pb2
from serl.robot.v1 import robot_service_pb2
from serl.simulator.v1 import simulator_service_pb2 as messages
from serl.simulator.v1 import simulator_service_pb2_grpc

from robot_daemon.api.image_encoding import encode_frame
from robot_daemon.api.refusals import refusing
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.hardware.devices import FrameSample
from serl_api.codec.geometry import decode_triple
from serl_api.codec.observation import write_tracked_object
from serl_api.enums import Pacing, StampSource
from serl_api.errors.robot import (
    DeviceUnavailableError,
    InvalidRequestError,
    LimitExceededError,
    ModeError,
    NotEquippedError,
    NotFoundError,
)
from serl_api.plugins import PluginError
from simulator.devices.cell import CAMERA_SIZE, cell_of, load_world
from simulator.devices.delays import MAX_DELAY_NS
from simulator.devices.injection import Condition, Latency
from simulator.devices.world import World
from simulator.physics.contacts import contact_pairs
from simulator.physics.rendering import MAX_PICTURE_SIZE, Orbit, RenderError, View
from simulator.scene.finding import find_scene, scene_names, usable_scenes
from simulator.scene.scene import CAMERAS
from simulator.scene.task_scene import TaskScene, TwoArmScene

MIN_PICTURE_SIZE = 16
DEFAULT_WIDTH, DEFAULT_HEIGHT = 640, 480

_PACINGS = {
    robot_service_pb2.PACING_LOCKSTEP: Pacing.LOCKSTEP,
    robot_service_pb2.PACING_REAL_TIME: Pacing.REAL_TIME,
}


class SimulatorServicer(simulator_service_pb2_grpc.SimulatorServiceServicer):
    """Serves what only a simulator can do."""

    def __init__(self, core: DaemonCore) -> None:
        self._core = core
        self._picture_count = 0

    @property
    def _world(self) -> World:
        world = self._core.cell.scene
        if not isinstance(world, World):
            raise ModeError("this daemon serves no simulated cell", mode="real")
        return world

    @refusing
    def ListTasks(
        self, request: messages.ListTasksRequest, context: grpc.ServicerContext
    ) -> messages.ListTasksResponse:
        """Lists the tasks that can be loaded."""
        tasks = [_task_info(name, scene) for name, scene in usable_scenes().items()]
        return messages.ListTasksResponse(tasks=tasks, loaded_task=self._world.name)

    @refusing
    def LoadTask(self, request: messages.LoadTaskRequest, context: grpc.ServicerContext) -> messages.LoadTaskResponse:
        """Replaces the scene by a task's."""
        former = self._world
        with self._core.lock:
            self._core.require_no_session()
            if request.name not in (former.name, *scene_names()):  # A client must not choose what to import.
                raise NotFoundError.among("task", name=request.name, available=scene_names())
            if former.stage.right is not None or has_two_arms(request.name):
                return self._load_shared(request, former)
            try:
                world = load_world(request.name, former.table.name, request.seed if request.HasField("seed") else 0)
            except PluginError as error:
                raise NotEquippedError(str(error), capability="task") from error
            world.physics.set_time(former.physics.time_ns)
            self._core.replace_cell(cell_of(world, self._core.cell.timebase.pacing))
        return messages.LoadTaskResponse(task=_task_info(world.name, world.scene))

    def _load_shared(self, request: messages.LoadTaskRequest, world: World) -> messages.LoadTaskResponse:
        """Draws a scene of two arms anew, which is as much as can be done where another cell shares it."""
        if request.name != world.name:
            text = f"{world.name} and {request.name} differ in their number of arms; start the simulator with --task"
            if world.stage.right is not None:
                text = f"{world.name} has two arms, whose scene stays; start the simulator with --task {request.name}"
            raise NotEquippedError(text, capability="task")
        world.reset(seed=request.seed if request.HasField("seed") else 0, start=None, gripper_width=None)
        self._let_notice()
        return messages.LoadTaskResponse(task=_task_info(world.name, world.scene))

    @refusing
    def SetSeed(self, request: messages.SetSeedRequest, context: grpc.ServicerContext) -> messages.SetSeedResponse:
        """Seeds the stream of scenes."""
        self._world.set_seed(request.seed)
        return messages.SetSeedResponse()

    @refusing
    def GetGroundTruth(
        self, request: messages.GetGroundTruthRequest, context: grpc.ServicerContext
    ) -> messages.GetGroundTruthResponse:
        """Returns the exact state of the scene."""
        world = self._world
        with world.physics.lock:
            response = messages.GetGroundTruthResponse(
                contacts=[
                    messages.ContactPair(first_body=first, second_body=second, normal_force_n=force)
                    for (first, second), force in contact_pairs(world.physics).items()
                ],
                simulated_time_ns=world.physics.time_ns,
                scene_seed=world.scene_seed,
            )
            for item in world.tracked_objects():
                write_tracked_object(response.objects.add(), item)
            return response

    @refusing
    def RenderView(
        self, request: messages.RenderViewRequest, context: grpc.ServicerContext
    ) -> messages.RenderViewResponse:
        """Renders the scene from any viewpoint."""
        view = _decode_view(request)
        if view.camera is not None:
            view = replace(view, camera=self._world.mount.camera(view.camera))
        try:
            rgb, time_ns = self._world.renderer.render(view)
        except RenderError as error:
            raise DeviceUnavailableError(str(error), device="renderer") from error
        self._picture_count += 1
        sample = FrameSample(
            time_ns=time_ns,
            receive_time_ns=time_ns,
            number=self._picture_count,
            rgb=rgb,
            stamp_source=StampSource.SIMULATOR,
        )
        return messages.RenderViewResponse(frame=encode_frame(request.camera or "orbit", sample, 0))

    @refusing
    def SetPacing(
        self, request: messages.SetPacingRequest, context: grpc.ServicerContext
    ) -> messages.SetPacingResponse:
        """Changes who makes time pass."""
        if request.pacing not in _PACINGS:
            text = f"pacing is {request.pacing}; give PACING_LOCKSTEP or PACING_REAL_TIME"
            raise InvalidRequestError(text, field="pacing")
        pacing = _PACINGS[request.pacing]
        with self._core.lock:
            self._core.require_no_session()
            if pacing is not self._core.cell.timebase.pacing:
                if self._world.stage.right is not None:
                    text = f"{self._world.name} has two arms, which share time; start the simulator with --pacing"
                    raise NotEquippedError(text, capability="pacing")
                self._core.replace_cell(cell_of(self._world, pacing))
        return messages.SetPacingResponse()

    @refusing
    def InjectFault(
        self, request: messages.InjectFaultRequest, context: grpc.ServicerContext
    ) -> messages.InjectFaultResponse:
        """Injects a fault or a condition."""
        duration_ns = _decode_duration(request.duration, "duration") if request.HasField("duration") else None
        kind = request.WhichOneof("fault")
        injections = self._world.injections
        if kind == "camera_dropout":
            name = self._require_camera(request.camera_dropout.camera)
            injections.inject(Condition.CAMERA_DROPOUT, device=name, duration_ns=duration_ns)
        elif kind == "camera_latency":
            self._inject_latency(request.camera_latency, duration_ns)
        elif kind == "observation_delay":
            self._inject_delay(Condition.OBSERVATION_DELAY, kind, request.observation_delay, duration_ns)
        elif kind == "action_delay":
            self._inject_delay(Condition.ACTION_DELAY, kind, request.action_delay, duration_ns)
        elif kind == "target_filter":
            self._inject_filter(request.target_filter, duration_ns)
        elif kind == "contact_reflex":
            if duration_ns is not None:
                injections.inject(Condition.CONTACT_REFLEX, duration_ns=duration_ns)
            self._world.arm.stop_by_reflex("a contact reflex was injected by the simulator service")
        elif kind == "stall":
            self._world.stall.begin(None if duration_ns is None else duration_ns * 1e-9)
        elif kind == "gripper_jam":
            injections.inject(Condition.GRIPPER_JAM, duration_ns=duration_ns)
        elif kind == "hand_guiding":
            injections.inject(Condition.HAND_GUIDING, duration_ns=duration_ns)
        else:
            raise InvalidRequestError("fault is absent; say what should go wrong", field="fault")
        self._let_notice()
        return messages.InjectFaultResponse()

    @refusing
    def ClearInjections(
        self, request: messages.ClearInjectionsRequest, context: grpc.ServicerContext
    ) -> messages.ClearInjectionsResponse:
        """Ends every injected condition."""
        self._world.injections.clear()
        self._world.stall.end()
        self._let_notice()
        return messages.ClearInjectionsResponse()

    def _inject_latency(self, latency: messages.CameraLatency, duration_ns: int | None) -> None:
        name = self._require_camera(latency.camera)
        value = _decode_latency(latency, "camera_latency")
        self._world.injections.inject(Condition.CAMERA_LATENCY, device=name, duration_ns=duration_ns, latency=value)

    def _inject_delay(
        self,
        condition: Condition,
        field: str,
        delay: messages.ObservationDelay | messages.ActionDelay,
        duration_ns: int | None,
    ) -> None:
        if self._core.cell.timebase.pacing is not Pacing.LOCKSTEP:
            text = f"{field} is for lockstep, and this simulator runs in real time; set its pacing to lockstep first"
            raise InvalidRequestError(text, field=field)
        latency = _decode_latency(delay, field)
        longest_ns = latency.delay_ns + latency.jitter_ns
        if longest_ns > MAX_DELAY_NS:
            text = f"{field} reaches {longest_ns} ns; delay and jitter together must not exceed {MAX_DELAY_NS} ns"
            raise InvalidRequestError(text, field=f"{field}.delay")
        self._world.injections.inject(condition, duration_ns=duration_ns, latency=latency)
        with self._world.physics.lock:
            self._world.delays.begin()

    def _inject_filter(self, wanted: messages.TargetFilter, duration_ns: int | None) -> None:
        field = "target_filter.time_constant"
        value_ns = _decode_duration(wanted.time_constant, field)
        if value_ns > MAX_DELAY_NS:
            raise InvalidRequestError(f"{field} is {value_ns} ns; it must not exceed {MAX_DELAY_NS} ns", field=field)
        latency = Latency(delay_ns=value_ns, jitter_ns=0)
        self._world.injections.inject(Condition.TARGET_FILTER, duration_ns=duration_ns, latency=latency)

    def _require_camera(self, name: str) -> str:
        self._core.require_cameras((name,))
        return name

    def _let_notice(self) -> None:
        """Makes the daemon look again now: its lockstep sensors keep what they saw while the clock stands still."""
        if self._core.cell.timebase.pacing is Pacing.LOCKSTEP:
            self._core.active_cell.sensors.forget()
        self._core.active_cell.faults.refresh()


def has_two_arms(name: str) -> bool:
    """Returns whether a scene that can be used has two arms."""
    try:
        return isinstance(find_scene(name), TwoArmScene)
    except PluginError:
        return False


def _task_info(name: str, scene: TaskScene) -> messages.TaskInfo:
    return messages.TaskInfo(name=name, text=scene.text, tracked_objects=scene.tracked_objects, cameras=CAMERAS)


def _decode_duration(duration: duration_pb2.Duration, field: str) -> int:
    nanoseconds = duration.ToNanoseconds()
    if nanoseconds <= 0:
        raise InvalidRequestError(f"{field} is {nanoseconds} ns; it must be above 0", field=field)
    return nanoseconds


def _decode_latency(
    message: messages.CameraLatency | messages.ObservationDelay | messages.ActionDelay, field: str
) -> Latency:
    delay_ns = _decode_duration(message.delay, f"{field}.delay")
    jitter_ns = message.jitter.ToNanoseconds()
    if not 0 <= jitter_ns <= delay_ns:
        text = f"{field}.jitter is {jitter_ns} ns; it must be between 0 and the delay, {delay_ns} ns"
        raise InvalidRequestError(text, field=f"{field}.jitter")
    return Latency(delay_ns=delay_ns, jitter_ns=jitter_ns)


def _decode_view(request: messages.RenderViewRequest) -> View:
    kind = request.WhichOneof("view")
    if kind == "camera":
        if request.camera not in CAMERAS:
            raise NotFoundError.among("camera", name=request.camera, available=CAMERAS)
        width = _decode_size(request.width_px, CAMERA_SIZE, "width_px")
        height = _decode_size(request.height_px, CAMERA_SIZE, "height_px")
        return View(camera=request.camera, width=width, height=height, fine=True)
    if kind == "orbit":
        width = _decode_size(request.width_px, DEFAULT_WIDTH, "width_px")
        height = _decode_size(request.height_px, DEFAULT_HEIGHT, "height_px")
        return View(orbit=_decode_orbit(request.orbit), width=width, height=height, fine=True)
    raise InvalidRequestError("view is absent; give a camera's name or an orbit", field="view")


def _decode_orbit(orbit: messages.OrbitView) -> Orbit:
    if not 0.01 <= orbit.distance_m <= 100.0:
        raise LimitExceededError.outside("orbit.distance_m", orbit.distance_m, lower=0.01, upper=100.0, unit="m")
    target = decode_triple(orbit.target_m)
    return Orbit(target=target, distance=orbit.distance_m, azimuth=orbit.azimuth_rad, elevation=orbit.elevation_rad)


def _decode_size(value: int, default: int, field: str) -> int:
    if value == 0:
        return default
    if not MIN_PICTURE_SIZE <= value <= MAX_PICTURE_SIZE:
        raise LimitExceededError.outside(field, value, lower=MIN_PICTURE_SIZE, upper=MAX_PICTURE_SIZE, unit="px")
    return value
