"""The numbers page, the same figures as a table (CSV) and for programs (JSON), and the conversations behind each."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import log
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from litestar import MediaType, Response, get
from litestar.params import FromQuery, Parameter
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.channel import Channel
from parley.core.measure import DEFINITIONS, Definition
from parley.services import figures, inbox, open_hours, setup
from parley.services.figures import PERIODS, Group, Number, Report
from parley.services.inbox import Viewer
from parley.services.numbers import Choice
from parley.web import assist, plots, present, views
from parley.web.formats import DAYS, MONTHS
from parley.web.numbers_csv import as_csv
from parley.web.security import Caller
from parley.web.state import Room
from parley.web.words import translate as t

FEW = 30  # below this many cases a share is told as a count
TOP_LINE = ("volume", "human_median", "resolution_median", "contained", "csat")
BETTER_WHEN_LESS = ("human", "right", "bot", "resolution_m", "resolution_p", "reopened", "transferred", "cost")

SCALES = {
    "money": lambda value: f"{value:.2f}",
    "points": lambda value: f"{value:.0f}".replace("-", "−"),
    "of 7": lambda value: f"{value:.1f}",
}

Days = Annotated[int, Parameter(query="period", ge=1, le=366)]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a period, and what each of them means."""

    report: Report
    definitions: list[Definition]


# ── addresses ───────────────────────────────────────────────────────────────────────────────


@get("/desk/numbers", include_in_schema=False)
async def numbers_page(
    room: Room,
    caller: Caller,
    period: Days = 28,
    channel: FromQuery[str] = "",
    brand: FromQuery[str] = "",
    agent: FromQuery[str] = "",
    hours: FromQuery[str] = "",
) -> Response[str]:
    shell, page = await room.ask(_page, room, caller, choice_of(period, channel, brand, agent, hours))
    return Response(room.page("desk/numbers.html", shell=shell, page=page), media_type=MediaType.HTML)


@get("/desk/numbers/cases", include_in_schema=False)
async def cases_page(
    room: Room,
    caller: Caller,
    figure: FromQuery[str],
    period: Days = 28,
    channel: FromQuery[str] = "",
    brand: FromQuery[str] = "",
    agent: FromQuery[str] = "",
    hours: FromQuery[str] = "",
) -> Response[str]:
    """The conversations that a figure is made of."""
    shell, page = await room.ask(_cases, room, caller, choice_of(period, channel, brand, agent, hours), figure)
    return Response(room.page("desk/cases.html", shell=shell, page=page), media_type=MediaType.HTML)


@get("/desk/numbers.csv", include_in_schema=False)
async def numbers_csv(
    room: Room,
    who: Viewer,
    period: Days = 28,
    channel: FromQuery[str] = "",
    brand: FromQuery[str] = "",
    agent: FromQuery[str] = "",
    hours: FromQuery[str] = "",
) -> Response[str]:
    found = (
        await room.ask(room.reports.ask, figures.report, who, choice_of(period, channel, brand, agent, hours))
    ).report
    headers = {"content-disposition": f'attachment; filename="numbers-{period}-days.csv"'}
    return Response(as_csv(found), media_type="text/csv", headers=headers)


@get("/api/v1/numbers", opt={"api": True}, tags=["numbers"])
async def numbers_json(
    room: Room,
    who: Viewer,
    period: Days = 28,
    channel: FromQuery[str] = "",
    brand: FromQuery[str] = "",
    agent: FromQuery[str] = "",
    hours: FromQuery[str] = "",
) -> Answer:
    """The figures of the numbers page, as numbers: seconds, shares from 0 to 1, counts."""
    found = (
        await room.ask(room.reports.ask, figures.report, who, choice_of(period, channel, brand, agent, hours))
    ).report
    return Answer(report=found, definitions=list(DEFINITIONS.values()))


def choice_of(period: int, channel: str, brand: str, agent: str, hours: str = "") -> Choice:
    """What an address asks for; a form sends empty fields for what was not chosen. hours: open, or all."""
    return Choice(
        days=period,
        channel=channel or None,
        brand=int(brand) if brand.isdigit() else None,
        agent=int(agent) if agent.isdigit() else None,
        open_hours=hours == "open",
    )


