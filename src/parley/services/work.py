"""How long people worked on each conversation: a row for each of them and each agent, made from the log alone."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import BigInteger, Column, Integer, String, Table, select

from parley.core import events as e
from parley.core import handling
from parley.core.handling import Work
from parley.log.many import among, drop_among
from parley.log.record import Tx, add_rows
from parley.log.tables import Id, metadata

work = Table(
    "work",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("agent", Integer, primary_key=True, autoincrement=False),
    Column("seconds", Integer, nullable=False),
    Column("on_call", BigInteger),
    Column("told", String(50), nullable=False),  # conversation, agent and seconds: many are read as one word
)
_W = work.c
_ROW = (_W.conversation, _W.agent, _W.seconds, _W.on_call)

last_acts = Table(
    "last_acts",
    metadata,
    Column("agent", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
)


class WorkReader:
    """Adds up the time between an agent's acts."""

    name = "work"
    in_step = False
    batch = 2000
    rest = 0.5
    kinds = handling.KINDS
    tables = (work, last_acts)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        acts = [(r.subject_id, agent, r) for r in batch if (agent := handling.worker(r)) is not None]
        if not acts:
            return
        numbers = sorted({number for number, _, _ in acts})
        found = [Work(*tuple(row)) for row in among(tx.conn, _W.conversation, numbers, of=_ROW)]
        rows = {(one.conversation, one.agent): one for one in found}
        last = {row.agent: row.at for row in tx.conn.execute(select(last_acts))}
        before = dict(last)
        for number, agent, r in acts:
            now = handling.take(rows.setdefault((number, agent), Work(number, agent)), r, last.get(agent))
            if now is not None:
                last[agent] = now
        drop_among(tx.conn, _W.conversation, numbers)
        add_rows(tx.conn, work, [_row(one) for one in rows.values()])
        moved = [{"agent": agent, "at": at} for agent, at in last.items() if before.get(agent) != at]
        drop_among(tx.conn, last_acts.c.agent, [row["agent"] for row in moved])
        add_rows(tx.conn, last_acts, moved)


def _row(one: Work) -> dict[str, object]:
    return msgspec.structs.asdict(one) | {"told": f"{one.conversation} {one.agent} {one.seconds}"}
