"""Settings → Procedures → New and Edit: a procedure as a file beside its picture, from draft to version and back."""

import asyncio
from difflib import unified_diff
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from markupsafe import Markup
from sqlalchemy import Connection

from parley.core.errors import Conflict, Refused
from parley.log.record import Tx
from parley.services import procedures, setup, tools
from parley.services.procedures import kept
from parley.services.procedures.binding import bind
from parley.services.procedures.common import Shop
from parley.services.procedures.layout import Problem
from parley.services.procedures.talks import Part, Result
from parley.services.procedures.written import Plan, check, sketch
from parley.services.tools import NAME
from parley.web import present
from parley.web.desk import Answer, html, seen_other
from parley.web.forms import read_form
from parley.web.procedure_picture import draw
from parley.web.security import ADMIN, Caller
from parley.web.state import Room
from parley.web.words import translate as t

Asked = Request[Any, Any, Any]
HERE = "/desk/settings/procedures"
LONGEST = 40_000

BEGINNING = """\
procedure: my_procedure
title: Tell when we are open
wish: wants to know when we are open
begins:
  - when are you open

steps:
  - ask: shop
    question: Which of our shops do you mean?
    choices: [Galway, Cork]

  - decide: hours
    table:
      - when: shop == 'Galway'
        then: Monday to Saturday, 9 to 18
      - then: Tuesday to Saturday, 10 to 17

  - say: "Our shop in {shop} is open {hours}."

talks: |
  # It names the shop's hours
  > when are you open
  < Which of our shops
  > Cork
  < Tuesday to Saturday
"""


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What the check says: problems with their lines; and the picture, as far as it can be drawn."""

    problems: tuple[Problem, ...] = ()
    picture: Markup = Markup("")
    steps: int = 0
    talks: int = 0
    same: bool = False


class EditPage(msgspec.Struct, frozen=True, kw_only=True):
    """seen: how often the draft had been saved when it was opened. trouble: why nothing was saved or published."""

    name: str
    new: bool
    text: str
    seen: int
    findings: Findings
    tools: tuple[tools.Tool, ...]
    in_force: int | None = None
    versions: tuple[kept.Version, ...] = ()
    by: tuple[tuple[str, str], ...] = ()
    results: tuple[Result, ...] = ()
    held: bool = False
    trouble: str = ""
    done: str = ""
    saved_at: Any = None

    def named(self, by: str) -> str:
        return dict(self.by).get(by, by)


class Form(msgspec.Struct):
    text: str = ""
    seen: int = 0


# ── checking ────────────────────────────────────────────────────────────────────────────────


def findings(conn: Connection, text: str, name: str = "") -> Findings:
    """Everything that is wrong with a text, and its picture. name: it has to bear."""
    plan, problems = check(text, tools.every(conn))
    drawn = plan or sketch(text)
    if plan is not None and name and plan.name != name:
        problems = [Problem(line=1, path="procedure", sentence=t("Its name stays “{name}”.", name=name)), *problems]
    elif plan is not None and not name and _taken(conn, plan.name):
        there = t("There is a procedure “{name}” already.", name=plan.name)
        problems = [Problem(line=1, path="procedure", sentence=there), *problems]
    shown = () if drawn is None else bind(drawn, _usual(conn, drawn), 1)
    return Findings(
        problems=tuple(problems), picture=draw(shown) if shown else Markup(""), steps=len(drawn.steps) if drawn else 0,
        talks=sum(line.startswith("#") for line in drawn.talks.splitlines()) if drawn else 0,
    )  # fmt: skip


def _usual(conn: Connection, plan: Plan) -> Shop:
    return Shop(conn, {one.name: one.usual for one in plan.limits})


def _taken(conn: Connection, name: str) -> bool:
    return name in procedures.SHIPPED or name in ("new", "check") or kept.find(conn, name) is not None


@post(HERE + "/check", opt=ADMIN, status_code=200, include_in_schema=False)
async def live_check(request: Asked, room: Room, name: FromQuery[str] = "") -> Answer:
    """The findings alone, while somebody types."""
    form = await read_form(request, Form)
    found = await room.ask(findings, _plain(form.text), name)
    return html(room.page("desk/_procedure_check.html", findings=found))


def _plain(text: str) -> str:
    """As it was typed: browsers send lines that end in CR LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")[: LONGEST + 1]


# ── pages ───────────────────────────────────────────────────────────────────────────────────


