"""Forecast and staffing: the page, the same plan as a table (CSV) and for programs (JSON)."""

import csv
import io
from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec
from litestar import MediaType, Response, get
from litestar.di import Provide
from litestar.params import FromQuery
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.errors import Refused
from parley.services import staffing
from parley.services.inbox import Viewer
from parley.services.numbers import Choice
from parley.services.staffing import Assumed, Plan, Slot
from parley.web import plots, present, views
from parley.web.formats import DAYS, MONTHS
from parley.web.numbers import duration, names_of, picks_of
from parley.web.security import Caller
from parley.web.state import Room
from parley.web.words import translate as t

# name: (label, unit, least, most, step)
INPUTS = {
    "handling": ("Work in a conversation", "min", 0.5, 240, 0.5),
    "share": ("Answered in time", "%", 10, 99, 1),
    "within": ("In time means within", "s", 5, 86_400, 5),
    "patience": ("Gives up after (0: never)", "min", 0, 1440, 1),
    "shrinkage": ("Paid time away from work", "%", 0, 80, 1),
    "more": ("More conversations", "%", -90, 400, 5),
    "bot": ("Never reach people", "%", 0, 100, 1),
    "agents": ("At work (0: ask how many)", "people", 0, 500, 1),
}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What an address asks for. day: which of the seven days is shown half hour by half hour."""

    choice: Choice
    assumed: Assumed
    day: int = 0


def wanted(
    channel: FromQuery[str] = "",
    brand: FromQuery[str] = "",
    day: FromQuery[str] = "",
    handling: FromQuery[str] = "",
    share: FromQuery[str] = "",
    within: FromQuery[str] = "",
    patience: FromQuery[str] = "",
    shrinkage: FromQuery[str] = "",
    more: FromQuery[str] = "",
    bot: FromQuery[str] = "",
    agents: FromQuery[str] = "",
) -> Wanted:
    """Read from an address; empty fields are those of the form that were left alone."""
    said = {
        "handling": handling, "share": share, "within": within, "patience": patience, "shrinkage": shrinkage,
        "more": more, "bot": bot, "agents": agents,
    }  # fmt: skip
    given = {name: _number(name, words) for name, words in said.items() if words.strip()}
    whole = {name: value if name in ("handling", "patience") else round(value) for name, value in given.items()}
    choice = Choice(channel=channel or None, brand=int(brand) if brand.isdigit() else None)
    shown = int(day) if day.isdigit() and int(day) < staffing.AHEAD else 0
    return Wanted(choice=choice, assumed=msgspec.convert(whole, Assumed), day=shown)


def _number(name: str, said: str) -> float:
    label, unit, least, most, _ = INPUTS[name]
    try:
        value = float(said)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise Refused(f"“{label}” is a number from {least:g} to {most:g} ({unit}).")
    return value


ASKED = {"asked": Provide(wanted, sync_to_thread=False)}

# ── addresses ───────────────────────────────────────────────────────────────────────────────


@get("/desk/forecast", include_in_schema=False, dependencies=ASKED)
async def forecast_page(room: Room, caller: Caller, asked: Wanted) -> Response[str]:
    shell, page = await room.ask(_page, room, caller, asked)
    return Response(room.page("desk/forecast.html", shell=shell, page=page), media_type=MediaType.HTML)


@get("/desk/forecast.csv", include_in_schema=False, dependencies=ASKED)
async def forecast_csv(room: Room, who: Viewer, asked: Wanted) -> Response[str]:
    found = (await room.ask(room.reports.ask, staffing.plan, who, asked.choice, asked.assumed)).report
    headers = {"content-disposition": 'attachment; filename="forecast.csv"'}
    return Response(as_csv(found), media_type="text/csv", headers=headers)


@get("/api/v1/forecast", opt={"api": True}, tags=["numbers"], dependencies=ASKED)
async def forecast_json(room: Room, who: Viewer, asked: Wanted) -> Plan:
    """The next seven days: conversations with their 80 % band, and the people it takes, half hour by half hour."""
    found: Plan = (await room.ask(room.reports.ask, staffing.plan, who, asked.choice, asked.assumed)).report
    return found


def routes() -> list[ControllerRouterHandler]:
    return [forecast_page, forecast_csv, forecast_json]


# ── the page ────────────────────────────────────────────────────────────────────────────────


def _page(conn: Connection, room: Room, caller: Caller, asked: Wanted) -> tuple[views.Shell, views.ForecastPage]:
    who = caller.viewer
    found = room.reports.ask(conn, staffing.plan, who, asked.choice, asked.assumed).report
    names = names_of(conn, room.channels, who)
    picks = tuple(pick for pick in picks_of(names, asked.choice) if pick.name != "agent")
    shell = present.shell(conn, caller.agent, caller.csrf, "numbers")
    if not found.days:
        empty = t("Seven whole days with conversations are needed; {n} are known.", n=found.days_known)
        return shell, views.ForecastPage(figures=(), charts=(), fields=_fields(found), picks=picks, empty=empty)
    kept = _query(asked)
    shown = [slot for slot in found.slots if slot.at.date() == found.days[asked.day].day.date()]
    return shell, views.ForecastPage(
        figures=_figures(found),
        charts=(_days_chart(found), _people_chart(found)),
        fields=_fields(found),
        picks=picks,
        trials=tuple((t(one.name), _percent(one.wape), one.name == found.method) for one in found.trials),
        method=_method(found),
        head=_head(),
        slots=tuple(_cells(slot) for slot in shown),
        days=tuple((str(i), _day(day.day), i == asked.day) for i, day in enumerate(found.days)),
        kept=kept,
        csv=f"/desk/forecast.csv?{kept}",
        calendar=t(
            "Days and half hours in {zone}, around the clock, from {n} whole days of history.",
            zone=found.time_zone, n=found.days_known,
        ),
    )  # fmt: skip


def _query(asked: Wanted) -> str:
    default = msgspec.structs.asdict(Assumed())
    chosen = {name: value for name, value in msgspec.structs.asdict(asked.assumed).items() if value != default[name]}
    narrowed = {"channel": asked.choice.channel, "brand": asked.choice.brand}
    return urlencode({**{k: v for k, v in narrowed.items() if v is not None}, **chosen})


def _fields(found: Plan) -> tuple[views.Field, ...]:
    given = msgspec.structs.asdict(found.assumed)
    measured = _percent(found.bot) if found.assumed.bot is None else ""
    return tuple(
        views.Field(
            name=name, label=t(label), unit=t(unit), value="" if given[name] is None else f"{given[name]:g}",
            least=f"{least:g}", most=f"{most:g}", step=f"{step:g}",
            hint=t("measured: {share}", share=measured) if name == "bot" and measured else "",
        )
        for name, (label, unit, least, most, step) in INPUTS.items()
    )  # fmt: skip


def _figures(found: Plan) -> tuple[views.Figure, ...]:
    tomorrow, week = found.days[1], sum(day.mid for day in found.days)
    hours = sum(day.hours for day in found.days)
    return (
        views.Figure(
            label=t("Conversations tomorrow"),
            value=f"{tomorrow.mid:.0f}",
            interval=_band(tomorrow.low, tomorrow.high),
            definition=t(
                "Conversations that begin on {day}. The band held {band} of what came in the backtests.",
                day=_day(tomorrow.day),
                band=_percent(found.band),
            ),
        ),
        views.Figure(label=t("In seven days"), value=f"{week:.0f}", note=t("{n} a day", n=f"{week / 7:.0f}")),
        views.Figure(
            label=t("Answered in time"),
            value="–" if found.reached is None else _percent(found.reached),
            note=t("goal {share} % within {time}", share=found.assumed.share, time=duration(found.assumed.within)),
            definition=t(
                "Of the conversations for people, those answered in time when as many come as foreseen and so many "
                "people are at work. Erlang's formulas: work arrives at random, one conversation at a time each."
            ),
        ),
        views.Figure(
            label=t("People on the rota"),
            value=str(found.rota),
            note=t("{n} paid hours in seven days", n=f"{hours:.0f}"),
            definition=t(
                "For the busiest half hour: people at work, divided by the share of paid time that is not away. "
                "{minutes} minutes of work in a conversation are assumed, not measured.",
                minutes=f"{found.assumed.handling:g}",
            ),
        ),
        views.Figure(
            label=t("Never reach people"),
            value=_percent(found.bot),
            note=t("n = {n}", n=found.kept_n) if found.assumed.bot is None else t("assumed"),
            definition=t(
                "Of all conversations, not only of those that began with the bot, the share that needs nobody. "
                "It is taken off the forecast. Measured over the last 28 days where nothing is entered."
            ),
        ),
    )


def _method(found: Plan) -> str:
    if not found.backtests:
        return t("Too little history to try the methods: the mean of the same weekdays is used.")
    return t(
        "Each method foresaw the last days from what was known before, {n} times. “{method}” was used for the days, "
        "with an error of {error}; “{course}” for the course within a day. The weighted mean is used unless another "
        "was clearly better.",
        n=found.backtests,
        method=t(found.method),
        error=_percent(found.error or 0),
        course=t(found.course_method),
    )


def _head() -> tuple[str, ...]:
    return (
        t("From"), t("Conversations for people"), t("80 % band"), t("At work"), t("Answered in time"),
        t("… over the band"), t("Mean wait"), t("Occupied"),
    )  # fmt: skip


def _cells(slot: Slot) -> tuple[str, ...]:
    wait = t("grows without end") if slot.wait >= 1e6 else duration(slot.wait)
    levels = f"{slot.level_low * 100:.0f}–{_percent(slot.level_high)}"
    nobody = not slot.agents
    return (
        f"{slot.at:%H:%M}", f"{slot.mid:.1f}", _band(slot.low, slot.high, 1), str(slot.agents),
        "–" if nobody else _percent(slot.level), "–" if nobody else levels, "–" if nobody else wait,
        "–" if nobody else _percent(slot.occupancy),
    )  # fmt: skip


# ── drawings ────────────────────────────────────────────────────────────────────────────────


def _days_chart(found: Plan) -> views.Chart:
    every = (*found.past, *found.days)
    columns = [
        plots.Bar(
            name=f"{day.day.day} {MONTHS[day.day.month - 1]}", value=day.mid, low=day.low, high=day.high,
            tentative=day.low is not None, hint=_told(day),
        )
        for day in every
    ]  # fmt: skip
    busiest = max(found.days, key=lambda day: day.mid)
    about = t("The busiest of the seven days to come is {day}: {n} conversations, {band} on eight of ten such days.",
              day=_day(busiest.day), n=f"{busiest.mid:.0f}", band=_band(busiest.low, busiest.high))  # fmt: skip
    title = t("Conversations a day")
    return views.Chart(
        title=title,
        lead=about,
        svg=plots.bars("forecast-days", title, about, columns),
        note=t("Pale: foreseen, with the 80 % band. The first of them is today."),
        head=(t("Day"), t("Conversations"), t("80 % band"), t("Most people at once"), t("Paid hours")),
        table=tuple(
            (_day(d.day), f"{d.mid:.0f}", _band(d.low, d.high), str(d.most) if d.low is not None else "",
             f"{d.hours:.0f}" if d.low is not None else "")
            for d in every
        ),
        wide=True,
    )  # fmt: skip


def _told(day: staffing.Day) -> str:
    if day.low is None:
        return t("{day}: {n} conversations", day=_day(day.day), n=f"{day.mid:.0f}")
    return t("{day}: {n} foreseen, {band}", day=_day(day.day), n=f"{day.mid:.0f}", band=_band(day.low, day.high))


def _people_chart(found: Plan) -> views.Chart:
    rows = []
    for i, day in enumerate(found.days):
        own = found.slots[i * staffing.HALF_HOURS : (i + 1) * staffing.HALF_HOURS]
        rows.append((t(DAYS[day.day.weekday()]), [slot.agents for slot in own]))
    most = max(found.slots, key=lambda slot: (slot.agents, slot.mid))
    about = t("Most at once: {n} on {day} at {time}.", n=most.agents, day=_day(most.at), time=f"{most.at:%H:%M}")
    columns = [f"{place // 2}" if place % 6 == 0 else "" for place in range(staffing.HALF_HOURS)]
    title = t("People at work, half hour by half hour")
    return views.Chart(
        title=title, lead=about, svg=plots.heat("people", title, about, rows, columns, minutes=30),
        head=(t("Day"), t("Most people at once"), t("Paid hours")),
        table=tuple((_day(day.day), str(day.most), f"{day.hours:.0f}") for day in found.days), wide=True,
    )  # fmt: skip


def _band(low: float | None, high: float | None, digits: int = 0) -> str:
    return "" if low is None or high is None else f"{low:.{digits}f}–{high:.{digits}f}"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _day(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    return f"{t(DAYS[moment.weekday()])} {moment.day} {MONTHS[moment.month - 1]}"


# ── as a table ──────────────────────────────────────────────────────────────────────────────


def as_csv(found: Plan) -> str:
    """Days, then half hours: the figures of the page with all their digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("kind", "from", "conversations", "low", "high", "people", "in_time", "mean_wait_seconds"))
    for day in found.days:
        writer.writerow(("day", day.day.isoformat(), day.mid, day.low, day.high, day.most, "", ""))
    for slot in found.slots:
        row = (slot.mid, slot.low, slot.high, slot.agents, slot.level, slot.wait)
        writer.writerow(("half hour", slot.at.isoformat(), *row))
    return out.getvalue()
