"""Reports that somebody keeps under a name: their own, shared with those who serve a brand, mailed to agents.

A saved report is a query and nothing more: whoever opens it sees what their own role and brands let them see. Who may
know that it exists is decided by `can_see`, closed by default.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from parley.core import events as e
from parley.core.errors import NotAllowed, NotFound, Refused
from parley.core.query import Query
from parley.core.semantics import check
from parley.log.record import Tx
from parley.log.tables import Moment, metadata
from parley.services import access, reporting, setup
from parley.services.inbox import STAFF, Viewer

LONGEST = 120  # characters of a name
MOST = 500  # reports that are listed
MOST_AGENTS = 50
WEEK, DAY = "week", "day"
NONE = "There is no such report, or it is not shared with you."

saved = Table(
    "saved_reports",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(LONGEST), nullable=False),
    Column("query", Text, nullable=False),
    Column("owner", Integer),
    Column("shared", Integer),
    Column("every", String(4), nullable=False),
    Column("weekday", Integer, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("changed_at", Moment, nullable=False),
)
_S = saved.c
Index("ix_saved_reports_owner", _S.owner)

mails = Table(
    "report_mails",
    metadata,
    Column("report", Integer, primary_key=True, autoincrement=False),
    Column("agent", Integer, primary_key=True, autoincrement=False),
    Column("due", Moment, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("sent_at", Moment),
    Column("reason", Text, nullable=False),
)
_M = mails.c
Index("ix_report_mails_due", _M.due)


class SavedReportReader:
    """A row for each saved report, and one for each agent it is mailed to with the moment when that is due."""

    name = "saved-reports"
    in_step = True
    kinds = (e.ReportSaved, e.ReportShared, e.ReportRemoved, e.ReportMailAgreed, e.ReportMailed, e.ReportMailDelayed,
             e.ReportMailFailed)  # fmt: skip
    tables = (saved, mails)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        for r in batch:
            self._take(tx.conn, r, r.subject_id)

    def _take(self, conn: Connection, r: e.Recorded, number: int) -> None:
        match r.event:
            case e.ReportSaved(name=name, query=query):
                values = {"name": name, "query": msgspec.json.encode(query).decode(), "changed_at": r.at}
                if not conn.execute(update(saved).where(_S.id == number).values(**values)).rowcount:
                    new = {"id": number, "owner": _agent(r.by), "shared": None, "every": "", "weekday": 0, "hour": 0}
                    conn.execute(insert(saved).values(**new, **values))
            case e.ReportShared(brand=brand):
                conn.execute(update(saved).where(_S.id == number).values(shared=brand))
            case e.ReportRemoved():
                conn.execute(delete(saved).where(_S.id == number))
                conn.execute(delete(mails).where(_M.report == number))
            case e.ReportMailAgreed() as plan:
                self._agreed(conn, r, number, plan)
            case e.ReportMailed(agent=agent):
                self._settled(conn, r, number, agent, {"sent_at": r.at, "reason": ""})
            case e.ReportMailFailed(agent=agent, reason=reason):
                self._settled(conn, r, number, agent, {"reason": reason})
            case e.ReportMailDelayed(agent=agent) as late:
                values = {"due": late.next_try, "tries": late.tries, "reason": late.reason}
                conn.execute(update(mails).where(_M.report == number, _M.agent == agent).values(**values))

    def _agreed(self, conn: Connection, r: e.Recorded, number: int, plan: e.ReportMailAgreed) -> None:
        times = {"every": plan.every, "weekday": plan.weekday, "hour": plan.hour}
        conn.execute(update(saved).where(_S.id == number).values(**times))
        known = {row.agent: row.sent_at for row in conn.execute(select(mails).where(_M.report == number))}
        conn.execute(delete(mails).where(_M.report == number))
        due = next_due(plan.every, plan.weekday, plan.hour, r.at)
        rows = [
            {"report": number, "agent": agent, "due": due, "tries": 0, "sent_at": known.get(agent), "reason": ""}
            for agent in plan.agents
        ]
        if rows and plan.every:
            conn.execute(insert(mails), rows)

    def _settled(self, conn: Connection, r: e.Recorded, number: int, agent: int, values: dict[str, Any]) -> None:
        """Done for this time, well or not: the next is due at its usual time."""
        row = conn.execute(select(_S.every, _S.weekday, _S.hour).where(_S.id == number)).one_or_none()
        if row is not None and row.every:
            values = {**values, "due": next_due(row.every, row.weekday, row.hour, r.at), "tries": 0}
            conn.execute(update(mails).where(_M.report == number, _M.agent == agent).values(**values))


def next_due(every: str, weekday: int, hour: int, after: datetime) -> datetime:
    """The next such hour of a day, or of that weekday, UTC."""
    found = after.replace(hour=hour, minute=0, second=0, microsecond=0)
    while found <= after or (every == WEEK and found.weekday() != weekday):
        found += timedelta(days=1)
    return found


def _agent(by: str) -> int | None:
    kind, _, number = by.partition("/")
    return int(number) if kind == "agent" and number.isdigit() else None


# ── who may see what ────────────────────────────────────────────────────────────────────────


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """shared: None with nobody, 0 with all who serve every brand, else with who serves that brand."""

    id: int
    name: str
    query: Query
    owner: int | None
    shared: int | None
    every: str = ""
    weekday: int = 0
    hour: int = 0
    changed_at: datetime


def can_see(who: Viewer, report: Saved) -> bool:
    """The owner; others where it is shared with them, it tells of no brand that is not theirs, and they may ask it."""
    if who.role not in STAFF or who.person is not None:
        return False
    if who.agent is not None and who.agent == report.owner:
        return True
    brands = {int(value) for value in report.query.only("brand") if value.isdigit()}
    shared = report.shared is not None and (who.brands is None or report.shared in who.brands)
    theirs = who.brands is None or brands <= set(who.brands)
    return shared and theirs and _may_ask(who, report.query)


def _may_ask(who: Viewer, query: Query) -> bool:
    try:
        reporting.may_ask(who, query)
    except NotAllowed:
        return False
    return True


def _to_change(tx: Tx, number: int, who: Viewer) -> Saved:
    """A report, if this viewer may change it."""
    tx.flush()
    report = of_viewer(tx.conn, number, who)
    if not who.may_act or (who.agent != report.owner and who.role != "admin"):
        raise NotAllowed("A saved report is changed by its owner, or by an admin. Save it under a name of your own.")
    return report


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def save(tx: Tx, name: str, query: Query, who: Viewer, number: int | None = None) -> int:
    """Keep a query under a name, or change one that is kept."""
    if not who.may_act:
        raise NotAllowed("Reports are saved by those who may act. You may look at any report by its address.")
    name = _named(name)
    reporting.may_ask(who, check(query, tx.at))
    if number is not None:
        _to_change(tx, number, who)
    number = number or tx.new_id("report")
    tx.append(e.report(number), [e.ReportSaved(name=name, query=query)], who.by)
    return number


def _named(name: str) -> str:
    name = " ".join(name.split())[:LONGEST]
    if not name:
        raise Refused("A saved report needs a name.")
    return name


def rename(tx: Tx, number: int, name: str, who: Viewer) -> None:
    kept = _to_change(tx, number, who)
    tx.append(e.report(number), [e.ReportSaved(name=_named(name), query=kept.query)], who.by)


def share(tx: Tx, number: int, brand: int | None, who: Viewer) -> None:
    """brand: None with nobody, 0 with all who serve every brand, else with who serves it; one's own brands only."""
    _to_change(tx, number, who)
    if brand is not None and who.brands is not None and brand not in who.brands:
        raise NotAllowed("You share reports with those who serve your own brands. Choose one of them.")
    if brand and brand not in setup.all_brands(tx.conn):
        raise NotFound("There is no such brand.")
    tx.append(e.report(number), [e.ReportShared(brand=brand)], who.by)