@get(HERE + "/new", opt=ADMIN, include_in_schema=False)
async def new_page(room: Room, caller: Caller, of: FromQuery[str] = "") -> Answer:
    """An empty one, or one that begins with what a shipped one in a file has."""
    text = await room.ask(_beginning, of)
    return html(await room.ask(_edit_html, room, caller, "", text, 0))


def _beginning(conn: Connection, of: str) -> str:
    shipped = procedures.text_of(of) if of in procedures.SHIPPED else None
    if shipped is not None:
        lines = [line for line in shipped.splitlines() if not line.startswith(("version:", "#"))]
        return "\n".join(lines).replace(f"procedure: {of}", f"procedure: my_{of}"[:35], 1).strip() + "\n"
    return BEGINNING


@get(HERE + "/{name:str}/draft", opt=ADMIN, include_in_schema=False)
async def edit_page(room: Room, caller: Caller, name: FromPath[str]) -> Answer:
    draft = await room.ask(kept.by_name, name)
    return html(await room.ask(_edit_html, room, caller, name, draft.draft, draft.saves))


def _edit_html(conn: Connection, room: Room, caller: Caller, name: str, text: str, seen: int, **more: Any) -> str:
    known = kept.find(conn, name) if name else None
    found = findings(conn, text, name)
    people = setup.all_agents(conn)
    page = EditPage(
        name=name, new=not name, text=text, seen=seen, findings=found, tools=tuple(tools.every(conn).values()),
        in_force=known.in_force if known else None, versions=tuple(kept.history(conn, name)) if name else (),
        by=tuple((f"agent/{one.id}", one.name) for one in people.values()),
        saved_at=known.drafted_at if known else None, **more,
    )  # fmt: skip
    shell = present.shell(conn, caller.agent, caller.csrf, "settings")
    return room.page("desk/procedure_edit.html", shell=shell, page=page)


# ── drafts ──────────────────────────────────────────────────────────────────────────────────


@post(HERE + "/new", opt=ADMIN, include_in_schema=False)
async def keep_new(request: Asked, room: Room, caller: Caller) -> Answer:
    """Keep a new draft, under the name that it gives itself. Its mistakes may wait."""
    form = await read_form(request, Form)
    text = _plain(form.text)
    name = _name_in(text)
    trouble = "" if NAME.fullmatch(name) else t("Nothing was saved: give it a name in its first line.")
    if not trouble and await room.ask(_taken, name):
        trouble = t("Nothing was saved: there is a procedure “{name}” already.", name=name)
    if trouble:
        return html(await room.ask(_edit_html, room, caller, "", text, 0, trouble=trouble), status=422)
    await room.do(kept.draft, name, text, caller.viewer.by, None)
    return seen_other(f"{HERE}/{name}/draft")


def _name_in(text: str) -> str:
    line = next((line for line in text.splitlines() if line.startswith("procedure:")), "")
    return line.partition(":")[2].partition("#")[0].strip().strip("'\"")


@post(HERE + "/{name:str}/draft", opt=ADMIN, include_in_schema=False)
async def save(request: Asked, room: Room, caller: Caller, name: FromPath[str]) -> Answer:
    form = await read_form(request, Form)
    text = _plain(form.text)
    try:
        await room.do(kept.draft, name, text, caller.viewer.by, form.seen)
    except Conflict as conflict:
        return await _refused(room, caller, name, text, form.seen, str(conflict), 409)
    return seen_other(f"{HERE}/{name}/draft")


async def _refused(
    room: Room, caller: Caller, name: str, text: str, seen: int, trouble: str, status: int = 422
) -> Answer:
    """The page as it was, with what was typed."""
    return html(await room.ask(_edit_html, room, caller, name, text, seen, trouble=trouble), status=status)


@post(HERE + "/{name:str}/draft/trial", opt=ADMIN, status_code=200, include_in_schema=False)
async def hold(request: Asked, room: Room, caller: Caller, name: FromPath[str]) -> Answer:
    """Hold the conversations of what is typed, on a desk of their own. Nothing is saved, and no other system asked."""
    form = await read_form(request, Form)
    text = _plain(form.text)
    declared = await room.ask(tools.every)
    plan, problems = check(text, declared)
    if plan is None or problems:
        return await _refused(room, caller, name, text, form.seen, t("First mend what is wrong in it."))
    results = await _results(room, plan, text, declared)
    page = await room.ask(_edit_html, room, caller, name, text, form.seen, results=results, held=True)
    return html(page)


async def _results(room: Room, plan: Plan, text: str, declared: dict[str, tools.Tool]) -> tuple[Result, ...]:
    part = Part(text=text, tools=tuple(declared.values()))
    async with room.rehearsing:
        return tuple(await asyncio.to_thread(room.rehearse, plan.name, {}, part))


