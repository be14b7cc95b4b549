"""A token's role decides what it may do, on every server alike."""

import contextlib
import logging

import grpc
import pytest

from serl_api.roles import REQUIRED_ROLES, Role, read_role_tokens
from serl_api.security import open_channel
from serl_api.settings import ConfigError
from tests.support.servers import SERVERS, methods_of_services

REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
TOKENS = {role: f"token of {role.value}" for role in Role}
LADDER = {
    Role.OBSERVE: {Role.OBSERVE},
    Role.CONTROL: {Role.OBSERVE, Role.CONTROL},
    Role.TRAIN: {Role.OBSERVE, Role.TRAIN},
    Role.ADMINISTER: set(Role),
}
"""What the token of each role may do, written down a second time."""


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "tokens.toml"
    path.write_text("".join(f'{role.value} = "{token}"\n' for role, token in TOKENS.items()))
    path.chmod(0o600)
    return path


@contextlib.contextmanager
def serving(name, token_file):
    build, services = SERVERS[name]
    server = build("127.0.0.1:0", token_file=token_file)
    try:
        yield server.start(), methods_of_services(services)
    finally:
        server.stop(0.1)


def status_of(channel, method):
    """How a call without any request is answered: a refusal comes before the request is missed."""
    call = channel.stream_stream(method)(iter([b"\xff\xff\xff"]), timeout=10)
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    return caught.value


@pytest.mark.parametrize("name", SERVERS)
def test_each_method_is_for_its_role_alone(name, token_file):
    with serving(name, token_file) as (address, methods):
        for role, token in TOKENS.items():
            with open_channel(address, token=token) as channel:
                for method in [*methods, REFLECTION]:
                    needed = Role.ADMINISTER if method == REFLECTION else REQUIRED_ROLES[method]
                    error = status_of(channel, method)
                    if needed in LADDER[role]:
                        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, method
                    else:
                        assert error.code() is grpc.StatusCode.PERMISSION_DENIED, method
                        assert f"needs the role {needed.value}" in error.details()


@pytest.mark.parametrize("token", [None, "", "token of nobody", "token of observe "])
def test_no_role_without_its_token(token_file, token):
    with serving("daemon", token_file) as (address, methods), open_channel(address, token=token) as channel:
        for method in methods:
            assert status_of(channel, method).code() is grpc.StatusCode.UNAUTHENTICATED


def test_every_method_of_the_product_has_a_role_and_no_other():
    listed = {method for _, services in SERVERS.values() for method in methods_of_services(services)}
    assert REQUIRED_ROLES.keys() == listed


def test_a_stop_is_refused_to_no_role():
    assert REQUIRED_ROLES["/serl.robot.v1.RobotService/Stop"] is Role.OBSERVE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no token"),
        ("observe", "is not TOML"),
        ('watch = "x"', 'has a token for "watch"; the roles are observe, control, train, administer'),
        ('observe = ""', "the token of observe must be"),
        ("observe = 3", "the token of observe must be"),
        ('observe = " x"', "the token of observe must be"),
        ('observe = "é"', "the token of observe must be"),
        ('observe = "x"\ncontrol = "x"', "observe and control share a token"),
    ],
)
def test_a_bad_table_is_one_sentence(tmp_path, text, says):
    path = tmp_path / "tokens.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_role_tokens(path)
    assert says in str(caught.value)


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True)])
def test_secrets_that_others_can_read_are_warned_of(token_file, caplog, mode, warned):
    token_file.chmod(mode)
    with caplog.at_level(logging.WARNING), serving("daemon", token_file):
        pass
    assert any(f"chmod 600 {token_file}" in message for message in caplog.messages) is warned
