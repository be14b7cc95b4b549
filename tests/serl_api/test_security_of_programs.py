"""What every program refuses before it serves or dials: each in one sentence, with exit code 2."""

import signal

import pytest

import robot_daemon.__main__
import serl_client.__main__
import serl_rl.__main__
import simulator.__main__

NETWORK = "192.0.2.1:1"  # Reserved for documents: nobody has it.


@pytest.fixture(autouse=True)
def keep_signal_handlers():
    """Commands install their own."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a program and returns its exit code and what it said on stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(main, *arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exited:
            code = exited.code
        return code, capsys.readouterr().err

    return run


def daemon(run, tmp_path, address, **security):
    lines = [f'{key} = "{value}"' for key, value in security.items()]
    cell = tmp_path / "cell.toml"
    cell.write_text("\n".join(['[arm]\ndriver = "fake"\n[server]', f'address = "{address}"', *lines]))
    return run(robot_daemon.__main__.main, "--config", cell)


def flags(security):
    return [word for key, value in security.items() for word in (f"--{key.replace('_', '-')}", value)]


def simulation(run, _tmp_path, address, **security):
    return run(simulator.__main__.main, "--address", address, *flags(security))


def learner(run, tmp_path, address, **security):
    experiment = ["--preset", "debug", "--run-directory", tmp_path / "run"]
    return run(serl_rl.__main__.main, "learner", *experiment, "--address", address, *flags(security))


SERVERS = [daemon, simulation, learner]


def serl_robot(run, address, token_file):
    return run(serl_client.__main__.main, "status", "--address", address, "--token-file", token_file)


def actor(run, address, token_file):
    command = ["actor", "--preset", "debug", "--learner-address", address, "--token-file", token_file]
    return run(serl_rl.__main__.main, *command)


def robot_flags(address, token_file):
    return ["--robot", address, "--robot-token-file", token_file]


def actor_of_robot(run, address, token_file):
    return run(serl_rl.__main__.main, "actor", *robot_flags(address, token_file))


def record(run, address, token_file):
    command = ["record-demos", "--output", "x.episodes", *robot_flags(address, token_file)]
    return run(serl_rl.__main__.main, *command)


CLIENTS = [serl_robot, actor, actor_of_robot, record]


@pytest.mark.parametrize("program", SERVERS)
def test_a_server_beyond_loopback_needs_tls_and_token_or_the_word(run, tmp_path, program):
    code, said = program(run, tmp_path, "0.0.0.0:0")
    assert code == 2
    assert "address 0.0.0.0:0 can be reached from the network, but tls_certificate, tls_key, token_file" in said


@pytest.mark.parametrize("program", SERVERS)
def test_a_server_with_half_a_pair_does_not_start(run, tmp_path, program):
    code, said = program(run, tmp_path, "127.0.0.1:0", tls_certificate="cert.pem")
    assert code == 2
    assert "tls_certificate and tls_key belong together" in said


@pytest.mark.parametrize("program", SERVERS)
@pytest.mark.parametrize("content", [None, b"", b"\nsecret\n"])
def test_a_server_without_a_token_in_its_file_does_not_start(run, tmp_path, program, content):
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    code, said = program(run, tmp_path, "127.0.0.1:0", token_file=path)
    assert code == 2
    assert f"{path} " + ("cannot be read" if content is None else "is empty") in said


@pytest.mark.parametrize("program", CLIENTS)
@pytest.mark.parametrize("content", [None, b"", b"\nsecret\n"])
def test_a_client_without_a_token_in_its_file_does_not_dial(run, tmp_path, program, content):
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    code, said = program(run, NETWORK, path)
    assert code == 2
    assert f"{path} " + ("cannot be read" if content is None else "is empty") in said


@pytest.mark.parametrize("program", CLIENTS)
def test_no_client_sends_its_token_to_another_machine_in_clear_text(run, tmp_path, program):
    path = tmp_path / "token"
    path.write_text("secret\n")
    code, said = program(run, NETWORK, path)
    assert code == 2
    assert f"the token would travel to {NETWORK} in clear text" in said
