"""What an expert is recorded to have done is what a policy must say to do the same, in any frame and in chunks."""

from dataclasses import replace

import numpy as np
import pytest

from serl_client.episodes.files import read_episodes, read_header
from serl_client.teleop.correction import CorrectionConfig
from serl_client.teleop.opening import TeleopConfig
from serl_rl.actor.intervention import open_interventions
from serl_rl.config.presets import preset
from serl_rl.demonstrations.files import check_files, read_demonstrations
from serl_rl.demonstrations.scripted import record
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.factory import RobotConfig, make_environment, spec_of
from serl_rl.errors import UsageError

WRAPPERS = [
    (),
    ("relative-frame",),
    ("chunking,action_horizon=3",),
    ("relative-frame", "gripper-penalty,cost=0.1", "chunking,action_horizon=3,observation_horizon=2"),
]


def experiment(wrappers):
    environment = EnvironmentConfig(id="serl/PickCube-v0", wrappers=wrappers)
    return replace(preset("pick-cube"), environment=environment, demonstration_count=2)


@pytest.fixture(params=WRAPPERS, ids=[" ".join(wrappers) or "none" for wrappers in WRAPPERS])
def config(request):
    return experiment(request.param)


@pytest.fixture
def env(config, simulator_address):
    env = make_environment(config.environment, RobotConfig(robot=simulator_address))
    yield env
    env.close()


def replayed(env, scene_seed, actions):
    env.reset(options={"scene_seed": scene_seed})
    return [env.step(action)[-1] for action in actions]


def test_demonstrations_replay_to_success_and_fit_the_experiment(config, env, tmp_path):
    path = tmp_path / "demos.episodes"
    record(env, config, path)
    for episode in read_episodes(path):
        infos = replayed(env, episode.metadata["scene_seed"], episode.actions)
        assert [info["success"] for info in infos] == [False] * (len(infos) - 1) + [True]
    read = read_demonstrations([path], config.environment)
    assert read.spec.action == spec_of(env, config.environment).action
    kept = [text for text in config.environment.wrappers if not text.startswith("gripper-penalty")]
    assert read_header(path).specification.get("wrappers", []) == kept


def test_interventions_replay_to_the_same_poses(config, env):
    correcting = replace(
        config, intervene="scripted", correction=CorrectionConfig(probability=1.0, rest_steps=0, min_steps=2)
    )
    with open_interventions(correcting, TeleopConfig(), human_reward=False, should_stop=lambda: False) as add:
        together = add(env, correcting)
        together.env.reset(options={"scene_seed": 5})
        still = np.zeros(env.action_space.shape, np.float32)
        infos = [together.env.step(still)[-1] for _ in range(4)]
    assert all(info["intervention"] for info in infos)
    again = replayed(env, 5, [info["intervention_action"] for info in infos])
    for one, other in zip(infos, again, strict=True):
        np.testing.assert_array_equal(one["tcp_pose"], other["tcp_pose"])


def test_files_of_another_frame_are_refused(simulator_address, tmp_path):
    framed = experiment(("relative-frame",))
    env = make_environment(framed.environment, RobotConfig(robot=simulator_address))
    record(env, framed, tmp_path / "demos.episodes")
    env.close()
    with pytest.raises(UsageError, match=r"wrappers relative-frame, but environment\.wrappers are none"):
        check_files([tmp_path / "demos.episodes"], experiment(()).environment)


def test_the_penalty_of_old_settings_is_a_wrapper_within_chunks():
    config = EnvironmentConfig(gripper_penalty=0.02, wrappers=("chunking",))
    assert config.all_wrappers == ("gripper-penalty,cost=0.02", "chunking")
