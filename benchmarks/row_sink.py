"""A learner's service over its memory-mapped replay, without training, as a process of its own."""

import argparse
import signal
import tempfile
import threading
from pathlib import Path

from benchmarks.rows import LAYOUT, SETTINGS, VERSION, spec
from serl_api.security import ServerSecurity
from serl_rl.learner.ingest import Ingest
from serl_rl.learner.publish import PolicyPublisher
from serl_rl.learner.run_state import RunState
from serl_rl.learner.server import learner_server
from serl_rl.learner.service import LearnerServicer
from serl_rl.learner.update_rate_limiter import UpdateRateLimiter
from serl_rl.replay.buffer import ReplayBuffer

ENDLESS = 10**9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--images", type=int, default=0)
    arguments = parser.parse_args()
    rate_limiter = UpdateRateLimiter(
        ratio=1, warm_up_steps=ENDLESS, lead_steps=10, tolerance_steps=0, max_env_steps=ENDLESS
    )
    state, publisher = RunState("benchmark", rate_limiter), PolicyPublisher()
    ingest = Ingest(state, SETTINGS, VERSION)
    environment = spec(arguments.images)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with tempfile.TemporaryDirectory() as folder:
        capacity = 20_000 if arguments.images else 1_000_000
        replay = ReplayBuffer(environment, capacity, Path(folder))
        ingest.offer_spec(environment)
        ingest.open(replay, LAYOUT)
        servicer = LearnerServicer(state, ingest, publisher, 4, lambda _response: None)
        server = learner_server(servicer, "127.0.0.1:0", ServerSecurity(), 4)
        address = server.start()
        scratch = arguments.ready_file.with_suffix(".part")
        scratch.write_text(address)
        scratch.rename(arguments.ready_file)
        stopped.wait()
        state.close()
        publisher.close()
        server.stop(0.5)
        replay.close()


if __name__ == "__main__":
    main()