def routes() -> list[ControllerRouterHandler]:
    return [numbers_page, cases_page, numbers_csv, numbers_json]


# ── the page ────────────────────────────────────────────────────────────────────────────────


class Names(msgspec.Struct, frozen=True):
    """What people call the channels, brands and agents."""

    channels: dict[str, str]
    brands: dict[str, str]
    agents: dict[str, str]


def _page(conn: Connection, room: Room, caller: Caller, choice: Choice) -> tuple[views.Shell, views.NumbersPage]:
    who = caller.viewer
    kept = room.reports.ask(conn, figures.report, who, choice)
    found, now = kept.report, kept.at
    names = names_of(conn, room.channels, who)
    page = views.NumbersPage(
        period=str(choice.days),
        periods=tuple((str(days), t(label), days == choice.days) for days, label in PERIODS.items()),
        kept=_query(choice, period=None),
        picks=(*picks_of(names, choice), *_hours(conn, choice)),
        figures=tuple(
            in_currency(figure(number, choice, found), number, found.currency)
            for number in map(found.number, (*TOP_LINE, *_asked(found)))
        ),
        charts=charts(found, names),
        every=tuple(in_currency(figure(number, choice), number, found.currency) for number in found.numbers),
        methods=_methods(),
        csv=f"/desk/numbers.csv?{_query(choice)}",
        calendar=_calendar(found),
        as_of=now,
        drafts=assist.lines(conn, who, now - timedelta(days=choice.days)),
        empty="" if _anything(found) else t("No customer wrote in this period, and none in the one before."),
    )
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), page


def names_of(conn: Connection, channels: Mapping[str, Channel], who: Viewer) -> Names:
    brands = setup.all_brands(conn).values()
    mine = who.role in ("admin", "lead")
    return Names(
        {name: channel.manifest.label for name, channel in channels.items()},
        {str(b.id): b.name for b in brands if who.brands is None or b.id in who.brands},
        {str(a.id): a.name for a in setup.all_agents(conn).values() if mine or a.id == who.agent},
    )


def picks_of(names: Names, choice: Choice) -> tuple[views.Pick, ...]:
    """What the figures can be narrowed to; a list of one is not worth asking for."""
    offered = (
        ("channel", t("Channel"), names.channels, choice.channel),
        ("brand", t("Brand"), names.brands, choice.brand),
        ("agent", t("Answered last by"), names.agents, choice.agent),
    )
    return tuple(
        views.Pick(name=name, label=label, options=(("", t("All")), *known.items()), chosen=str(chosen or ""))
        for name, label, known, chosen in offered
        if len(known) > 1 or (name == "agent" and known)
    )


def _hours(conn: Connection, choice: Choice) -> tuple[views.Pick, ...]:
    """Offered where somebody said when a brand is open."""
    options = (("", t("All hours")), ("open", t("Opening hours")))
    chosen = "open" if choice.open_hours else ""
    told = views.Pick(name="hours", label=t("Times count"), options=options, chosen=chosen)
    return (told,) if choice.open_hours or open_hours.are_set(conn) else ()


def _query(choice: Choice, *, period: int | None = 0, **more: str) -> str:
    """The part of an address that asks for this choice. `period=None` leaves the period out."""
    chosen = {"channel": choice.channel, "brand": choice.brand, "agent": choice.agent}
    chosen |= {"hours": "open"} if choice.open_hours else {}
    days = {} if period is None else {"period": choice.days}
    return urlencode({**days, **{key: value for key, value in chosen.items() if value is not None}, **more})


def _calendar(found: Report) -> str:
    hours = t("Times count opening hours only, the age of what is open all hours") if found.choice.open_hours else t(
        "All hours count, around the clock"
    )  # fmt: skip
    return t(
        "{start} to {end}, compared with the same days {days} days earlier. {hours}; "
        "days and hours in {zone}. Definitions, version {version}.",
        hours=hours,
        start=_day(found.period.start), end=_day(found.period.end), days=found.choice.days,
        zone=found.time_zone, version=found.definitions,
    )  # fmt: skip


