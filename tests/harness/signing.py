"""A sender's own mail server: keys made on the spot, mails signed with DKIM and sealed with ARC."""

import base64
import functools
import random
from typing import Any

import dkim


def _prime(bits: int, chance: random.Random) -> int:
    while True:
        number = chance.getrandbits(bits) | (3 << (bits - 2)) | 1
        likely = number % 65537 != 1 and all(number % small for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31))
        if likely and all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7, 11)):
            return number


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    head = (
        bytes([size])
        if size < 128
        else bytes([0x80 | (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
    )
    return bytes([tag]) + head + content


def _number(value: int) -> bytes:
    return _der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


@functools.cache
def key(seed: int = 1) -> tuple[bytes, str]:
    """(private key as PEM, its public DKIM record). Small, for speed: 1,024 bits."""
    chance = random.Random(seed)
    p, q = _prime(512, chance), _prime(512, chance)
    n, e = p * q, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    private = b"".join(map(_number, (0, n, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))))
    lines = base64.encodebytes(_der(0x30, private))
    pem = b"-----BEGIN RSA " + b"PRIVATE KEY-----\n" + lines + b"-----END RSA " + b"PRIVATE KEY-----\n"
    rsa = _der(0x30, _der(6, bytes.fromhex("2a864886f70d010101")) + b"\x05\x00")
    public = _der(0x30, rsa + _der(3, b"\0" + _der(0x30, _number(n) + _number(e))))
    return pem, "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()


def signed(raw: bytes, domain: str, selector: str = "s1", seed: int = 1, **more: Any) -> bytes:
    """The mail with a DKIM signature of the domain in front."""
    usual: dict[str, Any] = {"canonicalize": (b"relaxed", b"relaxed")}
    return bytes(dkim.sign(raw, selector.encode(), domain.encode(), key(seed)[0], **(usual | more))) + raw


def sealed(raw: bytes, domain: str, server: str, selector: str = "s1", seed: int = 1) -> bytes:
    """The mail with an ARC set of a forwarder, which saw what its Authentication-Results say."""
    return b"".join(dkim.arc_sign(raw, selector.encode(), domain.encode(), key(seed)[0], server.encode())) + raw
