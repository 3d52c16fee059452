"""Fetching a picture from elsewhere, without being led into our own network.

The guard is `parley.services.outward`; here every redirect passes it anew.
"""

import http.client
import socket
import ssl
import time
from urllib.parse import SplitResult, urljoin, urlsplit

from parley.core.errors import NotFound
from parley.services.outward import Address, NotPermitted, Permitted, is_public, resolve
from parley.web.files import picture_type

BYTES_AT_MOST = 5 * 1024 * 1024
SECONDS = 8.0
REDIRECTS = 3
GONE = "The picture could not be fetched."


def may_be_asked(address: Address, port: int) -> bool:
    """A web server out in the world; other ports of it are nobody's pictures."""
    return port in (80, 443) and is_public(address)


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
        except (OSError, http.client.HTTPException, ValueError, NotPermitted) as error:
            raise NotFound(GONE) from error
        if kind := picture_type(data):
            return data, kind
        break
    raise NotFound(GONE)


def _ask(url: SplitResult, permitted: Permitted, until: float) -> http.client.HTTPResponse:
    if url.scheme not in ("http", "https") or not url.hostname or url.username:
        raise NotFound(GONE)
    port = url.port or (443 if url.scheme == "https" else 80)
    address = resolve(url.hostname, port, permitted)[0]
    plain = socket.create_connection((str(address), port), timeout=_left(until))
    if url.scheme == "https":
        plain = ssl.create_default_context().wrap_socket(plain, server_hostname=url.hostname)
    line = http.client.HTTPConnection(url.hostname, port)
    line.sock = plain
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    line.request("GET", target, headers={"accept": "image/*", "user-agent": "Mozilla/5.0", "connection": "close"})
    return line.getresponse()


def _read(answer: http.client.HTTPResponse, until: float) -> bytes:
    data = b""
    while piece := answer.read1(65536):
        data += piece
        if len(data) > BYTES_AT_MOST or _left(until) <= 0:
            raise NotFound(GONE)
    return data


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.0)
