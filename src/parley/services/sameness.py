"""Suggestions of who may be the same human, with reasons; and the word of an agent that they are not."""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Column, Connection, Table, insert, select, tuple_

from parley.core import events as e
from parley.core.errors import Refused
from parley.core.sameness import GIVEN, SAME_PHONE, Reason, confidence, phone_forms, same_name
from parley.log.record import Tx
from parley.log.tables import Id, metadata
from parley.services import people
from parley.services.people import Identity, Person, codes, identities

MOST = 5
LOOKED_AT = 20

held_apart = Table(
    "held_apart",
    metadata,
    Column("person", Id, primary_key=True, autoincrement=False),
    Column("other", Id, primary_key=True, autoincrement=False),
)
_H = held_apart.c


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may be the same human. confidence: 0..1, to put them in order."""

    person: Person
    reasons: tuple[str, ...]
    confidence: float


class ApartReader:
    """Remembers who was said not to be the same, both ways."""

    name = "held-apart"
    in_step = True
    kinds = (e.PersonsHeldApart,)
    tables = (held_apart,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        pairs = {(r.event.person, r.event.other) for r in batch if isinstance(r.event, e.PersonsHeldApart)}
        pairs |= {(other, person) for person, other in pairs}
        known = set()
        for row in tx.conn.execute(select(held_apart).where(tuple_(_H.person, _H.other).in_(sorted(pairs)))):
            known.add((row.person, row.other))
        if fresh := [{"person": a, "other": b} for a, b in sorted(pairs - known)]:
            tx.conn.execute(insert(held_apart), fresh)


def hold_apart(tx: Tx, person: int, other: int, by: str) -> None:
    """They are two: the suggestion does not come again."""
    if person == other:
        raise Refused("They are the same person already.")
    for number in (person, other):
        people.person(tx.conn, number)
    tx.append(e.person(person), [e.PersonsHeldApart(person=person, other=other)], by)


def suggested(conn: Connection, number: int, kinds: Collection[str]) -> list[Suggestion]:
    """Who may be this person, the likeliest first. kinds: of addresses that may be phone numbers."""
    one, theirs = people.person(conn, number), people.identities_of(conn, number)
    reasons: dict[int, list[Reason]] = {}
    for found in (_by_phone(conn, theirs, kinds), _by_word(conn, number, theirs), _by_name(conn, one)):
        for person, reason in found.items():
            reasons.setdefault(person, []).append(reason)
    apart = select(_H.other).where(_H.person == number, _H.other.in_(list(reasons)))
    left = set(reasons) - {number} - (set(conn.execute(apart).scalars()) if reasons else set())
    known = people.persons(conn, list(left))
    rows = [
        Suggestion(person=known[p], reasons=tuple(r.told for r in reasons[p]), confidence=confidence(reasons[p]))
        for p in left
        if p in known and known[p].merged_into is None
    ]
    return sorted(rows, key=lambda row: (-row.confidence, row.person.id))[:MOST]


def _by_phone(conn: Connection, theirs: Sequence[Identity], kinds: Collection[str]) -> dict[int, Reason]:
    """The same phone under another kind of address, or written in another way."""
    forms = {form: i.value for i in theirs if i.kind in kinds for form in phone_forms(i.value)}
    written = [(kind, way) for kind in sorted(kinds) for form in forms for way in (form, f"+{form}")]
    if not written:
        return {}
    question = select(identities.c.person, identities.c.value).where(
        tuple_(identities.c.kind, identities.c.value).in_(written)
    )
    return {
        row.person: Reason(f"The same phone number, {row.value}", SAME_PHONE)
        for row in conn.execute(question.limit(LOOKED_AT))
    }


def _by_word(conn: Connection, number: int, theirs: Sequence[Identity]) -> dict[int, Reason]:
    """One gave an address of the other as their own, and has not proved it."""
    said = select(identities.c.person, identities.c.value).join(codes, codes.c.identity == identities.c.id)
    gave = conn.execute(said.where(codes.c.person == number).limit(LOOKED_AT))
    found = {row.person: Reason(f"Gave {row.value} as their own address, unproved", GIVEN) for row in gave}
    told = select(codes.c.person, codes.c.identity).where(codes.c.identity.in_([i.id for i in theirs])).limit(LOOKED_AT)
    values = {i.id: i.value for i in theirs}
    for row in conn.execute(told):
        found[row.person] = Reason(f"Gave {values[row.identity]} as their own address, unproved", GIVEN)
    return found


def _by_name(conn: Connection, one: Person) -> dict[int, Reason]:
    if same_name(one.name, 0) is None:
        return {}
    others = people.namesakes(conn, one, LOOKED_AT)
    reason = same_name(one.name, len(others))
    return {other.id: reason for other in others} if reason else {}
