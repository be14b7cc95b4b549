import json

import numpy as np
import pytest

from serl_client.episodes.files import Episode, EpisodeHeader, EpisodeWriter
from serl_rl.__main__ import main
from serl_rl.rewards.classifier.store import load_classifier


@pytest.fixture
def demonstrations(tmp_path):
    return write(tmp_path / "demos.episodes", darkest=0)


def write(path, darkest):
    """Five episodes with noise below 60, brighter at success; of one grey where the darkest is 60."""
    rng = np.random.default_rng(0)
    with EpisodeWriter(path, EpisodeHeader(task="test/Square-v0")) as writer:
        for _ in range(5):
            images = rng.integers(darkest, 60, (6, 36, 36, 3), dtype=np.uint8, endpoint=darkest == 60)
            images[4:] += 0 if darkest == 60 else 150
            writer.append(
                Episode(
                    observations={"front": images},
                    actions=np.zeros((5, 4), np.float32),
                    rewards=np.zeros(5),
                    terminated=True,
                    truncated=False,
                    interventions=np.zeros(5, bool),
                    stamps_ns=np.arange(6, dtype=np.int64),
                    success=True,
                    metadata={"success_labels": [False] * 4 + [True] * 2},
                )
            )
    return path


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["train-classifier", *map(str, arguments)])
    return ended.value.code


QUICK = (
    "--classifier.encoder.backbone.name=small",
    "--training.steps=30",
    "--training.learning-rate=0.003",
    "--training.device=cpu",
)


def test_command_trains_saves_and_reports(demonstrations, tmp_path, capsys):
    output = tmp_path / "classifier"
    assert run("--episodes", demonstrations, "--output", output, *QUICK) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["accuracy"] == 1.0
    assert "every episode has a success" in captured.err
    assert "30 frames: 20 of failure, 10 of success; cameras front" in captured.err
    assert json.loads((output / "report.json").read_text()) == report
    assert (output / "report.png").stat().st_size > 10_000
    saved = load_classifier(output)
    assert saved.threshold == report["recommended"]["threshold"]
    assert saved.manifest["sources"] == [str(demonstrations)]
    assert "seldom be rewarded" not in captured.err


def test_a_classifier_that_sees_no_success_is_said_to(tmp_path, capsys):
    assert run("--episodes", write(tmp_path / "grey", darkest=60), "--output", tmp_path / "blind", *QUICK) == 0
    assert "only 0% of the successes pass the recommended threshold" in capsys.readouterr().err


def test_bad_command_lines_get_one_sentence(demonstrations, tmp_path, capsys):
    new, foreign = tmp_path / "new", "--classifier.encoder.backbone.weights"
    cases = [
        (("--output", tmp_path, "--episodes", demonstrations), 2, "exists already"),
        (("--output", new), 2, "there is nothing to learn from"),
        (("--output", new, "--examples", "success"), 2, "CLASS=FILE"),
        (("--output", new, "--examples", f"success={demonstrations}"), 1, "none of 'failure'"),
        (("--output", new, "--episodes", tmp_path / "none"), 1, "cannot read"),
        (("--output", new, "--episodes", demonstrations, "--cameras", "side"), 1, "no camera 'side'"),
        (("--output", new, "--episodes", demonstrations, "--training.device=gpu"), 2, "use --training.device cpu or"),
        (("--output", new, "--episodes", demonstrations, foreign, tmp_path / "no.pkl"), 1, "there is no weight file"),
    ]
    for arguments, code, words in cases:
        assert run(*arguments) == code
        error = capsys.readouterr().err
        assert words in error
        assert "Traceback" not in error
        assert not new.exists()
