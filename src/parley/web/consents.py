"""What people want from us: noted on their page, ended by a link in what they got, and quiet hours in the settings."""

from datetime import timedelta
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core import consent as rules
from parley.core.consent import QuietHours
from parley.core.errors import NotFound, Refused
from parley.log.record import Tx
from parley.services import access, consent, inbox, outgoing, people, setup, zones
from parley.services.inbox import Viewer
from parley.web import formats, present, views
from parley.web.desk import Answer, html, seen_other
from parley.web.forms import read_form
from parley.web.security import ACT, ADMIN, LEAD, PUBLIC, Caller
from parley.web.state import Room
from parley.web.words import translate as t

LEAVES_PER_HOUR = 60
PURPOSES = {
    rules.REPLIES: "answers", rules.SURVEYS: "surveys", rules.NOTICES: "notices", rules.OFFERS: "offers",
    rules.ALL: "everything",
}  # fmt: skip
UNKNOWN = "There is no such person, or they are not yours to see."


# ── on a person's page ──────────────────────────────────────────────────────────────────────


class Line(views.View, frozen=True, kw_only=True):
    """One wish. told: it in words; conversation: where it was said."""

    address: str
    told: str
    given: bool
    at: Any
    evidence: str
    conversation: int | None = None


class Known(views.View, frozen=True, kw_only=True):
    """addresses, purposes: (value, label) of the form's choices. zone: what an agent noted of their clock."""

    lines: tuple[Line, ...]
    zone: str
    addresses: tuple[tuple[int, str], ...]
    purposes: tuple[tuple[str, str], ...]


def known(conn: Connection, person: int) -> Known:
    addresses = [i for i in people.identities_of(conn, person) if i.kind not in ("visitor", "nobody", "user")]
    values = {i.id: i.value for i in addresses}
    lines = tuple(
        Line(
            address=values[one.identity], told=_told(one), given=one.given, at=one.at, evidence=one.evidence,
            conversation=one.conversation,
        )
        for one in consent.of(conn, list(values))
    )  # fmt: skip
    where = zones.of(conn, people.identities_of(conn, person))
    zone = where.name if where and where.how == zones.NOTED else ""
    return Known(
        lines=lines, zone=zone, addresses=tuple(values.items()), purposes=tuple((k, t(v)) for k, v in PURPOSES.items())
    )


def _told(one: consent.Standing) -> str:
    what = t(PURPOSES[one.purpose])
    return t("wants {what}", what=what) if one.given else t("wants no {what}", what=what)


class Noted(msgspec.Struct):
    identity: int = 0
    purpose: str = ""
    wants: str = "no"
    evidence: str = ""


