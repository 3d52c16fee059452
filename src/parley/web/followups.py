"""Follow-ups: who was badly served, who comes back to them until when, and what was done about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.log.record import Tx
from parley.services import followups, hearing, people, remarks, setup
from parley.services.followups import Agreement, Tally, Task
from parley.services.inbox import Viewer
from parley.web import desk, formats, present, views
from parley.web.desk import Answer, html, seen_other
from parley.web.forms import read_form
from parley.web.remarks import NAMES, address
from parley.web.security import ACT, LEAD, Caller
from parley.web.state import Room
from parley.web.words import translate as t

Asked = Request[Any, Any, Any]


class FollowUp(views.View, frozen=True, kw_only=True):
    """A task as a card. owners: (value, name, chosen) of those who may take it; empty for who may not act. about: what
    else customers say of the same, for leads: (name, address) of its theme and of what it complains of."""

    id: int
    href: str
    person: str
    initials: str
    hue: int
    subject: str
    channel: str
    glyph: str
    reason: str
    measure: str
    quote: str
    owner: str
    owners: tuple[tuple[str, str, bool], ...]
    opened_at: datetime
    due: datetime
    late: bool
    done: str = ""
    closed_at: datetime | None = None
    closed_by: str = ""
    about: tuple[tuple[str, str], ...] = ()


class Page(views.View, frozen=True, kw_only=True):
    """states: (key, label, current). brands: (id, name, owners) for leads, who say who follows up."""

    state: str
    states: tuple[tuple[str, str, bool], ...]
    cards: tuple[FollowUp, ...]
    tally: Tally
    hours: int
    brands: tuple[tuple[int, str, tuple[tuple[str, str, bool], ...]], ...] = ()


# ── addresses ───────────────────────────────────────────────────────────────────────────────


@get("/desk/followups", include_in_schema=False)
async def followups_page(room: Room, caller: Caller, show: FromQuery[str] = "open") -> Response[str]:
    shell, page = await room.ask(_page, room, caller, show)
    return html(room.page("desk/followups.html", shell=shell, page=page))


class Done(msgspec.Struct):
    """done: a word of what was done."""

    done: str = ""


class Given(msgspec.Struct):
    owner: str = ""


@post("/desk/followups/{number:int}/closure", opt=ACT, include_in_schema=False)
async def close(request: Asked, room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    form = await read_form(request, Done)
    await room.do(followups.close, number, who, form.done)
    return seen_other("/desk/followups")


@post("/desk/followups/{number:int}/owner", opt=ACT, include_in_schema=False)
async def give(request: Asked, room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    form = await read_form(request, Given)
    await room.do(followups.give, number, who, int(form.owner) if form.owner.isdigit() else None)
    return seen_other("/desk/followups")


@post("/desk/followups/agreement", opt=LEAD, include_in_schema=False)
async def agree(request: Asked, room: Room, who: Viewer) -> Answer:
    """Fields: hours, and owner-<brand> for each brand."""
    fields = await request.form()
    said = {name.partition("-")[2]: str(value) for name, value in fields.items() if name.startswith("owner-")}
    owners = {brand: int(agent) for brand, agent in said.items() if agent.isdigit()}
    hours = str(fields.get("hours", ""))
    await room.do(_agree, who, Agreement(hours=int(hours) if hours.isdigit() else 0, owners=owners))
    return seen_other("/desk/followups")


def _agree(tx: Tx, who: Viewer, new: Agreement) -> None:
    followups.agree(tx, who, new)


class FollowUps(msgspec.Struct, frozen=True, kw_only=True):
    """Tasks by deadline (those that are done: the newest first), and how many are open, late and one's own."""

    tally: Tally
    tasks: list[Task]


@get("/api/v1/followups", opt={"api": True}, tags=["numbers"])
async def followups_json(room: Room, who: Viewer, show: FromQuery[str] = "open") -> FollowUps:
    """Customers to come back to. show: open, mine or done."""
    return await room.ask(_found, who, show, room.record.clock())


def _found(conn: Connection, who: Viewer, state: str, now: datetime) -> FollowUps:
    return FollowUps(tally=followups.tally(conn, who, now), tasks=followups.found(conn, who, state))


