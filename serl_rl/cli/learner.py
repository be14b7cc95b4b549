"""`serl-train learner`: serves actors and trains."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from serl_api.lifetime.child_process import wait_for_file
from serl_api.lifetime.ready_file import write_ready_file
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.security import ServerSecurity
from serl_rl.artifacts.run_directory import RunDirectory, write_json
from serl_rl.cli.options import Experiment
from serl_rl.config.train import TrainConfig, to_dict
from serl_rl.errors import UsageError

if TYPE_CHECKING:
    from serl_rl.learner.loop import Learner

_SPEC_WAIT_S = 120.0


@dataclass(frozen=True, kw_only=True)
class LearnerCommand(Experiment):
    """Serve actors and train.

    The learner never opens an environment: the first actor tells it what observations and actions look like. It keeps
    its replay, checkpoints and metrics in the run's folder, so that a killed learner goes on with --resume.

    Try:
    serl-train learner --run-directory runs/cube --demonstrations cube.episodes

    serl-train learner --run-directory runs/cube --resume

    serl-train learner --run-directory runs/a --address 0.0.0.0:50052 --tls-certificate c --tls-key k --token-file t
    """

    run_directory: Path
    """Folder of the run: replay, checkpoints, metrics."""
    address: str = "127.0.0.1:50052"
    """Where actors find it, "host:port" or "unix:/path"; port 0 takes a free one."""
    demonstrations: tuple[Path, ...] = ()
    """Episode files that half of each batch comes from; a resumed run goes on with those that it had."""
    initial_policy: Path | None = None
    """Checkpoint, or folder of a run, whose policy a new run begins with, such as that of `serl-train bc`."""
    resume: bool = False
    """Go on with the run in the folder, with its settings unless a preset or a config file is given."""
    security: Annotated[ServerSecurity, tyro.conf.arg(name="")] = field(default_factory=ServerSecurity)
    """How the address is protected."""
    spec_file: Path | None = None
    """JSON file with the environment's spec, waited for; lets compiling start before the first actor joins."""
    ready_file: Path | None = None
    """File that gets the bound address once it serves."""

    def run(self) -> int:
        """Trains until done or stopped."""
        from serl_rl.demonstrations.files import NO_GOALS, check_files
        from serl_rl.learner.loop import Learner, demonstrations_of_run
        from serl_rl.runs.dashboard import Dashboard

        stop = StopSignal().install()
        directory = RunDirectory(self.run_directory)
        demonstrations = self.demonstrations
        if self.resume and not demonstrations:
            demonstrations = demonstrations_of_run(directory)
        if self.spec_file is None:  # Else they may be recorded meanwhile, in the environment of that file.
            check_files(demonstrations, self.config.environment)
        if self.config.vice.enabled and not demonstrations:
            raise UsageError(NO_GOALS)
        with Dashboard(f"learner {directory.path.name}", self.config, stream=sys.stderr) as dashboard:
            learner = Learner(
                self.config,
                directory,
                demonstrations=demonstrations,
                resume=self.resume,
                package_version=metadata.version("serl-robot"),
                stop=stop,
                on_metrics=dashboard.show,
                initial_policy=self.initial_policy,
                progress=dashboard.progress,
            )
            write_json(directory.config, to_dict(self.config))
            server = learner.serve(self.address, self.security)
            address = server.start()
            dashboard.note(f"listening on {address}")
            try:
                if self.ready_file is not None:
                    write_ready_file(self.ready_file, address)
                if self.spec_file is not None:
                    _offer_spec(learner, self.config, self.spec_file, stop)
                learner.run()
            finally:
                server.stop()
        return 0


def _offer_spec(learner: Learner, config: TrainConfig, path: Path, stop: StopSignal) -> None:
    from serl_rl.learner.trainer import Trainer
    from serl_rl.protocol.spec_file import read_spec

    Trainer.preload(config)  # Takes seconds, in which whoever writes the file is still opening the environment.
    if wait_for_file(path, stop, _SPEC_WAIT_S):
        learner.offer_spec(read_spec(path))
    elif not stop.is_set():
        raise UsageError(f"{path} was not written within {_SPEC_WAIT_S:.0f} s")