def _methods() -> tuple[tuple[str, str], ...]:
    kinds = (("volume", t("Counts")), ("human_median", t("Times")), ("csat", t("Shares")), ("nps", t("NPS")),
             ("ces", t("CES")), ("cost", t("Cost")))  # fmt: skip
    return tuple((name, t(DEFINITIONS[key].spread)) for key, name in kinds)


def _asked(found: Report) -> tuple[str, ...]:
    """Promises stand above where some were made, what customers say where somebody was asked for it."""
    return tuple(
        key for key in ("first_kept", "resolution_kept", "said_solved", "nps", "ces", "cost") if found.number(key).n
    )


def _anything(found: Report) -> bool:
    volume = found.number("volume")
    return bool(volume.n or volume.n_before or found.number("response_rate").n)


# ── a figure in words ───────────────────────────────────────────────────────────────────────


def figure(number: Number, choice: Choice, found: Report | None = None) -> views.Figure:
    """For the top line with its report, which adds P90 and method; for the table without."""
    definition = DEFINITIONS[number.key]
    change, tone = _change(number, definition.unit)
    return views.Figure(
        label=t(definition.label),
        value=value_of(number),
        interval=_interval(number, definition.unit),
        n=number.n,
        change=change,
        tone=tone,
        note=_note(number, found),
        href=f"/desk/numbers/cases?{_query(choice, figure=number.key)}" if number.n and not number.few else "",
        definition=_meaning(number, definition, whole=found is not None),
    )


def in_currency(told: views.Figure, number: Number, currency: str) -> views.Figure:
    if DEFINITIONS[number.key].unit != "money" or number.value is None or not currency:
        return told
    return msgspec.structs.replace(told, value=f"{told.value} {currency}")


def value_of(number: Number) -> str:
    """The value as a person would say it; below 30 cases a share is told as a count."""
    if number.few:
        return t("too few")
    if DEFINITIONS[number.key].unit == "share":
        if number.value is None:
            return "–"
        return t("{hits} of {n}", hits=number.hits, n=number.n) if number.n < FEW else _percent(number.value)
    if DEFINITIONS[number.key].unit in SCALES:
        return "–" if number.value is None else SCALES[DEFINITIONS[number.key].unit](number.value)
    if DEFINITIONS[number.key].unit == "seconds":
        if number.value is not None:
            return duration(number.value)
        return t("not yet") if number.running else "–"
    return f"{number.n:,}".replace(",", " ")


def _interval(number: Number, unit: str) -> str:
    if number.few or unit == "conversations" or not number.n:
        return ""
    say = _percent if unit == "share" else duration
    low, high = number.low, number.high
    if unit in SCALES and low is not None and high is not None:
        return t("{low} to {high}", low=SCALES[unit](low), high=SCALES[unit](high))
    if low is not None and high is not None:
        return f"{say(low).removesuffix(' %')}–{say(high)}" if unit == "share" else _from_to(low, high)
    if low is not None:
        return t("{low} or more", low=say(low))
    return t("{high} or less", high=say(high)) if high is not None else t("too few for an interval")


def _from_to(low: float, high: float) -> str:
    first, second = duration(low), duration(high)
    number, _, unit = first.partition(" ")
    return f"{number}–{second}" if second.endswith(f" {unit}") else f"{first} – {second}"


def _note(number: Number, found: Report | None) -> str:
    """P90 beside a median, the response rate beside ratings, and who still waits."""
    notes = []
    if found and number.key.endswith("_median"):
        p90 = found.number(number.key.replace("_median", "_p90"))
        if p90.value is not None:
            notes.append(t("P90 {value}", value=duration(p90.value)))
    if found and number.key == "csat":
        notes.append(t("{n} asked", n=found.number("response_rate").n))
    if number.running:
        words = "{n} still open" if number.key.startswith("resolution") else "{n} still waiting"
        notes.append(t(words, n=number.running))
    return " · ".join(notes)


