import dataclasses
import shutil

import pytest
import torch

from serl_rl.algorithms.sac.agent import SacAgent, SacConfig
from serl_rl.models.compilation import compiled, fast_arithmetic, should_compile

CONFIG = SacConfig(
    hidden_sizes=(16, 16), batch_size=8, critic_updates_per_actor_update=2, compile="off", precision="float32"
)


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("default")
def test_compiled_and_eager_agree_over_several_updates_and_nothing_is_compiled_again(spec, make_batch, compiler):
    config = dataclasses.replace(
        CONFIG, critic_count=3, target_critic_count=2, initial_temperature=0.1, imitation_weight=0.3
    )
    eager, fast = SacAgent(spec, config), SacAgent(spec, dataclasses.replace(config, compile="on"))
    fast.prepare()
    for seed in range(5):
        batch = dataclasses.replace(make_batch(spec, seed=seed), interventions=torch.ones(2, 8))
        with torch.compiler.set_stance("fail_on_recompile"):
            expected, found = eager.update(batch), fast.update(batch)
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5, msg=name)
    state = fast.state_dict()
    for name, value in eager.state_dict().items():
        if not name.startswith(("policy_adam", "critic_adam", "temperature_adam")):
            torch.testing.assert_close(state[name], value, rtol=1e-3, atol=1e-5, msg=name)


def test_every_agent_has_its_own_count_of_recompilations():
    def double(x):
        return 2 * x

    assert compiled(double).__wrapped__.__code__ is not compiled(double).__wrapped__.__code__


def test_compiling_by_itself_needs_a_compiler(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert not should_compile("auto", torch.device("cpu"))
    assert should_compile("on", torch.device("cpu"))


def test_a_compiler_without_the_headers_of_python_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    assert not should_compile("auto", torch.device("cpu"))
    (tmp_path / "Python.h").touch()
    assert should_compile("auto", torch.device("cpu"))


def test_precision_by_itself_is_exact_where_nothing_is_compiled():
    cpu = torch.device("cpu")
    assert fast_arithmetic("auto", cpu, is_compiled=False).product_dtype == torch.float32
    assert fast_arithmetic("bfloat16", cpu, is_compiled=False).product_dtype == torch.bfloat16
    assert not fast_arithmetic("auto", cpu, is_compiled=False).tanh_by_exponential
    assert fast_arithmetic("auto", cpu, is_compiled=True).tanh_by_exponential


def test_bfloat16_update_is_close_to_the_exact_one(spec, make_batch):
    exact, rough = SacAgent(spec, CONFIG), SacAgent(spec, dataclasses.replace(CONFIG, precision="bfloat16"))
    for seed in range(3):
        batch = make_batch(spec, seed=seed)
        expected, found = exact.update(batch), rough.update(batch)
        for name in ("critic_loss", "q_mean", "actor_loss"):
            assert found[name].item() == pytest.approx(expected[name].item(), rel=0.05, abs=0.02), name
