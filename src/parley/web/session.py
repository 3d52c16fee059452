"""Signing in and out, and the first minute of a new desk."""

import asyncio
import hmac
from hashlib import sha256
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, delete, get, post
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler

from parley.core.errors import NotAllowed, NotFound, Refused
from parley.core.identity import looks_like_mail
from parley.log.record import Tx
from parley.services import access, setup
from parley.web.forms import read_form
from parley.web.security import PUBLIC, Caller, find_caller, local_path, session_secret
from parley.web.state import Room

Asked = Request[Any, Any, Any]

SHORTEST_PASSWORD = 12
TRIES_PER_ADDRESS = 30  # in a quarter of an hour: an office behind one address has many agents


class SignIn(msgspec.Struct):
    mail: str = ""
    password: str = ""
    next: str = ""


@get("/", opt=PUBLIC, include_in_schema=False)
async def front_door(room: Room) -> Response[bytes]:
    return _go("/setup" if await room.ask(setup.is_new) else "/desk")


@get("/login", opt=PUBLIC, include_in_schema=False)
async def login_page(request: Asked, room: Room, next: FromQuery[str] = "") -> Response[Any]:
    if await room.ask(setup.is_new):
        return _go("/setup")
    if await find_caller(request.scope):
        return _go(local_path(next))
    return _login_page(room, next)


@post("/login", opt=PUBLIC, include_in_schema=False)
async def login(request: Asked, room: Room) -> Response[Any]:
    """Sign in with a password. Wrong address and wrong password are told in the same words and time."""
    form = await read_form(request, SignIn)
    mail = form.mail.strip().lower()
    if not await room.do(_may_try, mail, room.door.address(request.scope)):
        return _login_page(room, form.next, form.mail, TOO_MANY, 429)
    found = await room.ask(access.stored_password, mail)
    async with room.slow:
        fits = await asyncio.to_thread(access.password_fits, found[1] if found else None, form.password[:1000])
    if not fits or found is None:
        return _login_page(room, form.next, form.mail, "The address or the password is not right.", 401)
    return await _sign_in(room, found[0], form.next, mail)


TOO_MANY = (
    "There were too many tries. Wait a quarter of an hour, or ask whoever runs this desk for a sign-in"
    " link (`parley login`)."
)


def _may_try(tx: Tx, mail: str, address: str) -> bool:
    by_address = access.allowed(tx, f"login-from:{address}", TRIES_PER_ADDRESS)
    return access.allowed(tx, f"login:{mail}") and by_address


async def _sign_in(room: Room, agent: int, next: str = "", mail: str = "") -> Response[bytes]:
    def act(tx: Tx) -> str:
        access.forgive(tx, f"login:{mail}")
        return access.begin_session(tx, agent)

    return _go(local_path(next), room.door.cookie_header(await room.do(act)))


@get("/login/{ticket:str}", opt=PUBLIC, include_in_schema=False)
async def login_by_link(request: Asked, room: Room, ticket: FromPath[str]) -> Response[bytes]:
    """Sign in by a link that works once, within the hour."""
    if not await room.do(access.allowed, f"login-from:{room.door.address(request.scope)}", TRIES_PER_ADDRESS):
        raise NotAllowed(TOO_MANY)
    secret = await room.do(access.use_login_link, ticket)
    if secret is None:
        raise NotFound("This link was used before or is too old. Ask for a new one: `parley login` makes it.")
    return _go("/desk", room.door.cookie_header(secret))


@post("/logout", include_in_schema=False)
async def logout(request: Asked, room: Room, caller: Caller) -> Response[bytes]:
    await _sign_out(request, room, caller)
    return _go("/login", room.door.cookie_header(""))


@delete("/desk/session", status_code=204, include_in_schema=False)
async def end_session(request: Asked, room: Room, caller: Caller) -> Response[None]:
    """The same for a script."""
    await _sign_out(request, room, caller)
    return Response(None, status_code=204, headers={"set-cookie": room.door.cookie_header("")})


