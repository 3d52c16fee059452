"""What changed: the last seven whole days against the four weeks before, with reasons; the same as CSV and JSON."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from litestar import MediaType, Response, get
from litestar.params import FromQuery
from litestar.types import ControllerRouterHandler
from markupsafe import Markup
from sqlalchemy import Connection

from parley.core.measure import DEFINITIONS
from parley.services import monday
from parley.services.figures import MOST_CASES
from parley.services.inbox import Viewer
from parley.services.monday import COUNT, MEAN, SHARE, TIME, Change, Line, Monday, Moved
from parley.services.numbers import Choice
from parley.web import plots, present, views
from parley.web.formats import MONTHS, percent
from parley.web.numbers import FEW, Names, case_lines, choice_of, duration, names_of, picks_of
from parley.web.security import Caller
from parley.web.state import Room
from parley.web.words import translate as t

LABELS = {"human": "human_median", "resolution": "resolution_median", "bot": "bot_median"}  # the figure's definition
LESS_IS_BETTER = ("human", "resolution", "bot")
SIDES = {"topic": "Topic", "channel": "Channel", "inbox": "Inbox", "brand": "Brand"}


class Reason(views.View, frozen=True, kw_only=True):
    """A group's part in a change, in words. alone: without it nothing clear is left."""

    side: str
    name: str
    text: str
    part: str
    alone: bool
    href: str


class Card(views.View, frozen=True, kw_only=True):
    """A figure that changed. told: how, in a line; sure: how sure. head, rows: every group's part, as a table."""

    label: str
    told: str
    tone: str
    sure: str
    chart: Markup
    about: str
    reasons: tuple[Reason, ...]
    rows: tuple[tuple[str, ...], ...]
    definition: str
    href: str


class Page(views.View, frozen=True, kw_only=True):
    """moved: groups of which clearly more or fewer came (name, text, way, href). calm: what shows no clear change."""

    lead: str
    picks: tuple[views.Pick, ...]
    cards: tuple[Card, ...]
    moved: tuple[tuple[str, str, str, str], ...]
    calm: tuple[tuple[str, str, str, str, str], ...]
    calendar: str
    csv: str
    empty: str = ""


# ── addresses ───────────────────────────────────────────────────────────────────────────────


@get("/desk/monday", include_in_schema=False)
async def monday_page(
    room: Room, caller: Caller, channel: FromQuery[str] = "", brand: FromQuery[str] = ""
) -> Response[str]:
    shell, page = await room.ask(_page, room, caller, choice_of(7, channel, brand, ""))
    return Response(room.page("desk/monday.html", shell=shell, page=page), media_type=MediaType.HTML)


@get("/desk/monday/cases", include_in_schema=False)
async def monday_cases(
    room: Room,
    caller: Caller,
    figure: FromQuery[str],
    by: FromQuery[str] = "",
    group: FromQuery[str] = "",
    channel: FromQuery[str] = "",
    brand: FromQuery[str] = "",
) -> Response[str]:
    """The week's conversations behind a figure or a group's part in it."""
    choice = choice_of(7, channel, brand, "")
    shell, page = await room.ask(_cases, room, caller, choice, figure, by, group)
    return Response(room.page("desk/cases.html", shell=shell, page=page), media_type=MediaType.HTML)


@get("/desk/monday.csv", include_in_schema=False)
async def monday_csv(
    room: Room, who: Viewer, channel: FromQuery[str] = "", brand: FromQuery[str] = ""
) -> Response[str]:
    found = (await room.ask(room.reports.ask, monday.monday, who, choice_of(7, channel, brand, ""))).report
    headers = {"content-disposition": 'attachment; filename="what-changed.csv"'}
    return Response(as_csv(found), media_type="text/csv", headers=headers)


@get("/api/v1/monday", opt={"api": True}, tags=["numbers"])
async def monday_json(room: Room, who: Viewer, channel: FromQuery[str] = "", brand: FromQuery[str] = "") -> Monday:
    """What changed in the last seven whole days against the four weeks before, and where each change came from."""
    found: Monday = (await room.ask(room.reports.ask, monday.monday, who, choice_of(7, channel, brand, ""))).report
    return found


def routes() -> list[ControllerRouterHandler]:
    return [monday_page, monday_cases, monday_csv, monday_json]


# ── the page ────────────────────────────────────────────────────────────────────────────────


