"""Builds a daemon's server over a simulated cell: the robot's own services and `SimulatorService`."""

from serl.simulator.v1 import simulator_service_pb2, simulator_service_pb2_grpc

from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig
from robot_daemon.control.daemon import DaemonCore
from serl_api.enums import Pacing
from serl_api.server import ApiServer
from simulator.api.service import SimulatorServicer
from simulator.devices.cell import LIMITS, build_cell
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
    cell = build_cell(task, pacing, seed, arm=arm)
    config = config or ServerConfig(address="127.0.0.1:0")
    return DaemonServer(cell, config, limits, extra=(_add_service,), compliance=COMPLIANCE)


def _add_service(server: ApiServer, core: DaemonCore) -> None:
    server.add(
        simulator_service_pb2_grpc.add_SimulatorServiceServicer_to_server,
        SimulatorServicer(core),
        simulator_service_pb2.DESCRIPTOR.services_by_name["SimulatorService"],
    )
