import json
import time

import pytest
from serl.robot.v1 import camera_service_pb2, robot_service_pb2
from serl.simulator.v1 import simulator_service_pb2

from serl_api.errors.robot import AuthenticationError, ConnectionLostError
from serl_client.connection import channel
from serl_client.errors import AddressError
from serl_client.robot import RobotClient

pytestmark = pytest.mark.real_time


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
    assert channel.parse_address(given) == dialled
    assert channel.parse_address(dialled) == dialled


@pytest.mark.parametrize("bad", ["", "a b", "http://x:1", "x:", "x:port", "x:0", "x:65536", "::1", "unix:", "x:1:2"])
def test_a_bad_address_is_named(bad):
    with pytest.raises(AddressError) as caught:
        channel.parse_address(bad)
    assert bad in str(caught.value)


def test_a_socket_path_that_the_kernel_cannot_take_is_refused():
    with pytest.raises(AddressError, match="107"):
        channel.parse_address("unix:/" + "x" * 200)


def test_only_read_only_methods_are_repeated_by_the_transport():
    services = [
        *robot_service_pb2.DESCRIPTOR.services_by_name.values(),
        *camera_service_pb2.DESCRIPTOR.services_by_name.values(),
        *simulator_service_pb2.DESCRIPTOR.services_by_name.values(),
    ]
    known = {(service.full_name, method.name) for service in services for method in service.methods}
    (config,) = json.loads(channel.service_config())["methodConfig"]
    listed = {(name["service"], name["method"]) for name in config["name"]}
    assert listed <= known
    assert all(method.startswith(("Get", "List", "SyncTime", "RenderView")) for _, method in listed)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "unix:/tmp/nobody-listens-here.sock"])
def test_an_unreachable_address_is_named_with_how_long_it_was_tried(address):
    started = time.monotonic()
    with pytest.raises(ConnectionLostError, match=r"tried for 0\.3 s") as caught:
        RobotClient(address, connect_timeout_s=0.3)
    assert address in str(caught.value)
    assert 0.2 < time.monotonic() - started < 3.0


def test_a_token_is_never_sent_in_clear_text_to_another_machine():
    with pytest.raises(AddressError, match="clear text"):
        channel.Connection("robot-pc:1", token="secret")


def test_token_and_its_refusal(start_daemon, tmp_path):
    token_file = tmp_path / "token"
    token_file.write_text("secret\n")
    daemon = start_daemon(token_file=token_file)
    try:
        with pytest.raises(AuthenticationError):
            RobotClient(daemon.address, token="wrong", connect_timeout_s=2.0)
        with RobotClient(daemon.address, token=channel.read_token(token_file)) as robot:
            assert robot.get_state().joint_positions.shape == (7,)
            with robot.control("with token") as session:
                session.step(period_s=0.1)
    finally:
        daemon.stop()


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_token_file_without_a_token_is_named(tmp_path, content):
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with pytest.raises(AddressError) as caught:
        channel.read_token(path)
    assert str(path) in str(caught.value)


def test_a_certificate_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(AddressError, match=r"missing\.pem"):
        channel.Connection("127.0.0.1:1", tls_root=tmp_path / "missing.pem")


def test_tls_with_the_daemons_certificate(start_daemon, certificate):
    daemon = start_daemon(tls_certificate=certificate.certificate, tls_key=certificate.key)
    try:
        port = daemon.address.rpartition(":")[2]
        with RobotClient(f"localhost:{port}", tls_root=certificate.certificate) as robot:
            assert robot.info.cell_name == "fake"
    finally:
        daemon.stop()


@pytest.fixture
def certificate(tmp_path):
    import datetime
    from types import SimpleNamespace

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = SimpleNamespace(certificate=tmp_path / "certificate.pem", key=tmp_path / "key.pem")
    paths.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
