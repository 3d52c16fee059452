"""Settings: inboxes with their health, brands, agents, API tokens, and what is one's own."""

import asyncio
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import zip_longest
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core import manner
from parley.core.channel import Channel, Inbox, Manifest
from parley.core.errors import BadConfig, NotFound, Refused
from parley.core.identity import looks_like_mail
from parley.core.language import LANGUAGES
from parley.core.tone import Tone
from parley.core.webhook import Webhook
from parley.log.record import Tx
from parley.services import absence, access, inbox, listening, prepared, setup, sign_offs
from parley.web import formats, present, tone, views
from parley.web.channel_form import groups, introduction, settings_from
from parley.web.desk import Answer, html, seen_other
from parley.web.forms import read_files, read_form
from parley.web.security import ADMIN, Caller
from parley.web.state import Room
from parley.web.words import translate

Asked = Request[Any, Any, Any]
# What the buttons of an inbox's form ask its channel to try, in order; see docs/a-new-channel.md.
SILENT = timedelta(hours=24)  # nothing received for so long is worth a look
TRIALS = {"test": ("try_connections", "check_domain"), "send": ("try_connections", "check_domain", "send_to_oneself")}
TABS = ("inboxes", "brands", "agents", "tokens", "you")


# Each tab has an address of its own, because others post there: a pattern would hide them.
@get(["/desk/settings", *(f"/desk/settings/{tab}" for tab in TABS)], include_in_schema=False)
async def settings_page(request: Asked, room: Room, caller: Caller) -> Answer:
    tab = request.url.path.rpartition("/")[2]
    tab = tab if tab in TABS else "inboxes"
    return html(await asyncio.to_thread(room.record.ask, _settings_html, room, caller, tab))


def _settings_html(conn: Connection, room: Room, caller: Caller, tab: str, fresh: str = "") -> str:
    shell = present.shell(conn, caller.agent, caller.csrf, "settings")
    may_change = caller.agent.role == "admin"
    return room.page(
        "desk/settings.html", shell=shell, channels=_channel_choices(room), roles=setup.ROLES, languages=LANGUAGES,
        page=views.SettingsPage(
            tab=tab,
            inboxes=_inboxes(conn, room, caller) if tab == "inboxes" else (),
            brands=_brands(conn, room, caller) if tab in ("brands", "inboxes") else (),
            agents=_agents(conn) if tab == "agents" else (),
            teams=_teams(conn) if tab == "agents" else (),
            tokens=_tokens(conn, caller) if tab == "tokens" else (),
            fresh=fresh,
            signature=setup.signature(conn, caller.agent.id) if tab == "you" else "",
            may_change=may_change or tab == "tokens",
            tone=tone.choices(Tone()) if tab == "brands" else views.ToneChoices(),
            signs=_signs(room, ()) if tab == "brands" else (),
        ),
    )  # fmt: skip


def _channel_choices(room: Room) -> list[tuple[str, str]]:
    return [(name, c.manifest.label) for name, c in room.channels.items() if c.manifest.offered]


def _inboxes(conn: Connection, room: Room, caller: Caller) -> tuple[views.InboxLine, ...]:
    brands, last = setup.all_brands(conn), listening.last_received(conn)
    passed = listening.passed_over(conn)
    shown = [i for i in room.inboxes().values() if caller.viewer.brands is None or i.brand in caller.viewer.brands]
    return tuple(_inbox_line(room, conn, brands, last, passed, box) for box in shown)


def _gap(room: Room, conn: Connection, manifest: Manifest) -> Iterator[str]:
    """What may be lost since the desk was away for longer than the platform tries."""
    found = absence.lately_lost(conn, manifest, room.record.clock())
    if found:
        away, part = found
        ended = f"{away.until:%d %b %H:%M} UTC"
        yield translate(
            "The desk was away for {long} until {ended}. What was sent in the first {part} may be lost here: ask "
            "whoever wrote about that time, or look in the app.",
            long=_hours(away.length),
            ended=ended,
            part=_hours(part),
        )


def _hours(span: timedelta) -> str:
    minutes = max(1, round(span.total_seconds() / 60))
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.0f} h"


