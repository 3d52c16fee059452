"""Who wants what from us on which address, with what shows it. Looked at in delivery, so that no feature forgets it.

A wish stands until the next one. Somebody who ended everything and writes again gets answers again, and nothing else.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Boolean, Column, Connection, String, Table, delete, insert

from parley.core import consent as rules
from parley.core import events as e
from parley.core.consent import ALL, OFFERS, REPLIES, QuietHours
from parley.core.errors import Refused, SendFailed
from parley.log.many import among
from parley.log.record import Tx
from parley.log.tables import Id, Moment, metadata
from parley.services import people, setup, zones

wishes = Table(
    "consents",
    metadata,
    Column("identity", Id, primary_key=True, autoincrement=False),
    Column("purpose", String(10), primary_key=True),
    Column("given", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
    Column("how", String(40), nullable=False),
    Column("evidence", String(300), nullable=False),
    Column("by", String(40), nullable=False),
    Column("conversation", Id),
)
_W = wishes.c


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said last about a purpose on an address."""

    identity: int
    purpose: str
    given: bool
    at: datetime
    how: str
    evidence: str
    by: str
    conversation: int | None = None


class ConsentReader:
    """Keeps the last word on each purpose in step with the log."""

    name = "consents"
    in_step = True
    kinds = (e.ConsentChanged,)
    tables = (wishes,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        rows: dict[tuple[int, str], dict[str, Any]] = {}
        for r in batch:
            assert isinstance(r.event, e.ConsentChanged)
            for purpose in rules.meant(r.event.purpose, r.event.given):
                rows[(r.event.identity, purpose)] = _row(r, r.event, purpose)
        for identity, purpose in rows:
            tx.conn.execute(delete(wishes).where(_W.identity == identity, _W.purpose == purpose))
        if rows:
            tx.conn.execute(insert(wishes), list(rows.values()))


def _row(r: e.Recorded, event: e.ConsentChanged, purpose: str) -> dict[str, Any]:
    return {
        "identity": event.identity, "purpose": purpose, "given": event.given, "at": r.at, "how": event.how[:40],
        "evidence": event.evidence[:300], "by": r.by[:40], "conversation": event.conversation,
    }  # fmt: skip


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def change(
    tx: Tx,
    identity: people.Identity,
    purpose: str,
    given: bool,
    by: str,
    *,
    how: str,
    evidence: str = "",
    said: int | None = None,
    conversation: int | None = None,
) -> None:
    """Note a wish. Raises Refused for a purpose that is none, and for a yes to offers that nothing shows."""
    if purpose != ALL and purpose not in rules.PURPOSES:
        raise Refused(f"There is no purpose {purpose!r}. There are {', '.join(rules.PURPOSES)} and all.")
    if purpose == OFFERS and given and not evidence.strip():
        raise Refused("Say what shows that they want offers: where and when they said so.")
    fact = e.ConsentChanged(
        identity=identity.id, person=identity.person, purpose=purpose, given=given, how=how,
        evidence=" ".join(evidence.split())[:300], said=said, conversation=conversation,
    )  # fmt: skip
    tx.append(e.person(identity.person), [fact], by)


# ── asks ────────────────────────────────────────────────────────────────────────────────────


def of(conn: Connection, identities: Collection[int]) -> list[Standing]:
    """What the holders of these addresses said last, by address and purpose."""
    return [Standing(**row._mapping) for row in among(conn, _W.identity, sorted(identities), order=_BY_PURPOSE)]


_BY_PURPOSE = (_W.identity, _W.purpose)


def ended(conn: Connection, identities: Collection[int]) -> set[int]:
    """Which of these addresses want no answers."""
    return {row.identity for row in among(conn, _W.identity, sorted(identities), of=(_W.identity,), where=_NO_ANSWERS)}


_NO_ANSWERS = (_W.purpose == REPLIES, _W.given.is_(False))


def standing_against(conn: Connection, identity: int, purpose: str) -> str:
    """Why a message may not go to this address, for people; empty where it may. purpose: as in `Outbound`."""
    said = {one.purpose: one for one in of(conn, [identity])}
    if rules.allowed(purpose, {name: one.given for name, one in said.items()}):
        return ""
    counts = rules.COUNTS_AS[purpose]
    if counts not in said:
        return "They never said that they want offers here."
    one = said[counts]
    everything = REPLIES in said and not said[REPLIES].given
    words = "no more messages" if everything else f"no more {counts}"
    return f"They asked for {words} here on {one.at:%-d %B %Y} ({one.how})."


def check(conn: Connection, identity: int, purpose: str, rings: bool, brand: int, now: datetime) -> None:
    """Raises SendFailed when a message may not go: for good, or not before quiet hours are over."""
    if why := standing_against(conn, identity, purpose):
        raise SendFailed(why, permanent=True)
    if rings and rules.COUNTS_AS.get(purpose) in rules.UNASKED:
        hours, theirs = quiet_hours(conn, brand), zones.of_holder(conn, identity)
        zone = theirs.name if theirs else hours.zone
        if until := hours.until(now, zone):
            there = f"{until.astimezone(ZoneInfo(zone)):%H:%M} ({zone})"
            reason = f"Quiet hours: nothing that was not asked for goes before {there}."
            raise SendFailed(reason, retry_after=(until - now).total_seconds() + 1)


# ── quiet hours ─────────────────────────────────────────────────────────────────────────────


def quiet_hours(conn: Connection, brand: int) -> QuietHours:
    kept: Mapping[str, Any] = setup.setting(conn, "quiet_hours", {})
    return msgspec.convert(kept.get(str(brand), {}), QuietHours)


def set_quiet_hours(tx: Tx, brand: int, new: QuietHours) -> None:
    """Raises Refused for a zone that is none."""
    try:
        new.until(tx.at)
    except (KeyError, ValueError, OSError) as error:
        raise Refused(f"There is no time zone {new.zone!r}. Name one such as Europe/Berlin.") from error
    kept = dict(setup.setting(tx.conn, "quiet_hours", {}))
    setup.set_setting(tx, "quiet_hours", kept | {str(brand): msgspec.to_builtins(new)})


def read_time(text: str) -> time:
    """A time such as 21:00."""
    try:
        return time.fromisoformat(text.strip())
    except ValueError as error:
        raise Refused(f"{text!r} is no time. Write it as 21:00.") from error