async def _sign_out(request: Asked, room: Room, caller: Caller) -> None:
    await room.do(access.end_session, session_secret(request.scope, room.door.cookie) or "")
    room.door.forget(caller.agent.id)


def _login_page(room: Room, next: str, mail: str = "", problem: str = "", status: int = 200) -> Response[str]:
    page = room.page(
        "account/login.html", public=None, csrf="", company="Parley", next=next, mail=mail, problem=problem
    )
    headers = {"retry-after": "900"} if status == 429 else None
    return Response(page, status_code=status, headers=headers, media_type=MediaType.HTML)


def _go(where: str, cookie: str = "") -> Response[bytes]:
    headers = {"location": where} | ({"set-cookie": cookie} if cookie else {})
    return Response(b"", status_code=303, headers=headers, media_type=MediaType.TEXT)


# ── a new desk ──────────────────────────────────────────────────────────────────────────────


class FirstSteps(msgspec.Struct):
    """code: see `setup_code`; needed from other machines only."""

    brand: str = ""
    name: str = ""
    mail: str = ""
    password: str = ""
    code: str = ""


def setup_code(key: bytes) -> str:
    """Shows that whoever sets the desk up can read its console; asked for from other machines only."""
    return hmac.new(key, b"setup", sha256).hexdigest()[:12]


@get("/setup", opt=PUBLIC, include_in_schema=False)
async def setup_page(request: Asked, room: Room, code: FromQuery[str] = "") -> Response[Any]:
    if not await room.ask(setup.is_new):
        return _go("/desk")
    return _setup_page(request, room, FirstSteps(code=code))


@post("/setup", opt=PUBLIC, include_in_schema=False)
async def set_up(request: Asked, room: Room) -> Response[Any]:
    """Make the first brand and the first admin, once."""
    form = await read_form(request, FirstSteps)
    if problems := _problems(form, room, _is_elsewhere(request, room)):
        return _setup_page(request, room, form, problems, 422)
    async with room.slow:
        password = await asyncio.to_thread(access.hash_password, form.password)
    agent = await room.do(_begin_desk, form, password)
    await asyncio.to_thread(room.setup_changed)
    return await _sign_in(room, agent)


def _problems(form: FirstSteps, room: Room, elsewhere: bool) -> dict[str, str]:
    """What is wrong, by field."""
    found: dict[str, str] = {}
    if elsewhere and not hmac.compare_digest(form.code.strip().encode(), setup_code(room.key).encode()):
        found["code"] = "This is not the code that `parley serve` printed when it started."
    if not form.brand.strip():
        found["brand"] = "A name is needed: customers see it."
    if not form.name.strip():
        found["name"] = "Your name is needed: customers see who answers."
    if not looks_like_mail(form.mail.strip()):
        found["mail"] = "That does not look like a mail address."
    if len(form.password) < SHORTEST_PASSWORD:
        found["password"] = f"Use {SHORTEST_PASSWORD} characters or more."
    return found


def _begin_desk(tx: Tx, form: FirstSteps, password: str) -> int:
    if not setup.is_new(tx.conn):
        raise Refused("This desk was set up a moment ago. Sign in instead.")
    setup.add_brand(tx, form.brand.strip()[:80])
    return setup.add_agent(tx, form.name.strip()[:80], form.mail, "admin", password=password)


def _is_elsewhere(request: Asked, room: Room) -> bool:
    return not room.door.at_this_machine(request.scope)


def _setup_page(
    request: Asked, room: Room, form: FirstSteps, problems: dict[str, str] | None = None, status: int = 200
) -> Response[str]:
    page = room.page(
        "account/setup.html",
        public=None,
        csrf="",
        values={"brand": form.brand, "name": form.name, "mail": form.mail, "code": form.code},
        problems=problems or {},
        elsewhere=_is_elsewhere(request, room),
    )
    return Response(page, status_code=status, media_type=MediaType.HTML)


def routes() -> list[ControllerRouterHandler]:
    return [front_door, login_page, login, login_by_link, logout, end_session, setup_page, set_up]