def _inbox_line(
    room: Room,
    conn: Connection,
    brands: Mapping[int, setup.Brand],
    last: Mapping[int, Any],
    passed: Mapping[int, int],
    box: Inbox,
) -> views.InboxLine:
    channel = room.channels[box.channel]
    problems, gap = tuple(channel.check(box)), tuple(_gap(room, conn, channel.manifest))
    said = room.health.said.get(box.id)
    received = last.get(box.id)
    return views.InboxLine(
        id=box.id,
        name=box.name,
        brand=brands[box.brand].name if box.brand in brands else "",
        channel=channel.manifest.label,
        glyph=channel.manifest.glyph,
        address=box.address,
        health="bad" if problems else "warn" if gap else "good" if received or said else "quiet",
        said=said.sentence if said else "",
        said_at=said.at if said else None,
        received_at=received,
        passed=passed.get(box.id, 0),
        silent=bool(received and room.record.clock() - received > SILENT),
        with_bot=box.with_bot,
        problems=(*problems, *gap),
    )


def _signs(room: Room, chosen: Collection[str]) -> tuple[tuple[str, str, bool], ...]:
    """Channels under whose messages a line may stand."""
    fitting = (
        (name, c.manifest.label)
        for name, c in room.channels.items()
        if c.manifest.offered and sign_offs.may_stand(c.manifest)
    )
    return tuple((name, label, name in chosen) for name, label in sorted(fitting, key=lambda one: one[1].casefold()))


def _brands(conn: Connection, room: Room, caller: Caller) -> tuple[views.BrandLine, ...]:
    count: dict[int, int] = {}
    for number in conn.execute(setup.inboxes.select()):
        count[number.brand] = count.get(number.brand, 0) + 1
    return tuple(
        views.BrandLine(
            id=b.id, name=b.name, hue=formats.hue(b.name), domain=b.look.site, inboxes=count.get(b.id, 0),
            colour=b.look.colour, sign_off=b.look.sign_off, footer=b.look.footer, has_logo=bool(b.look.logo),
            terms=manner.written(b.look.terms), tone=tone.choices(b.look.tone),
            letters=(
                *((code, one.sign_off, one.footer, one.short) for code, one in b.look.letters.items()),
                ("", "", "", ""),
            ),
            short=b.look.short, signs=_signs(room, b.look.signs),
        )
        for b in setup.all_brands(conn).values()
        if caller.viewer.brands is None or b.id in caller.viewer.brands
    )  # fmt: skip


def _agents(conn: Connection) -> tuple[views.AgentLine, ...]:
    held = inbox.held_by(conn)
    return tuple(
        views.AgentLine(
            id=a.id, face=present.agent_face(a), mail=a.mail, role=a.role, skills=a.skills, open=held.get(a.id, 0),
            capacity=a.capacity, active=a.active,
        )
        for a in setup.all_agents(conn).values()
    )  # fmt: skip


def _teams(conn: Connection) -> tuple[views.TeamLine, ...]:
    return tuple(views.TeamLine(name=one.name, skills=one.skills, about=one.about) for one in prepared.teams(conn))


def _tokens(conn: Connection, caller: Caller) -> tuple[views.TokenLine, ...]:
    """An admin sees everybody's, others their own."""
    everybody = caller.agent.role == "admin"
    agents = setup.all_agents(conn)
    return tuple(
        views.TokenLine(
            id=row.id, name=row.name, scope=row.scope, made_at=row.since, used_at=row.last_used,
            by=agents[row.agent].name if row.agent in agents else "",
        )
        for row in access.tokens_of(conn, None if everybody else caller.agent.id)
    )  # fmt: skip


# ── one's own ───────────────────────────────────────────────────────────────────────────────


class Yours(msgspec.Struct):
    theme: str = "auto"
    keys: str = ""
    calls: str = ""
    password: str = ""
    signature: str | None = None


@post("/desk/settings/you", include_in_schema=False)
async def change_yours(request: Asked, room: Room, caller: Caller) -> Answer:
    form = await read_form(request, Yours)
    if form.theme not in ("auto", "light", "dark"):
        raise Refused("The theme is auto, light or dark.")
    changes: dict[str, Any] = {
        "theme": form.theme,
        "single_keys": bool(form.keys),
        "takes_calls": bool(form.calls),
    }
    if form.password:
        changes["password"] = await asyncio.to_thread(access.hash_password, form.password)
    if form.signature is not None:
        await room.do(setup.sign_as, caller.agent.id, form.signature)
    fresh = await room.do(_change_yours, caller.agent.id, changes)
    room.door.forget(caller.agent.id)
    answer = seen_other("/desk/settings/you")
    if fresh:
        answer.headers["set-cookie"] = room.door.cookie_header(fresh)
    return answer


def _change_yours(tx: Tx, agent: int, changes: dict[str, Any]) -> str:
    """A new password signs out everybody who came in with the old one; here, a new session begins."""
    setup.change_agent(tx, agent, **changes)
    if "password" not in changes:
        return ""
    access.end_all_sessions(tx, agent)
    return access.begin_session(tx, agent)


