"""Telling a website's analytics (GA4) what became of its visitors' conversations: numbers and words of closed lists.

A follower queues what happened; `Teller` sends it for browsers whose visitor agreed, with a state that can be seen,
more tries with growing rests, and an end. Sent at least once: the protocol has no key that would tell a second try.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from parley.core import events as e
from parley.core import measurement, touchpoints
from parley.core.errors import BadConfig
from parley.core.measure import micros
from parley.log.many import among
from parley.log.record import Record, Tx, chunks
from parley.log.tables import Id, Moment, metadata
from parley.services import setup
from parley.services.inbox import conversations
from parley.services.journeys import journeys

logger = logging.getLogger("parley.measuring")

WAITING, SENT, DEAD, UNKNOWN = "waiting", "sent", "dead", "unknown"
KEY = "measuring"
OLD = timedelta(days=1)  # what happened longer ago is history, and not told
FIRST = timedelta(minutes=2)  # the pages come a moment after the first words
PATIENCE = timedelta(minutes=30)  # so long a browser is waited for
LEASE = timedelta(minutes=5)
KEPT = timedelta(days=30)
RESTS = (1, 5, 30, 120, 360, 720, 1440)  # minutes between tries; together less than the protocol's 72 hours
AT_ONCE = 200
EVERY = 15.0
SECONDS = 10.0
REGIONS = {"https://www.google-analytics.com": "Worldwide", "https://region1.google-analytics.com": "European Union"}

tellings = Table(
    "tellings",
    metadata,
    Column("seq", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("brand", Integer, nullable=False),
    Column("name", String(40), nullable=False),
    Column("measure", String(8), nullable=False),
    Column("score", Integer),
    Column("at", Moment, nullable=False),
    Column("state", String(12), nullable=False),
    Column("due", Moment, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("why", String(200), nullable=False),
)
_M, _J = tellings.c, journeys.c
Index("ix_tellings_due", _M.state, _M.due)
Index("ix_tellings_brand", _M.brand, _M.seq)
Index("ix_tellings_at", _M.at)


# ── settings ────────────────────────────────────────────────────────────────────────────────


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Of one brand; off until switched on. stream: the measurement id, `G-…`. topics: those whose names are told."""

    on: bool = False
    stream: str = ""
    secret: str = ""
    endpoint: str = "https://www.google-analytics.com"
    topics: tuple[str, ...] = ()


def settings(conn: Connection) -> dict[int, Settings]:
    """Of every brand that has some."""
    return msgspec.convert(setup.setting(conn, KEY, {}), dict[int, Settings], strict=False)


def keep(tx: Tx, brand: int, new: Settings) -> None:
    """BadConfig names what is wrong. The secret stays in the settings, and is shown to nobody."""
    parts = urlsplit(new.endpoint)
    near = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or parts.scheme not in (("http", "https") if near else ("https",)) or parts.username:
        raise BadConfig("The address begins with https://, and holds no password.")
    if parts.query or parts.fragment:
        raise BadConfig("The address ends before /mp/collect; the measurement id and the secret have their own fields.")
    if new.on and not (new.stream.startswith("G-") and new.stream[2:].isalnum() and new.secret):
        raise BadConfig("Analytics need a measurement id, as G-AB12CD34EF, and the API secret of that data stream.")
    for one in new.topics:
        if not measurement.may_be_told(one):
            raise BadConfig(f"“{one}” may not be told: a topic is of small letters, and holds no number or address.")
    known = settings(tx.conn) | {brand: new}
    setup.set_setting(tx, KEY, {str(number): msgspec.to_builtins(one) for number, one in known.items()})


# ── follows ─────────────────────────────────────────────────────────────────────────────────


class MeasuringFollower:
    """Queues what brands with analytics tell them. Its place and its rows move together, so nothing is queued twice."""

    name = "measuring"
    batch = 1000
    rest = 0.5
    kinds = (e.ConversationOpened, e.Closed, e.SurveyAnswered)

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> None:
        """Nothing slow here."""

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: None) -> None:
        on = {brand for brand, one in settings(tx.conn).items() if one.on}
        new = [r for r in batch if tx.at - r.at <= OLD and _name(r.event)] if on else []
        brands = _brands(tx.conn, {r.subject_id for r in new})
        rows = [_row(r, brands[r.subject_id]) for r in new if brands.get(r.subject_id) in on]
        for chunk in chunks(rows, 500):
            tx.conn.execute(insert(tellings), list(chunk))


def _name(event: e.AnyEvent) -> str:
    match event:
        case e.ConversationOpened():
            return measurement.STARTED
        case e.Closed(resolved=True):
            return measurement.RESOLVED
        case e.SurveyAnswered(measure="csat" | "nps" | "ces"):
            return measurement.RATED
        case _:
            return ""


