"""Settings → Promises: opening hours and what is promised to whom. The same for programs, and a conversation's own."""

import re
import secrets
from datetime import date, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.agreement import KINDS, Agreement, Holiday, Hours, Policy
from parley.core.errors import NotFound, Refused
from parley.core.opening import Period
from parley.log.record import Tx
from parley.services import inbox, promises
from parley.services.inbox import Viewer
from parley.services.promises import Promised
from parley.web import present, views
from parley.web.desk import Answer, html, seen_other
from parley.web.formats import DAYS, MONTHS
from parley.web.forms import read_form
from parley.web.numbers import Names, names_of
from parley.web.security import LEAD, Caller
from parley.web.state import Room
from parley.web.words import translate as t

Asked = Request[Any, Any, Any]
HERE = "/desk/settings/promises"
LABELS = {"first": "First answer", "next": "Next answer", "resolution": "Solution"}
SPAN = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(min|m|h|d)?\s*")
UNITS = {"min": 1, "m": 1, "h": 60, "d": 1440, None: 1}
PERIOD = re.compile(r"\s*(\d{1,2})(?::(\d{2}))?\s*[-–]\s*(\d{1,2})(?::(\d{2}))?\s*")


class HoursForm(views.View, frozen=True, kw_only=True):
    """Opening hours as typed. brand: "" for all brands without their own. own: whether the brand has its own."""

    brand: str
    name: str
    own: bool
    told: str
    zone: str
    days: tuple[tuple[str, str], ...]
    holidays: str
    changeable: bool


class PolicyForm(views.View, frozen=True, kw_only=True):
    """A policy as a form. told: its promises in a line; whom: its rule; now: what it would promise at this moment."""

    key: str
    name: str
    told: str = ""
    whom: str = ""
    now: str = ""
    picks: tuple[views.Pick, ...]
    tag: str
    spans: tuple[tuple[str, str, str], ...]
    working: bool
    changeable: bool = True


class Page(views.View, frozen=True, kw_only=True):
    hours: tuple[HoursForm, ...]
    policies: tuple[PolicyForm, ...]
    fresh: PolicyForm


# ── addresses ───────────────────────────────────────────────────────────────────────────────


@get(HERE, opt=LEAD, include_in_schema=False)
async def promises_page(room: Room, caller: Caller) -> Answer:
    shell, page = await room.ask(_page, room, caller)
    return html(room.page("desk/promises.html", shell=shell, page=page))


class GivenHours(msgspec.Struct):
    """The form as sent. own: empty where the brand shall have the hours of all."""

    brand: str = ""
    own: str = ""
    zone: str = "UTC"
    day0: str = ""
    day1: str = ""
    day2: str = ""
    day3: str = ""
    day4: str = ""
    day5: str = ""
    day6: str = ""
    holidays: str = ""


@post(f"{HERE}/hours", opt=LEAD, include_in_schema=False)
async def keep_hours(request: Asked, room: Room, who: Viewer) -> Answer:
    given = await read_form(request, GivenHours)
    brand = int(given.brand) if given.brand.isdigit() else None
    own = bool(given.own) or brand is None
    hours = _hours(given, brand) if own else None

    def change(tx: Tx) -> None:
        old = promises.agreement(tx.conn)
        others = tuple(one for one in old.hours if one.brand != brand)
        new = (*others, hours) if hours else others
        ordered = tuple(sorted(new, key=lambda one: one.brand or 0))
        promises.agree(tx, who, msgspec.structs.replace(old, hours=ordered), brand)

    await room.do(change)
    return seen_other(HERE)


class GivenPolicy(msgspec.Struct):
    """The form as sent; empty fields fit all, or promise nothing."""

    key: str = ""
    name: str = ""
    brand: str = ""
    inbox: str = ""
    channel: str = ""
    tag: str = ""
    first: str = ""
    next: str = ""
    resolution: str = ""
    working: str = ""


@post(f"{HERE}/policies", opt=LEAD, include_in_schema=False)
async def keep_policy(request: Asked, room: Room, who: Viewer) -> Answer:
    """Change a policy, or put a new one before those that there are."""
    policy = _policy(await read_form(request, GivenPolicy))
    if policy.channel and policy.channel not in room.channels:
        raise Refused("There is no such channel.")

    def change(tx: Tx) -> None:
        old = promises.agreement(tx.conn)
        before = [one for one in old.policies if one.key == policy.key]
        new = [policy if one.key == policy.key else one for one in old.policies]
        whole = tuple(new if before else [policy, *new])
        brands = [one.brand for one in (*before, policy)]
        promises.agree(tx, who, msgspec.structs.replace(old, policies=whole), *brands)

    await room.do(change)
    return seen_other(HERE)


@post(f"{HERE}/policies/{{key:str}}/promotion", opt=LEAD, include_in_schema=False)
async def promote(room: Room, who: Viewer, key: FromPath[str]) -> Answer:
    """One place further up: the first policy that fits is the promise."""

    def change(tx: Tx) -> None:
        old, place = _found(tx.conn, key)
        new = list(old.policies)
        new.insert(max(0, place - 1), new.pop(place))
        brand = old.policies[place].brand
        promises.agree(tx, who, msgspec.structs.replace(old, policies=tuple(new)), brand)

    await room.do(change)
    return seen_other(HERE)