class _Words:
    """What is needed to say things: names of groups, and the address that the choice is kept in."""

    def __init__(self, names: Names, room: Room, choice: Choice) -> None:
        self.names, self.choice = names, choice
        self.inboxes = {str(box.id): box.name for box in room.inboxes().values()}

    def of(self, by: str, key: str) -> str:
        known = {"channel": self.names.channels, "brand": self.names.brands, "inbox": self.inboxes}.get(by, {})
        return known.get(key, key)

    def href(self, figure: str, by: str = "", group: str = "") -> str:
        return f"/desk/monday/cases?{self.query(figure=figure, by=by, group=group)}"

    def query(self, **more: str) -> str:
        asked = {"channel": self.choice.channel, "brand": self.choice.brand, **more}
        return urlencode({key: value for key, value in asked.items() if value})


def _page(conn: Connection, room: Room, caller: Caller, choice: Choice) -> tuple[views.Shell, Page]:
    found = room.reports.ask(conn, monday.monday, caller.viewer, choice).report
    names = names_of(conn, room.channels, caller.viewer)
    words = _Words(names, room, choice)
    clear = [one for one in found.changes if one.clear]
    moved = [one for one in found.moved if one.clear]
    history = found.weeks > 0 and any(one.n_before for one in found.changes)
    page = Page(
        lead=_lead(found, len(clear)),
        picks=tuple(pick for pick in picks_of(names, choice) if pick.name != "agent"),
        cards=tuple(_card(one, words) for one in clear),
        moved=tuple(_moved(one, words) for one in moved),
        calm=tuple(_calm(one, words) for one in found.changes if not one.clear and one.n),
        calendar=_calendar(found),
        csv=f"/desk/monday.csv?{words.query()}",
        empty="" if history else t("A week is compared with the four before it; there is no history yet."),
    )
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), page


def _lead(found: Monday, clear: int) -> str:
    start, end = _day(found.week.start), _day(found.week.end - timedelta(days=1))
    before = t("the week before") if found.weeks == 1 else t("the {n} weeks before", n=found.weeks)
    if not clear:
        return t("{start} to {end}: nothing changed against {before} that could not be noise.",
                 start=start, end=end, before=before)  # fmt: skip
    words = "{start} to {end}: one figure changed" if clear == 1 else "{start} to {end}: {n} figures changed"
    return t(words + " against {before}, beyond noise.", n=clear, start=start, end=end, before=before)


def _calendar(found: Monday) -> str:
    return t(
        "Whole days in {zone}, compared with {start} to {end}. {n} questions were asked of the data; of what is told, "
        "at most {share} is noise on average (Benjamini and Hochberg).",
        zone=found.time_zone, start=_day(found.compared_with.start),
        end=_day(found.compared_with.end - timedelta(days=1)), n=found.tested, share=percent(found.false_at_most),
    )  # fmt: skip


def _card(one: Change, words: _Words) -> Card:
    definition = DEFINITIONS[LABELS.get(one.key, one.key)]
    return Card(
        label=t(definition.label), told=_told(one), tone=_tone(one), sure=_sure(one), chart=_chart(one),
        about=_about(one), reasons=tuple(_reason(one, line, words) for line in one.reasons),
        rows=tuple(_row(one, line, words) for line in one.lines[:40]),
        definition=t(definition.meaning), href=words.href(one.key),
    )  # fmt: skip


def said(value: float | None, kind: str, key: str) -> str:
    """A figure's value as a person says it."""
    if value is None:
        return "–"
    if kind == TIME:
        return duration(value)
    if kind == SHARE:
        return percent(value)
    return f"{value:.0f}".replace("-", "−") if key == "nps" or kind == COUNT else f"{value:.1f}"


def _told(one: Change) -> str:
    now, before = said(one.value, one.kind, one.key), said(one.before, one.kind, one.key)
    if one.kind == COUNT and one.change is not None:
        more = one.change > 1
        by = percent(abs(one.change - 1))
        return t(
            "{now}, {by} more than in a usual week ({before})" if more else
            "{now}, {by} fewer than in a usual week ({before})",
            now=now, by=by, before=before,
        )  # fmt: skip
    return t("{now}, before {before}", now=now, before=before)


def _tone(one: Change) -> str:
    if one.kind == COUNT or one.change is None:
        return "quiet"
    return "good" if (one.change < 0) == (one.key in LESS_IS_BETTER) else "bad"


