"""The website beside the desk: which page and campaign leads to contact, how content those are, who was matched."""

import csv
import io
from collections.abc import Sequence

from litestar import Response, get
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.stats import Estimate
from parley.services import traffic
from parley.services.figures import PERIODS
from parley.services.inbox import Viewer
from parley.services.traffic import Found, Line, Match
from parley.web import plots, present, views
from parley.web.desk import html
from parley.web.numbers import FEW, Days, names_of
from parley.web.security import LEAD, Caller
from parley.web.state import Room
from parley.web.words import translate as t

SHOWN = 10  # lines of a chart


class Page(views.View, frozen=True, kw_only=True):
    """tables: title, name of the first column, rows of cells."""

    found: Found
    rate: str
    period: str
    periods: tuple[tuple[str, str, bool], ...]
    kept: str = ""
    tables: tuple[tuple[str, str, tuple[tuple[str, ...], ...]], ...]
    matches: tuple[tuple[str, ...], ...]
    charts: tuple[views.Chart, ...] = ()


@get("/desk/website", opt=LEAD, include_in_schema=False)
async def website_page(room: Room, caller: Caller, period: Days = 28) -> Response[str]:
    shell, page = await room.ask(_page, room, caller, period)
    return html(room.page("desk/website.html", shell=shell, page=page))


@get("/desk/website.csv", opt=LEAD, include_in_schema=False)
async def website_csv(room: Room, who: Viewer, period: Days = 28) -> Response[str]:
    found = await room.ask(traffic.found, who, period, room.record.clock())
    headers = {"content-disposition": f'attachment; filename="website-{period}-days.csv"'}
    return Response(as_csv(found), media_type="text/csv", headers=headers)


@get("/api/v1/website", opt={"api": True, **LEAD}, tags=["numbers"])
async def website_json(room: Room, who: Viewer, period: Days = 28) -> Found:
    """Contacts and ratings by page and campaign of the website, and how many conversations could be matched."""
    return await room.ask(traffic.found, who, period, room.record.clock())


def routes() -> list[ControllerRouterHandler]:
    return [website_page, website_csv, website_json]


def _page(conn: Connection, room: Room, caller: Caller, days: int) -> tuple[views.Shell, Page]:
    found = traffic.found(conn, caller.viewer, days, room.record.clock())
    names = names_of(conn, room.channels, caller.viewer).channels
    page = Page(
        found=found,
        rate=rate(found.rate),
        period=str(days),
        periods=tuple((str(n), t(label), n == days) for n, label in PERIODS.items()),
        tables=tuple(
            (title, head, tuple(_cells(line) for line in lines))
            for title, head, lines in (
                (t("The last page before they wrote"), t("Page"), found.pages),
                (t("Campaigns"), t("Campaign"), found.campaigns),
            )
            if lines
        ),
        matches=tuple(_match(one, names) for one in found.matches),
        charts=tuple(
            _chart(key, title, lines)
            for key, title, lines in (
                ("pages", t("Contact rate by page"), found.pages),
                ("campaigns", t("Contact rate by campaign"), found.campaigns),
            )
            if any(line.contacts for line in lines)
        ),
    )
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), page


def _chart(key: str, title: str, lines: Sequence[Line]) -> views.Chart:
    """The pages or campaigns with contacts, the highest rate first, each with its interval."""
    shown = sorted((one for one in lines if one.contacts), key=lambda one: -(one.rate.value or 0))[:SHOWN]
    top = max((one.rate.interval.high or one.rate.value or 0) for one in shown)
    step = next((step for step in (0.01, 0.02, 0.05, 0.1, 0.2) if top / step <= 6), 0.25)
    marks = [(n * step, f"{n * step * 100:.0f} %") for n in range(int(top / step) + 2)]
    drawn = [
        plots.Whisker(
            name=one.name, value=one.rate.value, low=one.rate.interval.low, high=one.rate.interval.high,
            text=rate(one.rate), note=t("{n} visitors", n=f"{one.visitors:,}".replace(",", " ")),
        )
        for one in shown
    ]  # fmt: skip
    about = t("Conversations of a hundred visitors, with the 95 % interval.")
    svg = plots.whiskers(key, title, about, drawn, plots.Axis(low=0, high=marks[-1][0], marks=marks))
    return views.Chart(title=title, lead=about, svg=svg)


def _cells(line: Line) -> tuple[str, ...]:
    content = t("{hits} of {n}", hits=round((line.content.value or 0) * line.rated), n=line.rated)
    told = "–" if not line.rated else content if line.rated < FEW else rate(line.content)
    return line.name, f"{line.visitors:,}".replace(",", " "), str(line.contacts), rate(line.rate), told


def _match(one: Match, names: dict[str, str]) -> tuple[str, ...]:
    bad = one.badly
    if bad.value is None:
        bias = t("too few to say")
    else:
        low, high = (f"{(edge or 0) * 100:+.0f}" for edge in (bad.interval.low, bad.interval.high))
        bias = t("{points} points ({low} to {high})", points=f"{bad.value * 100:+.0f}", low=low, high=high)
        bias += "" if bad.clear else " · " + t("may be chance")
    return names.get(one.channel, one.channel), str(one.n), rate(one.matched), bias


def rate(of: Estimate) -> str:
    """A share with its interval, in per cent."""
    if of.value is None:
        return "–"
    low, high = (of.interval.low or 0) * 100, (of.interval.high or 0) * 100
    digits = 1 if high < 10 else 0
    return f"{of.value * 100:.{digits}f} % ({low:.{digits}f}–{high:.{digits}f})"


COLUMNS = (
    "figure", "name", "visitors", "contacts", "rate", "rate_low", "rate_high", "rated", "content", "content_low",
    "content_high", "days", "first_day", "last_day",
)  # fmt: skip


def as_csv(found: Found) -> str:
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(COLUMNS)
    span = (found.days, found.first, found.last)
    for figure, lines in (("page", found.pages), ("campaign", found.campaigns)):
        for one in lines:
            table.writerow((figure, one.name, one.visitors, one.contacts, *_bounds(one.rate), one.rated,
                            *_bounds(one.content), *span))  # fmt: skip
    for match in found.matches:
        table.writerow(("matched", match.channel, "", match.n, *_bounds(match.matched), "", "", "", "", *span))
    return out.getvalue()


def _bounds(of: Estimate) -> tuple[float | None, float | None, float | None]:
    return of.value, of.interval.low, of.interval.high
