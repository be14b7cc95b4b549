"""Addresses, token files, TLS and tokens between any server and any channel."""

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from robot_daemon.api.refusals import REFUSALS
from serl_api.security import ServerSecurity, is_local, open_channel, parse_address, read_token, require_listenable
from serl_api.server import ApiServer
from serl_api.settings import ConfigError


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1:5", True),
        ("127.8.0.1:5", True),
        ("localhost:5", True),
        ("[::1]:5", True),
        ("unix:/tmp/x", True),
        ("0.0.0.0:5", False),
        ("[::]:5", False),
        ("192.168.1.2:5", False),
        ("robot-pc:5", False),
        ("127.0.0.1.example.org:5", False),
        ("dns:///localhost:5", False),
    ],
)
def test_only_loopback_and_unix_sockets_are_local(address, local):
    assert is_local(address) is local


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ("robot-pc", "robot-pc:50051"),
        ("robot-pc:1234", "robot-pc:1234"),
        (" 127.0.0.1:1 ", "127.0.0.1:1"),
        ("[::1]:7", "[::1]:7"),
        ("[fe80::1%eth0]", "[fe80::1%eth0]:50051"),
        ("unix:/tmp/x.sock", "unix:/tmp/x.sock"),
        ("unix:///tmp/x.sock", "unix:/tmp/x.sock"),
        ("unix:relative.sock", "unix:relative.sock"),
    ],
)
def test_addresses_are_brought_into_one_form(given, dialled):
    assert parse_address(given, 50051) == dialled
    assert parse_address(dialled, 50051) == dialled


@pytest.mark.parametrize("bad", ["", "a b", "http://x:1", "x:", "x:port", "x:0", "x:65536", "::1", "unix:", "x:1:2"])
def test_a_bad_address_is_named(bad):
    with pytest.raises(ConfigError) as caught:
        parse_address(bad, 50051)
    assert bad in str(caught.value)


def test_a_socket_path_that_the_kernel_cannot_take_is_refused():
    with pytest.raises(ConfigError, match="107"):
        parse_address("unix:/" + "x" * 200, 50051)


def test_the_token_is_the_first_line_without_its_blanks(tmp_path):
    path = tmp_path / "token"
    path.write_text("  open sesame \r\nmade on Monday\n")
    assert read_token(path) == "open sesame"


@pytest.mark.parametrize("content", [None, "", "\n", "  \nsecret\n", "s\u00e9same\n"])
def test_a_token_file_without_a_token_is_named(tmp_path, content):
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_token(path)
    assert str(path) in str(caught.value)


def test_a_network_address_needs_tls_and_token():
    with pytest.raises(ConfigError, match=r"0\.0\.0\.0:1 can be reached .* tls_certificate, tls_key, token_file"):
        ServerSecurity().require_safe("0.0.0.0:1")


def test_insecure_said_in_words_is_obeyed():
    ServerSecurity(insecure=True).require_safe("0.0.0.0:1")


@pytest.mark.parametrize("half", ["tls_certificate", "tls_key"])
def test_half_a_pair_is_refused(tmp_path, half):
    with pytest.raises(ConfigError, match="belong together"):
        ServerSecurity(**{half: tmp_path / "half.pem"})


@pytest.mark.parametrize("address", ["robot-pc:1", "192.168.1.2:1", "0.0.0.0:1", "dns:///localhost:1"])
def test_a_token_is_never_sent_in_clear_text_to_another_machine(address):
    with pytest.raises(ConfigError, match=f"travel to {address} in clear text"):
        open_channel(address, token="secret")


def test_a_certificate_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"missing\.pem"):
        open_channel("127.0.0.1:1", tls_root=tmp_path / "missing.pem")


class Echo(grpc.GenericRpcHandler):
    """Answers calls of all four kinds with what it was sent."""

    def service(self, details):
        def single(request, _context):
            return request

        def stream(requests, _context):
            yield from [requests] if isinstance(requests, bytes) else requests

        def last(requests, _context):
            return list(requests)[-1]

        return {
            "/echo/uu": grpc.unary_unary_rpc_method_handler(single),
            "/echo/us": grpc.unary_stream_rpc_method_handler(stream),
            "/echo/su": grpc.stream_unary_rpc_method_handler(last),
            "/echo/ss": grpc.stream_stream_rpc_method_handler(stream),
        }.get(details.method)


@contextlib.contextmanager
def serving(security):
    """A server of `Echo` and health with some security; gives its address."""
    pool = ThreadPoolExecutor(4)
    server = grpc.server(pool, interceptors=[security.role_checker(REFUSALS)])
    server.add_generic_rpc_handlers((Echo(),))
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    credentials = security.credentials()
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
        pool.shutdown()


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text("open sesame\n")
    return path


CALLS = {
    "unary": lambda channel: channel.unary_unary("/echo/uu")(b"x", timeout=5),
    "answers": lambda channel: next(channel.unary_stream("/echo/us")(b"x", timeout=5)),
    "requests": lambda channel: channel.stream_unary("/echo/su")(iter([b"x"]), timeout=5),
    "both": lambda channel: next(channel.stream_stream("/echo/ss")(iter([b"x"]), timeout=5)),
}


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("is_secured", [True, False], ids=["tls", "plain"])
def test_every_kind_of_call_carries_the_token(token_file, certificate, is_secured, kind):
    pair = {"tls_certificate": certificate.certificate, "tls_key": certificate.key} if is_secured else {}
    with serving(ServerSecurity(token_file=token_file, **pair)) as address:
        root = certificate.certificate if is_secured else None
        with open_channel(address, token="open sesame", tls_root=root) as channel:
            assert CALLS[kind](channel) == b"x"


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("token", [None, "open barley", ""])
def test_every_kind_of_call_without_the_token_is_refused(token_file, kind, token):
    with serving(ServerSecurity(token_file=token_file)) as address, open_channel(address, token=token) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            CALLS[kind](channel)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_health_needs_no_token(token_file):
    with serving(ServerSecurity(token_file=token_file)) as address, open_channel(address) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_what_stays_on_this_machine_passes_no_proxy(token_file, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "")
        with (
            serving(ServerSecurity(token_file=token_file)) as address,
            open_channel(address, token="open sesame") as channel,
        ):
            assert CALLS["unary"](channel) == b"x"
        proxy.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            proxy.accept()


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:65535", "[::1]:50051", "unix:/run/robot.sock"])
def test_a_server_listens_where_it_can(address):
    require_listenable(address)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("127.0.0.1:99999", 'port 99999 of address "127.0.0.1:99999" is outside 0 to 65535'),
        ("127.0.0.1", 'address "127.0.0.1" is not HOST:PORT'),
        ("localhost:", "is not HOST:PORT"),
        ("::1", "is not HOST:PORT"),
        ("unix:/" + "x" * 200, "it must have 1 to 107"),
        ("unix:", "it must have 1 to 107"),
    ],
)
def test_an_address_that_no_server_can_listen_on_is_one_sentence(address, text):
    with pytest.raises(ConfigError) as caught:
        ApiServer(address, ServerSecurity(), refusals=REFUSALS, workers=1)
    assert text in str(caught.value)


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "[::1]"])
def test_a_local_host_is_local_without_a_port(address):
    assert is_local(address)