@post("/api/v1/followups/{number:int}/closure", opt={"api": True, **ACT}, status_code=204, tags=["numbers"])
async def close_json(room: Room, who: Viewer, number: FromPath[int], data: JSONBody[Done]) -> None:
    """The loop is closed; `done` says with what."""
    await room.do(followups.close, number, who, data.done)


def routes() -> list[ControllerRouterHandler]:
    return [followups_page, close, give, agree, followups_json, close_json]


# ── the page ────────────────────────────────────────────────────────────────────────────────


def _page(conn: Connection, room: Room, caller: Caller, state: str) -> tuple[views.Shell, Page]:
    who, now = caller.viewer, room.record.clock()
    found = followups.found(conn, who, state)
    tally = followups.tally(conn, who, now)
    lens = desk.lens(room, conn)
    names = people.names_of(conn, [task.person for task in found])
    counts = {"open": tally.open, "mine": tally.mine}
    about = _about(conn, who, [task.conversation for task in found])
    labels = {"open": t("Open"), "mine": t("Mine"), "done": t("Done")}
    page = Page(
        state=state,
        states=tuple(
            (key, f"{label} {counts[key]}" if key in counts else label, key == state) for key, label in labels.items()
        ),
        cards=tuple(_card(lens, task, names, who, now, about.get(task.conversation, ())) for task in found),
        tally=tally,
        hours=followups.agreement(conn).hours,
        brands=_brands(conn, lens, who) if caller.agent.role in ("admin", "lead") else (),
    )
    return present.shell(conn, caller.agent, caller.csrf, "numbers", lens=lens), page


def _about(conn: Connection, who: Viewer, conversations: Sequence[int]) -> dict[int, tuple[tuple[str, str], ...]]:
    """By conversation: its theme, and what is complained of in it, as far as the viewer may open those pages."""
    if who.role not in ("admin", "lead"):
        return {}
    themes, complaints = hearing.themes_of(conn, who, conversations), remarks.of_conversations(conn, conversations)
    found: dict[int, tuple[tuple[str, str], ...]] = {}
    for number in conversations:
        message, name = themes.get(number, (0, ""))
        theme = [(t("Theme: {name}", name=name), f"/desk/listening/themes/{message}")] if message else []
        aspects = [(t(NAMES[key]), address(key, {})) for key in complaints.get(number, ()) if key in NAMES]
        found[number] = (*theme, *aspects[:3])
    return found


def _card(
    lens: present.Lens, task: Task, names: Mapping[int, str], who: Viewer, now: datetime,
    about: tuple[tuple[str, str], ...],
) -> FollowUp:  # fmt: skip
    name = names.get(task.person, "")
    owner = lens.agents.get(task.owner or 0)
    kind, _, number = task.closed_by.partition("/")
    closer = lens.agents.get(int(number)) if kind == "agent" and number.isdigit() else None
    return FollowUp(
        id=task.id,
        href=f"/desk/conversations/{task.conversation}",
        person=name,
        initials=formats.initials(name),
        hue=formats.hue(name),
        subject=task.subject,
        channel=lens.labels.get(task.channel, task.channel),
        glyph=lens.glyph(task.channel),
        reason=task.reason,
        measure=t(formats.MEASURES.get(task.measure, "")),
        quote=task.quote,
        owner=owner.name if owner else "",
        owners=_owners(lens, task.brand, task.owner, t("Nobody")) if who.may_act and not task.closed_at else (),
        opened_at=task.opened_at,
        due=task.due,
        late=task.closed_at is None and task.due < now,
        done=task.done,
        closed_at=task.closed_at,
        closed_by=closer.name if closer else "",
        about=about,
    )


def _owners(lens: present.Lens, brand: int, chosen: int | None, nobody: str) -> tuple[tuple[str, str, bool], ...]:
    able = [agent for agent in lens.agents.values() if followups.serves(agent, brand)]
    return (("", nobody, chosen is None), *((str(a.id), a.name, a.id == chosen) for a in able))


def _brands(
    conn: Connection, lens: present.Lens, who: Viewer
) -> tuple[tuple[int, str, tuple[tuple[str, str, bool], ...]], ...]:
    agreed = followups.agreement(conn).owners
    nobody = t("The lead with the fewest")
    return tuple(
        (brand.id, brand.name, _owners(lens, brand.id, agreed.get(str(brand.id)), nobody))
        for brand in setup.all_brands(conn).values()
        if who.brands is None or brand.id in who.brands
    )
