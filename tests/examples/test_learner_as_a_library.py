"""The example that trains without a command line runs and learns."""

import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "learner_as_a_library.py"


@pytest.mark.timeout(180)
def test_point_is_learned_from_a_script(capsys):
    result = runpy.run_path(str(EXAMPLE))["result"]
    assert result.success_count >= 9
    assert "of 10 episodes reached the centre" in capsys.readouterr().out