def _change(number: Number, unit: str) -> tuple[str, str]:
    """The change against the period before in words, and its tone; quiet when it may be noise."""
    change, less_is_better = number.change, number.key.startswith(BETTER_WHEN_LESS)
    if number.few or not number.n_before or change.value is None:
        return "", "quiet"
    if not change.clear:
        return t("no clear change"), "quiet"
    up = change.value > (1 if unit == "conversations" else 0)
    tone = "quiet" if unit == "conversations" else "bad" if up == less_is_better else "good"
    if unit == "conversations":
        return t("{change} % on the period before", change=f"{(change.value - 1) * 100:+.0f}"), tone
    if unit == "share":
        return t("{change} points", change=f"{change.value * 100:+.0f}"), tone
    if unit == "money":
        return t("{change} a contact", change=f"{change.value:+.2f}"), tone
    if unit in SCALES:
        return t("{change} points", change=f"{change.value:+.0f}" if unit == "points" else f"{change.value:+.1f}"), tone
    return t("{time} slower" if up else "{time} faster", time=duration(abs(change.value))), tone


def _meaning(number: Number, definition: Definition, *, whole: bool) -> str:
    said = [t(definition.meaning), t(definition.cohort), *([t(definition.spread)] if whole else [])]
    if number.left_out and definition.unit != "conversations":
        said.append(t("Left out here: {n}.", n=number.left_out))
    if number.few:
        said.append(t("Fewer than five cases: nothing is said about one person."))
    return " ".join(said)