# ── versions ────────────────────────────────────────────────────────────────────────────────


@post(HERE + "/{name:str}/versions", opt=ADMIN, include_in_schema=False)
async def publish(request: Asked, room: Room, caller: Caller, name: FromPath[str]) -> Answer:
    """Put what is typed in force, provided that nothing is wrong and every conversation goes as it is written."""
    form = await read_form(request, Form)
    text = _plain(form.text)
    declared = await room.ask(tools.every)
    found = await room.ask(findings, text, name)
    plan, _ = check(text, declared)
    if plan is None or found.problems:
        return await _refused(room, caller, name, text, form.seen, t("Not published: first mend what is wrong in it."))
    results = await _results(room, plan, text, declared)
    if not all(one.right for one in results):
        trouble = t("Not published: a conversation goes otherwise than it is written.")
        page = await room.ask(
            _edit_html, room, caller, name, text, form.seen, results=results, held=True, trouble=trouble
        )
        return html(page, status=422)

    def act(tx: Tx) -> None:
        kept.draft(tx, name, text, caller.viewer.by, form.seen)
        kept.publish(tx, name, text, caller.viewer.by)

    try:
        await room.do(act)
    except Conflict as conflict:
        return await _refused(room, caller, name, text, form.seen, str(conflict), 409)
    return seen_other(f"{HERE}/{name}")


class VersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """changes: from it to `against`, by line: (sign, text)."""

    name: str
    version: kept.Version
    by: str
    against: str
    in_force: int | None
    changes: tuple[tuple[str, str], ...]


@get(HERE + "/{name:str}/versions/{number:int}", opt=ADMIN, include_in_schema=False)
async def version_page(
    room: Room, caller: Caller, name: FromPath[str], number: FromPath[int], against: FromQuery[int] = 0
) -> Answer:
    """What a version said, and what is otherwise in the draft or in another version."""
    return html(await room.ask(_version_html, room, caller, name, number, against))


def _version_html(conn: Connection, room: Room, caller: Caller, name: str, number: int, against: int) -> str:
    known, old = kept.by_name(conn, name), kept.in_force(conn, name, number)
    other = kept.in_force(conn, name, against).text if against else known.draft
    people = {f"agent/{one.id}": one.name for one in setup.all_agents(conn).values()}
    page = VersionPage(
        name=name, version=old, by=people.get(old.by, old.by), in_force=known.in_force,
        changes=_changes(old.text, other),
        against=t("version {n}", n=against) if against else t("the draft"),
    )  # fmt: skip
    shell = present.shell(conn, caller.agent, caller.csrf, "settings")
    return room.page("desk/procedure_version.html", shell=shell, page=page)


def _changes(old: str, new: str) -> tuple[tuple[str, str], ...]:
    lines = unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=3)
    return tuple((line[:1] if line[:2] != "@@" else "@", line[1:]) for line in lines if line[:3] not in ("---", "+++"))


@post(HERE + "/{name:str}/versions/{number:int}/return", opt=ADMIN, include_in_schema=False)
async def take_up_again(room: Room, caller: Caller, name: FromPath[str], number: FromPath[int]) -> Answer:
    """Put an older text in force again, as a new version; the draft is that text, too."""

    def act(tx: Tx) -> None:
        old, known = kept.in_force(tx.conn, name, number), kept.by_name(tx.conn, name)
        if check(old.text, tools.every(tx.conn))[0] is None:
            raise Refused("It uses something that is not there any more. Edit it as a draft instead.")
        kept.draft(tx, name, old.text, caller.viewer.by, known.saves)
        kept.publish(tx, name, old.text, caller.viewer.by, again=number)

    await room.do(act)
    return seen_other(f"{HERE}/{name}")


@post(HERE + "/{name:str}/withdrawal", opt=ADMIN, include_in_schema=False)
async def withdraw(room: Room, caller: Caller, name: FromPath[str]) -> Answer:
    await room.do(kept.withdraw, name, caller.viewer.by)
    return seen_other(f"{HERE}/{name}/draft")


@post(HERE + "/{name:str}/disposal", opt=ADMIN, include_in_schema=False)
async def discard(room: Room, name: FromPath[str]) -> Answer:
    await room.do(kept.discard, name)
    return seen_other(HERE)


def routes() -> list[ControllerRouterHandler]:
    return [
        live_check, new_page, edit_page, keep_new, save, hold, publish, version_page, take_up_again, withdraw, discard,
    ]  # fmt: skip
