"""One message by its number: which conversation it belongs to, and so who may see it. One delivery's raw bytes."""

from sqlalchemy import Connection, select

from parley.core.conversation import State
from parley.core.errors import NotFound
from parley.core.events import Words
from parley.log.record import words_of
from parley.log.tables import deliveries, raws
from parley.services import inbox
from parley.services.delivery import outbox
from parley.services.files import Store, files
from parley.services.inbox import Viewer
from parley.services.search import indexed
from parley.services.threads import externals


def state_of(conn: Connection, message: int, who: Viewer) -> State:
    """The conversation a message belongs to; NotFound also when the viewer may not know of it."""
    for table in (externals, outbox, files, indexed):
        question = select(table.c.conversation).where(table.c.message == message).limit(1)
        if (number := conn.execute(question).scalar()) is not None:
            return inbox.state(conn, number, who)
    raise NotFound("There is no such message, or it is not yours to see.")


def raw_delivery(conn: Connection, store: Store, number: int) -> tuple[int, bytes]:
    """(the inbox it came to, the bytes just as they came). Who may see them is the caller's to check."""
    row = conn.execute(select(deliveries).where(deliveries.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("There is no such delivery.")
    kept = conn.execute(select(raws.c.raw).where(raws.c.delivery == number)).scalar()
    if kept is None and row.raw_file is None:
        raise NotFound("The bytes of this delivery are not kept any more.")
    return row.inbox, bytes(kept) if kept is not None else store.get(row.raw_file)


def words(conn: Connection, message: int, who: Viewer) -> Words:
    """What was said in a message that the viewer may see."""
    state_of(conn, message, who)
    found = words_of(conn, [message]).get(message)
    if found is None:
        raise NotFound("The words of this message are not kept any more.")
    return found