def duration(seconds: float) -> str:
    """Seconds as people say them: "48 s", "12 min", "3.2 h", "2.5 d"."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size * 1.5:
            amount = seconds / size
            return f"{amount:.1f}".removesuffix(".0") + f" {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    return f"{seconds:.0f} s"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _day(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    return f"{DAYS[moment.weekday()]} {moment.day} {MONTHS[moment.month - 1]}"


# ── charts ──────────────────────────────────────────────────────────────────────────────────

_SHOWN_BY = {"volume": "days", "human_median": "answers", "resolution_median": "resolution", "csat": "content"}
WAITS = {
    1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h", 86_400: "1 day",
    7 * 86_400: "1 week", 30 * 86_400: "30 days",
}  # fmt: skip


def charts(found: Report, names: Names) -> tuple[views.Chart, ...]:
    """The one that explains the largest clear change comes first, as wide as the page."""
    made = {
        "days": _days_chart(found),
        "answers": _answers_chart(found),
        "resolution": _resolution_chart(found),
        "heat": _heat_chart(found),
        "channels": _times_chart(found, names),
        "content": _content_chart(found, names),
    }
    first = _SHOWN_BY.get(_largest_change(found), "days")
    order = [first, *(key for key in made if key != first)]
    return tuple(msgspec.structs.replace(chart, wide=key == first) for key in order if (chart := made[key]))


def _largest_change(found: Report) -> str:
    """The figure of the top line that moved most, among those whose change is not noise."""
    moved = [(n.key, n.value, n.before) for key in TOP_LINE if (n := found.number(key)).change.clear]
    sizes = {key: abs(log(value / before)) for key, value, before in moved if value and before}
    return max(sizes, key=lambda key: sizes[key], default="volume")


def _days_chart(found: Report) -> views.Chart:
    columns = [
        plots.Bar(
            name=f"{day.day.day} {MONTHS[day.day.month - 1]}",
            value=day.volume,
            part=day.kept,
            ghost=day.before if found.number("volume").n_before else None,
            hint=t(
                "{day}: {n} conversations, {kept} kept by the bot, {before} one period earlier",
                day=_day(day.day), n=day.volume, kept=day.kept, before=day.before,
            ),
            tentative=place == len(found.days) - 1,
        )
        for place, day in enumerate(found.days)
    ]  # fmt: skip
    busiest = max(found.days, key=lambda day: day.volume)
    about = t("{n} conversations; the busiest day was {day} with {most}.",
              n=found.number("volume").n, day=_day(busiest.day), most=busiest.volume)  # fmt: skip
    return views.Chart(
        title=t("Conversations a day"),
        lead=about,
        svg=plots.bars("days", t("Conversations a day"), about, columns),
        note=t("Strong part: kept by the bot. Line: the same weekday one period earlier. The last day is not over."),
        head=(t("Day"), t("Conversations"), t("Kept by the bot"), t("One period earlier")),
        table=tuple((_day(d.day), str(d.volume), str(d.kept), str(d.before)) for d in found.days),
    )


def _answers_chart(found: Report) -> views.Chart | None:
    curves = []
    for curve, name in zip(found.curves, (t("People"), t("Bot")), strict=True):
        median = next((point for point in curve.points if point[1] >= 0.5), None)
        if curve.points:
            words = t("half within {time}", time=duration(median[0])) if median else ""
            mark = median or curve.points[-1]
            curves.append(plots.Steps(name=name, points=curve.points, mark=mark, words=words))
    if not curves:
        return None
    waits = _waits([point[0] for curve in curves for point in curve.points], low=1)
    about = t("Share of conversations that had a first answer after a time. Who still waits counts as waiting.")
    return views.Chart(
        title=t("Time to a first answer"),
        lead=about,
        svg=plots.steps("answers", t("Time to a first answer"), about, curves, _time_axis(waits)),
        head=(t("Answered within"), *(curve.name for curve in curves)),
        table=tuple((WAITS[wait], *(_percent(_share_at(curve.points, wait)) for curve in curves)) for wait in waits),
    )


def _resolution_chart(found: Report) -> views.Chart | None:
    """Kaplan–Meier: what is still open is in it, as open at least until now."""
    curve = found.resolution
    if not curve.points:
        return None
    median = next((point for point in curve.points if point[1] >= 0.5), None)
    words = t("half within {time}", time=duration(median[0])) if median else ""
    drawn = plots.Steps(name=t("Resolved"), points=curve.points, mark=median or curve.points[-1], words=words)
    waits = _waits([point[0] for point in curve.points])
    about = t("Share of conversations resolved after a time: {n} of them, {running} still open and counted as open.",
              n=curve.n, running=curve.running)  # fmt: skip
    title = t("Time to resolution")
    return views.Chart(
        title=title,
        lead=about,
        svg=plots.steps("resolution", title, about, [drawn], _time_axis(waits)),
        head=(t("Resolved within"), t("Share")),
        table=tuple((WAITS[wait], _percent(_share_at(curve.points, wait))) for wait in waits),
    )


def _waits(times: Sequence[float], low: int = 0) -> list[int]:
    """The marks of a time axis around some times, at least two; from `low` if given."""
    below = low or max((wait for wait in WAITS if wait <= min(times)), default=1)
    above = next((wait for wait in WAITS if wait >= max(times) and wait > below), max(WAITS))
    return [wait for wait in WAITS if min(below, 7 * 86_400) <= wait <= above]


def _time_axis(waits: Sequence[int]) -> plots.Axis:
    marks = [(float(wait), t(WAITS[wait])) for wait in waits]
    return plots.Axis(low=waits[0], high=waits[-1], marks=marks, logarithmic=True)


def _share_at(points: Sequence[tuple[float, float]], wait: float) -> float:
    return max((share for time, share in points if time <= wait), default=0.0)


def _heat_chart(found: Report) -> views.Chart | None:
    if not found.number("volume").n:
        return None
    rows = [(t(DAYS[day]), hours) for day, hours in enumerate(found.heat)]
    day, hour = max(((d, h) for d in range(7) for h in range(24)), key=lambda at: found.heat[at[0]][at[1]])
    about = t("Busiest: {day}, {hour}:00 to {after}:00, with {n} of {all} conversations.",
              day=t(DAYS[day]), hour=hour, after=hour + 1, n=found.heat[day][hour],
              all=found.number("volume").n)  # fmt: skip
    columns = [f"{hour}" if hour % 3 == 0 else "" for hour in range(24)]
    title = t("When customers write")
    return views.Chart(
        title=title,
        lead=about,
        svg=plots.heat("heat", title, about, rows, columns),
        note=t("Weekday and hour of the first message, {zone}.", zone=found.time_zone),
        head=(t("Hour"), *(name for name, _ in rows)),
        table=tuple((f"{hour}:00", *(str(hours[hour]) for _, hours in rows)) for hour in range(24)),
    )


def _times_chart(found: Report, names: Names) -> views.Chart | None:
    """First answer by people for each channel: the median with its interval."""
    rows = [(_called(group, names), _of(group, "human_median")) for group in found.channels]
    rows = [(name, number) for name, number in rows if number.n and not number.few]
    times = [x for _, n in rows for x in (n.value, n.high, n.low) if x is not None]
    if not times:
        return None
    axis = _time_axis(_waits(times))
    return _whiskers("channels", t("First answer by people, by channel"),
                     t("Median and its 95 % interval."), rows, axis, found)  # fmt: skip


def _content_chart(found: Report, names: Names) -> views.Chart | None:
    """Satisfaction for each channel: the share with its Wilson interval."""
    rows = [(_called(group, names), _of(group, "csat")) for group in found.channels]
    rows = [(name, number) for name, number in rows if number.n and not number.few]
    if not rows:
        return None
    axis = plots.Axis(low=0, high=1, marks=[(share / 100, f"{share} %") for share in (0, 25, 50, 75, 100)])
    return _whiskers("content", t("Satisfied, by channel"),
                     t("Share of ratings of 4 or 5 and its Wilson interval."), rows, axis, found)  # fmt: skip


def _whiskers(
    key: str, title: str, about: str, rows: Sequence[tuple[str, Number]], axis: plots.Axis, found: Report
) -> views.Chart:
    drawn = [
        plots.Whisker(
            name=name,
            value=number.value,
            low=number.low,
            high=number.high,
            text=value_of(number),
            note=f"n = {number.n}",
        )
        for name, number in rows
    ]
    unit = DEFINITIONS[rows[0][1].key].unit
    return views.Chart(
        title=title,
        lead=about,
        svg=plots.whiskers(key, title, about, drawn, axis),
        head=(t("Channel"), t("Value"), t("Interval"), "n"),
        table=tuple((name, value_of(number), _interval(number, unit), str(number.n)) for name, number in rows),
    )


def _called(group: Group, names: Names) -> str:
    return names.channels.get(group.key, group.key)


def _of(group: Group, key: str) -> Number:
    return next(number for number in group.numbers if number.key == key)


# ── the conversations behind a figure ───────────────────────────────────────────────────────


def _cases(
    conn: Connection, room: Room, caller: Caller, choice: Choice, key: str
) -> tuple[views.Shell, views.CasesPage]:
    who, now = caller.viewer, room.record.clock()
    found = figures.cases(conn, who, choice, key, now)
    definition = DEFINITIONS[key]
    page = views.CasesPage(
        title=t(definition.label),
        meaning=t(definition.meaning),
        back=f"/desk/numbers?{_query(choice)}",
        lines=case_lines(conn, room, found, lambda case: case_value(case, key)),
        cut=len(found) == figures.MOST_CASES,
    )
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), page


def case_lines(
    conn: Connection, room: Room, found: Sequence[figures.Case], value: Callable[[figures.Case], str]
) -> tuple[views.CaseLine, ...]:
    """The conversations behind a figure as lines of a table. value: what each counts, in words."""
    states = inbox.states(conn, [case.conversation for case in found])
    lens = present.Lens(conn, room.channels, room.record.clock())
    rows = {row.id: row for row in present.rows(lens, list(states.values()))}
    return tuple(
        views.CaseLine(
            href=f"/desk/conversations/{row.id}",
            subject=row.subject or row.preview or t("Conversation {n}", n=row.id),
            person=row.person,
            channel=row.channel,
            at=case.at,
            value=value(case),
        )
        for case in found
        if (row := rows.get(case.conversation))
    )


def case_value(case: figures.Case, key: str) -> str:
    if case.value is None:
        return t("not answered") if key == "response_rate" else ""
    if key in ("csat", "response_rate"):
        return t("{n} of 5", n=int(case.value))
    if key in ("nps", "ces"):
        return t("{n} of 10" if key == "nps" else "{n} of 7", n=int(case.value))
    if key == "cost":
        return SCALES["money"](case.value)
    if DEFINITIONS[key].unit == "share":
        return t("yes") if case.value else t("no")
    return t("{time}, still running", time=duration(case.value)) if case.running else duration(case.value)