def remove(tx: Tx, number: int, who: Viewer) -> None:
    _to_change(tx, number, who)
    tx.append(e.report(number), [e.ReportRemoved()], who.by)


def agree_on_mail(tx: Tx, number: int, every: str, weekday: int, hour: int, agents: Sequence[int], who: Viewer) -> None:
    """Mail it every day or week to these agents, each with the figures that they may see; `every` empty: no more."""
    kept = _to_change(tx, number, who)
    if every not in ("", DAY, WEEK) or not 0 <= weekday <= 6 or not 0 <= hour <= 23:
        raise Refused("A report goes every day or every week, at a full hour.")
    agents = sorted(set(agents)) if every else []
    if every and not 1 <= len(agents) <= MOST_AGENTS:
        raise Refused(f"Say who gets it: one agent, or up to {MOST_AGENTS}.")
    able = {one.id for one in readers(tx.conn, kept)}
    if wrong := [number for number in agents if number not in able]:
        names = setup.all_agents(tx.conn)
        who_not = names[wrong[0]].name if wrong[0] in names else "Somebody who is not there"
        raise Refused(f"{who_not} may not see this report. Share it with them first, or leave them out.")
    fact = e.ReportMailAgreed(every=every, weekday=weekday, hour=hour, agents=tuple(agents))
    tx.append(e.report(number), [fact], who.by)


# ── asks ────────────────────────────────────────────────────────────────────────────────────


def _as_saved(row: Any) -> Saved:
    fields = {name: getattr(row, name) for name in Saved.__struct_fields__ if name != "query"}
    return Saved(**fields, query=msgspec.json.decode(row.query, type=Query))


def every(conn: Connection, who: Viewer) -> list[Saved]:
    """Those that the viewer may see, their own first."""
    rows = conn.execute(select(saved).order_by(_S.name, _S.id).limit(MOST))
    found = [one for one in map(_as_saved, rows) if can_see(who, one)]
    return sorted(found, key=lambda one: one.owner != who.agent)


def of_viewer(conn: Connection, number: int, who: Viewer) -> Saved:
    """NotFound also where the viewer may not know of it."""
    found = known(conn, number)
    if not can_see(who, found):
        raise NotFound(NONE)
    return found


def known(conn: Connection, number: int) -> Saved:
    """For the desk itself: whoever is shown it must have been asked for."""
    row = conn.execute(select(saved).where(_S.id == number)).one_or_none()
    if row is None:
        raise NotFound(NONE)
    return _as_saved(row)


def readers(conn: Connection, report: Saved) -> list[setup.Agent]:
    """Agents at work who may see it."""
    return [
        agent for agent in setup.all_agents(conn).values() if agent.active and can_see(access.viewer_of(agent), report)
    ]


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """What is due for an agent, and what became of the last one."""

    report: int
    agent: int
    due: datetime
    tries: int
    sent_at: datetime | None
    reason: str


def mails_of(conn: Connection, number: int) -> list[Mail]:
    rows = conn.execute(select(mails).where(_M.report == number).order_by(_M.agent))
    return [Mail(**row._mapping) for row in rows]
