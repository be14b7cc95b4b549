"""Builds a daemon's server over a simulated cell: the robot's own services and `SimulatorService`."""

from dataclasses import replace
from functools import partial

from serl.simulator.v1 import simulator_service_pb2, simulator_service_pb2_grpc

from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig
from robot_daemon.control.active_cell import close_cell
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.hardware.devices import Cell
from serl_api.enums import Pacing
from serl_api.server import ApiServer
from serl_api.settings import ConfigError
from simulator.api.service import SimulatorServicer
from simulator.devices.cell import LIMITS, build_cell, build_cells
from simulator.physics.impedance import COMPLIANCE


def build_server(
    task: str = "pick-cube",
    pacing: Pacing = Pacing.LOCKSTEP,
    seed: int = 0,
    *,
    arm: str = "panda",
    config: ServerConfig | None = None,
    limits: LimitsConfig = LIMITS,
) -> DaemonServer:
    """Builds a server that has not started yet.

    Args:
        task: Name of the task.
        pacing: Who makes time pass.
        seed: Seed of the first scene and of the stream after it.
        arm: "panda" or "fr3".
        config: Where to listen; a free port of loopback when left out.
        limits: Bounds for every client.

    Raises:
        NotFoundError: No task or arm of that name.
        ConfigError: The address is not safe to serve.
    """
    return _serve(build_cell(task, pacing, seed, arm=arm), config or ServerConfig(address="127.0.0.1:0"), limits)


def build_servers(
    task: str,
    pacing: Pacing = Pacing.LOCKSTEP,
    seed: int = 0,
    *,
    arm: str = "panda",
    config: ServerConfig | None = None,
    limits: LimitsConfig = LIMITS,
) -> tuple[DaemonServer, ...]:
    """Builds a server for each arm of a task's scene, the left one's first; see `build_server`.

    Args:
        task: Name of the task.
        pacing: Who makes time pass.
        seed: Seed of the first scene and of the stream after it.
        arm: "panda" or "fr3".
        config: Where to listen: the address holds one address an arm, the left one's first, or port 0 alone.
        limits: Bounds for every client.

    Raises:
        NotFoundError: No task or arm of that name.
        ConfigError: The address is not safe to serve, or there is not one for each arm.
    """
    config = config or ServerConfig(address="127.0.0.1:0")
    cells, meeting = build_cells(task, pacing, seed, arm=arm)
    addresses = [address.strip() for address in config.address.split(",")]
    if len(addresses) == 1 and addresses[0].endswith(":0"):
        addresses *= len(cells)
    if len(addresses) != len(cells):
        for cell in cells:
            close_cell(cell)
        count = "two arms; give two addresses, as" if len(cells) > 1 else "one arm; give one address, such as"
        example = ",".join(("127.0.0.1:50051", "127.0.0.1:50061")[: len(cells)])
        raise ConfigError(f'the scene of {task} has {count} "{example}", not "{config.address}"')
    servers = [
        _serve(cell, replace(config, address=address), limits) for cell, address in zip(cells, addresses, strict=True)
    ]
    for server in servers:
        server.core.boot_id = servers[0].core.boot_id  # By it a client knows arms of one scene.
        meeting.join(server.core.cell.timebase, partial(_is_busy, server.core))
    return tuple(servers)


def _is_busy(core: DaemonCore) -> bool:
    return core.session is not None


def _serve(cell: Cell, config: ServerConfig, limits: LimitsConfig) -> DaemonServer:
    return DaemonServer(cell, config, limits, extra=(_add_service,), compliance=COMPLIANCE)


def _add_service(server: ApiServer, core: DaemonCore) -> None:
    server.add(
        simulator_service_pb2_grpc.add_SimulatorServiceServicer_to_server,
        SimulatorServicer(core),
        simulator_service_pb2.DESCRIPTOR.services_by_name["SimulatorService"],
    )
