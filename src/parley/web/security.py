"""Who is asking, and what they may: sessions, tokens, roles, forged requests, and headers that protect.

Every route needs a signed-in agent unless its `opt` says otherwise: `opt={"access": …}` is one of
`LEVELS`. API tokens open only routes with `opt={"api": True}`. Whatever changes something and is
authorised by a cookie must bring back the session's `csrf`, as the header x-csrf-token or a form field.
"""

import hmac
import time
from collections.abc import Callable, MutableSequence
from hashlib import sha256
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from parley.core.errors import NotAllowed
from parley.log.record import Record
from parley.services import access, setup
from parley.services.inbox import Viewer

# Who passes at each level. "desk": everybody who is signed in, also those who only read.
LEVELS: dict[str, tuple[str, ...]] = {
    "public": (),
    "desk": ("admin", "lead", "agent", "read-only"),
    "act": ("admin", "lead", "agent"),
    "lead": ("admin", "lead"),
    "admin": ("admin",),
}
PUBLIC = {"access": "public"}
ACT = {"access": "act"}
LEAD = {"access": "lead"}
ADMIN = {"access": "admin"}

SAFE = ("GET", "HEAD", "OPTIONS")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self';"
    " media-src 'self'; connect-src 'self'; frame-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
NOTHING = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"
# On pages where one can speak: the page itself, and no frame of another origin in it.
SPEAKING = NOTHING.replace("microphone=()", "microphone=(self)")
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", NOTHING.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class SignInFirst(Exception):
    """Nobody is signed in here, or the session has ended."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The agent on whose behalf a request acts. csrf: what changes must bring along; empty for a token.

    secret: the session's or token's digest, to find it again; never shown.
    """

    agent: setup.Agent
    csrf: str = ""
    secret: str = ""

    @property
    def viewer(self) -> Viewer:
        return access.viewer_of(self.agent)

    @property
    def by_token(self) -> bool:
        return not self.csrf


class Doorkeeper:
    """Recognises sessions and tokens, and remembers them for some seconds so that pages need not ask."""

    def __init__(self, record: Record, *, secure: bool, proxies: tuple[str, ...] = ()) -> None:
        self.record, self.secure, self.proxies = record, secure, frozenset(proxies)
        self.cookie = "__Host-parley" if secure else "parley"
        self.remembered_seconds = 5.0
        self.when_forgotten: list[Callable[[int], None]] = []
        self._known: dict[str, tuple[float, Caller]] = {}

    async def of_session(self, secret: str | None, ask: Any) -> Caller | None:
        if not secret:
            return None
        return await self._remembered(_digest(secret), lambda: ask(self._session, secret))

    async def of_token(self, token: str, ask: Any) -> Caller | None:
        return await self._remembered(_digest(token), lambda: ask(self._token, token))

    async def still(self, caller: Caller, secret: str | None, ask: Any) -> bool:
        """Whether a session that was good a while ago is good now, with the same rights."""
        now = await self.of_session(secret, ask)
        return now is not None and now.viewer == caller.viewer

    async def _remembered(self, key: str, find: Callable[[], Any]) -> Caller | None:
        known = self._known.get(key)
        if known and known[0] > time.monotonic():
            return known[1]
        caller: Caller | None = await find()
        if caller is None:
            self._known.pop(key, None)
            return None
        if len(self._known) > 5000:
            self._known.clear()
        self._known[key] = (time.monotonic() + self.remembered_seconds, caller)
        return caller

    def _session(self, conn: Any, secret: str) -> Caller | None:
        found = access.session_of(conn, secret, self.record.clock())
        return Caller(agent=found.agent, csrf=found.csrf, secret=_digest(secret)) if found else None

    def _token(self, conn: Any, token: str) -> Caller | None:
        agent = access.agent_of_token(conn, token)
        return Caller(agent=agent, secret=_digest(token)) if agent else None

    def refresh(self, agent: int) -> None:
        """Something about the agent changed that pages show: ask the record again."""
        self._known = {key: known for key, known in self._known.items() if known[1].agent.id != agent}

    def forget(self, agent: int) -> None:
        """An agent signed out, or their role, brands, password or tokens changed.

        Live streams are told, so that those whose right is gone end at once.
        """
        self.refresh(agent)
        for tell in self.when_forgotten:
            tell(agent)

    # cookies ────────────────────────────────────────────────────────────────────────────────

    def cookie_header(self, secret: str) -> str:
        """The Set-Cookie value that signs in; with an empty secret, the one that signs out."""
        age = access.SESSION_DAYS * 86400 if secret else 0
        safe = "; Secure" if self.secure else ""
        return f"{self.cookie}={secret}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{safe}"

    # where a request comes from ─────────────────────────────────────────────────────────────

    def address(self, scope: Scope) -> str:
        """The client's address. X-Forwarded-For counts only as far as trusted proxies wrote it."""
        client = scope.get("client")
        address = client[0] if client else ""
        if address not in self.proxies:
            return address
        for hop in reversed(_header(scope, b"x-forwarded-for").split(",")):
            address = hop.strip() or address
            if address not in self.proxies:
                break
        return address

    def at_this_machine(self, scope: Scope) -> bool:
        """Whether it is this very machine that asks for itself: neither a proxy on it that asks for somebody
        elsewhere, nor a page whose own name was made to point here."""
        forwarded = any(_header(scope, name) for name in FORWARDING)
        name = urlsplit(f"//{_header(scope, b'host')}").hostname or ""
        return is_loopback(self.address(scope)) and not forwarded and (name == "localhost" or is_loopback(name))