@post(f"{HERE}/policies/{{key:str}}/removal", opt=LEAD, include_in_schema=False)
async def remove(room: Room, who: Viewer, key: FromPath[str]) -> Answer:
    """What runs under it keeps its time."""

    def change(tx: Tx) -> None:
        old, place = _found(tx.conn, key)
        rest = tuple(one for number, one in enumerate(old.policies) if number != place)
        promises.agree(tx, who, msgspec.structs.replace(old, policies=rest), old.policies[place].brand)

    await room.do(change)
    return seen_other(HERE)


@get("/api/v1/promises", opt={"api": True}, tags=["numbers"])
async def promises_json(room: Room, who: Viewer) -> Agreement:
    """Opening hours and policies that are in force, of the caller's brands and of all."""
    agreed = await room.ask(promises.agreement)
    return msgspec.structs.replace(
        agreed,
        hours=tuple(one for one in agreed.hours if _theirs(who, one.brand)),
        policies=tuple(one for one in agreed.policies if _theirs(who, one.brand)),
    )


@get("/api/v1/conversations/{number:int}/promises", opt={"api": True}, tags=["conversations"])
async def owed_json(room: Room, who: Viewer, number: FromPath[int]) -> list[Promised]:
    """What was promised in a conversation, and what became of it."""
    return await room.ask(_owed, who, number, room.record.clock())


def _owed(conn: Connection, who: Viewer, number: int, now: Any) -> list[Promised]:
    inbox.state(conn, number, who)
    return promises.of_conversation(conn, number, now)


def _theirs(who: Viewer, brand: int | None) -> bool:
    return brand is None or who.brands is None or brand in who.brands


def routes() -> list[ControllerRouterHandler]:
    return [promises_page, keep_hours, keep_policy, promote, remove, promises_json, owed_json]


def _found(conn: Connection, key: str) -> tuple[Agreement, int]:
    agreed = promises.agreement(conn)
    for place, one in enumerate(agreed.policies):
        if one.key == key:
            return agreed, place
    raise NotFound("There is no such promise.")


# ── what was typed ──────────────────────────────────────────────────────────────────────────


def _hours(given: GivenHours, brand: int | None) -> Hours:
    days = (given.day0, given.day1, given.day2, given.day3, given.day4, given.day5, given.day6)
    week = tuple(tuple(_period(part) for part in day.split(",") if part.strip()) for day in days)
    holidays = tuple(_holiday(line) for line in given.holidays.splitlines() if line.strip())
    return Hours(brand=brand, zone=given.zone.strip(), week=week, holidays=tuple(sorted(holidays, key=lambda h: h.day)))


def _period(typed: str) -> Period:
    found = PERIOD.fullmatch(typed)
    if found is None:
        raise Refused(f"“{typed.strip()}” is no opening time. Write 9:00-12:30, 14:00-18:00, or nothing.")
    start, end = ((int(found[i]), int(found[i + 1] or 0)) for i in (1, 3))
    if start > (23, 59) or end > (24, 0) or start[1] > 59 or end[1] > 59:
        raise Refused(f"“{typed.strip()}” is no time of the day.")
    return Period(time(*start), time(0) if end == (24, 0) else time(*end))


def _holiday(typed: str) -> Holiday:
    day, _, name = typed.strip().partition(" ")
    try:
        return Holiday(day=date.fromisoformat(day), name=name.strip()[:60])
    except ValueError as error:
        raise Refused(f"“{day}” is no day. Write one as 2026-12-25 Christmas.") from error


def _policy(given: GivenPolicy) -> Policy:
    return Policy(
        key=given.key or secrets.token_hex(6),
        name=given.name.strip()[:80],
        brand=int(given.brand) if given.brand.isdigit() else None,
        inbox=int(given.inbox) if given.inbox.isdigit() else None,
        channel=given.channel or None,
        tag=" ".join(given.tag.split()).lower()[:40] or None,
        first=_minutes(given.first),
        next=_minutes(given.next),
        resolution=_minutes(given.resolution),
        working=bool(given.working),
    )


def _minutes(typed: str) -> int | None:
    """Minutes of "30 min", "4 h" or "2 d"; a day has 24 of the hours that count."""
    if not typed.strip():
        return None
    found = SPAN.fullmatch(typed.lower())
    if found is None:
        raise Refused(f"“{typed.strip()}” is no time. Write 30 min, 4 h or 2 d.")
    return round(float(found[1].replace(",", ".")) * UNITS[found[2]])


def span(minutes: int | None) -> str:
    """As it is typed: "30 min", "4 h", "1.5 h"."""
    if minutes is None:
        return ""
    return f"{minutes} min" if minutes < 60 or minutes % 30 else f"{minutes / 60:g} h"


# ── the page ────────────────────────────────────────────────────────────────────────────────


