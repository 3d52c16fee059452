"""Settings → Connections: the company's other systems, what is asked of them, a try, and every call that was made."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core import picking
from parley.core.errors import Refused
from parley.services import inbox, procedures, tool_calls, tool_requests, tools
from parley.services.tools import Parameter, Picked, Tool
from parley.web import present
from parley.web.desk import Answer, html, seen_other
from parley.web.security import ADMIN, LEAD, Caller
from parley.web.state import Room
from parley.web.words import translate as t

Asked = Request[Any, Any, Any]
HERE = "/desk/settings/connections"
FATES = {
    "": "under way",
    "answered": "answered",
    "none": "no such thing there",
    "refused": "it said no",
    "failed": "failed, nothing was done",
    "uncertain": "uncertain",
}
MOST_ROWS = 24
SHOWN = 4000


class CallLine(msgspec.Struct, frozen=True, kw_only=True):
    """A call as it is listed. well: it came to a plain end. title: the connection's."""

    line: tool_calls.Line
    title: str
    fate: str
    well: bool


class Card(msgspec.Struct, frozen=True, kw_only=True):
    tool: Tool
    tally: tool_calls.Tally


class ListPage(msgspec.Struct, frozen=True, kw_only=True):
    """inside: hosts in our own network that are permitted, a line each."""

    cards: tuple[Card, ...]
    calls: tuple[CallLine, ...]
    inside: str
    may_change: bool


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How a try went. sent: the request without its secrets; answered: the answer's beginning; picked: its values."""

    outcome: tool_requests.Outcome
    fate: str
    sent: str
    answered: str = ""
    picked: tuple[tuple[str, str], ...] = ()
    given: Mapping[str, str] = {}


class ToolPage(msgspec.Struct, frozen=True, kw_only=True):
    """problem: why what was typed is not kept. open_rows: empty rows to fill in."""

    tool: Tool
    new: bool
    may_change: bool
    kinds: tuple[str, ...] = tools.KINDS
    places: tuple[str, ...] = tools.PLACES
    value_kinds: tuple[str, ...] = picking.KINDS
    methods: tuple[str, ...] = tools.METHODS
    open_rows: int = 2
    calls: tuple[CallLine, ...] = ()
    trial: Trial | None = None
    problem: str = ""


# ── pages ───────────────────────────────────────────────────────────────────────────────────


@get(HERE, opt=LEAD, include_in_schema=False)
async def list_page(room: Room, caller: Caller) -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _list_html, room, caller))


def _list_html(conn: Connection, room: Room, caller: Caller) -> str:
    declared = tools.every(conn)
    tallies = tool_calls.tallies(conn, room.record.clock())
    page = ListPage(
        cards=tuple(Card(tool=one, tally=tallies.get(one.name, tool_calls.Tally())) for one in declared.values()),
        calls=_calls(conn, declared, caller),
        inside="\n".join(sorted(tools.inside(conn))),
        may_change=caller.agent.role == "admin",
    )
    shell = present.shell(conn, caller.agent, caller.csrf, "settings")
    return room.page("desk/connections.html", shell=shell, page=page)


def _calls(conn: Connection, declared: Mapping[str, Tool], caller: Caller, tool: str = "") -> tuple[CallLine, ...]:
    """The newest, of conversations that the caller may see."""
    lines = tool_calls.newest(conn, tool)
    states = inbox.states(conn, [line.conversation for line in lines])
    return tuple(
        CallLine(
            line=line, title=declared[line.tool].title if line.tool in declared else line.tool,
            fate=t(FATES.get(line.outcome, line.outcome)), well=line.outcome in ("answered", "none", "refused"),
        )
        for line in lines
        if line.conversation in states and inbox.can_see(caller.viewer, states[line.conversation])
    )  # fmt: skip


@get(HERE + "/new", opt=ADMIN, include_in_schema=False)
async def new_page(room: Room, caller: Caller) -> Answer:
    tool = Tool(name="", title="", address="https://")
    return html(await room.ask(_tool_html, room, caller, tool, True))


