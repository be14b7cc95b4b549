"""Learners and actors as real processes of one run, through the command line."""

import sys
import time

import grpc
from serl.learner.v1 import learner_service_pb2 as pb
from serl.learner.v1 import learner_service_pb2_grpc

from serl_api.lifetime.child_process import ChildProcess
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.security import open_channel
from serl_rl.config.presets import preset
from serl_rl.envs.factory import make_environment, spec_of
from serl_rl.replay.buffer import ReplayBuffer
from tests.support.waiting import wait_until

CONFIG = preset("debug")
SPEC = spec_of(make_environment(CONFIG.environment), CONFIG.environment)
NEVER_EVALUATED = ("--evaluation.shortest-gap-steps", "1000000", "--evaluation.longest-gap-steps", "1000000")
ENDLESS = ("--learner.max-env-steps", "1000000", *NEVER_EVALUATED)
WAIT_S = 150.0
"""Ends a test whose processes hang; no judge of their speed."""


class Run:
    """Processes of one run in a folder; ends them all on leaving."""

    actor_module = "serl_rl"
    preset = "debug"

    def __init__(self, folder):
        self.folder = folder
        self.spool = folder / "spool"
        self.run_directory = folder / "run"
        self.address = ""
        self.children = []
        self._count = 0

    def spawn(self, command, *arguments, module="serl_rl"):
        self._count += 1
        ready = self.folder / f"ready-{self._count}"
        options = ("--preset", self.preset, "--ready-file", str(ready))
        call = [sys.executable, "-m", module, command, *options, *arguments]
        child = ChildProcess(command, call, self.folder / "logs" / f"{command}-{self._count}.log")
        self.children.append(child)
        return child, ready

    def learner(self, *arguments):
        address = self.address or "127.0.0.1:0"
        child, ready = self.spawn(
            "learner", "--run-directory", str(self.run_directory), "--address", address, *arguments
        )
        self.address = child.wait_for_file(ready, StopSignal(), WAIT_S)
        return child

    def actor(self, *arguments, actor_id="a", is_awaited=True):
        where = ("--learner-address", self.learner_address, "--spool-directory", str(self.spool))
        child, ready = self.spawn("actor", *where, "--actor-id", actor_id, *arguments, module=self.actor_module)
        if is_awaited:
            child.wait_for_file(ready, StopSignal(), WAIT_S)
        return child

    @property
    def learner_address(self):
        """Where actors find the learner."""
        return self.address

    def progress(self):
        with open_channel(self.address) as channel:
            try:
                stub = learner_service_pb2_grpc.LearnerServiceStub(channel)
                return stub.GetProgress(pb.GetProgressRequest(), timeout=2.0)
            except grpc.RpcError:
                return pb.GetProgressResponse()

    def wait_for_steps(self, count, timeout_s=WAIT_S):
        """Waits until the replay holds so many steps; returns how long it took."""
        start = time.monotonic()

        def has_come():
            for child in self.children:
                child.poll()
            return self.progress().environment_step_count >= count

        wait_until(has_come, timeout_s, pause_s=0.02, explain=self.last_words)
        return time.monotonic() - start

    def wait_for_demonstrations(self):
        """Waits until the learner has read demonstrations; returns how many transitions they are."""

        def count():
            return self.progress().demonstration_transition_count

        return wait_until(count, WAIT_S, pause_s=0.02, explain=self.last_words)

    def last_words(self):
        return [child.last_words() for child in self.children]

    def replay(self):
        return ReplayBuffer(SPEC, CONFIG.learner.replay_capacity, self.run_directory / "replay")

    def stop(self):
        return [child.stop() for child in reversed(self.children) if child.poll() is None]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
