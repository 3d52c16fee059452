"""Reports: a builder over the semantic layer, questions in plain words, saved reports; the same as CSV and JSON."""

import asyncio
import csv
import io
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import MultiDict
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core import asking
from parley.core.asking import Understood
from parley.core.errors import NotAllowed, Refused
from parley.core.measure import DEFINITIONS, Definition
from parley.core.query import Filter, Query
from parley.core.semantics import DIMENSIONS
from parley.services import proposed_reports, reporting, saved_reports, setup
from parley.services.figures import MOST_CASES
from parley.services.inbox import Viewer
from parley.services.reporting import Found
from parley.services.saved_reports import Saved
from parley.web import numbers, present, report_page, views
from parley.web.desk import Answer, html, seen_other
from parley.web.forms import read_form
from parley.web.numbers_csv import unit_of
from parley.web.report_page import Asked, Kept, Lost, ReportPage
from parley.web.report_words import NONE, WEEKDAYS, Names, address, names_for, query_of, title
from parley.web.security import ACT, Caller
from parley.web.state import Room
from parley.web.words import translate as t

Asking = Request[Any, Any, Any]
EXAMPLES = (
    "Median first response by channel last month", "How many conversations per week since September",
    "CSAT by topic compared with before", "Backlog by brand",
)  # fmt: skip
COLUMNS = ("figure", "unit", "value", "low", "high", "n", "still_running", "left_out", "before", "n_before", "change",
           "change_low", "change_high", "change_is_clear", "withheld", "from", "to", "time_zone")  # fmt: skip


MAILED = {
    "": lambda n: t("never"),
    "day": lambda n: t("every day, to {n}", n=n),
    "week": lambda n: t("every week, to {n}", n=n),
}


class SavedLine(views.View, frozen=True, kw_only=True):
    id: int
    name: str
    told: str
    owner: str
    mailed: str = ""


class ListPage(views.View, frozen=True, kw_only=True):
    own: tuple[SavedLine, ...]
    shared: tuple[SavedLine, ...]
    examples: tuple[str, ...]


# ── looking ─────────────────────────────────────────────────────────────────────────────────


@get("/desk/reports", include_in_schema=False)
async def reports_page(room: Room, caller: Caller) -> Answer:
    shell, page = await room.ask(_list, room, caller)
    return html(room.page("desk/reports.html", shell=shell, page=page))


@get("/desk/reports/new", include_in_schema=False)
async def builder_page(request: Asking, room: Room, caller: Caller) -> Answer:
    return await room.ask(_built, request, room, caller)


@get("/desk/reports/ask", include_in_schema=False)
async def ask_page(room: Room, caller: Caller, q: FromQuery[str] = "", no: FromQuery[str] = "") -> Answer:
    """The report that a question asks for, and how it was read; or what was not understood. no: nor by a model."""
    return await room.ask(_answered, room, caller, q[: asking.LONGEST], bool(no))