@get(HERE + "/{name:str}", opt=LEAD, include_in_schema=False)
async def tool_page(room: Room, caller: Caller, name: FromPath[str]) -> Answer:
    tool = await room.ask(tools.by_name, name)
    return html(await room.ask(_tool_html, room, caller, tool, False))


def _tool_html(
    conn: Connection, room: Room, caller: Caller, tool: Tool, new: bool, trial: Trial | None = None, problem: str = ""
) -> str:
    calls = () if new else _calls(conn, tools.every(conn), caller, tool.name)
    page = ToolPage(
        tool=tool, new=new, may_change=caller.agent.role == "admin", calls=calls, trial=trial, problem=problem
    )
    shell = present.shell(conn, caller.agent, caller.csrf, "settings")
    return room.page("desk/connection.html", shell=shell, page=page)


# ── declaring ───────────────────────────────────────────────────────────────────────────────


@post(HERE + "/new", opt=ADMIN, include_in_schema=False)
async def declare(request: Asked, room: Room, caller: Caller) -> Answer:
    form = await _form(request)
    tool = _typed(form, form.get("name", ""))
    if tool.name == "new" or await room.ask(tools.find, tool.name) is not None:
        return await _shown_again(room, caller, tool, True, t("There is a connection of that name already."))
    return await _kept(room, caller, tool, form, True)


@post(HERE + "/{name:str}", opt=ADMIN, include_in_schema=False)
async def change(request: Asked, room: Room, caller: Caller, name: FromPath[str]) -> Answer:
    await room.ask(tools.by_name, name)
    form = await _form(request)
    return await _kept(room, caller, _typed(form, name), form, False)


async def _kept(room: Room, caller: Caller, tool: Tool, form: Mapping[str, str], new: bool) -> Answer:
    """Kept, or shown again as it was typed with what is wrong; nothing of a long form is lost."""
    try:
        await room.do(tools.keep, tool, _secrets(form), caller.viewer.by)
    except Refused as refused:
        return await _shown_again(room, caller, tool, new, str(refused))
    return seen_other(f"{HERE}/{tool.name}")


async def _shown_again(room: Room, caller: Caller, tool: Tool, new: bool, problem: str) -> Answer:
    page = await room.ask(_tool_html, room, caller, tool, new, None, problem)
    return html(page, status=422)


async def _form(request: Asked) -> dict[str, str]:
    return {key: str(value) for key, value in (await request.form()).items()}


def _typed(form: Mapping[str, str], name: str) -> Tool:
    """The connection as the form has it."""

    def said(field: str, longest: int = 200) -> str:
        return form.get(field, "").strip()[:longest]

    seconds = said("seconds", 4)
    return Tool(
        name=name.strip()[:24],
        title=said("title", 80),
        method=said("method", 8) or "GET",
        address=said("address", 500),
        acts=bool(said("acts")),
        personal=bool(said("personal")) or bool(said("acts")),
        owner=said("owner", 40),
        headers=_headers(form.get("headers", "")),
        secret_headers=tuple(one for n in range(4) if (one := said(f"secret.name.{n}", 60))),
        parameters=tuple(_parameter(form, n) for n in range(MOST_ROWS) if said(f"parameter.name.{n}")),
        answer=tuple(_picked(form, n) for n in range(MOST_ROWS) if said(f"value.name.{n}")),
        seconds=int(seconds) if seconds.isdigit() else 5,
        once=said("once", 60),
        rehearsed=form.get("rehearsed", "").strip()[:20_000] or "{}",
    )


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (line.partition(":") for line in text.splitlines() if line.strip())
    return tuple((name.strip(), value.strip()) for name, _, value in pairs)[:20]


def _secrets(form: Mapping[str, str]) -> dict[str, str]:
    typed = ((form.get(f"secret.name.{n}", "").strip(), form.get(f"secret.value.{n}", "").strip()) for n in range(4))
    return {name: value for name, value in typed if name and value}


