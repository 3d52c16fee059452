"""One call of a tool over HTTP: put together, sent to the address that was checked, tried again only where that can do
no harm, and read into a few plain values.

Every way in which it can fail has a fate (see `Outcome`) and a sentence for people that holds neither address nor
secret.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpx
import msgspec

from parley.core import picking
from parley.services.outward import Address, NotPermitted, is_public, may_be_inside, resolve
from parley.services.tools import Tool

MOST_BYTES = 256 * 1024
TRIES = 3
PATIENCE = 5.0
"""Seconds that another system may ask us to wait before the next try; more is a failure that says so."""

HIDDEN = "••••"
AGAIN = frozenset({429, 500, 502, 503, 504})
_SAFE = "-_~"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """fate: answered; none (no such thing there); refused (it said no); failed (nothing was done); uncertain (something
    may have been done). values: what was picked. sentence: for people.
    """

    fate: str
    sentence: str = ""
    values: Mapping[str, Any] = {}
    status: int = 0
    tries: int = 0
    ms: int = 0


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """A request, ready. It holds secrets: `shown` gives what may be looked at."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    secret: tuple[str, ...] = ()

    def shown(self) -> str:
        lines = [f"{name}: {HIDDEN if name in self.secret else value}" for name, value in self.headers]
        return "\n".join([f"{self.method} {self.url}", *lines, "", self.body.decode("utf-8", "replace")]).rstrip()


class Unfit(Exception):
    """The arguments cannot be made into a request."""


# ── putting together ────────────────────────────────────────────────────────────────────────


def put_together(tool: Tool, secrets: Mapping[str, str], arguments: Mapping[str, Any], key: str) -> Sending:
    """The request. Unfit where a needed argument is missing, or one would lead elsewhere."""
    placed: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "body": {}, "header": {}}
    for one in tool.parameters:
        value = _sent(arguments.get(one.name))
        if value is None or value == "":
            if one.needed or one.place == "path":
                raise Unfit(f"“{one.name}” is not known.")
            continue
        placed[one.place][one.name] = value
    parts = urlsplit(tool.address)
    path = parts.path or "/"
    for name, value in placed["path"].items():
        path = path.replace(f"{{{name}}}", _segment(name, value))
    query = urlencode({name: _plain(value) for name, value in placed["query"].items()})
    body = msgspec.json.encode(placed["body"]) if tool.method in ("POST", "PUT", "PATCH") else b""
    headers = [("accept", "application/json"), ("user-agent", "Parley"), *tool.headers]
    headers += [("content-type", "application/json")] if body else []
    headers += [(name, _header(name, _plain(value))) for name, value in placed["header"].items()]
    headers += [(tool.once, key)] if tool.once else []
    headers += [(name, _header(name, secrets.get(name, ""))) for name in tool.secret_headers]
    return Sending(
        method=tool.method, url=f"{parts.scheme}://{parts.netloc}{path}" + (f"?{query}" if query else ""),
        headers=tuple(headers), body=body, secret=tool.secret_headers,
    )  # fmt: skip


def _sent(value: Any) -> Any:
    if isinstance(value, str | bool | int | float) or value is None:
        return value.strip()[:2000] if isinstance(value, str) else value
    return msgspec.to_builtins(value) if not isinstance(value, list | tuple) else ", ".join(map(str, value))


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _segment(name: str, value: Any) -> str:
    """One step of a path, whatever signs it has: nothing in it leads up, aside or into the query."""
    text = _plain(value)
    if not text.strip(". "):
        raise Unfit(f"“{name}” is nothing that a path can hold.")
    return quote(text, safe=_SAFE)


