"""Whom we trust out there, and what the receiving port encrypts with: a certificate given, or made when it opens.

A mail server that hands mail over asks for encryption, not for proof of who we are (RFC 7435): a certificate of our
own making serves it, and keeps out whoever only listens. It lives as long as the process, so no key lies about.
"""

import datetime
import os
import ssl
import tempfile
import time
from functools import lru_cache
from pathlib import Path

from parley.channels.email.settings import EmailSettings

DAY = datetime.timedelta(days=1)


class Certificate:
    """The port's context for TLS. A file that is written anew, as by ACME clients, is read again."""

    def __init__(self, settings: EmailSettings, name: str) -> None:
        self.chain = settings.listen_certificate
        self.key = settings.listen_key or settings.listen_certificate
        self.name = name
        self.read_at: tuple[float, ...] = ()
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """Raises OSError (ssl.SSLError is one) for files that cannot be read or don't belong together."""
        written = tuple(os.stat(file).st_mtime for file in (self.chain, self.key)) if self.chain else ()
        if self._context is None or written != self.read_at:
            fresh = _fresh()
            if self.chain:
                fresh.load_cert_chain(self.chain, self.key)
            else:
                _load(fresh, *self_made(self.name))
            self._context, self.read_at = fresh, written
        return self._context


def _fresh() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """The ssl module reads files only; these live for a moment, in a folder that is ours alone."""
    with tempfile.TemporaryDirectory(prefix="parley-tls-") as folder:
        file = Path(folder) / "own.pem"
        file.write_bytes(key + certificate)
        context.load_cert_chain(file)


def self_made(name: str) -> tuple[bytes, bytes]:
    """(certificate, key) as PEM: P-256, signed by itself, good for ten years."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 3650 * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def trusted(ca_file: str) -> ssl.SSLContext:
    """For calling servers: the machine's certificates and those of the file. Raises OSError for one that is no good."""
    written = os.stat(ca_file).st_mtime if ca_file else 0.0
    return _trusted(ca_file, written, int(time.time() // 86_400))


@lru_cache(maxsize=16)
def _trusted(ca_file: str, written: float, day: int) -> ssl.SSLContext:
    """Reading the machine's certificates takes tens of milliseconds, more than the mail: once a day will do, and
    when the file was written anew."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context
