"""Fetching a picture from elsewhere, without being led into our own network.

The name is resolved once, every address it has must be a public one, and the connection goes to the
address that was checked; so neither a redirect nor a changing name leads inside (SSRF).
"""

import http.client
import socket
import ssl
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urljoin, urlsplit

from parley.core.errors import NotFound
from parley.web.files import picture_type

Address = IPv4Address | IPv6Address
Permitted = Callable[[Address, int], bool]

_TRANSLATED = IPv6Network("64:ff9b::/96")  # IPv4 behind a translator, RFC 6052

BYTES_AT_MOST = 5 * 1024 * 1024
SECONDS = 8.0
REDIRECTS = 3
GONE = "The picture could not be fetched."


def may_be_asked(address: Address, port: int) -> bool:
    """A web server out in the world; other ports of it are nobody's pictures."""
    return port in (80, 443) and is_public(address)


def is_public(address: Address) -> bool:
    """Whether an address is out in the world: not this machine, not its network, not a cloud's own."""
    if address in _TRANSLATED:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def fetch_picture(url: str, permitted: Permitted = may_be_asked) -> tuple[bytes, str]:
    """(bytes, type) of a raster picture. Raises NotFound for everything else. Not for the event loop."""
    until = time.monotonic() + SECONDS
    for _ in range(REDIRECTS + 1):
        try:
            answer = _ask(urlsplit(url), permitted, until)
            if answer.status in (301, 302, 303, 307, 308):
                url = urljoin(url, answer.getheader("location") or "")
                continue
            data = _read(answer, until) if answer.status == 200 else b""
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotFound(GONE) from error
        if kind := picture_type(data):
            return data, kind
        break
    raise NotFound(GONE)


def _ask(url: SplitResult, permitted: Permitted, until: float) -> http.client.HTTPResponse:
    if url.scheme not in ("http", "https") or not url.hostname or url.username:
        raise NotFound(GONE)
    port = url.port or (443 if url.scheme == "https" else 80)
    address = _checked(url.hostname, port, permitted)
    plain = socket.create_connection((str(address), port), timeout=_left(until))
    if url.scheme == "https":
        plain = ssl.create_default_context().wrap_socket(plain, server_hostname=url.hostname)
    line = http.client.HTTPConnection(url.hostname, port)
    line.sock = plain
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    line.request("GET", target, headers={"accept": "image/*", "user-agent": "Mozilla/5.0", "connection": "close"})
    return line.getresponse()


def _checked(host: str, port: int, permitted: Permitted) -> Address:
    """An address of the host, provided that all of them may be asked."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses or not all(permitted(address, port) for address in addresses):
        raise NotFound(GONE)
    return addresses[0]


def _read(answer: http.client.HTTPResponse, until: float) -> bytes:
    data = b""
    while piece := answer.read1(65536):
        data += piece
        if len(data) > BYTES_AT_MOST or _left(until) <= 0:
            raise NotFound(GONE)
    return data


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.0)
