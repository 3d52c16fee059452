"""Reports in words: names of values, queries as addresses and back, figures and periods as people say them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from sqlalchemy import Connection, select

from parley.core.channel import Channel, Inbox
from parley.core.errors import Refused
from parley.core.language import LANGUAGES
from parley.core.measure import DEFINITIONS
from parley.core.query import BEGAN, Filter, Query
from parley.core.semantics import DIMENSIONS, HANDLED, PERIODS
from parley.services import inbox, prepared, setup
from parley.services.inbox import Viewer, conversations, visible_to
from parley.services.reporting import LEADS, Found
from parley.web.formats import DAYS, MONTHS
from parley.web.state import Room
from parley.web.words import translate as t

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NARROWED = ("channel", "brand", "team", "agent", "topic", "language", "handled", "weekday", "hour")
NOTHING = {"topic": "No topic", "agent": "Nobody yet", "team": "No team", "language": "Not told by the words",
           "handled": "Not known", "channel": "None", "brand": "None"}  # fmt: skip
MOST_TOPICS = 200


class Names(msgspec.Struct, frozen=True):
    """dimension → value → how it is called; what the viewer may know of."""

    values: Mapping[str, Mapping[str, str]]

    def of(self, dimension: str, value: str) -> str:
        """A value in words; days as "Mon 2 Mar", weeks by their Monday."""
        if value == "" and dimension in NOTHING:
            return t(NOTHING[dimension])
        if DIMENSIONS[dimension].kind == "time":
            return _date(dimension, value)
        return self.values.get(dimension, {}).get(value, value)

    def short(self, dimension: str, value: str) -> str:
        """For below a drawing."""
        if DIMENSIONS[dimension].kind == "time":
            then = datetime.fromisoformat(value)
            month = t(MONTHS[then.month - 1])
            return month if dimension == "month" else f"{then.day} {month}"
        if dimension == "weekday" and value.isdigit():
            return t(DAYS[int(value)])
        return value if dimension == "hour" else self.of(dimension, value)


def _date(dimension: str, value: str) -> str:
    then = datetime.fromisoformat(value)
    month = t(MONTHS[then.month - 1])
    if dimension == "month":
        return f"{month} {then.year}"
    day = f"{then.day} {month}"
    return t("Week of {day}", day=day) if dimension == "week" else f"{t(DAYS[then.weekday()])} {day}"


def names_for(conn: Connection, room: Room, who: Viewer) -> Names:
    """What the viewer may know of. On a large desk, topics are those of a while ago: finding them takes long."""
    topics: list[str] = room.reports.ask(conn, topics_of, who).report
    return names_in(conn, room.channels, room.inboxes(), who, topics)


def names_in(
    conn: Connection,
    channels: Mapping[str, Channel],
    inboxes: Mapping[int, Inbox],
    who: Viewer,
    topics: Sequence[str] = (),
) -> Names:
    """What the viewer may know of."""
    brands = {str(b.id): b.name for b in setup.all_brands(conn).values() if who.brands is None or b.id in who.brands}
    used = {box.channel for box in inboxes.values() if who.brands is None or box.brand in who.brands}
    agents = setup.all_agents(conn).values()
    told = who.role in LEADS
    return Names({
        "channel": {name: t(channels[name].manifest.label) for name in sorted(used) if name in channels},
        "brand": brands,
        "team": {team.name: team.name for team in prepared.teams(conn)} if told else {},
        "agent": {str(one.id): one.name for one in agents if told or one.id == who.agent},
        "topic": {tag: tag for tag in sorted({*topics, *prepared.tags(conn)})},
        "language": dict(LANGUAGES),
        "handled": {key: t(label) for key, label in HANDLED.items()},
        "weekday": {str(number): t(name) for number, name in enumerate(WEEKDAYS)},
        "hour": {str(hour): f"{hour}:00" for hour in range(24)},
    })  # fmt: skip


def topics_of(conn: Connection, who: Viewer, now: datetime) -> list[str]:
    """Tags in use where the viewer may look."""
    if who.brands is None and who.role in LEADS:
        return inbox.common_tags(conn, MOST_TOPICS)
    of = inbox.tags.c
    question = select(of.tag).distinct().join(conversations, conversations.c.id == of.conversation)
    return list(conn.execute(question.where(visible_to(who)).order_by(of.tag).limit(MOST_TOPICS)).scalars())


# ── a query as an address ───────────────────────────────────────────────────────────────────


def address(query: Query, **more: str) -> str:
    """The part of an address that asks for a query. The same query, the same address."""
    pairs = [("measure", key) for key in query.measures] + [("by", key) for key in query.by]
    pairs += [(one.dimension, value or NONE) for one in query.filters for value in one.values]
    pairs.append(("period", query.period))
    if query.compare:
        pairs.append(("compare", "1"))
    if query.counted != BEGAN:
        pairs.append(("counted", query.counted))
    return urlencode([*pairs, *more.items()])


NONE = "-"
"""Stands in an address for what has no value; an empty field says that nothing was chosen."""


def query_of(fields: Any) -> Query:
    """The query of an address or a form; both send empty fields for what was not chosen. Values may be joined by
    commas, as a list in a form sends several that were chosen before."""

    def chosen(name: str) -> tuple[str, ...]:
        values = (value.strip() for text in fields.getall(name, []) for value in str(text).split(","))
        return tuple(dict.fromkeys(value for value in values if value))

    def one(name: str, usual: str = "") -> str:
        return next((text for text in reversed(chosen(name))), usual)

    filters = (Filter(key, tuple("" if value == NONE else value for value in chosen(key))) for key in NARROWED)
    period = one("period", "28d")
    if period == "dates" or (not fields.getall("period", []) and one("from")):
        period = f"{one('from')}..{one('to')}"
        if period.startswith(".."):
            raise Refused("Say from which day on the report looks.")
    return Query(
        measures=chosen("measure") or ("volume",),
        by=chosen("by"),
        filters=tuple(part for part in filters if part.values),
        period=period,
        compare=bool(one("compare")),
        counted=one("counted", BEGAN),
    )


# ── in words ────────────────────────────────────────────────────────────────────────────────


def title(query: Query, names: Names) -> str:
    """What a report shows, in a line: "First answer by people by channel, Brackenfell, last month"."""
    what = ", ".join(t(DEFINITIONS[key].label) for key in query.measures)
    by = t(" and ").join(t(DIMENSIONS[key].label).lower() for key in query.by)
    first = t("{what} by {by}", what=what, by=by) if by else what
    narrowed = [t(" or ").join(names.of(one.dimension, value) for value in one.values) for one in query.filters]
    period = period_words(query.period)
    return ", ".join([first, *narrowed, period[:1].lower() + period[1:]])


def period_words(period: str) -> str:
    if period in PERIODS:
        return t(PERIODS[period])
    if period.endswith("d"):
        return t("Last {n} days", n=period[:-1])
    start, _, end = period.partition("..")
    first = _plain(datetime.fromisoformat(start))
    return (
        t("{first} to {last}", first=first, last=_plain(datetime.fromisoformat(end)))
        if end
        else t("Since {first}", first=first)
    )


def _plain(then: datetime) -> str:
    return f"{then.day} {t(MONTHS[then.month - 1])} {then.year}"


def calendar(found: Found) -> str:
    """Which days, beside which others, in which hours and zone."""
    said = [t("{first} to {last}", first=_plain(found.period.start), last=_plain(_last(found.period.end)))]
    if found.compared_with is not None:
        first, last = found.compared_with.start, _last(found.compared_with.end)
        said.append(t("compared with {first} to {last}, the same weekdays", first=_plain(first), last=_plain(last)))
    return t(
        "{days}. All hours count, around the clock; days and hours in {zone}. Definitions, version {version}.",
        days=", ".join(said), zone=found.time_zone, version=found.definitions,
    )  # fmt: skip


def _last(end: datetime) -> datetime:
    return (end.astimezone(UTC) - timedelta(microseconds=1)) if end else end
