"""Mails saved reports that are due, to each agent with the figures that they may see, and notes what came of it.

A mail is made anew for every try: it says what the page says at that moment. It goes out by the mail inbox of a brand
that its reader serves, and only the mail server's word makes the next one due. At least once: should the process die
between that word and our note, it goes again under the same Message-ID.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Integer, Table, delete, insert, select, tuple_

from parley.core import events as e
from parley.core.channel import Address, Attached, Channel, Inbox, Outbound
from parley.core.errors import Busy, NotFound, ParleyError, SendFailed
from parley.log.record import Record, Tx
from parley.log.tables import Moment, metadata
from parley.services import access, saved_reports, setup
from parley.services.delivery import backoff
from parley.services.inbox import Viewer
from parley.services.saved_reports import Saved, mails

logger = logging.getLogger("parley.reports")

LEASE = timedelta(minutes=10)
AT_ONCE = 10
EVERY = 20.0  # seconds between two looks
SECONDS = 60.0  # for one mail
MOST_TRIES = 12
_M = mails.c

leases = Table(
    "report_leases",
    metadata,
    Column("report", Integer, primary_key=True, autoincrement=False),
    Column("agent", Integer, primary_key=True, autoincrement=False),
    Column("until", Moment, nullable=False),
)
_L = leases.c


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A report in words, as HTML, and as a table."""

    subject: str
    text: str
    html: str
    files: tuple[Attached, ...] = ()


# (conn, who will read it, report, now) → the letter. Writing is the web room's: the page and the mail say the same.
Write = Callable[[Connection, Viewer, Saved, datetime], Letter]


class Mailer:
    """Sends what is due. Several processes may: a row is leased while it is on its way."""

    def __init__(
        self, record: Record, channels: Mapping[str, Channel], inboxes: Callable[[], Mapping[int, Inbox]], write: Write
    ) -> None:
        self.record, self.channels, self.inboxes, self.write = record, channels, inboxes, write

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.round()
            except Busy as error:
                logger.warning("Reports wait to be mailed: %s", error)
            except Exception:
                logger.exception("Reports were not mailed; it is tried again")
            await asyncio.sleep(EVERY)

    async def round(self) -> int:
        """Lease what is due, mail it, note what came of it. Returns how many were tried."""
        if not await asyncio.to_thread(self.record.ask, _due, self.record.clock(), 1):
            return 0
        rows = await asyncio.to_thread(self.record.do, _lease)
        await asyncio.gather(*(self._mail(row) for row in rows))
        return len(rows)

    async def _mail(self, row: Any) -> None:
        try:
            message, box = await asyncio.to_thread(self.record.ask, self._made, row)
            async with asyncio.timeout(SECONDS):
                await self.channels[box.channel].send(message, box)
            fact: e.Event = e.ReportMailed(agent=row.agent)
        except SendFailed as failure:
            fact = _failed(row, str(failure), failure.permanent, self.record.clock())
        except ParleyError as error:
            fact = e.ReportMailFailed(agent=row.agent, reason=str(error))
        except TimeoutError:
            fact = _failed(row, "The mail server did not answer in time.", False, self.record.clock())
        except Exception as error:
            logger.exception("Report %s could not be made or mailed", row.report)
            why = f"It could not be made or mailed ({type(error).__name__})."
            fact = _failed(row, why, False, self.record.clock())
        await asyncio.to_thread(self.record.do, lambda tx: _note(tx, row, fact))

    def _made(self, conn: Connection, row: Any) -> tuple[Outbound, Inbox]:
        """What goes to an agent, and by which inbox. NotFound, in words, where it may not go any more."""
        agent = setup.all_agents(conn).get(row.agent)
        report = saved_reports.known(conn, row.report)
        if agent is None or not agent.active:
            raise NotFound("They do not work at this desk any more.")
        who = access.viewer_of(agent)
        if not saved_reports.can_see(who, report):
            raise NotFound("The report is not shared with them any more.")
        box = self._inbox(who, report)
        letter = self.write(conn, who, report, self.record.clock())
        brand = setup.all_brands(conn).get(box.brand)
        message = Outbound(
            message=0, conversation=0, to=Address(kind="mail", value=agent.mail, name=agent.name), text=letter.text,
            html=letter.html, subject=letter.subject, purpose="notice", automatic=True, files=letter.files,
            external_id=f"report-{row.report}-{agent.id}-{row.sent_at:%Y%m%d%H%M}" if row.sent_at else
            f"report-{row.report}-{agent.id}-first", sender_name="Parley",
            brand_name=brand.name if brand else "",
        )  # fmt: skip
        return message, box

    def _inbox(self, who: Viewer, report: Saved) -> Inbox:
        """A mail inbox of the brand it is shared with, or of one that the reader serves."""
        able = [box for box in self.inboxes().values() if self._takes_mail(box)]
        theirs = [box for box in able if who.brands is None or box.brand in who.brands]
        if not theirs:
            raise SendFailed("There is no inbox that can send mail. Add one in Settings → Inboxes.")
        return min(theirs, key=lambda box: (self._faults(box), box.brand != (report.shared or box.brand), box.id))

    def _takes_mail(self, box: Inbox) -> bool:
        channel = self.channels.get(box.channel)
        return channel is not None and channel.manifest.identity_kind == "mail"

    def _faults(self, box: Inbox) -> int:
        return len(self.channels[box.channel].check(box))


def _failed(row: Any, reason: str, final: bool, now: datetime) -> e.Event:
    tries = row.tries + 1
    if final or tries >= MOST_TRIES:
        return e.ReportMailFailed(agent=row.agent, reason=reason)
    return e.ReportMailDelayed(agent=row.agent, reason=reason, tries=tries, next_try=now + backoff(tries))


def _due(conn: Connection, now: datetime, limit: int) -> list[Any]:
    taken = select(_L.report, _L.agent).where(_L.until > now)
    question = select(mails).where(_M.due <= now, tuple_(_M.report, _M.agent).not_in(taken))
    return list(conn.execute(question.order_by(_M.due, _M.report, _M.agent).limit(limit)))


def _lease(tx: Tx) -> list[Any]:
    tx.conn.execute(delete(leases).where(_L.until <= tx.at))
    rows = _due(tx.conn, tx.at, AT_ONCE)
    if rows:
        until = tx.at + LEASE
        tx.conn.execute(insert(leases), [{"report": r.report, "agent": r.agent, "until": until} for r in rows])
    return rows


def _note(tx: Tx, row: Any, fact: e.Event) -> None:
    """What came of a try, unless the report was deleted or planned anew meanwhile."""
    tx.conn.execute(delete(leases).where(_L.report == row.report, _L.agent == row.agent))
    still = select(_M.report).where(_M.report == row.report, _M.agent == row.agent, _M.due == row.due)
    if tx.conn.execute(still).first():
        tx.append(e.report(row.report), [fact], "reports")
