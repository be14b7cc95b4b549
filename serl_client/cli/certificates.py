"""Makes the certificates by which servers and clients know each other: `serl-robot make-certificates`."""

from __future__ import annotations

import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from serl_client.cli.options import CommandError, UsageError, say

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_DAY = datetime.timedelta(days=1)
_AUTHORITY_DAYS, _LEAF_DAYS = 3650, 397
"""How long the authority and what it signed are valid, days."""
_INSTRUCTIONS = """\
keep {folder}/ca.key off line: whoever has it makes certificates that are believed
copy {folder}/server.pem, server.key, ca.pem to the server:
    --tls-certificate server.pem --tls-key server.key --tls-client-ca ca.pem
copy {folder}/client.pem, ca.pem to each client:
    --tls-root ca.pem --tls-identity client.pem"""
_NEEDS = "make-certificates needs the package cryptography; run: pip install 'serl-robot[security]'"


@dataclass(frozen=True, kw_only=True)
class MakeCertificates:
    """Make an authority, and a certificate of it for the server and one for its clients."""

    directory: tyro.conf.Positional[Path]
    """Folder for the files; made if it is not there. What it holds is not overwritten."""
    host: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME_OR_IP")]
    """Names and IP addresses under which clients reach the server."""

    def run(self) -> None:
        """Writes the files, and says what belongs where."""
        try:
            write_certificates(self.directory, self.host)
        except ImportError:
            raise CommandError(_NEEDS) from None
        say(_INSTRUCTIONS.format(folder=self.directory))


def write_certificates(directory: Path, hosts: tuple[str, ...]) -> None:
    """Writes `ca.pem`, `ca.key`, `server.pem`, `server.key` and `client.pem`, which holds its key too.

    Args:
        directory: Where; it is made if it is not there. Files with a private key have mode 0600.
        hosts: Names and IP addresses of the server.

    Raises:
        UsageError: There is no host, or one of the files is there already.
        ImportError: The package cryptography is not installed.
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    if not hosts:
        raise UsageError("no host is given; give the name or the IP address under which clients reach the server")
    names = ("ca.pem", "ca.key", "server.pem", "server.key", "client.pem")
    if found := [name for name in names if (directory / name).exists()]:
        raise UsageError(f"{directory} holds {', '.join(found)} already; choose another folder, or remove them")
    directory.mkdir(parents=True, exist_ok=True)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ca", "server", "client")}
    authority = _signed("serl-robot authority", keys["ca"], None, keys["ca"], hosts=())
    server = _signed("serl-robot server", keys["server"], authority, keys["ca"], hosts=hosts)
    client = _signed("serl-robot client", keys["client"], authority, keys["ca"], hosts=())
    _write(directory / "ca.pem", _pem(authority), 0o644)
    _write(directory / "ca.key", _pem_of_key(keys["ca"]), 0o600)
    _write(directory / "server.pem", _pem(server), 0o644)
    _write(directory / "server.key", _pem_of_key(keys["server"]), 0o600)
    _write(directory / "client.pem", _pem_of_key(keys["client"]) + _pem(client), 0o600)


def _signed(
    name: str,
    key: EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: EllipticCurvePrivateKey,
    *,
    hosts: tuple[str, ...],
) -> x509.Certificate:
    """Makes a certificate; without an issuer it is an authority that signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    is_authority = issuer is None
    use = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)  # Clocks differ.
        .not_valid_after(now + (_AUTHORITY_DAYS if is_authority else _LEAF_DAYS) * _DAY)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
    )
    if not is_authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(_alternative_names(hosts)), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _alternative_names(hosts: tuple[str, ...]) -> list[Any]:
    from cryptography import x509

    names: list[Any] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            if not host.isascii() or not host.replace("-", "").replace(".", "").isalnum():
                raise UsageError(f'host "{host[:80]}" is neither a name nor an IP address') from None
            names.append(x509.DNSName(host))
    return names


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _pem_of_key(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes, mode: int) -> None:
    """Writes a new file that was never readable by more than its mode says."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