def _brands(conn: Connection, numbers: Collection[int]) -> dict[int, int]:
    of = conversations.c
    return {row.id: row.brand for row in among(conn, of.id, sorted(numbers), of=(of.id, of.brand))}


def _row(r: e.Recorded, brand: int) -> dict[str, object]:
    rated = r.event if isinstance(r.event, e.SurveyAnswered) else None
    return {
        "seq": r.seq, "conversation": r.subject_id, "brand": brand, "name": _name(r.event),
        "measure": rated.measure[:8] if rated else "", "score": rated.score if rated else None, "at": r.at,
        "state": WAITING, "due": r.at + FIRST, "tries": 0, "why": "",
    }  # fmt: skip


# ── sends ───────────────────────────────────────────────────────────────────────────────────


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a row in a round. due: when it is looked at again, where it waits."""

    state: str
    due: datetime
    tries: int
    why: str = ""


class Teller:
    """Sends what is due, in a thread of its own; more than one process may. channels: those installed."""

    def __init__(self, record: Record, channels: Collection[str]) -> None:
        self.record, self.channels, self.post = record, channels, _post
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="parley-measuring", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=SECONDS + 1)

    def _work(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                while self.round() == AT_ONCE and not self._stop.is_set():
                    pass
            except Exception:
                logger.exception("Analytics were not told; it is tried again")

    def round(self) -> int:
        """Take what is due, tell it, note what became of it. Returns how many rows were taken."""
        if not self.record.ask(_due, self.record.clock()):
            return 0
        rows = self.record.do(_lease)
        fates = self._tell(rows)
        self.record.do(lambda tx: _settle(tx, fates))
        return len(rows)

    def _tell(self, rows: Sequence[Any]) -> dict[int, Fate]:
        now = self.record.clock()
        known, ways = self.record.ask(_known, {row.conversation for row in rows})
        fates: dict[int, Fate] = {}
        requests: dict[tuple[int, str], list[Any]] = defaultdict(list)
        for row in rows:
            way, ours = ways.get(row.conversation), known.get(row.brand)
            if ours is None or not ours.on:
                fates[row.seq] = Fate(state=DEAD, due=now, tries=row.tries, why="Switched off meanwhile.")
            elif way is not None and way.client:
                requests[row.brand, way.client].append(row)
            elif now - row.at < PATIENCE:
                fates[row.seq] = Fate(state=WAITING, due=now + FIRST, tries=row.tries)
            else:
                fates[row.seq] = Fate(state=UNKNOWN, due=now, tries=row.tries, why="No browser that agreed.")
        for (brand, client), mine in requests.items():
            for chunk in chunks(mine, measurement.MOST_EVENTS):
                fates |= self._send(known[brand], client, list(chunk), ways, now)
        return fates

    def _send(
        self, ours: Settings, client: str, rows: Sequence[Any], ways: dict[int, touchpoints.Journey], now: datetime
    ) -> dict[int, Fate]:
        events = [measurement.event(told(row, ways[row.conversation]), ours.topics, self.channels) for row in rows]
        good = []
        fates: dict[int, Fate] = {}
        for row, one in zip(rows, events, strict=True):
            if wrong := measurement.faults(measurement.payload(client, [one]), now):
                fates[row.seq] = Fate(state=DEAD, due=now, tries=row.tries, why=" ".join(wrong)[:200])
            else:
                good.append((row, one))
        if good:
            ok, final, why = self._post(ours, measurement.payload(client, [one for _, one in good]))
            fates |= {row.seq: _fate(row, ok, final, why, now) for row, _ in good}
        return fates

    def _post(self, ours: Settings, body: dict[str, Any]) -> tuple[bool, bool, str]:
        """Whether it was taken; if not, whether another try is of no use, and why."""
        try:
            status, _ = self.post(f"{ours.endpoint.rstrip('/')}/mp/collect", _keys(ours), msgspec.json.encode(body))
        except Exception as error:  # never its words: the address holds the secret
            return False, False, f"No answer ({type(error).__name__})."
        return status < 300, 300 <= status < 500 and status not in (408, 429), f"It answered {status}."

    def attempt(self, brand: int) -> tuple[bool, str]:
        """Send a test event to the endpoint that only checks. Whether it was found right, and what it says."""
        ours = self.record.ask(settings).get(brand, Settings())
        test = measurement.Told(name=measurement.STARTED, at=self.record.clock(), brand=brand, channel="test")
        body = measurement.payload("1000000000.1000000000", [measurement.event(test, ours.topics, self.channels)])
        body["validation_behavior"] = "ENFORCE_RECOMMENDATIONS"
        address = f"{ours.endpoint.rstrip('/')}/debug/mp/collect"
        try:
            status, raw = self.post(address, _keys(ours), msgspec.json.encode(body))
            said = msgspec.json.decode(raw, type=_Checked) if status < 300 else None
        except msgspec.MsgspecError:
            return False, "It answered something that is no answer of this protocol."
        except Exception as error:
            return False, f"No answer ({type(error).__name__})."
        if said is None:
            return False, f"It answered {status}."
        return not said.validationMessages, " ".join(one.description for one in said.validationMessages)[:600]


class _Message(msgspec.Struct):
    description: str = ""


class _Checked(msgspec.Struct):
    validationMessages: list[_Message]


def _keys(ours: Settings) -> dict[str, str]:
    return {"measurement_id": ours.stream, "api_secret": ours.secret}


def _post(address: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
    """Redirects are not followed: the secret goes to one address only."""
    import httpx

    headers = {"content-type": "application/json"}
    answer = httpx.post(address, params=query, content=body, headers=headers, timeout=SECONDS, trust_env=False)
    return answer.status_code, answer.content[:65536]


def told(row: Any, way: touchpoints.Journey) -> measurement.Told:
    """What is told of a row, with the way that its conversation took until then."""
    at = micros(row.at)
    path = touchpoints.read(way.steps)
    answered = next((when for what, when, _ in path if what in (touchpoints.BOT, touchpoints.ANSWERED)), None)
    known = answered is not None and answered <= at and row.name != measurement.STARTED
    return measurement.Told(
        name=row.name, at=row.at, brand=row.brand, channel=way.channel, topic=way.topic, session=way.session,
        measure=row.measure, score=row.score,
        first_response_minutes=_minutes(way.began, answered) if known and answered is not None else None,
        resolution_minutes=_minutes(way.began, at) if row.name == measurement.RESOLVED else None,
    )  # fmt: skip


def _minutes(since: int, until: int) -> int:
    return round((until - since) / 60_000_000)


def _fate(row: Any, ok: bool, final: bool, why: str, now: datetime) -> Fate:
    tries = row.tries + 1
    if ok:
        return Fate(state=SENT, due=now, tries=tries)
    if final or tries > len(RESTS):
        return Fate(state=DEAD, due=now, tries=tries, why=why)
    return Fate(state=WAITING, due=now + timedelta(minutes=RESTS[tries - 1]), tries=tries, why=why)


def _due(conn: Connection, now: datetime) -> list[Any]:
    question = select(tellings).where(_M.state == WAITING, _M.due <= now).order_by(_M.due, _M.seq).limit(AT_ONCE)
    return list(conn.execute(question))


def _lease(tx: Tx) -> list[Any]:
    """Rows that are due, each for this caller alone; a process that dies gives them back when the lease ends."""
    tx.conn.execute(delete(tellings).where(_M.at < tx.at - KEPT))
    rows = _due(tx.conn, tx.at)
    free = update(tellings).where(_M.seq.in_([row.seq for row in rows]), _M.state == WAITING, _M.due <= tx.at)
    mine = set(tx.conn.execute(free.values(due=tx.at + LEASE).returning(_M.seq)).scalars())
    return [row for row in rows if row.seq in mine]


def _known(conn: Connection, numbers: Collection[int]) -> tuple[dict[int, Settings], dict[int, touchpoints.Journey]]:
    ways = among(conn, _J.conversation, sorted(numbers))
    return settings(conn), {row.conversation: touchpoints.Journey(*row) for row in ways}


def _settle(tx: Tx, fates: dict[int, Fate]) -> None:
    rows = [{"which": seq, **{f"new_{k}": v for k, v in msgspec.structs.asdict(fate).items()}}
            for seq, fate in fates.items()]  # fmt: skip
    if rows:
        tx.conn.execute(_SETTLE, rows)


_SETTLE = update(tellings).where(_M.seq == bindparam("which"))
_SETTLE = _SETTLE.values({name: bindparam(f"new_{name}") for name in Fate.__struct_fields__})


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A queued event as it is shown; why: what stood in its way."""

    at: datetime
    brand: int
    name: str
    state: str
    tries: int
    why: str


def newest(conn: Connection, limit: int = 30) -> list[Line]:
    """The newest events, whatever became of them."""
    rows = conn.execute(select(tellings).order_by(_M.seq.desc()).limit(limit))
    return [Line(at=r.at, brand=r.brand, name=r.name, state=r.state, tries=r.tries, why=r.why) for r in rows]


def counts(conn: Connection) -> dict[str, int]:
    """How many events are in each state, of the last 30 days."""
    return {state: n for state, n in conn.execute(select(_M.state, func.count()).group_by(_M.state))}
