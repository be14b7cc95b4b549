"""What tests of several packages share."""

import contextlib
import datetime
import ipaddress
from types import SimpleNamespace

import pytest
from hypothesis import settings

# Mesa's software renderer and Triton each bring an LLVM. Loading Triton second crashes the process, so it comes first
# here, where one process does both; in the product the simulator and the learner are two processes.
with contextlib.suppress(ImportError):
    import triton  # noqa: F401

pytest_plugins = [
    "tests.support.daemon_scheduling",
    "tests.support.noise",
    "tests.support.real_time",
    "tests.support.simulation",
]

settings.register_profile("quick", max_examples=50, deadline=None)
settings.load_profile("quick")


@pytest.fixture
def local_address():
    """An address on loopback with a port that the server picks."""
    return "127.0.0.1:0"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A self-signed certificate of this machine: paths of `certificate` and `key`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    paths = SimpleNamespace(certificate=folder / "certificate.pem", key=folder / "key.pem")
    paths.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths.key.write_bytes(key.private_bytes(*private))
    return paths