def _page(conn: Connection, room: Room, caller: Caller) -> tuple[views.Shell, Page]:
    who, agreed = caller.viewer, promises.agreement(conn)
    names = names_of(conn, room.channels, who)
    known = {one.brand: one for one in agreed.hours}
    brands: list[tuple[int | None, str]] = [(None, t("All brands"))]
    brands += [(int(number), name) for number, name in names.brands.items()]
    page = Page(
        hours=tuple(_hours_form(brand, name, known, who) for brand, name in brands),
        policies=tuple(
            _policy_form(one, agreed, names, room, who) for one in agreed.policies if _theirs(who, one.brand)
        ),
        fresh=_policy_form(Policy(key="", name="", first=240, working=True), agreed, names, room, who),
    )
    return present.shell(conn, caller.agent, caller.csrf, "settings"), page


def _hours_form(brand: int | None, name: str, known: dict[int | None, Hours], who: Viewer) -> HoursForm:
    own = known.get(brand)
    shown = own or known.get(None) or Hours(week=((Period(time(0), time(0)),),) * 7)
    return HoursForm(
        brand=str(brand or ""), name=name, own=own is not None, told=_told(shown) if own or brand is None else "",
        zone=shown.zone,
        days=tuple((t(day), _day_typed(shown.week[i] if i < len(shown.week) else ())) for i, day in enumerate(DAYS)),
        holidays="\n".join(f"{one.day.isoformat()} {one.name}".strip() for one in shown.holidays),
        changeable=who.brands is None or (brand is not None and brand in who.brands),
    )  # fmt: skip


def _day_typed(day: tuple[Period, ...]) -> str:
    return ", ".join(f"{one.start:%H:%M}-{'24:00' if one.end == time(0) else f'{one.end:%H:%M}'}" for one in day)


def _told(hours: Hours) -> str:
    """Runs of equal days: "Mon–Fri 09:00-18:00, Sat 10:00-14:00, Europe/Berlin, 9 holidays"."""
    runs: list[tuple[str, str, str]] = []
    for name, day in zip(DAYS, hours.week, strict=False):
        typed = _day_typed(day)
        if runs and runs[-1][2] == typed:
            runs[-1] = (runs[-1][0], name, typed)
        else:
            runs.append((name, name, typed))
    said = [f"{t(a) if a == b else f'{t(a)}–{t(b)}'} {typed}" for a, b, typed in runs if typed]
    free = [t("{n} holidays", n=len(hours.holidays))] if hours.holidays else []
    return " · ".join([*(said or [t("Never open")]), hours.zone, *free])


def _policy_form(policy: Policy, agreed: Agreement, names: Names, room: Room, who: Viewer) -> PolicyForm:
    every = ("", t("All"))
    boxes = {box.id: box for box in room.inboxes().values() if _theirs(who, box.brand)}
    channels = {box.channel: names.channels[box.channel] for box in boxes.values()}
    doors = {str(box.id): box.name for box in boxes.values()}
    offered = (
        ("brand", t("Brand"), [every, *names.brands.items()], str(policy.brand or "")),
        ("channel", t("Channel"), [every, *channels.items()], policy.channel or ""),
        ("inbox", t("Inbox"), [every, *doors.items()], str(policy.inbox or "")),
    )
    chosen = [label for _, _, options, value in offered for key, label in options if value and key == value]
    chosen += [t("tagged {tag}", tag=policy.tag)] if policy.tag else []
    return PolicyForm(
        key=policy.key, name=policy.name, told=_line(policy), whom=" · ".join(chosen) or t("Everybody else"),
        now=_now(policy, agreed, names, room) if policy.key else "",
        picks=tuple(views.Pick(name=n, label=label, options=tuple(o), chosen=c) for n, label, o, c in offered),
        tag=policy.tag or "", working=policy.working,
        spans=tuple((kind, t(LABELS[kind]), span(policy.minutes(kind))) for kind in KINDS),
        changeable=who.brands is None or policy.brand in who.brands,
    )  # fmt: skip


def _line(policy: Policy) -> str:
    said = [f"{t(LABELS[kind])} {span(policy.minutes(kind))}" for kind in KINDS if policy.minutes(kind) is not None]
    return ", ".join([*said, t("in opening hours") if policy.working else t("around the clock")])


def _now(policy: Policy, agreed: Agreement, names: Names, room: Room) -> str:
    """What a customer who wrote at this moment would be promised, in the brand's own time."""
    brand = policy.brand or next((int(number) for number in names.brands), 0)
    calendar = agreed.calendar(brand)
    found = promises.soonest_due(policy, agreed, brand, room.record.clock())
    said = []
    for kind, due in found.items():
        at = due.astimezone(ZoneInfo(calendar.zone))
        near = due - room.record.clock() < timedelta(days=6)
        day = t(DAYS[at.weekday()]) if near else f"{at.day} {t(MONTHS[at.month - 1])}"
        said.append(f"{t(LABELS[kind])} {day} {at:%H:%M}")
    return t("Who writes now: {said} ({zone})", said=", ".join(said), zone=calendar.zone)
