"""For those who watch the desk from outside: is it alive, is it ready, what are its numbers."""

from collections.abc import Iterable
from typing import Any

from litestar import MediaType, Response, get
from litestar.types import ControllerRouterHandler, Scope
from sqlalchemy import Connection, func, select

from parley.core.errors import NotAllowed
from parley.log import record as log
from parley.services import sentence_model, setup
from parley.services.delivery import outbox
from parley.web.security import LEVELS, PUBLIC, find_caller
from parley.web.state import Room


@get("/livez", opt=PUBLIC, media_type=MediaType.TEXT, include_in_schema=False, sync_to_thread=False)
def livez() -> str:
    """The process answers."""
    return "alive\n"


@get(["/readyz", "/healthz"], opt=PUBLIC, media_type=MediaType.TEXT, include_in_schema=False)
async def readyz(room: Room) -> Response[str]:
    """The record can be read and written; otherwise 503 says why (see `Busy`)."""
    await room.ask(log.head)
    await room.do(lambda tx: setup.set_setting(tx, "ready_at", tx.at.timestamp()))
    return Response("ready\n", media_type=MediaType.TEXT)


@get("/metrics", opt=PUBLIC, media_type=MediaType.TEXT, include_in_schema=False)
async def metrics(room: Room, scope: Scope) -> Response[str]:
    """Counts for Prometheus, for this machine or a lead's API token. Names no person, brand or text."""
    caller = await find_caller(scope, tokens=True)
    if not room.door.at_this_machine(scope) and (caller is None or caller.agent.role not in LEVELS["lead"]):
        raise NotAllowed("Ask from this machine, or with the API token of a lead.")
    text = "\n".join(_lines(await room.ask(_figures), room)) + "\n"
    return Response(text, media_type="text/plain; version=0.0.4")


def _figures(conn: Connection) -> dict[str, Any]:
    # Waiting and failed rows are few; sent ones are not counted, because that would read the whole table.
    queued = select(func.count()).select_from(outbox).where(outbox.c.state == "queued")
    unread = select(func.count()).select_from(log.deliveries).where(log.deliveries.c.state == "new")
    top = log.head(conn)
    places = {row.reader: top - row.seq for row in conn.execute(select(log.places))}
    return {
        "head": top,
        "unread": conn.execute(unread).scalar() or 0,
        "queued": conn.execute(queued).scalar() or 0,
        "behind": places,
    }


def _lines(figures: dict[str, Any], room: Room) -> Iterable[str]:
    yield from _metric("parley_log_head", "counter", "Events ever written.", figures["head"])
    yield from _metric("parley_deliveries_unread", "gauge", "Stored deliveries not yet read.", figures["unread"])
    yield from _metric("parley_outbox_queued", "gauge", "Messages waiting to be sent.", figures["queued"])
    yield from _metric("parley_live_pages", "gauge", "Open live streams of this process.", room.hub.pages)
    away = int(bool(sentence_model.trouble()))
    yield from _metric("parley_encoder_away", "gauge", "Whether sentences are read by words alone, unwanted.", away)
    yield "# HELP parley_reader_behind Events a reader has not seen yet."
    yield "# TYPE parley_reader_behind gauge"
    for reader, behind in sorted(figures["behind"].items()):
        yield f'parley_reader_behind{{reader="{reader}"}} {behind}'


def _metric(name: str, kind: str, help: str, value: int) -> Iterable[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"
    yield f"{name} {value}"


def routes() -> list[ControllerRouterHandler]:
    return [livez, readyz, metrics]