FORWARDING = (b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"forwarded", b"via")


class Gate(ASGIMiddleware):
    """Stands before every handler: finds the caller, checks level and forgery, then lets pass."""

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        opt = scope["route_handler"].opt
        level = opt.get("access", "desk")
        caller = None
        if level != "public":
            caller = await find_caller(scope, tokens=bool(opt.get("api")))
            if caller is None:
                raise SignInFirst
            scope["state"]["caller"] = caller
            if caller.agent.role not in LEVELS[level]:
                raise NotAllowed("Your role does not permit this.")
        changes = scope["type"] == ScopeType.HTTP and scope["method"] not in SAFE
        if changes and not opt.get("exclude_from_csrf") and not (caller and caller.by_token):
            _refuse_foreign(scope)
            if caller:
                await _check_csrf(Request(scope, receive=receive), caller)
        await next_app(scope, receive, send)


async def find_caller(scope: Scope, *, tokens: bool = False) -> Caller | None:
    """Who is signed in by cookie or, where tokens are taken, by `Authorization: Bearer parley_…`."""
    room = scope["litestar_app"].state.room
    bearer = _header(scope, b"authorization")
    if bearer:
        kind, _, token = bearer.partition(" ")
        if not tokens or kind.lower() != "bearer":
            return None
        found: Caller | None = await room.door.of_token(token.strip(), room.ask)
        return found
    signed_in: Caller | None = await room.door.of_session(session_secret(scope, room.door.cookie), room.ask)
    return signed_in


def session_secret(scope: Scope, name: str) -> str | None:
    for part in _header(scope, b"cookie").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return None


def _refuse_foreign(scope: Scope) -> None:
    """Browsers say from which page a change comes. What names none is no browser, and has no cookie to misuse."""
    if _header(scope, b"sec-fetch-site") not in ("", "same-origin", "none"):
        raise NotAllowed("This was sent from another website, so nothing was changed.")
    origin = _header(scope, b"origin")
    ours = (_header(scope, b"host"), urlsplit(scope["litestar_app"].state.room.url).netloc)
    if origin and urlsplit(origin).netloc not in ours:
        raise NotAllowed("This was sent from another website, so nothing was changed.")


async def _check_csrf(request: Request[Any, Any, Any], caller: Caller) -> None:
    given = request.headers.get("x-csrf-token", "")
    if not given and "form" in request.headers.get("content-type", ""):
        given = str((await request.form()).get("csrf", ""))
    if not hmac.compare_digest(given.encode(), caller.csrf.encode()):
        raise NotAllowed("This page is too old to act from. Load it again; nothing was changed.")


async def protect(message: Message, scope: Scope) -> None:
    """Puts the protecting headers on every answer that does not set its own."""
    if message["type"] != "http.response.start":
        return
    headers: MutableSequence[tuple[bytes, bytes]] = list(message.get("headers", ()))
    present = {name.lower() for name, _ in headers}
    if _is_page_of_the_desk(scope) and not present & {b"content-security-policy", b"permissions-policy"}:
        headers.append((b"permissions-policy", SPEAKING.encode()))
        present.add(b"permissions-policy")
    headers.extend(pair for pair in HEADERS if pair[0] not in present)
    if scope["litestar_app"].state.room.secure:
        headers.append((b"strict-transport-security", b"max-age=31536000"))
    if b"cache-control" not in present:
        headers.append((b"cache-control", b"no-store"))
    message["headers"] = headers


def _is_page_of_the_desk(scope: Scope) -> bool:
    """Where agents speak with customers. What brings a policy of its own, such as a mail's frame, is none of them."""
    return scope["path"] == "/desk" or scope["path"].startswith("/desk/")


# ── what handlers ask for ───────────────────────────────────────────────────────────────────


def the_caller(scope: Scope) -> Caller:
    """The signed-in agent, as the dependency `caller`."""
    found: Caller = scope["state"]["caller"]
    return found


def the_viewer(scope: Scope) -> Viewer:
    """What services want to know of the caller, as the dependency `who`."""
    return the_caller(scope).viewer


def is_loopback(address: str) -> bool:
    """Whether it is this very machine that asks."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def local_path(wanted: str) -> str:
    """A path of this desk to go on to after signing in; the desk itself for everything else."""
    fine = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if fine else "/desk"


def sign_in_address(scope: Scope) -> str:
    """Where to sign in, and come back from."""
    if scope.get("method") != "GET":
        return "/login"
    path = scope.get("raw_path") or b""
    query = scope.get("query_string") or b""
    wanted = path.decode("latin-1").partition("?")[0] + (f"?{query.decode('latin-1')}" if query else "")
    return f"/login?next={quote(wanted, safe='/')}"


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("latin-1")
    return ""


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
