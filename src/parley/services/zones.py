"""Where somebody's clock is: what was noted about them, what their phone's country says, what their browser told."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Column, Connection, String, Table, delete, insert

from parley.core import events as e
from parley.core import zones as rules
from parley.core.errors import Refused
from parley.log.many import among
from parley.log.record import Tx
from parley.log.tables import Id, Moment, metadata
from parley.services import people

NOTED, PHONE, BROWSER = "noted", "phone", "browser"
PHONES = ("phone", "wa_id")

zones = Table(
    "zones",
    metadata,
    Column("identity", Id, primary_key=True, autoincrement=False),
    Column("how", String(10), primary_key=True),
    Column("zone", String(60), nullable=False),
    Column("at", Moment, nullable=False),
)
_Z = zones.c


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """how: noted by an agent, phone (its country), or browser."""

    name: str
    how: str


class ZoneReader:
    """The last zone that each source told, by address, in step with the log."""

    name = "zones"
    in_step = True
    kinds = (e.ZoneNoticed,)
    tables = (zones,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        rows = {}
        for r in batch:
            assert isinstance(r.event, e.ZoneNoticed)
            rows[r.event.identity, r.event.how] = r
        for (identity, how), r in rows.items():
            assert isinstance(r.event, e.ZoneNoticed)
            tx.conn.execute(delete(zones).where(_Z.identity == identity, _Z.how == how))
            if r.event.zone:
                row = {"identity": identity, "how": how, "zone": r.event.zone, "at": r.at}
                tx.conn.execute(insert(zones), [row])


def notice(tx: Tx, identity: people.Identity, zone: str) -> None:
    """What a browser told, where it is news; nonsense is passed over."""
    if rules.known(zone) and _told(tx.conn, [identity.id]).get((identity.id, BROWSER)) != zone:
        fact = e.ZoneNoticed(identity=identity.id, person=identity.person, zone=zone, how=BROWSER)
        tx.append(e.person(identity.person), [fact], "intake")


def note(tx: Tx, person: int, zone: str, by: str) -> None:
    """What an agent knows about somebody; empty to know it no more. Raises Refused for what is no zone."""
    if zone and not rules.known(zone):
        raise Refused(f"There is no time zone {zone!r}. Name one such as Europe/Berlin.")
    theirs = people.identities_of(tx.conn, person)
    if not theirs:
        raise Refused("There is no address of theirs to note it with.")
    told = _told(tx.conn, [i.id for i in theirs])
    where = [i for i in theirs if (i.id, NOTED) in told] or theirs[:1]
    facts = [e.ZoneNoticed(identity=i.id, person=person, zone=zone, how=NOTED) for i in where]
    tx.append(e.person(person), facts, by)


def of(conn: Connection, theirs: Sequence[people.Identity]) -> Zone | None:
    """The surest zone of whoever has these addresses; None where nothing tells it."""
    told = _told(conn, [i.id for i in theirs])
    noted = [zone for (_, how), zone in told.items() if how == NOTED]
    phones = [zone for i in theirs if i.kind in PHONES and (zone := rules.of_phone(i.value))]
    browser = [zone for (_, how), zone in told.items() if how == BROWSER]
    for how, found in ((NOTED, noted), (PHONE, phones), (BROWSER, browser)):
        if found:
            return Zone(name=found[-1], how=how)
    return None


def of_holder(conn: Connection, identity: int) -> Zone | None:
    """The zone of whoever has this address, by all that is known of them."""
    held = people.identities_by_id(conn, [identity]).get(identity)
    return of(conn, people.identities_of(conn, held.person)) if held else None


def _told(conn: Connection, identities: Sequence[int]) -> dict[tuple[int, str], str]:
    """By address and source, the newest last."""
    rows = sorted(among(conn, _Z.identity, sorted(identities)), key=lambda row: row.at)
    return {(row.identity, row.how): row.zone for row in rows}
