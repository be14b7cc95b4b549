"""The three servers, each over something small, for what they do alike."""

from google.protobuf import descriptor_pool

from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig
from robot_daemon.drivers.fake.cell import build_fake_cell
from serl_api.security import ServerSecurity
from serl_rl.learner.ingest import Ingest
from serl_rl.learner.publish import PolicyPublisher
from serl_rl.learner.run_state import RunState
from serl_rl.learner.server import learner_server
from serl_rl.learner.service import LearnerServicer
from serl_rl.learner.update_rate_limiter import UpdateRateLimiter
from simulator.api.server import build_server

ROBOT = ["serl.robot.v1.CameraService", "serl.robot.v1.RobotService"]


def daemon(address, **security):
    config = ServerConfig(address=address, **security)
    return DaemonServer(build_fake_cell().cell, config, LimitsConfig())


def simulation(address, **security):
    return build_server(config=ServerConfig(address=address, **security))


def learner(address, **security):
    rate_limiter = UpdateRateLimiter(ratio=1, warm_up_steps=1, lead_steps=1, tolerance_steps=0, max_env_steps=1)
    state = RunState("run", rate_limiter)
    servicer = LearnerServicer(state, Ingest(state, (), "1.2.3"), PolicyPublisher(), 2, lambda _: None)
    return learner_server(servicer, address, ServerSecurity(**security), 2)


SERVERS = {
    "daemon": (daemon, ROBOT),
    "simulator": (simulation, [*ROBOT, "serl.simulator.v1.SimulatorService"]),
    "learner": (learner, ["serl.learner.v1.LearnerService"]),
}
"""Builds a server of each kind from an address and its security; the services it serves."""


def methods_of_services(services):
    """Paths of the methods of services, by their full names."""
    found = [descriptor_pool.Default().FindServiceByName(name) for name in services]
    return [f"/{service.full_name}/{method.name}" for service in found for method in service.methods]