def _sure(one: Change) -> str:
    parts = [t("n = {n}, before {m}", n=one.n, m=one.n_before)]
    if one.kind == COUNT and one.change_low is not None and one.change_high is not None:
        low, high = (f"{(edge - 1) * 100:+.0f}".replace("-", "−") for edge in (one.change_low, one.change_high))
        parts.append(t("change {low} to {high} %", low=low, high=high))
    elif one.change_low is not None and one.change_high is not None:
        scale = 100 if one.kind == SHARE else 1
        low, high = (f"{edge * scale:+.0f}".replace("-", "−") if one.key != "ces" else f"{edge:+.1f}"
                     for edge in (one.change_low, one.change_high))  # fmt: skip
        parts.append(t("change {low} to {high} points", low=low, high=high))
    elif one.low is not None and one.high is not None:
        parts.append(f"{said(one.low, one.kind, one.key)} – {said(one.high, one.kind, one.key)}")
    if one.running:
        parts.append(t("{n} still running", n=one.running))
    parts.append(t("by chance {p}", p=_chance(one.chance)))
    return " · ".join(parts)


def _chance(chance: float) -> str:
    return t("less than 1 in 10 000") if chance < 0.0001 else percent(chance, 1 if chance >= 0.001 else 2)


def _about(one: Change) -> str:
    if one.kind == TIME and one.within is not None:
        return t("Told by the share that ended within {time}, which half did before.", time=duration(one.within))
    if one.kind == COUNT:
        return t("What each group has more or fewer than in a usual week, of the whole change.")
    return t("Each group by its own change and by its share of the whole; both parts sum to the change.")


def _chart(one: Change) -> Markup:
    size, unit = _scale(one)
    columns = [
        plots.Bar(
            name=f"{week.start.day} {MONTHS[week.start.month - 1]}",
            value=(week.value or 0) * size,
            low=None if week.low is None else week.low * size,
            high=None if week.high is None else week.high * size,
            hint=t("Week of {day}: {value}, n = {n}", day=_day(week.start), value=said(week.value, one.kind, one.key),
                   n=week.n),
        )
        for week in one.weeks
    ]  # fmt: skip
    about = t("By week, in {unit}; the last is the one that is looked at.", unit=unit)
    return plots.bars(f"monday-{one.key}", t(DEFINITIONS[LABELS.get(one.key, one.key)].label), about, columns, 140)


def _scale(one: Change) -> tuple[float, str]:
    if one.kind == SHARE:
        return 100.0, t("per cent")
    if one.kind == TIME:
        most = max((week.value or 0) for week in one.weeks)
        for seconds, unit in ((86_400, t("days")), (3600, t("hours")), (60, t("minutes"))):
            if most >= seconds * 1.5:
                return 1 / seconds, unit
        return 1.0, t("seconds")
    return 1.0, t("conversations") if one.kind == COUNT else t("points")


def _reason(one: Change, line: Line, words: _Words) -> Reason:
    kind = SHARE if one.kind == TIME else one.kind
    now, before = (said(value, kind, one.key) for value in (line.now, line.before))
    if one.kind == COUNT:
        text = t("{now} against {before} in a usual week", now=now, before=before)
    elif abs(line.mix) > abs(line.rate):
        here, there = line.n / max(1, one.n), line.n_before / max(1, one.n_before)
        text = t(
            "a larger part of all: {here} instead of {there}" if here > there
            else "a smaller part of all: {here} instead of {there}", here=percent(here), there=percent(there),
        )  # fmt: skip
    else:
        text = t("from {before} to {now}, n = {n}, before {m}", before=before, now=now, n=line.n, m=line.n_before)
        if one.within is not None:
            text = t("within {time}: {how}", time=duration(one.within), how=text)
    return Reason(
        side=t(SIDES[line.by]), name=words.of(line.by, line.key), text=text,
        part=t("{share} of the change", share=percent(line.part)), alone=line.alone,
        href=words.href(one.key, line.by, line.key),
    )  # fmt: skip


def _row(one: Change, line: Line, words: _Words) -> tuple[str, ...]:
    kind = SHARE if one.kind == TIME else one.kind
    scale = 100 if kind == SHARE else 1
    parts = [f"{part * scale:+.1f}".replace("-", "−") for part in (line.rate, line.mix)]
    return (
        words.href(one.key, line.by, line.key), f"{t(SIDES[line.by])}: {words.of(line.by, line.key)}",
        said(line.now, kind, one.key), said(line.before, kind, one.key), str(line.n), str(line.n_before), *parts,
        percent(line.part).replace("-", "−"),
    )  # fmt: skip


