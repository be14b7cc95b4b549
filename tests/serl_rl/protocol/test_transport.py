"""Addresses, and TLS with a token between learner and actor."""

import datetime
import ipaddress

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from serl_rl.errors import UsageError
from serl_rl.protocol import transport


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:5", "[::1]:5", "unix:/tmp/x"])
def test_loopback_needs_no_protection(address):
    assert transport.is_loopback(address)


@pytest.mark.parametrize("address", ["0.0.0.0:5", "robot-pc:5", "[::]:5", "192.168.0.3:1"])
def test_other_addresses_do(address):
    assert not transport.is_loopback(address)
    with pytest.raises(UsageError, match="is open to other machines"):
        transport.bind(grpc.server(None), address, transport.SecurityConfig())


def test_a_port_in_use_is_named():
    from concurrent import futures

    options = [("grpc.so_reuseport", 0)]
    first = grpc.server(futures.ThreadPoolExecutor(1), options=options)
    address = transport.bind(first, "127.0.0.1:0", transport.SecurityConfig())
    second = grpc.server(futures.ThreadPoolExecutor(1), options=options)
    with pytest.raises(UsageError, match=f"cannot serve on {address}"):
        transport.bind(second, address, transport.SecurityConfig())
    first.stop(None)
    second.stop(None)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        transport.token_interceptors(transport.SecurityConfig(token_file=tmp_path / "nowhere"))


def test_tls_and_token_work_together(tmp_path):
    from concurrent import futures

    certificate, key, token = _make_certificate(tmp_path), tmp_path / "key.pem", tmp_path / "token"
    token.write_text("secret")
    security = transport.SecurityConfig(tls_certificate=certificate, tls_key=key, token_file=token)
    server = grpc.server(futures.ThreadPoolExecutor(2), interceptors=transport.token_interceptors(security))
    servicer = health.HealthServicer()
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    address = transport.bind(server, "127.0.0.1:0", security)
    server.start()
    credentials = transport.CredentialsConfig(tls_root=certificate, token_file=token)
    with transport.open_channel(address, credentials) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    server.stop(None).wait()


def _make_certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "learner")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder / "certificate.pem"
