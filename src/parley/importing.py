"""`parley import`: a real mailbox through the very same door as live mail, marked as history.

Nothing is answered, nobody is asked for a rating, and a second import of the same mails adds nothing.
"""

from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy import select

from parley.analytics_reports import Asked, fetch
from parley.app import Desk
from parley.assess.letters import count, open_mailbox, raws
from parley.core import analytics
from parley.core import conversation as talk
from parley.core import events as e
from parley.core.channel import Inbox
from parley.core.errors import BadConfig
from parley.core.identity import looks_like_mail
from parley.log.readers import catch_up
from parley.log.record import Tx, chunks
from parley.services import inbox as desk_inbox
from parley.services import prepared, traffic

AT_ONCE = 500


def import_mailbox(desk: Desk, form: str, path: Path, address: str | None, close_after_days: int) -> int:
    """Take every mail of a mailbox in. Returns how many were new."""
    box = open_mailbox(form, path)
    target = _inbox(desk, address)
    name_of = getattr(desk.channels[target.channel], "provider_id", None)
    if name_of is None:
        raise BadConfig(f"Inbox “{target.name}” does not take mail.")
    new = seen = 0
    with _progress() as progress:
        bar = progress.add_task("Taking in", total=count(box))
        for batch in chunks(list(raws(box)), AT_ONCE):
            waiting: list[Future[bool]] = [
                desk.intake.take(target.id, name_of(raw), raw, history=True) for raw in batch
            ]
            new += sum(future.result() for future in waiting)
            seen += len(batch)
            progress.update(bar, completed=seen)
        bar = progress.add_task("Reading and threading", total=new or None)
        while read := desk.intake.process():
            progress.advance(bar, read)
        bar = progress.add_task("Indexing", total=None)
        for reader in desk.readers:
            if not reader.in_step:
                catch_up(desk.record, reader)
        closed = desk.record.do(lambda tx: _close_silent(tx, target, close_after_days))
        progress.console.print(
            f"{seen:,} mails read, {new:,} new, {seen - new:,} known already; {closed:,} silent conversations closed."
        )
    return new


def import_setup(desk: Desk, path: Path) -> prepared.Taken:
    """Teams, tags, macros and drafts of articles of a file that `parley assess` wrote."""
    new = prepared.read(path)
    return desk.record.do(lambda tx: prepared.take(tx, new))


def import_analytics(desk: Desk, path: Path, address: str | None) -> traffic.Taken:
    """Page views that a website's analytics exported, an object to a line, whole days; for the brand of an inbox."""
    brand = _ready(desk, address)
    with path.open("rb") as lines:
        seen = [found for number, line in enumerate(lines, 1) if line.strip() and (found := _view(line, number))]
    return desk.record.do(lambda tx: traffic.add(tx, brand, seen))


def import_reports(desk: Desk, asked: Asked, key: Path, address: str | None) -> traffic.Taken:
    """The same days by GA4's Data API: sums by day, page and campaign; nothing is changed unless all came."""
    brand = _ready(desk, address)
    sums = fetch(asked, key)
    return desk.record.do(lambda tx: traffic.add_sums(tx, brand, sums))


def _ready(desk: Desk, address: str | None) -> int:
    """The brand of an inbox, with every reader caught up."""
    boxes = [i for i in desk.inboxes().values() if not address or i.address.lower() == address.lower()]
    brands = {box.brand for box in boxes}
    if len(brands) != 1:
        known = ", ".join(sorted(i.address for i in desk.inboxes().values()))
        raise BadConfig(f"Say with --inbox whose brand's website this is: {known}.")
    for reader in desk.readers:
        if not reader.in_step:
            catch_up(desk.record, reader)
    return brands.pop()


def _view(line: bytes, number: int) -> analytics.View | None:
    try:
        return analytics.view(line)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadConfig(f"Line {number} is no row of an analytics export: {error}. Nothing was taken in.") from error


def _progress() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns)


def _inbox(desk: Desk, address: str | None) -> Inbox:
    fitting = [i for i in desk.inboxes().values() if looks_like_mail(i.address)]
    if address:
        fitting = [i for i in fitting if i.address == address.lower()]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(i.address for i in desk.inboxes().values() if looks_like_mail(i.address)) or "none yet"
    raise BadConfig(f"Say which mail inbox the mails belong to: --inbox ADDRESS. Mail inboxes here: {known}.")


def _close_silent(tx: Tx, target: Inbox, days: int) -> int:
    """Old matters are no work. Closed at the time of their last message, so that figures stay true."""
    columns = desk_inbox.conversations.c
    silent = select(columns.id, columns.last_at).where(
        columns.inbox == target.id, columns.status == talk.OPEN, columns.last_at < tx.at - timedelta(days=days)
    )
    rows = tx.conn.execute(silent).all()
    tx.versions([e.conversation(row.id) for row in rows])
    for row in rows:
        tx.append(e.conversation(row.id), [e.Closed()], "import", at=row.last_at)
    return len(rows)