@post("/desk/people/{number:int}/consents", opt=ACT, include_in_schema=False)
async def note(request: Request[Any, Any, Any], room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    """What somebody said on the phone or on paper, written down by an agent."""
    given = await read_form(request, Noted)
    await room.do(_note, number, who, given.identity, given.purpose, given.wants == "yes", given.evidence, "an agent")
    return seen_other(f"/desk/people/{number}")


def _note(
    tx: Tx, number: int, who: Viewer, identity: int, purpose: str, wants: bool, evidence: str, how: str
) -> list[consent.Standing]:
    inbox.may_see_person(tx.conn, number, who)
    theirs = {i.id: i for i in people.identities_of(tx.conn, number)}
    if identity not in theirs:
        raise Refused("That address is not one of theirs.")
    if not evidence.strip():
        raise Refused("Say what shows it: where and when they said so.")
    consent.change(tx, theirs[identity], purpose, wants, who.by, how=how, evidence=evidence)
    tx.flush()
    return consent.of(tx.conn, list(theirs))


class Clock(msgspec.Struct):
    zone: str = ""


@post("/desk/people/{number:int}/zone", opt=ACT, include_in_schema=False)
async def note_zone(request: Request[Any, Any, Any], room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    """Where somebody's clock is, as an agent knows it. Empty: as their phone or browser tells."""
    given = await read_form(request, Clock)

    def act(tx: Tx) -> None:
        inbox.may_see_person(tx.conn, number, who)
        zones.note(tx, number, given.zone.strip(), who.by)

    await room.do(act)
    return seen_other(f"/desk/people/{number}")


# ── for other programs ──────────────────────────────────────────────────────────────────────


class Wish(msgspec.Struct):
    """purpose: replies, surveys, notices, offers or all. evidence: where and when they said so."""

    identity: int
    purpose: str
    given: bool
    evidence: str


@get("/api/v1/people/{number:int}/consents", opt={"api": True}, tags=["people"])
async def list_wishes(room: Room, who: Viewer, number: FromPath[int]) -> list[consent.Standing]:
    """What the person said last about each purpose, by address."""
    return await room.ask(_wishes, number, who)


def _wishes(conn: Connection, number: int, who: Viewer) -> list[consent.Standing]:
    if not inbox.of_person(conn, number, who) and who.brands is not None:
        raise NotFound(UNKNOWN)
    return consent.of(conn, [i.id for i in people.identities_of(conn, number)])


@post("/api/v1/people/{number:int}/consents", opt={"api": True, **ACT}, tags=["people"])
async def note_wish(room: Room, who: Viewer, number: FromPath[int], data: Wish) -> list[consent.Standing]:
    """Note a wish that was told elsewhere (a shop's account page, a form)."""
    return await room.do(
        _note, number, who, data.identity, data.purpose, data.given, data.evidence, "another program"
    )  # fmt: skip


# ── the link in what they got ───────────────────────────────────────────────────────────────


@get("/leave/{token:str}", opt=PUBLIC, include_in_schema=False)
async def leaving(room: Room, token: FromPath[str]) -> Response[str]:
    """Looking at it ends nothing, since mail scanners follow links."""
    return _leave_page(room, _leaving(room, token)[1], done=False)


@post("/leave/{token:str}", opt=PUBLIC, include_in_schema=False)
async def leave(request: Request[Any, Any, Any], room: Room, token: FromPath[str]) -> Response[str]:
    """The button of the page, and what mail programs post for their own button (RFC 8058)."""
    identity, purpose = _leaving(room, token)
    await room.do(_leave, identity, purpose, room.door.address(request.scope))
    return _leave_page(room, purpose, done=True)


def _leaving(room: Room, token: str) -> tuple[int, str]:
    found = outgoing.leaving_of_token(room.key, token)
    if found is None:
        raise NotFound("This link is not one of ours, or it was cut. Use it just as it was sent.")
    return found


def _leave(tx: Tx, identity: int, purpose: str, address: str) -> None:
    if not access.allowed(tx, f"leave:{address}", LEAVES_PER_HOUR, timedelta(hours=1)):
        raise Refused("There were too many wishes from where you are. Try again in an hour.")
    who = people.identity_by_id(tx.conn, identity)
    consent.change(
        tx, who, purpose, False, f"person/{who.person}", how="a link", evidence="They used the link in a message."
    )  # fmt: skip


def _leave_page(room: Room, purpose: str, done: bool) -> Response[str]:
    page = room.page("account/leaving.html", public=None, what=t(PURPOSES[purpose]), done=done, csrf="")
    return Response(page, media_type=MediaType.HTML, headers={"x-robots-tag": "noindex"})


# ── settings ────────────────────────────────────────────────────────────────────────────────


class BrandHours(views.View, frozen=True, kw_only=True):
    id: int
    name: str
    hue: int
    hours: QuietHours
    told: str


class Hours(msgspec.Struct):
    on: str = ""
    start: str = "21:00"
    end: str = "08:00"
    zone: str = "UTC"


@get("/desk/settings/quiet", opt=LEAD, include_in_schema=False)
async def quiet_page(room: Room, caller: Caller) -> Answer:
    shell, brands = await room.ask(_quiet, caller)
    return html(room.page("desk/quiet.html", shell=shell, brands=brands, may_change=caller.viewer.role == "admin"))


def _quiet(conn: Connection, caller: Caller) -> tuple[views.Shell, list[BrandHours]]:
    served = caller.viewer.brands
    mine = [b for b in setup.all_brands(conn).values() if served is None or b.id in served]
    hours = {b.id: consent.quiet_hours(conn, b.id) for b in mine}
    lines = [
        BrandHours(id=b.id, name=b.name, hue=formats.hue(b.name), hours=hours[b.id], told=_hours_told(hours[b.id]))
        for b in mine
    ]
    return present.shell(conn, caller.agent, caller.csrf, "settings"), lines


def _hours_told(hours: QuietHours) -> str:
    if not hours.on:
        return t("No quiet hours")
    return t(
        "Quiet from {start} to {end}, {zone}", start=f"{hours.start:%H:%M}", end=f"{hours.end:%H:%M}", zone=hours.zone
    )


@post("/desk/settings/quiet/{brand:int}", opt=ADMIN, include_in_schema=False)
async def set_quiet(request: Request[Any, Any, Any], room: Room, caller: Caller, brand: FromPath[int]) -> Answer:
    given = await read_form(request, Hours)
    if brand not in await room.ask(setup.all_brands):
        raise NotFound("There is no such brand.")
    hours = QuietHours(
        start=consent.read_time(given.start), end=consent.read_time(given.end), zone=given.zone.strip() or "UTC",
        on=bool(given.on),
    )  # fmt: skip
    await room.do(consent.set_quiet_hours, brand, hours)
    return seen_other("/desk/settings/quiet")


def routes() -> list[ControllerRouterHandler]:
    return [note, note_zone, list_wishes, note_wish, leaving, leave, quiet_page, set_quiet]