def _parameter(form: Mapping[str, str], n: int) -> Parameter:
    def said(field: str) -> str:
        return form.get(f"parameter.{field}.{n}", "").strip()[:120]

    return Parameter(
        name=said("name"), kind=said("kind") or "text", place=said("place") or "query", needed=bool(said("needed")),
        example=said("example"),
    )  # fmt: skip


def _picked(form: Mapping[str, str], n: int) -> Picked:
    def said(field: str) -> str:
        return form.get(f"value.{field}.{n}", "").strip()[:200]

    return Picked(name=said("name"), path=said("path"), kind=said("kind") or "text")


@post(HERE + "/{name:str}/removal", opt=ADMIN, include_in_schema=False)
async def remove(room: Room, caller: Caller, name: FromPath[str]) -> Answer:
    await room.do(procedures.remove_tool, name, caller.viewer.by)
    return seen_other(HERE)


@post("/desk/settings/inner-hosts", opt=ADMIN, include_in_schema=False)
async def permit(request: Asked, room: Room, caller: Caller) -> Answer:
    form = await _form(request)
    await room.do(tools.permit_inside, form.get("hosts", "")[:4000], caller.viewer.by)
    return seen_other(HERE)


# ── trying ──────────────────────────────────────────────────────────────────────────────────


@post(HERE + "/{name:str}/trial", opt=ADMIN, status_code=200, include_in_schema=False)
async def attempt(request: Asked, room: Room, caller: Caller, name: FromPath[str]) -> Answer:
    """Send one request with what was typed, or only show it; the secrets are masked in what is shown."""
    form = await _form(request)
    tool = await room.ask(tools.by_name, name)
    given = {one.name: form.get(f"given.{one.name}", "").strip()[:500] for one in tool.parameters}
    trial = await _tried(room, tool, given, send=bool(form.get("send")))
    return html(await room.ask(_tool_html, room, caller, tool, False, trial))


async def _tried(room: Room, tool: Tool, given: Mapping[str, str], *, send: bool) -> Trial:
    secrets, inside = await room.ask(_needed, tool.name)
    try:
        sending = tool_requests.put_together(tool, secrets, _converted(tool, given), tool_requests.trial_key())
    except tool_requests.Unfit as error:
        return Trial(outcome=tool_requests.Outcome(fate="failed"), fate=str(error), sent="", given=given)
    if not send:
        told = t("Not sent: this is what would be sent.")
        return Trial(outcome=tool_requests.Outcome(fate=""), fate=told, sent=sending.shown(), given=given)
    async with room.fetching:
        outcome, answer = await tool_requests.attempt(tool, sending, inside)
    hidden = tuple(value for value in secrets.values() if len(value) > 3)
    picked = tuple((name, "–" if value is None else str(value)) for name, value in outcome.values.items())
    return Trial(
        outcome=outcome,
        fate=f"{t(FATES[outcome.fate])}. {outcome.sentence}".strip(),
        sent=sending.shown(),
        answered=_masked(answer.body[:SHOWN].decode("utf-8", "replace"), hidden) if answer else "",
        picked=picked,
        given=given,
    )


def _needed(conn: Connection, name: str) -> tuple[dict[str, str], frozenset[str]]:
    return tools.secrets_of(conn, name), tools.inside(conn)


def _converted(tool: Tool, given: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as values of the parameters' kinds."""
    kinds = {one.name: "text" if one.kind == "customer" else one.kind for one in tool.parameters}
    typed: dict[str, Any] = {name: value for name, value in given.items() if value}
    for name, value in typed.items():
        if kinds[name] == "number":
            typed[name] = picking.value(value, "number")
        elif kinds[name] == "yes_no":
            typed[name] = value.lower() in ("yes", "true", "1")
    return typed


def _masked(text: str, secrets: tuple[str, ...]) -> str:
    """An echo of what was sent shows no secret either."""
    for secret in secrets:
        for part in (secret, secret.rpartition(" ")[2]):
            text = text.replace(part, tool_requests.HIDDEN) if len(part) > 3 else text
    return text


def routes() -> list[ControllerRouterHandler]:
    return [list_page, new_page, tool_page, declare, change, remove, permit, attempt]
