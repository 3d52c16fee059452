"""The lab over the JSON API: the same candidates, replays and trials that its pages show."""

import asyncio
from datetime import datetime

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.trial import Change
from parley.services import adoption, candidates, comparison, replays
from parley.services.candidates import Candidate
from parley.services.inbox import Viewer
from parley.services.replays import Lines, Summary
from parley.web.lab import changed, read_ahead
from parley.web.security import LEAD
from parley.web.state import Room

API = {"api": True, **LEAD}
HERE = "/api/v1/lab"


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate with its replays, the newest first, and what its trial shows so far."""

    candidate: Candidate
    replays: list[Summary]
    comparison: comparison.Comparison


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What was made, by its number."""

    id: int


@get(HERE + "/candidates", opt=API, tags=["lab"])
async def candidates_json(room: Room, who: Viewer) -> list[Candidate]:
    """Candidates of the bot, the newest first."""
    return await room.ask(candidates.every, who)


class NewCandidate(msgspec.Struct):
    """name: by which it is told from others. brand: null for all brands."""

    name: str
    change: Change
    brand: int | None = None


@post(HERE + "/candidates", opt=API, tags=["lab"])
async def make_json(room: Room, who: Viewer, data: JSONBody[NewCandidate]) -> Made:
    """Write down how the bot might be otherwise. Nothing changes by that."""
    return Made(id=await room.do(candidates.make, data.name, data.change, who, data.brand))


@get(HERE + "/candidates/{number:int}", opt=API, tags=["lab"])
async def candidate_json(room: Room, who: Viewer, number: FromPath[int]) -> Looked:
    """A candidate, its replays, and what its trial shows so far."""
    return await room.ask(_looked, number, who, room.record.clock())


def _looked(conn: Connection, number: int, who: Viewer, now: datetime) -> Looked:
    one = candidates.of_viewer(conn, number, who)
    held = [replays.summary(conn, replay, now) for replay in candidates.replays_of(conn, number)]
    return Looked(candidate=one, replays=held, comparison=comparison.comparison(conn, one, now))


class NewReplay(msgspec.Struct):
    """Conversations that began from `since` to `until`. everywhere: also what no bot answered then."""

    since: datetime
    until: datetime
    everywhere: bool = False


@post(HERE + "/candidates/{number:int}/replays", opt=API, tags=["lab"])
async def replay_json(room: Room, who: Viewer, number: FromPath[int], data: JSONBody[NewReplay]) -> Made:
    """Begin to put what customers wrote to both bots, on a copy of the desk. Look at the replay for how far it is."""
    begun = await asyncio.to_thread(room.lab.begin, number, data.since, data.until, data.everywhere, who)
    return Made(id=begun)


@get(HERE + "/replays/{number:int}", opt=API, tags=["lab"])
async def summary_json(room: Room, who: Viewer, number: FromPath[int]) -> Summary:
    """How far a replay is, or what came of it."""
    return await room.ask(_summary, number, who, room.record.clock())


def _summary(conn: Connection, number: int, who: Viewer, now: datetime) -> Summary:
    return replays.summary(conn, candidates.replay(conn, number, who), now)


@get(HERE + "/replays/{number:int}/lines", opt=API, tags=["lab"])
async def lines_json(room: Room, who: Viewer, number: FromPath[int], kind: str = "", after: int = 0) -> Lines:
    """What both bots made of each message; kind: of which change, or `changed` for all but the same."""
    await room.ask(candidates.replay, number, who)
    return await room.ask(replays.shown, number, who, kind, after, 100)


class RollOut(msgspec.Struct):
    """Per cent of people, of those who are not held out."""

    share: int
    holdout: int = 10


@put(HERE + "/candidates/{number:int}/rollout", opt=API, status_code=204, tags=["lab"])
async def approve_json(room: Room, who: Viewer, number: FromPath[int], data: JSONBody[RollOut]) -> None:
    """Let new conversations have it, or change how many do."""
    await room.do(candidates.approve, number, who, data.share, data.holdout)
    await read_ahead(room, number, who)


@delete(HERE + "/candidates/{number:int}/rollout", opt=API, tags=["lab"])
async def stop_json(room: Room, who: Viewer, number: FromPath[int]) -> None:
    """Return to the desk's own bot, at once and everywhere."""
    await room.do(candidates.stop, number, who)


@put(HERE + "/candidates/{number:int}/discarding", opt=API, status_code=204, tags=["lab"])
async def discard_json(room: Room, who: Viewer, number: FromPath[int]) -> None:
    """It shall not be tried any further; a trial of it ends."""
    await room.do(candidates.discard, number, who)


@delete(HERE + "/candidates/{number:int}/discarding", opt=API, tags=["lab"])
async def restore_json(room: Room, who: Viewer, number: FromPath[int]) -> None:
    """Take back that it was discarded."""
    await room.do(candidates.restore, number, who)


@put(HERE + "/candidates/{number:int}/adoption", opt=API, status_code=204, tags=["lab"])
async def adopt_json(room: Room, who: Viewer, number: FromPath[int]) -> None:
    """Make the change the desk's own, for everybody."""
    await room.do(adoption.adopt, number, who)
    changed(room)


@delete(HERE + "/candidates/{number:int}/adoption", opt=API, tags=["lab"])
async def undo_json(room: Room, who: Viewer, number: FromPath[int]) -> None:
    """Put back what it replaced, unless that was changed since."""
    await room.do(adoption.undo, number, who)
    changed(room)


def routes() -> list[ControllerRouterHandler]:
    return [
        candidates_json, make_json, candidate_json, replay_json, summary_json, lines_json, approve_json, stop_json,
        discard_json, restore_json, adopt_json, undo_json,
    ]  # fmt: skip
