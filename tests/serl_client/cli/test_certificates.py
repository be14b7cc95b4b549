"""`make-certificates`: what it makes lets clients of its authority in, and nobody else."""

import contextlib

import pytest

from serl_api import security
from serl_api.security import ChannelSecurity
from serl_api.settings import ConfigError
from serl_client import RobotClient
from serl_client.cli.certificates import write_certificates
from serl_client.cli.options import UsageError
from serl_client.errors import RobotError
from serl_rl.actor.learner_client import LearnerClient
from serl_rl.errors import LearnerError
from tests.support.daemons import serve
from tests.support.learners import SETTINGS, SPEC


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates") / "new"
    write_certificates(folder, ("localhost", "127.0.0.1"))
    return folder


@pytest.fixture(scope="module")
def daemon(folder):
    pair = {"tls_certificate": folder / "server.pem", "tls_key": folder / "server.key"}
    daemon = serve("localhost:0", tls_client_ca=folder / "ca.pem", **pair)
    with contextlib.closing(daemon):
        yield daemon


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_client_of_the_authority_is_let_in(folder, daemon, host):
    address = f"{host}:{daemon.address.rpartition(':')[2]}"
    with RobotClient(address, tls_root=folder / "ca.pem", tls_identity=folder / "client.pem") as robot:
        assert not robot.get_state().stop_latched


def test_clients_of_other_machines_find_certificates_and_tokens_in_the_environment(folder, daemon, monkeypatch):
    monkeypatch.setenv(security.TLS_ROOT, str(folder / "ca.pem"))
    monkeypatch.setenv(security.TLS_IDENTITY, str(folder / "client.pem"))
    token = folder.parent / "token"
    token.write_text("of-the-learner")
    monkeypatch.setenv(security.LEARNER_TOKEN_FILE, str(token))
    nothing, given = ChannelSecurity(), ChannelSecurity(tls_root=folder / "server.pem")
    assert nothing.or_environment("127.0.0.1:1", security.LEARNER_TOKEN_FILE) == nothing
    assert given.or_environment("far:1", security.LEARNER_TOKEN_FILE).tls_root == given.tls_root
    assert nothing.or_environment("far:1", security.LEARNER_TOKEN_FILE).token() == "of-the-learner"
    monkeypatch.setattr(security, "is_local", lambda address: False)
    with (
        RobotClient(daemon.address) as robot,  # Its token is another variable's.
        contextlib.closing(LearnerClient(daemon.address, "a", SPEC, SETTINGS, "1.0.0")) as learner,
    ):
        assert not robot.get_state().stop_latched
        with pytest.raises(LearnerError, match="Method not found"):  # A daemon is no learner, but let it in.
            learner.join(0.0)


def test_a_client_without_a_certificate_is_not(folder, daemon):
    with pytest.raises(RobotError):
        RobotClient(daemon.address, tls_root=folder / "ca.pem", connect_timeout_s=1.0)


def test_a_client_of_another_authority_is_not(folder, daemon, tmp_path):
    write_certificates(tmp_path, ("localhost",))
    with pytest.raises(RobotError):
        RobotClient(
            daemon.address,
            tls_root=folder / "ca.pem",
            tls_identity=tmp_path / "client.pem",
            connect_timeout_s=1.0,
        )


def test_a_servers_certificate_is_none_of_a_client(folder, daemon, tmp_path):
    identity = tmp_path / "stolen.pem"
    identity.write_bytes((folder / "server.key").read_bytes() + (folder / "server.pem").read_bytes())
    with pytest.raises(RobotError):
        RobotClient(daemon.address, tls_root=folder / "ca.pem", tls_identity=identity, connect_timeout_s=1.0)


def test_private_keys_are_the_owners_alone(folder):
    modes = {path.name: path.stat().st_mode & 0o077 for path in folder.iterdir() if b"PRIVATE KEY" in path.read_bytes()}
    assert modes == {"ca.key": 0, "server.key": 0, "client.pem": 0}


def test_nothing_is_overwritten(folder):
    before = (folder / "ca.key").read_bytes()
    with pytest.raises(UsageError, match=r"holds ca.pem, ca.key, server.pem, server.key, client.pem already"):
        write_certificates(folder, ("localhost",))
    assert (folder / "ca.key").read_bytes() == before


@pytest.mark.parametrize("host", ["", "a b", "x/y", "é"])
def test_a_host_that_cannot_be_leaves_nothing(tmp_path, host):
    with pytest.raises(UsageError, match="is neither a name nor an IP address"):
        write_certificates(tmp_path, (host,))
    assert not list(tmp_path.iterdir())


def test_a_clients_authority_without_tls_is_refused(folder):
    with pytest.raises(ConfigError, match="tls_client_ca needs TLS"):
        serve(tls_client_ca=folder / "ca.pem")