class Token(msgspec.Struct):
    name: str = ""
    scope: str = "read"


@post("/desk/settings/tokens", include_in_schema=False)
async def make_token(request: Asked, room: Room, caller: Caller) -> Answer:
    form = await read_form(request, Token)
    if caller.agent.role == "read-only" and form.scope != "read":
        raise Refused("Your role may read; so may your tokens.")
    fresh = await room.do(access.issue_token, caller.agent.id, form.name, form.scope)
    return html(await asyncio.to_thread(room.record.ask, _settings_html, room, caller, "tokens", fresh))


@post("/desk/settings/tokens/{number:int}/revocation", include_in_schema=False)
async def revoke_token(room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    owner = None if caller.agent.role == "admin" else caller.agent.id
    await room.do(access.revoke_token, number, owner)
    room.door.forget(caller.agent.id)
    return seen_other("/desk/settings/tokens")


# ── brands ──────────────────────────────────────────────────────────────────────────────────


class BrandForm(msgspec.Struct):
    name: str = ""
    colour: str = "#2f6f4f"
    sign_off: str = ""
    footer: str = ""
    language: list[str] = []
    sign_off_in: list[str] = []
    short: str = ""
    short_in: list[str] = []
    signs: list[str] = []
    footer_in: list[str] = []
    terms: str = ""
    no_logo: str = ""
    tone_rule: list[str] = []
    tone_does: list[str] = []
    tone_language: list[str] = []
    tone_address: list[str] = []
    exclamations: int = 0
    sentence_words: int = 30


@post("/desk/settings/brands", opt=ADMIN, include_in_schema=False)
async def add_brand(request: Asked, room: Room, caller: Caller) -> Answer:
    form = await read_form(request, BrandForm)
    name, look = _look(form, setup.Look(), await _logo(request, room))
    await room.do(setup.add_brand, name, look)
    await asyncio.to_thread(room.setup_changed)
    return seen_other("/desk/settings/brands")


@post("/desk/settings/brands/{number:int}", opt=ADMIN, include_in_schema=False)
async def change_brand(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, BrandForm)
    known = (await room.ask(setup.all_brands)).get(number)
    if known is None:
        raise NotFound("There is no such brand.")
    name, look = _look(form, known.look, await _logo(request, room))
    await room.do(setup.change_brand, number, name, look)
    return seen_other("/desk/settings/brands")


async def _logo(request: Asked, room: Room) -> str:
    """A picture that was uploaded, kept in the store: its digest and type. Empty where there was none."""
    for file in await read_files(request, "logo"):
        kind = next((kind for begin, kind in PICTURES.items() if file.data.startswith(begin)), "")
        if not kind or len(file.data) > LOGO_BYTES:
            raise Refused(f"A logo is a PNG, JPEG or GIF of at most {LOGO_BYTES // 1024} kB.")
        return f"{await asyncio.to_thread(room.store.put, file.data)}:{kind}"
    return ""


PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
LOGO_BYTES = 200 * 1024  # it travels with every mail


def _look(form: BrandForm, before: setup.Look, logo: str) -> tuple[str, setup.Look]:
    if not form.name.strip():
        raise Refused("A brand needs a name.")
    look = msgspec.structs.replace(
        before,
        colour=form.colour[:40],
        sign_off=_lines(form.sign_off, 500),
        footer=_lines(form.footer, 1000),
        short=form.short.strip()[:120],
        signs=tuple(sorted(set(form.signs))),
        letters=_letters(form),
        terms=manner.terms_of(form.terms),
        tone=tone.read(form) if form.tone_rule else before.tone,
        logo=logo or ("" if form.no_logo else before.logo),
    )
    return form.name.strip()[:80], look


def _letters(form: BrandForm) -> dict[str, setup.Letter]:
    """By language; one that was not chosen, or has no words of its own, is left out."""
    given = zip_longest(form.language, form.sign_off_in, form.footer_in, form.short_in, fillvalue="")
    letters = {
        code: setup.Letter(sign_off=_lines(sign_off, 500), footer=_lines(footer, 1000), short=short.strip()[:120])
        for code, sign_off, footer, short in given
    }
    return {code: one for code, one in letters.items() if code in LANGUAGES and one != setup.Letter()}


def _lines(text: str, most: int) -> str:
    return "\n".join(text[:most].splitlines())


# ── agents ──────────────────────────────────────────────────────────────────────────────────


class AgentForm(msgspec.Struct):
    name: str = ""
    mail: str = ""
    role: str = "agent"
    skills: str = ""
    capacity: float = 1.0
    active: str = ""


@post("/desk/settings/agents", opt=ADMIN, include_in_schema=False)
async def add_agent(request: Asked, room: Room, caller: Caller) -> Answer:
    """Add an agent; the answer shows a link that signs them in once, to be passed on."""
    form = await read_form(request, AgentForm)
    _check_agent(form)

    def act(tx: Tx) -> str:
        if access.stored_password(tx.conn, form.mail):
            raise Refused("There is an agent with that address already.")
        number = setup.add_agent(
            tx, form.name.strip()[:80], form.mail, form.role, skills=_skills(form.skills), capacity=form.capacity
        )
        return access.login_link(tx, number)

    link = f"{room.url}/login/{await room.do(act)}"
    return html(await asyncio.to_thread(room.record.ask, _settings_html, room, caller, "agents", link))


@post("/desk/settings/agents/{number:int}", opt=ADMIN, include_in_schema=False)
async def change_agent(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, AgentForm)
    if number == caller.agent.id and (form.role != "admin" or not form.active):
        raise Refused("You cannot take your own rights away. Ask another admin.")
    if form.role not in setup.ROLES:
        raise Refused("There is no such role.")

    def act(tx: Tx) -> None:
        setup.agent(tx.conn, number)
        setup.change_agent(
            tx, number, role=form.role, skills=",".join(_skills(form.skills)), capacity=form.capacity,
            active=bool(form.active),
        )  # fmt: skip
        if not form.active:
            access.end_all_sessions(tx, number)

    await room.do(act)
    room.door.forget(number)
    return seen_other("/desk/settings/agents")


def _check_agent(form: AgentForm) -> None:
    if not form.name.strip():
        raise Refused("An agent needs a name.")
    if not looks_like_mail(form.mail.strip()):
        raise Refused("That does not look like a mail address.")
    if not 0 < form.capacity <= 20:
        raise Refused("A capacity is more than 0 and at most 20; 1 is one person fully occupied.")


def _skills(text: str) -> tuple[str, ...]:
    return tuple(skill.strip().lower() for skill in text.split(",") if skill.strip())


# ── inboxes ─────────────────────────────────────────────────────────────────────────────────


@get("/desk/settings/inboxes/new/{channel:str}", opt=ADMIN, include_in_schema=False)
async def new_inbox_page(room: Room, caller: Caller, channel: FromPath[str]) -> Answer:
    if channel not in room.channels:
        raise NotFound("There is no such channel.")
    return html(await asyncio.to_thread(room.record.ask, _inbox_html, room, caller, channel, None, {}, ()))


@get("/desk/settings/inboxes/{number:int}", opt=ADMIN, include_in_schema=False)
async def inbox_page(room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    box = _known(room, number)
    return html(await asyncio.to_thread(room.record.ask, _inbox_html, room, caller, box.channel, box, {}, ()))


def _known(room: Room, number: int) -> Inbox:
    box = room.inboxes().get(number)
    if box is None:
        raise NotFound("There is no such inbox.")
    return box


def _inbox_html(
    conn: Connection,
    room: Room,
    caller: Caller,
    channel: str,
    box: Inbox | None,
    typed: Mapping[str, str],
    steps: tuple[tuple[str, bool, str], ...],
    problem: str = "",
) -> str:
    door = room.channels[channel]
    snippet = getattr(door, "snippet", None)
    brands = list(setup.all_brands(conn).values())
    suggested = {} if box else _suggested(door, brands, room.inboxes().values())
    return room.page(
        "desk/inbox_edit.html",
        shell=present.shell(conn, caller.agent, caller.csrf, "settings"),
        inbox=box,
        channel=channel,
        label=door.manifest.label,
        about=introduction(door),
        groups=groups(door, box, typed, suggested),
        address=typed.get("address") or (box.address if box else suggested.get("address", "")),
        brands=brands,
        typed=typed,
        steps=[(step, good, *_apart(sentence)) for step, good, sentence in steps],
        problem=problem,
        snippet=snippet(box, room.url) if snippet and box else "",
        problems=door.check(box) if box else (),
        can_detect=hasattr(door, "detect"),
        can_send=hasattr(door, "send_to_oneself"),
        hook=f"{room.url.rstrip('/')}/hooks/{box.id}" if box and isinstance(door, Webhook) else "",
    )


_DNS_LINE = re.compile(r'\S+\. [A-Z]+ "[^"]*"')  # as zone files have it


def _apart(sentence: str) -> tuple[str, str, str]:
    """(what was found, the line to add to the DNS, what is said after it), so that the line can be copied."""
    line = _DNS_LINE.search(sentence)
    if line is None:
        return sentence, "", ""
    return sentence[: line.start()].rstrip(), line[0], sentence[line.end() :].lstrip()


def _suggested(door: Channel, brands: list[setup.Brand], inboxes: Iterable[Inbox]) -> dict[str, Any]:
    """What a new inbox may begin with, where its channel has an idea: an address and settings."""
    begin = getattr(door, "begin", None)
    taken = {box.address for box in inboxes if box.channel == door.manifest.name}
    return dict(begin(brands[0].name, taken)) if begin and brands else {}


@post("/desk/settings/inboxes/new/{channel:str}", opt=ADMIN, include_in_schema=False)
async def add_inbox(request: Asked, room: Room, caller: Caller, channel: FromPath[str]) -> Answer:
    if channel not in room.channels:
        raise NotFound("There is no such channel.")
    return await _save(request, room, caller, channel, None)


@post("/desk/settings/inboxes/{number:int}", opt=ADMIN, include_in_schema=False)
async def change_inbox(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    box = _known(room, number)
    return await _save(request, room, caller, box.channel, box)


async def _save(request: Asked, room: Room, caller: Caller, channel: str, box: Inbox | None) -> Answer:
    """Save and test. What is wrong is said above the form, with everything that was typed kept."""
    form = {key: str(value) for key, value in (await request.form()).items()}
    door = room.channels[channel]
    if form.get("then") == "detect":
        return await _detect(room, caller, channel, box, form)
    try:
        settings = settings_from(door, form, box)
        number = await room.do(_store_inbox, form, channel, box, settings)
    except (Refused, BadConfig) as error:
        page = await asyncio.to_thread(room.record.ask, _inbox_html, room, caller, channel, box, form, (), str(error))
        return html(page, 422)
    await asyncio.to_thread(room.setup_changed)
    wanted = TRIALS.get(form.get("then", ""), ())
    if not wanted:
        return seen_other("/desk/settings/inboxes" if box else f"/desk/settings/inboxes/{number}")
    saved = _known(room, number)
    steps: list[tuple[str, bool, str]] = []
    for trial in wanted:
        if attempt := getattr(door, trial, None):
            steps += await asyncio.to_thread(attempt, saved)
    return html(await asyncio.to_thread(room.record.ask, _inbox_html, room, caller, channel, saved, {}, tuple(steps)))


async def _detect(room: Room, caller: Caller, channel: str, box: Inbox | None, form: dict[str, str]) -> Answer:
    """What the channel finds out about the address goes into the form; nothing is saved."""
    door = room.channels[channel]
    detect = getattr(door, "detect", None)
    if detect is None:
        raise Refused("This channel finds out no settings by itself.")
    steps: tuple[tuple[str, bool, str], ...] = ()
    problem = ""
    try:
        typed = {name[2:]: value for name, value in form.items() if name.startswith("s.")}
        found, told = await asyncio.to_thread(detect, form.get("address", "").strip(), typed)
        form = form | {f"s.{name}": str(value) for name, value in found.items()}
        steps = ((translate("Found:"), True, told),)
    except Refused as error:
        problem = str(error)
    page = await asyncio.to_thread(room.record.ask, _inbox_html, room, caller, channel, box, form, steps, problem)
    return html(page, 422 if problem else 200)


def _store_inbox(tx: Tx, form: Mapping[str, str], channel: str, box: Inbox | None, settings: Any) -> int:
    name, address = form.get("name", "").strip()[:80], form.get("address", "").strip().lower()[:254]
    brand = form.get("brand", "")
    if not name or not address:
        raise Refused("An inbox needs a name and an address.")
    if not brand.isdigit() or int(brand) not in setup.all_brands(tx.conn):
        raise Refused("Choose the brand it belongs to.")
    taken = setup.inbox_at(tx.conn, channel, address)
    if taken is not None and (box is None or taken != box.id):
        raise Refused(f"There is an inbox at {address} already.")
    with_bot = bool(form.get("with_bot"))
    if box is None:
        return setup.add_inbox(tx, int(brand), channel, name, address, settings, with_bot)
    setup.change_inbox(tx, box.id, brand=int(brand), name=name, address=address, settings=settings, with_bot=with_bot)
    return box.id


def routes() -> list[ControllerRouterHandler]:
    return [
        settings_page, change_yours, make_token, revoke_token, add_brand, change_brand, add_agent, change_agent,
        new_inbox_page, inbox_page, add_inbox, change_inbox,
    ]  # fmt: skip
