"""Files that a platform keeps, fetched: within a size and a time, and never from a place inside our own network.

An address that comes from outside may lead anywhere (CWE-918). Its host is resolved once, every address behind it must
be public, and the connection goes to the address that was looked at; a redirect is looked at in the same way. Only the
host that an inbox's own settings name may be anywhere, as its administrator chose it.
"""

import asyncio
import ipaddress
import mimetypes
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from parley.channels.calling import call, seconds_to_wait
from parley.core.errors import FetchFailed, SendFailed

HOPS = 4
SECONDS = 60.0
# Networks that ipaddress calls global and that lead back into IPv4 of any kind: NAT64, 6to4, Teredo.
WRAPPING = [ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")]
Pinned = tuple[str, str, str]  # the address to connect to, the Host header, the name for TLS


async def get(url: str, limit: int, trusted: str, headers: Mapping[str, str] | None = None) -> tuple[bytes, str]:
    """(bytes, type). trusted: address of the platform's interface, which may be anywhere.

    headers go to the first host only. Raises FetchFailed, permanent where another try cannot help.
    """
    first = urlsplit(url).netloc
    try:
        async with asyncio.timeout(SECONDS):
            for _ in range(HOPS):
                mine = headers if urlsplit(url).netloc == first else None
                found, url = await _one(url, limit, trusted, mine or {})
                if found is not None:
                    return found
    except TimeoutError:
        raise FetchFailed("The file did not come in time.") from None
    raise FetchFailed("The file's address leads on and on.", permanent=True)


async def ask(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What the platform's own interface says of a file. Raises FetchFailed, permanent where it does not know it."""
    try:
        status, said = await call("GET", url, None, headers)
    except SendFailed as failure:
        raise FetchFailed(str(failure), retry_after=failure.retry_after) from None
    if status >= 400 or not isinstance(said, dict):
        gone = status in (400, 404, 410)
        raise FetchFailed(f"The platform does not give the file ({status}).", permanent=gone)
    return said


async def _one(url: str, limit: int, trusted: str, headers: Mapping[str, str]) -> tuple[tuple[bytes, str] | None, str]:
    """Bytes and type, or where they are said to lie instead."""
    import httpx

    place, host, name = await _pinned(url, trusted)
    async with httpx.AsyncClient(timeout=20, follow_redirects=False, trust_env=False) as client:
        request = client.build_request(
            "GET", place, headers={**headers, "host": host}, extensions={"sni_hostname": name}
        )
        try:
            answer = await client.send(request, stream=True)
            try:
                if answer.is_redirect:
                    return None, urljoin(url, answer.headers.get("location", ""))
                _must_be_there(answer)
                return (await _within(answer, limit), _type(answer)), ""
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise FetchFailed(f"The file cannot be reached ({type(error).__name__}).") from None


def _must_be_there(answer: Any) -> None:
    """404 and 403 may be an address that ended: a new one is asked for on the next try."""
    status = answer.status_code
    if status == 200:
        return
    if status == 410:
        raise FetchFailed("The platform does not keep the file any more.", permanent=True)
    raise FetchFailed(f"The platform answered {status}.", retry_after=seconds_to_wait(answer.headers, None))


async def _within(answer: Any, limit: int) -> bytes:
    """As much as is allowed; a length that is told too small changes nothing."""
    told = answer.headers.get("content-length", "")
    data = bytearray()
    if not (told.isdigit() and int(told) > limit):
        async for chunk in answer.aiter_bytes():
            data += chunk
            if len(data) > limit:
                break
        else:
            return bytes(data)
    raise FetchFailed(f"The file is larger than {limit // 2**20} MB.", permanent=True)


def _type(answer: Any) -> str:
    return str(answer.headers.get("content-type", "")).partition(";")[0].strip().lower()


async def _pinned(url: str, trusted: str) -> Pinned:
    """Where to connect to. Raises FetchFailed for a place that is none of the internet's."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        raise FetchFailed("The file's address makes no sense.", permanent=True) from None
    host = parts.hostname or ""
    if trusted and _origin(parts) == _origin(urlsplit(trusted)):
        return url, parts.netloc, host
    if parts.scheme != "https" or not host or parts.username is not None or port != 443:
        raise FetchFailed("The file's address is not one of the public web.", permanent=True)
    address = await _public(host, port)
    shown = f"[{address}]" if ":" in address else address
    return parts._replace(netloc=shown).geturl(), parts.netloc, host


def _origin(parts: SplitResult) -> tuple[str, str]:
    return parts.scheme, parts.netloc.lower()


async def _public(host: str, port: int) -> str:
    """One address of the host; all of them must be public, so that nobody smuggles another one in."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchFailed("The file's host is not known.") from None
    addresses = [str(one[4][0]) for one in found]
    if not addresses or not all(is_public(address) for address in addresses):
        raise FetchFailed("The file's address leads into a private network.", permanent=True)
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address is one of the internet's, also behind IPv6's ways of writing IPv4."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if any(ip in network for network in WRAPPING):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def named(what: str, type: str, name: str = "") -> str:
    """A file's name: its own, or what it is with the ending of its type."""
    return name or f"{what.lower().replace(' ', '-')}{mimetypes.guess_extension(type.partition(';')[0]) or ''}"


def with_ending(name: str, type: str) -> str:
    """The name with the ending of its type, where it has none."""
    return name if "." in name else name + (mimetypes.guess_extension(type) or "")
