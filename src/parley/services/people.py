"""People and their addresses. One human is one person, however many doors they use.

A merge happens by itself only on proof; any merge can be undone exactly, because its event lists
what moved.
"""

import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from parley.core import events as e
from parley.core.channel import Address
from parley.core.errors import NotFound, Refused
from parley.core.identity import normal
from parley.log.many import among
from parley.log.record import Tx, add_rows, chunks
from parley.log.tables import Id, Moment, metadata

people = Table(
    "people",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("name", String(200), nullable=False),
    Column("met_at", Moment, nullable=False),
    Column("merged_into", Id),
)
Index("ix_people_name", people.c.name)

identities = Table(
    "identities",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("kind", String(20), nullable=False),
    Column("value", String(254), nullable=False),
    Column("person", Id, nullable=False),
    Column("proof", String(60)),
    Column("evidence", String(200), nullable=False),
    Column("since", Moment, nullable=False),
    UniqueConstraint("kind", "value"),
)
Index("ix_identities_person", identities.c.person)

codes = Table(
    "codes",
    metadata,
    Column("identity", Id, primary_key=True, autoincrement=False),
    Column("person", Id, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("expires", Moment, nullable=False),
    Column("tries", Integer, nullable=False),
)

Index("ix_codes_person", codes.c.person)

CODE_MINUTES, CODE_TRIES = 10, 3
TELLING = ("mail", "phone")  # kinds of addresses by which people know each other


class Person(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    name: str
    met_at: datetime
    merged_into: int | None = None


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """proof: how it was shown to be theirs (code, link, signed by shop, platform), or None while only claimed."""

    id: int
    kind: str
    value: str
    person: int
    proof: str | None
    evidence: str
    since: datetime


class PeopleReader:
    """Keeps `people` and `identities` in step with the log."""

    name = "people"
    in_step = True
    kinds = (
        e.PersonMet,
        e.PersonRenamed,
        e.IdentityClaimed,
        e.IdentityProved,
        e.PersonsMerged,
        e.PersonsUnmerged,
    )
    tables = (people, identities)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        met = [
            {"id": r.event.person, "name": r.event.name[:200], "met_at": r.at, "merged_into": None}
            for r in batch
            if isinstance(r.event, e.PersonMet)
        ]
        add_rows(tx.conn, people, met)
        add_rows(tx.conn, identities, [_claim_row(r) for r in batch if isinstance(r.event, e.IdentityClaimed)])
        for recorded in batch:
            if not isinstance(recorded.event, e.PersonMet | e.IdentityClaimed):
                _change(tx, recorded.event)


def _claim_row(r: e.Recorded) -> dict[str, Any]:
    event = r.event
    assert isinstance(event, e.IdentityClaimed)
    return {
        "id": event.identity,
        "kind": event.address_kind,
        "value": event.value,
        "person": event.person,
        "proof": None,
        "evidence": event.evidence[:200],
        "since": r.at,
    }


def _change(tx: Tx, event: Any) -> None:
    match event:
        case e.PersonRenamed():
            tx.conn.execute(update(people).where(people.c.id == event.person).values(name=event.name[:200]))
        case e.IdentityProved():
            tx.conn.execute(update(identities).where(identities.c.id == event.identity).values(proof=event.how[:60]))
        case e.PersonsMerged():
            tx.conn.execute(update(people).where(people.c.id == event.absorbed).values(merged_into=event.person))
            _move(tx, event.identities, event.person)
        case e.PersonsUnmerged():
            tx.conn.execute(update(people).where(people.c.id == event.restored).values(merged_into=None))
            _move(tx, event.identities, event.restored)


def _move(tx: Tx, moved: Sequence[int], to: int) -> None:
    for chunk in chunks(list(moved), 500):
        tx.conn.execute(update(identities).where(identities.c.id.in_(chunk)).values(person=to))


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def meet(tx: Tx, addresses: Sequence[Address], by: str, at: datetime | None = None) -> dict[tuple[str, str], Identity]:
    """The identities of these addresses, in one go; unknown ones become new people. Keyed by (kind, value)."""
    wanted: dict[tuple[str, str], Address] = {}
    for address in addresses:
        wanted.setdefault((address.kind, normal(address.kind, address.value)[:254]), address)
    tx.flush()
    known = by_address(tx.conn, list(wanted))
    fresh = [key for key in wanted if key not in known]
    if fresh:
        numbers = list(zip(fresh, tx.new_ids("person", len(fresh)), tx.new_ids("identity", len(fresh)), strict=True))
        for key, person, identity in numbers:
            address = wanted[key]
            facts = [
                e.PersonMet(person=person, name=address.name),
                e.IdentityClaimed(
                    identity=identity,
                    person=person,
                    address_kind=key[0],
                    value=key[1],
                    evidence="wrote from it",
                ),
            ]
            tx.append(e.person(person), facts, by, at=at, new=True)
            known[key] = Identity(
                id=identity,
                kind=key[0],
                value=key[1],
                person=person,
                proof=None,
                evidence="",
                since=at or tx.at,
            )
    for key, address in wanted.items():
        if address.proved and known[key].proof is None:
            known[key] = prove(tx, known[key], address.proved, by)
    return known


def prove(tx: Tx, identity: Identity, how: str, by: str) -> Identity:
    """Note that an address was shown to be theirs. Already proved: nothing happens."""
    if identity.proof is not None:
        return identity
    fact = e.IdentityProved(identity=identity.id, person=identity.person, how=how)
    tx.append(e.person(identity.person), [fact], by)
    return msgspec.structs.replace(identity, proof=how)


def also_known_as(tx: Tx, identity: Identity, address: Address, by: str) -> Identity:
    """The holder of `identity` was shown to hold `address` too. Joins two people if it belonged to another."""
    if address.proved is None:
        raise Refused("An address joins a person only with proof.")
    key = (address.kind, normal(address.kind, address.value)[:254])
    tx.flush()
    other = by_address(tx.conn, [key]).get(key)
    if other is None:
        number = tx.new_id("identity")
        facts = [
            e.IdentityClaimed(
                identity=number,
                person=identity.person,
                address_kind=key[0],
                value=key[1],
                evidence=address.proved,
            ),
            e.IdentityProved(identity=number, person=identity.person, how=address.proved),
        ]
        tx.append(e.person(identity.person), facts, by)
        tx.flush()
        if address.name and not person(tx.conn, identity.person).name:
            rename(tx, identity.person, address.name, by)
        return by_address(tx.conn, [key])[key]
    other = prove(tx, other, address.proved, by)
    if other.person != identity.person:
        merge(tx, other.person, identity.person, f"{address.kind} {address.proved}", by)
    return msgspec.structs.replace(other)


def rename(tx: Tx, number: int, name: str, by: str) -> None:
    tx.append(e.person(number), [e.PersonRenamed(person=number, name=name.strip()[:200])], by)


def merge(tx: Tx, keep: int, absorb: int, reason: str, by: str) -> int:
    """Make two people one. Their identities and conversations become `keep`'s. Returns the event's seq."""
    from parley.services.inbox import conversations

    tx.flush()
    if keep == absorb:
        raise Refused("They are the same person already.")
    if person(tx.conn, absorb).merged_into or person(tx.conn, keep).merged_into:
        raise Refused("One of them was merged before. Undo that first.")
    moved = tuple(tx.conn.execute(select(identities.c.id).where(identities.c.person == absorb)).scalars())
    talks = tuple(tx.conn.execute(select(conversations.c.id).where(conversations.c.person == absorb)).scalars())
    fact = e.PersonsMerged(person=keep, absorbed=absorb, identities=moved, conversations=talks, reason=reason)
    seq = tx.append(e.person(keep), [fact], by)[0].seq
    for talk in talks:
        tx.append(e.conversation(talk), [e.PersonChanged(person=keep, was=absorb, reason="merge")], by)
    if not person(tx.conn, keep).name and (name := person(tx.conn, absorb).name):
        rename(tx, keep, name, by)
    tx.flush()
    return seq


def unmerge(tx: Tx, keep: int, restore: int, by: str) -> None:
    """Undo a merge: what moved with it moves back, and what they alone have said since goes along.

    A conversation in which somebody spoke since who stays is not moved: nobody is to read another's words.
    """
    from parley.log import record as log

    tx.flush()
    if person(tx.conn, keep).merged_into:
        raise Refused("They were merged into somebody else since. Undo that first.")
    history = log.stream(tx.conn, e.person(keep))
    merges = [r for r in history if isinstance(r.event, e.PersonsMerged) and r.event.absorbed == restore]
    if not merges or person(tx.conn, restore).merged_into != keep:
        raise Refused("These two are not merged.")
    last = merges[-1].event
    assert isinstance(last, e.PersonsMerged)
    addresses = tuple(i for i in last.identities if identity_by_id(tx.conn, i).person == keep)
    talks = _theirs(tx.conn, keep, set(addresses), merges[-1])
    fact = e.PersonsUnmerged(person=keep, restored=restore, identities=addresses, conversations=talks)
    tx.append(e.person(keep), [fact], by)
    for talk in talks:
        tx.append(e.conversation(talk), [e.PersonChanged(person=restore, was=keep, reason="un-merge")], by)
    if (name := _name_before(history, merges[-1])) is not None:
        rename(tx, keep, name, by)
    tx.flush()


def _theirs(conn: Connection, keep: int, addresses: set[int], merged: e.Recorded) -> tuple[int, ...]:
    """The conversations of a merged person that are the absorbed one's again, when it is undone."""
    from parley.log import record as log
    from parley.services.inbox import conversations

    assert isinstance(merged.event, e.PersonsMerged)
    moved = set(merged.event.conversations)
    held = conn.execute(select(conversations.c.id, conversations.c.seq).where(conversations.c.person == keep)).all()
    found = []
    for number, seq in held:
        if number not in moved and seq < merged.seq:
            continue
        said = [r for r in log.stream(conn, e.conversation(number)) if isinstance(r.event, e.MessageReceived)]
        before = {r.event.identity for r in said if r.seq < merged.seq and number in moved}  # type: ignore[union-attr]
        writers = {r.event.identity for r in said}  # type: ignore[union-attr]
        if writers <= before | addresses and (number in moved or writers):
            found.append(int(number))
    return tuple(sorted(found))


def _name_before(history: Sequence[e.Recorded], merged: e.Recorded) -> str | None:
    """The name they had, if the merge gave them another and nobody chose one since."""
    named = [r for r in history if isinstance(r.event, e.PersonMet | e.PersonRenamed)]
    since = [r for r in named if r.seq > merged.seq]
    if [r.at for r in since] != [merged.at]:
        return None
    return next((r.event.name for r in reversed(named) if r.seq < merged.seq), "")  # type: ignore[union-attr]


def claimed(tx: Tx, mail: Address, by: str) -> Identity:
    """The identity of an address that somebody says is theirs. It is not joined to them before a code comes back."""
    identity = next(iter(meet(tx, [mail], by).values()))
    tx.flush()
    return identity


def expect_code(tx: Tx, holder: int, identity: Identity, code: str, by: str) -> None:
    """Wait for `holder` to type this code, which goes to the address. Only its hash is kept."""
    expires = tx.at + timedelta(minutes=CODE_MINUTES)
    tx.conn.execute(delete(codes).where(codes.c.identity == identity.id))
    row = {
        "identity": identity.id,
        "person": holder,
        "hash": _hash(code, identity.id),
        "expires": expires,
        "tries": 0,
    }
    tx.conn.execute(insert(codes).values(row))
    tx.append(e.person(holder), [e.CodeSent(identity=identity.id, person=holder, expires=expires)], by)


def try_code(tx: Tx, holder: int, code: str, by: str) -> Identity | None:
    """Check a code that `holder` typed. Right: the address is proved and the people become one. Wrong: None.

    Three tries within ten minutes; then a new code is needed.
    """
    row = tx.conn.execute(
        select(codes).where(codes.c.person == holder).order_by(codes.c.expires.desc()).limit(1)
    ).one_or_none()
    if row is None or row.expires < tx.at or row.tries >= CODE_TRIES:
        return None
    if not hmac.compare_digest(row.hash, _hash(code.strip(), row.identity)):
        tx.conn.execute(update(codes).where(codes.c.identity == row.identity).values(tries=row.tries + 1))
        fact = e.CodeRefused(identity=row.identity, person=holder, tries=row.tries + 1)
        tx.append(e.person(holder), [fact], by)
        return None
    tx.conn.execute(delete(codes).where(codes.c.identity == row.identity))
    identity = prove(tx, identity_by_id(tx.conn, row.identity), "code sent to it", by)
    tx.flush()
    if identity.person != holder:
        merge(tx, identity.person, holder, "code sent to it came back", by)
    return identity_by_id(tx.conn, row.identity)


def _hash(code: str, identity: int) -> str:
    return sha256(f"{identity}:{code}".encode()).hexdigest()


# ── asks ────────────────────────────────────────────────────────────────────────────────────


def by_address(conn: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Identity]:
    """Identities by (kind, normal value); those unknown are left out."""
    found: dict[tuple[str, str], Identity] = {}
    for kind in {kind for kind, _ in keys}:
        for chunk in chunks([value for k, value in keys if k == kind]):
            for row in conn.execute(_BY_ADDRESS, {"kind": kind, "values": chunk}):
                found[(row.kind, row.value)] = Identity(**row._mapping)
    return found


_BY_ADDRESS = select(identities).where(
    identities.c.kind == bindparam("kind"), identities.c.value.in_(bindparam("values", expanding=True))
)
_BY_AGE = (identities.c.since, identities.c.id)


def identity_by_id(conn: Connection, number: int) -> Identity:
    found = identities_by_id(conn, [number])
    if number not in found:
        raise NotFound("There is no such address.")
    return found[number]


def identities_of(conn: Connection, number: int) -> list[Identity]:
    return addresses_of(conn, [number]).get(number, [])


def identities_by_id(conn: Connection, numbers: Sequence[int]) -> dict[int, Identity]:
    return {row.id: Identity(**row._mapping) for row in among(conn, identities.c.id, set(numbers))}


def addresses_of(conn: Connection, numbers: Sequence[int]) -> dict[int, list[Identity]]:
    """The identities of many people at once, oldest first."""
    found: dict[int, list[Identity]] = {}
    for row in among(conn, identities.c.person, set(numbers), order=_BY_AGE):
        found.setdefault(row.person, []).append(Identity(**row._mapping))
    return found


class Merge(msgspec.Struct, frozen=True, kw_only=True):
    """A merge that stands: `absorbed` was found to be the same human."""

    absorbed: int
    name: str
    at: datetime
    reason: str


def merges_of(conn: Connection, number: int) -> list[Merge]:
    """Who was merged into this person and may be taken out again, newest first."""
    absorbed = {row.id: row.name for row in conn.execute(select(people).where(people.c.merged_into == number))}
    if not absorbed:
        return []
    from parley.log import record as log

    merged = [r for r in log.stream(conn, e.person(number)) if isinstance(r.event, e.PersonsMerged)]
    return [
        Merge(absorbed=r.event.absorbed, name=absorbed[r.event.absorbed], at=r.at, reason=r.event.reason)
        for r in reversed(merged)
        if isinstance(r.event, e.PersonsMerged) and r.event.absorbed in absorbed
    ]


def namesakes(conn: Connection, one: Person, limit: int) -> list[Person]:
    """Others of the same name."""
    question = select(people).where(people.c.name == one.name, people.c.id != one.id, people.c.merged_into.is_(None))
    return [Person(**row._mapping) for row in conn.execute(question.limit(limit))]


def newest(conn: Connection, beginning: str = "", after: int | None = None, limit: int = 50) -> list[Person]:
    """People, newest first, or those whose name or mail address begins so."""
    question = select(people).where(people.c.merged_into.is_(None))
    if beginning:
        low = beginning.strip().lower()
        mails = select(identities.c.person).where(
            identities.c.kind == "mail", identities.c.value >= low, identities.c.value < low + "\U0010ffff"
        )
        names = [
            (people.c.name >= v) & (people.c.name < v + "\U0010ffff")
            for v in {beginning.strip(), beginning.strip().title()}
        ]
        question = question.where(or_(people.c.id.in_(mails), *names))
    if after is not None:
        question = question.where(people.c.id < after)
    return [Person(**row._mapping) for row in conn.execute(question.order_by(people.c.id.desc()).limit(limit))]


def person(conn: Connection, number: int) -> Person:
    found = persons(conn, [number])
    if number not in found:
        raise NotFound("There is no such person.")
    return found[number]


def persons(conn: Connection, numbers: Sequence[int]) -> dict[int, Person]:
    return {row.id: Person(**row._mapping) for row in among(conn, people.c.id, set(numbers))}


def names_of(conn: Connection, numbers: Iterable[int]) -> dict[int, str]:
    """What many people are called: by the name they have, else by their most telling address."""
    rows = among(conn, people.c.id, set(numbers), of=(people.c.id, people.c.name))
    called: dict[int, str] = {row.id: row.name for row in rows}
    nameless = [number for number, name in called.items() if not name]
    addresses = addresses_of(conn, nameless) if nameless else {}
    return called | {number: _by_address(number, addresses.get(number, ())) for number in nameless}


def display_name(one: Person | None, addresses: Sequence[Identity] = ()) -> str:
    """A name to show: the person's, else their most telling address."""
    if one is None:
        return "Somebody"
    return one.name or _by_address(one.id, addresses)


def _by_address(number: int, addresses: Sequence[Identity]) -> str:
    for kind in TELLING:
        for address in addresses:
            if address.kind == kind:
                return address.value
    on_the_website = not addresses or any(address.kind == "visitor" for address in addresses)
    return f"Visitor {number}" if on_the_website else f"Customer {number}"
