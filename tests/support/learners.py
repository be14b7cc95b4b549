"""A learner that serves and does not train, and what actors say to it."""

import numpy as np
from serl.learner.v1 import learner_service_pb2 as pb
from serl.learner.v1 import tensor_pb2

from serl_api.security import ServerSecurity
from serl_rl.actor.learner_client import LearnerClient
from serl_rl.actor.rows import make_row, pack_rows, row_type
from serl_rl.learner.ingest import Ingest
from serl_rl.learner.publish import PolicyPublisher
from serl_rl.learner.run_state import RunState
from serl_rl.learner.server import learner_server
from serl_rl.learner.service import LearnerServicer
from serl_rl.learner.update_rate_limiter import UpdateRateLimiter
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.replay.buffer import ReplayBuffer

SPEC = EnvironmentSpec(
    environment="test",
    observation=(ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(3,)),),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(2,)),
)
SETTINGS = (("environment.id", "test"),)
LAYOUT = (tensor_pb2.Tensor(name="weight", data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=(2, 2)),)
OPEN_LIMITER = UpdateRateLimiter(
    ratio=1, warm_up_steps=1_000_000, lead_steps=10, tolerance_steps=0, max_env_steps=10_000_000
)


class RunningLearner:
    """A learner without training."""

    def __init__(
        self,
        rate_limiter=OPEN_LIMITER,
        max_streams=4,
        security=None,
        address="127.0.0.1:0",
        directory=None,
        *,
        spec=SPEC,
        is_ready=True,
    ):
        self.state = RunState("run", rate_limiter)
        self.ingest = Ingest(self.state, SETTINGS, "1.2.3")
        self.publisher = PolicyPublisher()
        self.replay = ReplayBuffer(spec, 100_000, directory)
        if is_ready:
            self.ingest.offer_spec(spec)
            self.ingest.open(self.replay, LAYOUT)
        self.state.set_env_steps(self.replay.environment_step_count)
        servicer = LearnerServicer(self.state, self.ingest, self.publisher, max_streams, lambda response: None)
        self.server = learner_server(servicer, address, security or ServerSecurity(), max_streams)
        self.address = self.server.start()

    def close(self):
        self.state.close()
        self.publisher.close()
        self.server.stop(0.5)
        self.replay.close()


def join_request(actor_id="a", spec=SPEC, settings=SETTINGS, version="1.0.0"):
    config = [{"path": path, "value": value} for path, value in settings]
    return pb.JoinRequest(actor_id=actor_id, spec=spec.to_proto(), config=config, package_version=version)


def batch(first, count, actor_id="a", episode=1):
    """Rows of one long episode, so that any slice of them is valid."""
    rows = np.zeros(count, row_type(SPEC))
    for index in range(count):
        number = first + index
        rows[index] = make_row(
            rows.dtype,
            {"state": np.full(3, number, np.float32)},
            episode_id=episode,
            step_index=number - 1,
            row_kind=pb.ROW_KIND_STEP,
            action=np.zeros(2, np.float32),
        )
    return pb.StreamStepsRequest(actor_id=actor_id, first_sequence_number=first, batch=pack_rows(rows, SPEC))


def make_client(learner, actor_id="a", settings=SETTINGS, spec=SPEC):
    return LearnerClient(learner.address, actor_id, spec, settings, "1.0.0")
