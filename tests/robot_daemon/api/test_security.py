import datetime
import ipaddress

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2, health_pb2_grpc
from serl.robot.v1 import robot_service_pb2 as messages
from serl.robot.v1 import robot_service_pb2_grpc

from robot_daemon.api.security import is_local, require_secure
from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import ConfigError, LimitsConfig, ServerConfig
from robot_daemon.drivers.fake.cell import build_fake_cell


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
    ],
)
def test_only_loopback_and_unix_sockets_are_local(address, local):
    assert is_local(address) is local


def test_a_network_address_needs_tls_and_token():
    with pytest.raises(ConfigError, match=r"0\.0\.0\.0:1 can be reached .* tls_certificate, tls_key, token_file"):
        require_secure(ServerConfig(address="0.0.0.0:1"))


def test_insecure_said_in_words_is_obeyed():
    require_secure(ServerConfig(address="0.0.0.0:1", insecure=True))


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for loopback: paths of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "robot")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
    signed = builder.not_valid_after(now + datetime.timedelta(days=1)).add_extension(names, critical=False)
    certificate_path, key_path = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate_path.write_bytes(signed.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_path.write_bytes(key.private_bytes(*private))
    return certificate_path, key_path


@pytest.fixture
def secured(tmp_path, certificate):
    """A server with TLS and token, and a channel to it."""
    token = tmp_path / "token"
    token.write_text("open sesame\n")
    config = ServerConfig(
        address="127.0.0.1:0", tls_certificate=certificate[0], tls_key=certificate[1], token_file=token, drain_grace_s=0
    )
    server = DaemonServer(build_fake_cell().cell, config, LimitsConfig())
    with grpc.secure_channel(server.start(), grpc.ssl_channel_credentials(certificate[0].read_bytes())) as channel:
        yield channel
    server.stop()


def test_a_call_with_the_token_is_answered(secured):
    stub = robot_service_pb2_grpc.RobotServiceStub(secured)
    metadata = (("authorization", "Bearer open sesame"),)
    assert stub.GetInfo(messages.GetInfoRequest(), metadata=metadata, timeout=5).cell_name == "fake"


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer open barley"),), (("authorization", ""),)])
def test_a_call_without_the_token_is_refused(secured, metadata):
    stub = robot_service_pb2_grpc.RobotServiceStub(secured)
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetInfo(messages.GetInfoRequest(), metadata=metadata, timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_control_stream_without_the_token_is_refused(secured):
    stub = robot_service_pb2_grpc.RobotServiceStub(secured)
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.Control(iter(()), timeout=5))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_health_needs_no_token(secured):
    answer = health_pb2_grpc.HealthStub(secured).Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_an_empty_token_file_is_refused(tmp_path):
    token = tmp_path / "token"
    token.write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        DaemonServer(build_fake_cell().cell, ServerConfig(token_file=token), LimitsConfig())