@get("/desk/reports/{number:int}", include_in_schema=False)
async def report_page_(request: Asking, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    """A saved report; with fields in the address, as it would be with them."""
    return await room.ask(_saved, request, room, caller, number)


@get("/desk/reports/cases", include_in_schema=False)
async def report_cases(
    request: Asking,
    room: Room,
    caller: Caller,
    figure: FromQuery[str],
    g0: FromQuery[str] = "",
    g1: FromQuery[str] = "",
) -> Answer:
    """The conversations behind a figure of a group."""
    group = tuple("" if value == NONE else value for value in (g0, g1) if value)
    query = query_of(request.query_params)
    if group and len(group) != len(query.by):
        raise Refused("The group has a value for each thing that the report is split by.")
    shell, page = await room.ask(_cases, room, caller, query, figure, group)
    return html(room.page("desk/cases.html", shell=shell, page=page))


@get("/desk/reports.csv", include_in_schema=False)
async def report_csv(request: Asking, room: Room, who: Viewer) -> Response[str]:
    found = await room.ask(_found, room, who, query_of(request.query_params))
    headers = {"content-disposition": 'attachment; filename="report.csv"'}
    return Response(as_csv(found), media_type="text/csv", headers=headers)


# ── acting ──────────────────────────────────────────────────────────────────────────────────


class Keeping(msgspec.Struct):
    """query: as in an address."""

    query: str = ""
    name: str = ""


@post("/desk/reports", opt=ACT, include_in_schema=False)
async def keep_report(request: Asking, room: Room, who: Viewer) -> Answer:
    form = await read_form(request, Keeping)
    number = await room.do(saved_reports.save, form.name, _asked_in(form.query), who)
    return seen_other(f"/desk/reports/{number}")


@post("/desk/reports/{number:int}", opt=ACT, include_in_schema=False)
async def change_report(request: Asking, room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    form = await read_form(request, Keeping)
    await room.do(saved_reports.save, form.name, _asked_in(form.query), who, number)
    return seen_other(f"/desk/reports/{number}")


@post("/desk/reports/{number:int}/name", opt=ACT, include_in_schema=False)
async def rename_report(request: Asking, room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    form = await read_form(request, Keeping)
    await room.do(saved_reports.rename, number, form.name, who)
    return seen_other(f"/desk/reports/{number}")


class Sharing(msgspec.Struct):
    """shared: empty, 0 for all, or a brand."""

    shared: str = ""


@post("/desk/reports/{number:int}/sharing", opt=ACT, include_in_schema=False)
async def share_report(request: Asking, room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    form = await read_form(request, Sharing)
    brand = int(form.shared) if form.shared.isdigit() else None
    await room.do(saved_reports.share, number, brand, who)
    return seen_other(f"/desk/reports/{number}")


class Mailing(msgspec.Struct):
    every: str = ""
    weekday: int = 0
    hour: int = 6
    agents: list[int] = []


@post("/desk/reports/{number:int}/mailing", opt=ACT, include_in_schema=False)
async def mail_report(request: Asking, room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    form = await read_form(request, Mailing)
    await room.do(saved_reports.agree_on_mail, number, form.every, form.weekday, form.hour, form.agents, who)
    return seen_other(f"/desk/reports/{number}")


@post("/desk/reports/{number:int}/removal", opt=ACT, include_in_schema=False)
async def remove_report(room: Room, who: Viewer, number: FromPath[int]) -> Answer:
    await room.do(saved_reports.remove, number, who)
    return seen_other("/desk/reports")


class Question(msgspec.Struct):
    q: str = ""


@post("/desk/reports/proposal", opt=ACT, include_in_schema=False)
async def propose_report(request: Asking, room: Room, caller: Caller) -> Answer:
    """A language model is asked what a question may mean; what it says counts if it is a query like any other."""
    form = await read_form(request, Question)
    question = form.q[: asking.LONGEST]
    names = await room.ask(names_for, room, caller.viewer)
    wish = (room.bot.model, question, names.values, room.record.clock())
    query = await asyncio.to_thread(proposed_reports.proposed, *wish)
    if query is None:
        return seen_other(f"/desk/reports/ask?{urlencode({'q': question, 'no': '1'})}")
    return seen_other(f"/desk/reports/new?{address(query, q=question, proposed='1')}")


def _asked_in(text: str) -> Query:
    return query_of(MultiDict(parse_qsl(text[:4000], max_num_fields=200)))


# ── for programs ────────────────────────────────────────────────────────────────────────────


class FiguresOfReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report as figures, and what each of its measures means."""

    report: Found
    definitions: list[Definition]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How a question was read, and the figures where all of it was understood."""

    understood: Understood
    answer: FiguresOfReport | None = None


@get("/api/v1/report", opt={"api": True}, tags=["numbers"])
async def report_json(
    room: Room,
    who: Viewer,
    measure: FromQuery[list[str]],
    by: FromQuery[list[str] | None] = None,
    period: FromQuery[str] = "28d",
    compare: FromQuery[bool] = False,
    counted: FromQuery[str] = "began",
    narrow: FromQuery[list[str] | None] = None,
) -> FiguresOfReport:
    """Any report of the semantic layer: measures, by at most two dimensions. narrow: `dimension:value`, repeated for
    more; an empty value is what has none. period: `28d`, `last_month`, `2026-09-01..` or `2026-09-01..2026-09-30`."""
    query = Query(
        measures=tuple(measure), by=tuple(by or ()), filters=_filters(narrow or ()), period=period, compare=compare,
        counted=counted,
    )  # fmt: skip
    return _with_meaning(await room.ask(_found, room, who, query))


def _filters(narrow: Sequence[str]) -> tuple[Filter, ...]:
    wanted: dict[str, tuple[str, ...]] = {}
    for one in narrow:
        dimension, colon, value = one.partition(":")
        if not colon:
            raise Refused("Write what it is narrowed to as dimension:value.")
        wanted[dimension] = (*wanted.get(dimension, ()), value)
    return tuple(Filter(dimension, values) for dimension, values in wanted.items())


@get("/api/v1/report/question", opt={"api": True}, tags=["numbers"])
async def question_json(room: Room, who: Viewer, q: FromQuery[str]) -> Reading:
    """A question in plain words, how it was read, and its answer if all of it was understood."""
    return await room.ask(_read, room, who, q[: asking.LONGEST])


@get("/api/v1/reports", opt={"api": True}, tags=["numbers"])
async def reports_json(room: Room, who: Viewer) -> list[Saved]:
    """Saved reports: one's own, and those that are shared with one."""
    return await room.ask(saved_reports.every, who)


@get("/api/v1/reports/{number:int}", opt={"api": True}, tags=["numbers"])
async def saved_json(room: Room, who: Viewer, number: FromPath[int]) -> FiguresOfReport:
    """The figures of a saved report, as they are now."""
    kept = await room.ask(saved_reports.of_viewer, number, who)
    return _with_meaning(await room.ask(_found, room, who, kept.query))


def _with_meaning(found: Found) -> FiguresOfReport:
    return FiguresOfReport(report=found, definitions=[DEFINITIONS[key] for key in found.query.measures])


def _read(conn: Connection, room: Room, who: Viewer, question: str) -> Reading:
    read = understood(conn, room, who, question)
    if read.query is None:
        return Reading(understood=read)
    return Reading(understood=read, answer=_with_meaning(_found(conn, room, who, read.query)))


def routes() -> list[ControllerRouterHandler]:
    return [
        reports_page, builder_page, ask_page, report_page_, report_cases, report_csv, keep_report, change_report,
        rename_report, share_report, mail_report, remove_report, propose_report, report_json, question_json,
        reports_json, saved_json,
    ]  # fmt: skip


# ── pages ───────────────────────────────────────────────────────────────────────────────────


def _found(conn: Connection, room: Room, who: Viewer, query: Query) -> Found:
    found: Found = room.reports.ask(conn, reporting.report, who, query).report
    return found


def understood(conn: Connection, room: Room, who: Viewer, question: str) -> Understood:
    known = names_for(conn, room, who).values
    named = {key: known[key] for key in ("channel", "brand", "team", "agent", "topic", "language")}
    return asking.understand(question, asking.names_of(named), room.record.clock())


def _list(conn: Connection, room: Room, caller: Caller) -> tuple[views.Shell, ListPage]:
    names, agents = names_for(conn, room, caller.viewer), setup.all_agents(conn)
    own: list[SavedLine] = []
    shared: list[SavedLine] = []
    for one in saved_reports.every(conn, caller.viewer):
        owner = agents.get(one.owner or 0)
        every = {"day": t("mailed every day"), "week": t("mailed every week")}.get(one.every, "")
        line = SavedLine(
            id=one.id, name=one.name, told=title(one.query, names), owner=owner.name if owner else "",
            mailed=every if one.owner == caller.agent.id else "",
        )  # fmt: skip
        (own if one.owner == caller.agent.id else shared).append(line)
    page = ListPage(own=tuple(own), shared=tuple(shared), examples=tuple(t(one) for one in EXAMPLES))
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), page


def _built(conn: Connection, request: Asking, room: Room, caller: Caller) -> Answer:
    fields = request.query_params
    question, names = str(fields.get("q", ""))[: asking.LONGEST], names_for(conn, room, caller.viewer)
    page = _made(conn, room, caller, fields, names)
    if question:
        asked = Asked(question=question, chips=page.chips, proposed=bool(fields.get("proposed")))
        page = msgspec.structs.replace(page, asked=asked)
    return _drawn(conn, room, caller, page, request)


def _made(
    conn: Connection, room: Room, caller: Caller, fields: Any, names: Names, usual: Query | None = None
) -> ReportPage:
    """The page of an address; of one that asks for nothing that there is, the form and what is wrong."""
    query = usual or Query(measures=("volume",), by=("day",))
    try:
        if any(fields.getall(name, []) for name in ("measure", "by", "period")):
            query = query_of(fields)
        kept = room.reports.ask(conn, reporting.report, caller.viewer, query)
    except (Refused, NotAllowed) as error:
        known = msgspec.structs.replace(
            query, measures=tuple(key for key in query.measures if key in DEFINITIONS) or ("volume",),
            by=tuple(key for key in query.by if key in DIMENSIONS),
        )  # fmt: skip
        form = report_page.form(known, names)
        return ReportPage(title=t("Report"), query=address(known), form=form, problem=str(error),
                          status=403 if isinstance(error, NotAllowed) else 422)  # fmt: skip
    page = report_page.of(kept.report, names, kept.at)
    return msgspec.structs.replace(page, may_save=caller.viewer.may_act)


def _drawn(conn: Connection, room: Room, caller: Caller, page: ReportPage, request: Asking | None = None) -> Answer:
    piece = request is not None and request.headers.get("x-fragment") == "report"
    shell = present.shell(conn, caller.agent, caller.csrf, "numbers", whole=not piece)
    template = "desk/_report.html" if piece else "desk/report.html"
    return html(room.page(template, shell=shell, page=page), 200 if piece else page.status)


def _answered(conn: Connection, room: Room, caller: Caller, question: str, in_vain: bool) -> Answer:
    names = names_for(conn, room, caller.viewer)
    read = understood(conn, room, caller.viewer, question)
    asked = _asked(conn, caller, question, read, names)
    asked = msgspec.structs.replace(asked, in_vain=in_vain, model=asked.model and not in_vain)
    query, problem = read.query, ""
    if query is not None:
        try:
            kept = room.reports.ask(conn, reporting.report, caller.viewer, query)
        except NotAllowed as error:
            query, problem = None, str(error)
        else:
            page = msgspec.structs.replace(report_page.of(kept.report, names, kept.at), may_save=caller.viewer.may_act)
            return _drawn(conn, room, caller, msgspec.structs.replace(page, asked=asked))
    start = read.partly or Query(measures=("volume",), by=("day",))
    page = ReportPage(
        title=t("Not understood") if not problem else t("Not shown"), query=address(start),
        form=report_page.form(start, names), problem=problem, asked=asked,
    )  # fmt: skip
    return _drawn(conn, room, caller, page)


def _asked(conn: Connection, caller: Caller, question: str, read: Understood, names: Names) -> Asked:
    lost = tuple(
        Lost(words=one.words, near=tuple((near, _put(question, one.words, near)) for near in one.near))
        for one in read.unknown
    )
    partly = f"/desk/reports/new?{address(read.partly)}" if read.partly else ""
    shown = report_page.understood_chips(read, names)
    if read.query is not None:
        mended = {chip.text: chip.mended for chip in shown if chip.mended}
        shown = tuple(
            msgspec.structs.replace(chip, mended=mended.get(chip.text, ""))
            for chip in report_page.chips(read.query, names)
        )
    return Asked(
        question=question, chips=shown, lost=lost, ignored=read.ignored, why=read.why if not lost or not shown else "",
        partly=partly, partly_words=title(read.partly, names) if read.partly else "",
        model=read.query is None and caller.viewer.may_act and proposed_reports.may_ask(conn),
    )  # fmt: skip


def _put(question: str, word: str, near: str) -> str:
    """The address of the question with a word replaced."""
    at = question.lower().find(word)
    said = question[:at] + near + question[at + len(word) :] if at >= 0 else f"{question} {near}"
    return f"/desk/reports/ask?{urlencode({'q': said})}"


def _saved(conn: Connection, request: Asking, room: Room, caller: Caller, number: int) -> Answer:
    report = saved_reports.of_viewer(conn, number, caller.viewer)
    names = names_for(conn, room, caller.viewer)
    page = _made(conn, room, caller, request.query_params, names, report.query)
    kept = _kept(conn, caller, report, page.query != address(report.query))
    return _drawn(conn, room, caller, msgspec.structs.replace(page, kept=kept), request)


def _kept(conn: Connection, caller: Caller, report: Saved, changed: bool) -> Kept:
    who, agents, brands = caller.viewer, setup.all_agents(conn), setup.all_brands(conn)
    owner = agents.get(report.owner or 0)
    mine = who.may_act and (report.owner == who.agent or who.role == "admin")
    everybody = [("0", t("All who serve every brand"))] if who.brands is None else []
    offered = [("", t("Nobody")), *everybody,
               *((str(b.id), t("Whoever serves {brand}", brand=b.name)) for b in brands.values()
                 if who.brands is None or b.id in who.brands)]  # fmt: skip
    chosen = "" if report.shared is None else str(report.shared)
    if not mine:
        return Kept(id=report.id, name=report.name, owner=owner.name if owner else "", mine=False,
                    shared=dict(offered).get(chosen, ""), changed=changed)  # fmt: skip
    mails = saved_reports.mails_of(conn, report.id)
    getting = {one.agent for one in mails}
    return Kept(
        id=report.id,
        name=report.name,
        owner=owner.name if owner else "",
        mine=True,
        shared=dict(offered).get(chosen, ""),
        shares=tuple((value, label, value == chosen) for value, label in offered),
        every=report.every,
        mailed=MAILED[report.every](len(mails)),
        weekdays=tuple((str(n), t(name), n == report.weekday) for n, name in enumerate(WEEKDAYS)),
        hours=tuple((str(h), f"{h}:00", h == (report.hour if report.every else 6)) for h in range(24)),
        agents=tuple(
            (str(one.id), one.name, one.id in getting or (not getting and one.id == who.agent))
            for one in saved_reports.readers(conn, report)
        ),
        mails=tuple((agents[m.agent].name, m.due, m.sent_at, m.reason) for m in mails if m.agent in agents),
        changed=changed,
    )


def _cases(
    conn: Connection, room: Room, caller: Caller, query: Query, key: str, group: Sequence[str]
) -> tuple[views.Shell, views.CasesPage]:
    if key not in DEFINITIONS:
        raise Refused(f"There is no measure “{key}”. Measures: {', '.join(DEFINITIONS)}.")
    found = reporting.cases(conn, caller.viewer, query, key, group, room.record.clock())
    names = names_for(conn, room, caller.viewer)
    words = [names.of(what, value) for what, value in zip(query.by, group, strict=False)]
    page = views.CasesPage(
        title=", ".join([t(DEFINITIONS[key].label), *words]),
        meaning=t(DEFINITIONS[key].meaning),
        back=f"/desk/reports/new?{address(query)}",
        lines=numbers.case_lines(conn, room, found, lambda case: numbers.case_value(case, key)),
        cut=len(found) == MOST_CASES,
    )
    return present.shell(conn, caller.agent, caller.csrf, "numbers"), page


# ── the table ───────────────────────────────────────────────────────────────────────────────


def as_csv(found: Found) -> str:
    """A line for each figure of each group, and of all together (empty groups)."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow([*found.query.by, *COLUMNS])
    for keys, shown in [(("",) * len(found.query.by), found.totals), *((row.keys, row.numbers) for row in found.rows)]:
        for number in shown:
            change = number.change
            table.writerow([
                *keys, number.key, unit_of(number, found.currency), number.value, number.low, number.high, number.n,
                number.running, number.left_out, number.before, number.n_before, change.value, change.interval.low,
                change.interval.high, int(change.clear), int(number.few), found.period.start.isoformat(),
                found.period.end.isoformat(), found.time_zone,
            ])  # fmt: skip
    return out.getvalue()