def _moved(one: Moved, words: _Words) -> tuple[str, str, str, str]:
    text = t(
        "{n} against {usual} in a usual week ({low} to {high} %)", n=one.n, usual=f"{one.usual:.1f}",
        low=f"{((one.low or 0) - 1) * 100:+.0f}".replace("-", "−"),
        high=f"{((one.high or 0) - 1) * 100:+.0f}".replace("-", "−"),
    )  # fmt: skip
    name = f"{t(SIDES[one.by])}: {words.of(one.by, one.key)}"
    return name, text, "up" if one.ratio > 1 else "down", words.href("volume", one.by, one.key)


def _calm(one: Change, words: _Words) -> tuple[str, str, str, str, str]:
    """(figure, now, before, how sure, address)"""
    label = t(DEFINITIONS[LABELS.get(one.key, one.key)].label)
    few = one.few or (one.kind == SHARE and one.n < FEW)
    sure = t("too few to say: n = {n}, before {m}", n=one.n, m=one.n_before) if one.few else _sure(one)
    value = t("{hits} of {n}", hits=round((one.value or 0) * one.n), n=one.n) if few and one.kind == SHARE else said(
        one.value, one.kind, one.key
    )  # fmt: skip
    return label, value, said(one.before, one.kind, one.key), sure, words.href(one.key)


def _day(at: datetime) -> str:
    return f"{at.day} {t(MONTHS[at.month - 1])}"


# ── conversations behind it, and the table ──────────────────────────────────────────────────


def _cases(
    conn: Connection, room: Room, caller: Caller, choice: Choice, key: str, by: str, group: str
) -> tuple[views.Shell, views.CasesPage]:
    found, kind = monday.cases(conn, caller.viewer, choice, key, by, group, room.record.clock())
    words = _Words(names_of(conn, room.channels, caller.viewer), room, choice)
    definition = DEFINITIONS[LABELS.get(key, key)]
    name = f" – {t(SIDES[by])}: {words.of(by, group)}" if by else ""
    page = views.CasesPage(
        title=t(definition.label) + name,
        meaning=t(definition.meaning),
        back=f"/desk/monday?{words.query()}",
        lines=case_lines(conn, room, found, lambda case: _case_value(case.value or 0, case.running, kind)),
        cut=len(found) == MOST_CASES,
    )
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), page


def _case_value(value: float, running: bool, kind: str) -> str:
    if kind == COUNT:
        return ""
    if kind == SHARE:
        return t("yes") if value else t("no")
    if kind == MEAN:
        return f"{value:.0f}"
    return t("{time}, still running", time=duration(value)) if running else duration(value)


COLUMNS = (
    "what", "figure", "kind", "by", "group", "value", "low", "high", "n", "running", "before", "n_before", "change",
    "change_low", "change_high", "rate", "mix", "part_of_change", "gone_without_it", "chance", "clear", "from", "to",
)  # fmt: skip


def as_csv(found: Monday) -> str:
    """Every figure, every group's part in it, and how many came of each group; one to a line."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(COLUMNS)
    when = (found.week.start.isoformat(), found.week.end.isoformat())
    for one in found.changes:
        figure: list[Any] = [
            "figure", one.key, one.kind, "", "", one.value, one.low, one.high, one.n, one.running, one.before,
            one.n_before, one.change, one.change_low, one.change_high, "", "", "", "", one.chance, int(one.clear),
        ]  # fmt: skip
        table.writerow([*figure, *when])
        for line in one.lines:
            part: list[Any] = [
                "part", one.key, one.kind, line.by, line.key, line.now, "", "", line.n, "", line.before, line.n_before,
                "", "", "", line.rate, line.mix, line.part, int(line.alone), "", "",
            ]  # fmt: skip
            table.writerow([*part, *when])
    for moved in found.moved:
        row: list[Any] = [
            "came", "volume", COUNT, moved.by, moved.key, moved.n, "", "", moved.n, "", moved.usual, "", moved.ratio,
            moved.low, moved.high, "", "", "", "", moved.chance, int(moved.clear),
        ]  # fmt: skip
        table.writerow([*row, *when])
    return out.getvalue()
