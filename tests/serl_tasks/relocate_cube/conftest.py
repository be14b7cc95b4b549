"""One arm for both directions."""

import pytest

from serl_client.envs.private_simulator import PrivateSimulator
from serl_client.envs.registration import make_training_env


@pytest.fixture(scope="module")
def relocation():
    """Both directions of relocation over one private simulator; let go of the arm in one before the other resets."""
    pytest.importorskip("mujoco")
    with PrivateSimulator("relocate-cube") as simulator:
        envs = {
            direction: make_training_env(f"serl/Relocate{direction}-v0", address=simulator.address)
            for direction in ("Forward", "Backward")
        }
        yield _ReleasingEach(envs)
        for env in envs.values():
            env.close()


class _ReleasingEach(dict):
    """Looking one up lets go of the arm in the others."""

    def __getitem__(self, direction):
        for other, env in self.items():
            if other != direction:
                env.unwrapped.release()
        return super().__getitem__(direction)
