"""`serl-train pretrain-encoder`: weights for a frozen backbone from pictures of the simulator alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from serl_api.progress import Progress
from serl_rl.artifacts.run_directory import make_folder_of
from serl_rl.cli.options import print_json, refuse_existing, say
from serl_rl.errors import UsageError
from serl_rl.models.openmp import choose_waiting
from serl_rl.models.pretraining.config import PretrainableName, PretrainingConfig


@dataclass(frozen=True, kw_only=True)
class PretrainEncoderCommand:
    """Pretrain a backbone to find objects and gripper in pictures of random scenes, for want of ImageNet's weights.

    Try:
    serl-train pretrain-encoder --output encoders/resnet10.safetensors

    serl-train pretrain-encoder --output encoder.safetensors --backbone small --pretraining.features 32
    """

    output: Path
    """Weight file to write, ending in .safetensors; must not exist."""
    backbone: PretrainableName = "resnet10"
    """Which network."""
    weights: Path | None = None
    """Weight file to start from; random weights without it."""
    pretraining: PretrainingConfig = field(default_factory=PretrainingConfig)
    """How to pretrain."""
    simulator: str | None = None
    """Address of a simulator that has loaded --pretraining.task; none starts a private one."""

    def run(self) -> int:
        """Draws pictures, trains, saves, and prints the errors as JSON. Ctrl-C saves what has been learned."""
        choose_waiting()  # Threads that spin are ten times slower where others use the cores.
        from serl_api.lifetime.stop_signal import StopSignal
        from serl_rl.models.device import find_device
        from serl_rl.models.pretraining.pictures import draw_pictures
        from serl_rl.models.pretraining.training import PretrainingProgress, pretrain, summary
        from serl_rl.models.vision.encoder_config import BackboneConfig
        from serl_rl.models.vision.factory import make_backbone
        from serl_rl.models.vision.weights.files import save_weights

        refuse_existing(self.output, "--output")
        if self.output.suffix != ".safetensors":
            raise UsageError(f"--output {self.output} must end in .safetensors")
        make_folder_of(self.output, "--output")
        find_device(self.pretraining.device, "--pretraining.device")  # Refused before pictures are drawn.
        settings, stop = self.pretraining, StopSignal().install()
        network = make_backbone(
            BackboneConfig(name=self.backbone, weights=self.weights, seed=settings.seed, frozen=False)
        )

        shown = Progress()
        with shown.phase("drawing scenes", settings.scenes) as drawing:

            def count_scene(done: int) -> bool:
                drawing.report(done)
                return not stop.is_set()

            pictures = draw_pictures(
                settings.task, settings.scenes, settings.seed, address=self.simulator, on_scene=count_scene
            )
        say(f"{len(pictures)} scenes are drawn")
        if stop.is_set():
            return 0

        def show(progress: PretrainingProgress) -> bool:
            say(summary(progress))
            training.report(progress.steps)
            return not stop.is_set()

        limit = f", {settings.minutes:g} min at most" if settings.minutes else ""
        with shown.phase(f"pretraining{limit}", settings.steps) as training:
            result = pretrain(network, pictures, settings, show)
        last = result.reports[-1]
        facts = {"task": settings.task, "scenes": len(pictures), "steps": last.steps, "errors_m": last.errors}
        save_weights(network, self.output, {"pretraining": json.dumps(facts)}, result.heads)
        say(f"{summary(last)}\nweights: {self.output}")
        print_json(facts)
        return 0