def _header(name: str, value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise Unfit(f"“{name}” is nothing that a header can hold.")
    return value


# ── sending ─────────────────────────────────────────────────────────────────────────────────


async def call(
    tool: Tool, secrets: Mapping[str, str], arguments: Mapping[str, Any], key: str, inside: frozenset[str] = frozenset()
) -> Outcome:
    """Ask it, with as many tries as can do no harm. It never raises."""
    began = time.monotonic()
    try:
        sending = put_together(tool, secrets, arguments, key)
    except Unfit as error:
        return Outcome(fate="failed", sentence=f"It could not be asked: {error}")
    outcome = Outcome(fate="failed")
    for number in range(1, TRIES + 1):
        outcome, again = await _once(tool, sending, inside)
        outcome = msgspec.structs.replace(outcome, tries=number, ms=round((time.monotonic() - began) * 1000))
        if again is None or number == TRIES:
            break
        await asyncio.sleep(again or 0.2 * 3 ** (number - 1) * random.uniform(0.8, 1.2))
    return outcome


def trial_key() -> str:
    """A key for a try: each is one of its own."""
    return f"parley/trial/{token_hex(8)}"


async def attempt(tool: Tool, sending: Sending, inside: frozenset[str]) -> "tuple[Outcome, Answer | None]":
    """One request, once, with the answer as it came: for whoever declares a connection."""
    began, seen = time.monotonic(), list[Answer]()
    outcome, _ = await _once(tool, sending, inside, seen.append)
    outcome = msgspec.structs.replace(outcome, tries=1, ms=round((time.monotonic() - began) * 1000))
    return outcome, seen[0] if seen else None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    headers: Mapping[str, str]
    body: bytes


async def _once(
    tool: Tool, sending: Sending, inside: frozenset[str], see: "Callable[[Answer], object]" = lambda answer: None
) -> tuple[Outcome, float | None]:
    """What came of one request, and after how many seconds another can help; 0: soon; None: not at all."""
    broken = Outcome(fate="uncertain" if tool.acts else "failed")
    soon = 0.0 if tool.repeatable else None
    try:
        async with asyncio.timeout(tool.seconds):
            answer = await send(sending, inside)
            see(answer)
    except (NotPermitted, TooLarge, Elsewhere) as error:
        told = str(error) if isinstance(error, TooLarge | Elsewhere) else INNER
        fate = "uncertain" if isinstance(error, TooLarge) and tool.acts else "failed"
        return Outcome(fate=fate, sentence=told), None
    except NotReached:
        return Outcome(fate="failed", sentence="It cannot be reached."), 0.0  # it never heard of this
    except TimeoutError:
        return _with(broken, f"It did not answer within {tool.seconds} seconds."), soon
    except (httpx.HTTPError, OSError, ValueError):
        return _with(broken, "The line to it broke off."), soon
    return _judged(tool, answer, broken, soon)


def _with(outcome: Outcome, sentence: str, status: int = 0) -> Outcome:
    return msgspec.structs.replace(outcome, sentence=sentence, status=status)


def _judged(tool: Tool, answer: Answer, broken: Outcome, soon: float | None) -> tuple[Outcome, float | None]:
    status = answer.status
    if 200 <= status < 300:
        return read(tool, answer), None
    if status in (404, 410):
        return Outcome(fate="refused" if tool.acts else "none", sentence="It knows no such thing.", status=status), None
    if status == 429:
        wait = _wait(answer)
        if wait > PATIENCE:
            return Outcome(fate="failed", sentence="It is asked too often at the moment.", status=status), None
        return Outcome(fate="failed", sentence="It is asked too often at the moment.", status=status), wait
    if status in AGAIN:
        wait = min(_wait(answer), PATIENCE)
        return _with(broken, f"It has a fault of its own ({status}).", status), wait if soon is not None else None
    if status in (401, 403):
        return Outcome(fate="failed", sentence=f"It does not let us in ({status}).", status=status), None
    if 300 <= status < 400:
        return Outcome(fate="failed", sentence=f"It sends us elsewhere ({status}).", status=status), None
    if status >= 500:
        return _with(broken, f"It has a fault of its own ({status}).", status), None
    return Outcome(fate="refused", sentence=f"It said no ({status}).", status=status), None


def _wait(answer: Answer) -> float:
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isdigit() else 0.0


def rehearsed(tool: Tool, said: str) -> Outcome:
    """What a connection answers where nobody is asked. said: down, uncertain, none, or the JSON that it gives."""
    match said:
        case "down":
            return Outcome(fate="failed", sentence="It cannot be reached.", tries=3)
        case "uncertain":
            return Outcome(fate="uncertain", sentence="It did not answer in time.", tries=1)
        case "none":
            return Outcome(fate="refused" if tool.acts else "none", sentence="It knows no such thing.", tries=1)
    return read(tool, Answer(status=200, headers={}, body=said.encode()))


def read(tool: Tool, answer: Answer) -> Outcome:
    """The values of an answer. An act whose answer cannot be read was done all the same, as far as anybody knows."""
    try:
        found = msgspec.json.decode(answer.body) if answer.body.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fate = "uncertain" if tool.acts else "failed"
        return Outcome(fate=fate, sentence="It answered something that is no JSON.", status=answer.status)
    values = {one.name: picking.value(picking.pick(found, picking.path(one.path)), one.kind) for one in tool.answer}
    if tool.answer and not tool.acts and all(value is None for value in values.values()):
        sentence = "Its answer has another shape than was declared: none of the values is in it."
        return Outcome(fate="failed", sentence=sentence, status=answer.status)
    return Outcome(fate="answered", values=values, status=answer.status)


# ── the line ────────────────────────────────────────────────────────────────────────────────


INNER = "Its address leads into a network that is not permitted."


class TooLarge(Exception):
    """More than may be read."""


class Elsewhere(Exception):
    """It sends us to another place."""


class NotReached(Exception):
    """Nothing was sent."""


async def send(sending: Sending, inside: frozenset[str] = frozenset()) -> Answer:
    """One request to the address that was checked. A redirect is followed only on the same host, and only to look."""
    url = sending.url
    for _ in range(3):
        answer = await _ask(sending, url, inside)
        if sending.method != "GET" or answer.status not in (301, 302, 303, 307, 308):
            return answer
        onward = urljoin(url, answer.headers.get("location", ""))
        if urlsplit(onward)[:2] != urlsplit(url)[:2]:
            raise Elsewhere("It sends us to another host, and nothing is asked there.")
        url = onward
    raise Elsewhere("It sends us round in circles.")


async def _ask(sending: Sending, url: str, inside: frozenset[str]) -> Answer:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    def permitted(address: Address, _: int) -> bool:
        known = host in inside or parts.netloc.lower() in inside
        return is_public(address) or (known and may_be_inside(address))

    try:
        addresses = await asyncio.to_thread(resolve, host, port, permitted)
    except OSError as error:
        raise NotReached from error
    for address in addresses:
        with contextlib.suppress(httpx.ConnectError, httpx.ConnectTimeout):
            return await _ask_at(sending, parts, address, port)
    raise NotReached


async def _ask_at(sending: Sending, parts: Any, address: Address, port: int) -> Answer:
    """The name stays in the Host header and in what TLS checks; the connection goes to the address."""
    literal = f"[{address}]" if address.version == 6 else str(address)
    target = parts._replace(netloc=f"{literal}:{port}").geturl()
    headers = [("host", parts.netloc), ("accept-encoding", "identity"), *sending.headers]
    more = {"sni_hostname": parts.hostname} if parts.scheme == "https" else {}
    async with httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=None) as client:
        request = client.build_request(
            sending.method, target, headers=headers, content=sending.body or None, extensions=more
        )
        answer = await client.send(request, stream=True)
        try:
            body = b"".join([piece async for piece in _pieces(answer)])
        finally:
            await answer.aclose()
    return Answer(status=answer.status_code, headers={k.lower(): v for k, v in answer.headers.items()}, body=body)


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    size = 0
    async for piece in answer.aiter_raw():
        size += len(piece)
        if size > MOST_BYTES:
            raise TooLarge(f"It answered more than {MOST_BYTES // 1024} kB.")
        yield piece
