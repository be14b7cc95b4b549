"""Builds a cell of simulated devices for the daemon."""

import logging
import math
from collections.abc import Mapping
from types import MappingProxyType

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.hardware.devices import Cell, Timebase
from serl_api.cell import CameraInfo, CameraIntrinsics
from serl_api.enums import Backend, Pacing
from serl_api.errors.robot import NotFoundError
from simulator.devices import MujocoCamera
from simulator.devices.past import WorldPast
from simulator.devices.world import World
from simulator.model.arm_table import ARMS
from simulator.physics.meeting import Meeting
from simulator.physics.rendering import RenderError, View
from simulator.physics.timebase import LockstepTimebase, StallingTimebase, SteppingThread
from simulator.scene.scene import CAMERAS

logger = logging.getLogger(__name__)

CAMERA_SIZE = 128
"""Width and height of the policy's cameras, px."""
CAMERA_RATE_HZ = 30.0
"""Nominal rate of a camera in real time."""

LIMITS = LimitsConfig(
    contact_force_n=500.0,
    step_translation_m=0.1,
    step_rotation_rad=0.5,
    tcp_speed_m_per_s=1.0,
    tcp_rotation_rad_per_s=2.0,
    move_speed_m_per_s=0.5,
    move_rotation_rad_per_s=1.5,
)
"""Bounds that suit a simulated arm: it survives a collision, so learning to avoid one need not end in a fault. It is
four times as fast as a real one by default; the product's tasks were learned with these bounds."""


def build_cell(task: str, pacing: Pacing = Pacing.LOCKSTEP, seed: int = 0, *, arm: str = "panda") -> Cell:
    """Builds the simulated cell of a scene with one arm.

    Args:
        task: Name of the task's scene.
        pacing: Who makes time pass.
        seed: Seed of the first scene and of the stream after it.
        arm: Name of the arm's table.

    Raises:
        NotFoundError: No task or arm of that name.
        PluginError: The task's scene cannot be used.
    """
    return cell_of(load_world(task, arm, seed), pacing)


def build_cells(
    task: str, pacing: Pacing = Pacing.LOCKSTEP, seed: int = 0, *, arm: str = "panda"
) -> tuple[tuple[Cell, ...], Meeting]:
    """Builds a simulated cell for each arm of a scene, the left one's first, and the meeting of those that share time.

    See `build_cell`; whoever serves the cells tells the meeting which of them are busy.
    """
    world = load_world(task, arm, seed)
    meeting = Meeting(lambda: world.physics.time_ns)
    if world.stage.right is None:
        return (cell_of(world, pacing),), meeting
    other = World(task, world.table, seed, stage=world.stage, mount=world.stage.right)
    thread = None
    if pacing is Pacing.REAL_TIME:
        _warm_up(world)
        thread = _stepping_thread(world, other)
    left = _cell(world, _shared_timebase(world, pacing, meeting), thread, "left")
    return (left, _cell(other, _shared_timebase(other, pacing, meeting), None, "right")), meeting


def load_world(task: str, arm: str, seed: int) -> World:
    """Compiles a task's scene and draws its first state.

    Raises:
        NotFoundError: No task or arm of that name.
        PluginError: The task's scene cannot be used.
    """
    if arm not in ARMS:
        raise NotFoundError.among("arm", name=arm, available=sorted(ARMS))
    return World(task, ARMS[arm], seed)


def cell_of(world: World, pacing: Pacing) -> Cell:
    """Builds the cell of a world under a pacing. Closing it ends its threads; another cell may use the world."""
    if pacing is Pacing.LOCKSTEP:
        return _cell(world, LockstepTimebase(world.physics, world.stall, world.delays), None)
    _warm_up(world)
    return _cell(world, StallingTimebase(world.stall), _stepping_thread(world))


def _cell(world: World, timebase: Timebase, thread: SteppingThread | None, side: str = "") -> Cell:
    cameras = _cameras(world, timebase.pacing)
    world.delays.in_lockstep = timebase.pacing is Pacing.LOCKSTEP

    def close() -> None:
        if thread is not None:
            thread.close()
        world.close()

    return Cell(
        name=f"simulated {world.table.name} {side}".rstrip(),
        backend=Backend.SIMULATED,
        timebase=timebase,
        arm=world.arm,
        gripper=world.gripper,
        cameras=cameras,
        scene=world,
        past=WorldPast(world, cameras),
        task=world.name,
        close=close,
    )


def _shared_timebase(world: World, pacing: Pacing, meeting: Meeting) -> Timebase:
    if pacing is Pacing.LOCKSTEP:
        return LockstepTimebase(world.physics, world.stall, world.stage, meeting)
    return StallingTimebase(world.stall)


def _stepping_thread(*worlds: World) -> SteppingThread:
    def on_failure() -> None:
        for world in worlds:
            world.arm.is_silent = True
            world.gripper.is_silent = True

    return SteppingThread(worlds[0].physics, on_failure)


def _warm_up(world: World) -> None:
    """Makes the OpenGL context before time starts to run, so that the first frames are not late."""
    try:
        world.renderer.render(View(camera=CAMERAS[0], width=CAMERA_SIZE, height=CAMERA_SIZE))
    except RenderError as error:
        logger.warning("the cameras stay dark: %s", error)


def _cameras(world: World, pacing: Pacing) -> Mapping[str, MujocoCamera]:
    model = world.physics.model
    rate_hz = 0.0 if pacing is Pacing.LOCKSTEP else CAMERA_RATE_HZ
    cameras: dict[str, MujocoCamera] = {}
    for index in range(model.ncam):
        called = model.camera(index).name
        name = world.mount.camera_of(called)
        if name is None:
            continue
        focal = 0.5 * CAMERA_SIZE / math.tan(math.radians(float(model.cam_fovy[index])) / 2)
        info = CameraInfo(
            name=name,
            model="mujoco",
            serial_number=name,
            width=CAMERA_SIZE,
            height=CAMERA_SIZE,
            rate_hz=rate_hz,
            intrinsics=CameraIntrinsics(focal, focal, CAMERA_SIZE / 2, CAMERA_SIZE / 2),
            mount="base" if model.cam_bodyid[index] == 0 else "tcp",
        )
        cameras[name] = MujocoCamera(world.physics, world.renderer, world.injections, info, called=called)
    return MappingProxyType(cameras)
