"""Gives waiting work to people who can do it, and takes it back when they leave."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, String, Table, delete, func, select, update

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.channel import Channel
from parley.core.routing import Candidate, Work, share_out
from parley.log.record import Record, Tx, add_rows, chunks
from parley.log.tables import Id, Moment, metadata
from parley.services import setup
from parley.services.inbox import conversations

_C = conversations.c

gifts = Table(
    "gifts",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("agent", Integer, nullable=False),
    Column("at", Moment, nullable=False),
)
Index("ix_gifts_agent", gifts.c.agent, gifts.c.at)

presences = Table(
    "presences",
    metadata,
    Column("agent", Integer, primary_key=True, autoincrement=False),
    Column("presence", String(8), nullable=False),
    Column("since", Moment, nullable=False),
)


class RoutingReader:
    """Remembers who was given what last, and who is there."""

    name = "routing"
    in_step = True
    kinds = (e.Assigned, e.PresenceChanged)
    tables = (gifts, presences)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        given: dict[int, dict[str, Any]] = {}
        there: dict[int, dict[str, Any]] = {}
        for r in batch:
            if isinstance(r.event, e.PresenceChanged):
                agent = r.event.agent
                there[agent] = {"agent": agent, "presence": r.event.presence, "since": r.at}
            elif isinstance(r.event, e.Assigned) and r.event.agent:
                given[r.subject_id] = {"conversation": r.subject_id, "agent": r.event.agent, "at": r.at}
        _replace(tx.conn, gifts, gifts.c.conversation, given)
        _replace(tx.conn, presences, presences.c.agent, there)


def _replace(conn: Connection, table: Table, key: Column[int], rows: Mapping[int, dict[str, Any]]) -> None:
    for chunk in chunks(list(rows), 500):
        conn.execute(delete(table).where(key.in_(chunk)))
    add_rows(conn, table, list(rows.values()))


class RoutingFollower:
    """Whenever work arrives or somebody has room again, shares out what waits, the most pressing first."""

    name = "router"
    kinds = (
        e.ConversationOpened, e.MessageReceived, e.HandoffAsked, e.Closed, e.Snoozed, e.Woke, e.Reopened,
        e.Assigned, e.PresenceChanged,
    )  # fmt: skip
    batch = 500
    rest = 0.1

    def __init__(self, channels: Mapping[str, Channel], enabled: Callable[[Connection], bool]) -> None:
        self.channels, self.enabled = channels, enabled

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> None:
        return None

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: None) -> None:
        for r in batch:
            if isinstance(r.event, e.PresenceChanged) and r.event.presence == "offline":
                self._give_back(tx, r.event.agent)
        if not self.enabled(tx.conn) or all(r.by == "import" for r in batch):
            return
        there = candidates(tx.conn, self.channels)
        if there and (works := waiting_work(tx.conn, self.channels)):
            given = share_out(works, there, tx.at)
            for conversation, agent in given.items():
                fact = e.Assigned(agent=agent, reason="routed")
                tx.append(e.conversation(conversation), [fact], "routing")

    def _give_back(self, tx: Tx, agent: int) -> None:
        """Live chats and whatever still waits for a first answer go back to the others."""
        if presence_of(tx.conn, agent) != "offline":
            return
        question = select(_C.id).where(_C.assignee == agent, _C.status == talk.OPEN, _C.waiting_since.is_not(None))
        for number in tx.conn.execute(question).scalars().all():
            fact = e.Assigned(agent=None, reason="agent left")
            tx.append(e.conversation(number), [fact], "routing")
        tx.flush()


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def set_presence(tx: Tx, agent: int, presence: str) -> None:
    """Online: gets work. Away: keeps their own, gets none. Offline: waiting work is given back."""
    tx.flush()
    if presence_of(tx.conn, agent) != presence:
        fact = e.PresenceChanged(agent=agent, presence=presence)
        tx.append(e.agent(agent), [fact], f"agent/{agent}")
        tx.conn.execute(update(setup.agents).where(setup.agents.c.id == agent).values(presence=presence))


# ── asks ────────────────────────────────────────────────────────────────────────────────────


def presence_of(conn: Connection, agent: int) -> str:
    return conn.execute(select(presences.c.presence).where(presences.c.agent == agent)).scalar() or "offline"


def weight_of(channels: Mapping[str, Channel], channel: str) -> float:
    return channels[channel].manifest.weight if channel in channels else 0.34


def waiting_work(conn: Connection, channels: Mapping[str, Channel], limit: int = 200) -> list[Work]:
    """Unassigned conversations in which a customer waits for people: the most pressing first, then the longest wait."""
    question = (
        select(_C.id, _C.brand, _C.skills, _C.channel, _C.person)
        .where(_C.waiting_since.is_not(None), _C.assignee.is_(None), _C.status == talk.OPEN)
        .order_by(_C.priority, _C.waiting_since, _C.id)
        .limit(limit)
    )
    rows = conn.execute(question).all()
    last = last_agents(conn, [row.person for row in rows])
    return [
        Work(
            conversation=row.id,
            brand=row.brand,
            skills=frozenset(s for s in row.skills.split(",") if s),
            weight=weight_of(channels, row.channel),
            last_agent=last.get(row.person),
        )
        for row in rows
    ]


def last_agents(conn: Connection, persons: Sequence[int]) -> dict[int, int]:
    """Who served each person last."""
    if not persons:
        return {}
    question = (
        select(_C.person, gifts.c.agent)
        .join(gifts, gifts.c.conversation == _C.id)
        .where(_C.person.in_(set(persons)))
        .order_by(gifts.c.at)
    )
    return {row.person: row.agent for row in conn.execute(question)}


def candidates(conn: Connection, channels: Mapping[str, Channel]) -> list[Candidate]:
    """Every agent who is online, with their present load. Costs the same however much was given before."""
    online = set(conn.execute(select(presences.c.agent).where(presences.c.presence == "online")).scalars())
    working = [a for a in setup.all_agents(conn).values() if a.id in online and a.active and a.role != "read-only"]
    if not working:
        return []
    held, last = _loads(conn, channels, online), _last_gifts(conn, online)
    return [
        Candidate(
            id=a.id,
            presence="online",
            skills=frozenset(a.skills),
            brands=frozenset(a.brands),
            capacity=a.capacity,
            load=held.get(a.id, 0.0),
            last_given=last.get(a.id),
        )
        for a in working
    ]


def _loads(conn: Connection, channels: Mapping[str, Channel], agents: set[int]) -> dict[int, float]:
    held: dict[int, float] = {}
    question = (
        select(_C.assignee, _C.channel, func.count())
        .where(_C.assignee.in_(agents), _C.status == talk.OPEN, _C.waiting_since.is_not(None))
        .group_by(_C.assignee, _C.channel)
    )
    for agent, channel, count in conn.execute(question):
        held[agent] = held.get(agent, 0.0) + count * weight_of(channels, channel)
    return held


def _last_gifts(conn: Connection, agents: set[int]) -> dict[int, datetime]:
    """When each was given something last; a look-up each, because a grouping would read every gift ever made."""
    newest = (
        (agent, conn.execute(select(func.max(gifts.c.at)).where(gifts.c.agent == agent)).scalar()) for agent in agents
    )
    return {agent: at for agent, at in newest if at is not None}
