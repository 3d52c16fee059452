"""How this desk is set up: brands, inboxes, agents, tokens. Plain tables, changed by admins."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    insert,
    select,
    update,
)

from parley.core.channel import Channel, Inbox
from parley.core.errors import BadConfig, NotFound
from parley.core.manner import Term
from parley.core.tone import Tone
from parley.log.record import Tx
from parley.log.tables import Moment, counters, metadata

SETUP = "setup"  # the counter of changes to brands and inboxes

brands = Table(
    "brands",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("look", LargeBinary, nullable=False),
)

inboxes = Table(
    "inboxes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("brand", Integer, nullable=False),
    Column("channel", String(40), nullable=False),
    Column("name", String(80), nullable=False),
    Column("address", String(254), nullable=False),
    Column("settings", LargeBinary, nullable=False),
    Column("with_bot", Boolean, nullable=False),
    UniqueConstraint("channel", "address"),
)

agents = Table(
    "agents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("mail", String(254), nullable=False, unique=True),
    Column("role", String(12), nullable=False),
    Column("password", String(200)),
    Column("skills", Text, nullable=False, default=""),
    Column("capacity", Float, nullable=False, default=1.0),
    Column("brands", Text, nullable=False, default=""),
    Column("presence", String(8), nullable=False, default="offline"),
    Column("single_keys", Boolean, nullable=False, default=True),
    Column("theme", String(5), nullable=False, default="auto"),
    Column("active", Boolean, nullable=False, default=True),
    Column("takes_calls", Boolean, nullable=False, default=False),
    Column("joined_at", Moment, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("key", String(80), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

ROLES = ("admin", "lead", "agent", "read-only")


class Letter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands under a mail in one language, and under shorter messages; what is empty is as in the brand's own."""

    sign_off: str = ""
    footer: str = ""
    short: str = ""


class Look(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A brand's look and manner. colour: CSS colour. What it promises stands in services/promises.py.

    sign_off, footer: under every mail; the footer small, with the logo. letters: the same in other languages, by their
    codes (`de`), for customers whose last words were in one of them. terms: what is not said in its answers.
    tone: how they sound. short: one line under answers on the channels of `signs`, by their names (services/sign_offs).
    logo: the SHA-256 of a picture in the store and its type, such as "9f…:image/png".
    bot_does: procedures that the bot may carry out; bot_leaves: those that are on by themselves and shall not be;
    bot_limits: of the policy, as `refund.days`. See services/procedures.
    """

    colour: str = "#2f6f4f"
    mark: str = ""
    sign_off: str = ""
    footer: str = ""
    short: str = ""
    signs: tuple[str, ...] = ()
    letters: dict[str, Letter] = {}
    terms: tuple[Term, ...] = ()
    tone: Tone = Tone()
    logo: str = ""
    order_pattern: str = r"\d{5}"
    site: str = ""
    bot_does: tuple[str, ...] = ()
    bot_leaves: tuple[str, ...] = ()
    bot_limits: dict[str, int] = {}

    def letter(self, language: str) -> Letter:
        """What stands under a mail in this language."""
        own = self.letters.get(language, Letter())
        return Letter(
            sign_off=own.sign_off or self.sign_off, footer=own.footer or self.footer, short=own.short or self.short
        )


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    name: str
    look: Look


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A person who works at the desk. brands: the ids they serve; empty means all.

    capacity: 1.0 is one person fully occupied; the unit of a channel's weight. takes_calls: calls ring at their desk.
    """

    id: int
    name: str
    mail: str
    role: str
    skills: tuple[str, ...] = ()
    capacity: float = 1.0
    brands: tuple[int, ...] = ()
    presence: str = "offline"
    single_keys: bool = True
    theme: str = "auto"
    active: bool = True
    takes_calls: bool = False

    @property
    def initials(self) -> str:
        return "".join(part[0] for part in self.name.split()[:2]).upper()


# ── acts ────────────────────────────────────────────────────────────────────────────────────


def _changed(tx: Tx) -> None:
    """Note that brands or inboxes changed, so that other processes read them again."""
    tx.new_id(SETUP)
    tx.record.database.announce(tx.conn, 0)


def version(conn: Connection) -> int:
    """Grows whenever brands or inboxes change."""
    return conn.execute(select(counters.c.value).where(counters.c.name == SETUP)).scalar() or 0


def add_brand(tx: Tx, name: str, look: Look | None = None) -> int:
    row = {"name": name, "look": msgspec.json.encode(look or Look())}
    _changed(tx)
    return int(tx.conn.execute(insert(brands).values(row).returning(brands.c.id)).scalar_one())


def change_brand(tx: Tx, brand: int, name: str, look: Look) -> None:
    tx.conn.execute(update(brands).where(brands.c.id == brand).values(name=name, look=msgspec.json.encode(look)))
    _changed(tx)


def add_inbox(
    tx: Tx,
    brand: int,
    channel: str,
    name: str,
    address: str,
    settings: Any = None,
    with_bot: bool = False,
) -> int:
    row = {
        "brand": brand,
        "channel": channel,
        "name": name,
        "address": address.lower(),
        "settings": msgspec.json.encode(settings if settings is not None else {}),
        "with_bot": with_bot,
    }
    _changed(tx)
    return int(tx.conn.execute(insert(inboxes).values(row).returning(inboxes.c.id)).scalar_one())


def change_inbox(tx: Tx, inbox: int, **changes: Any) -> None:
    if "settings" in changes:
        changes["settings"] = msgspec.json.encode(changes["settings"])
    tx.conn.execute(update(inboxes).where(inboxes.c.id == inbox).values(**changes))
    _changed(tx)


def add_agent(
    tx: Tx,
    name: str,
    mail: str,
    role: str = "agent",
    *,
    password: str | None = None,
    skills: tuple[str, ...] = (),
    capacity: float = 1.0,
    brands: tuple[int, ...] = (),
) -> int:
    """`password` is an argon2 hash (see services/access.py), or None for one who can only use a login link."""
    if role not in ROLES:
        raise BadConfig(f"There is no role “{role}”. Roles are: {', '.join(ROLES)}.")
    row = {
        "name": name,
        "mail": mail.strip().lower(),
        "role": role,
        "password": password,
        "skills": ",".join(skills),
        "capacity": capacity,
        "brands": ",".join(map(str, brands)),
        "presence": "offline",
        "single_keys": True,
        "theme": "auto",
        "active": True,
        "takes_calls": False,
        "joined_at": tx.at,
    }
    return int(tx.conn.execute(insert(agents).values(row).returning(agents.c.id)).scalar_one())


def change_agent(tx: Tx, agent: int, **changes: Any) -> None:
    """Change columns of an agent's row, such as `role`, `active`, `single_keys` or `password` (a hash)."""
    if changes.get("role", "agent") not in ROLES:
        raise BadConfig(f"There is no role “{changes['role']}”. Roles are: {', '.join(ROLES)}.")
    tx.conn.execute(update(agents).where(agents.c.id == agent).values(**changes))


def sign_as(tx: Tx, agent: int, lines: str) -> None:
    """What stands under an agent's mails; empty: their name."""
    set_setting(tx, f"signature/{agent}", "\n".join(lines.strip()[:1000].splitlines()))


def signature(conn: Connection, agent: int) -> str:
    return str(setting(conn, f"signature/{agent}", ""))


def set_setting(tx: Tx, key: str, value: Any) -> None:
    data = msgspec.json.encode(value)
    if not tx.conn.execute(update(settings).where(settings.c.key == key).values(value=data)).rowcount:
        tx.conn.execute(insert(settings).values(key=key, value=data))


# ── asks ────────────────────────────────────────────────────────────────────────────────────


_SETTING = select(settings.c.value).where(settings.c.key == bindparam("key"))


def setting(conn: Connection, key: str, default: Any = None) -> Any:
    data = conn.execute(_SETTING, {"key": key}).scalar()
    return default if data is None else msgspec.json.decode(data)


def note_start(tx: Tx, url: str, key: bytes) -> bool:
    """Remember where the desk is served. False when its links were signed with another key so far."""
    if url:
        set_setting(tx, "served_at", url)
    if setting(tx.conn, "key") is None:
        set_setting(tx, "key", _fingerprint(key))
    return knows_key(tx.conn, key)


def knows_key(conn: Connection, key: bytes) -> bool:
    """Whether this is the key that the desk's links are signed with."""
    return setting(conn, "key") in (None, _fingerprint(key))


def _fingerprint(key: bytes) -> str:
    return sha256(b"fingerprint of the key " + key).hexdigest()[:32]


_BRANDS, _INBOXES = select(brands).order_by(brands.c.id), select(inboxes).order_by(inboxes.c.id)
_AGENTS = select(agents).order_by(agents.c.name)
_ONLINE = select(agents).where(agents.c.presence == "online")
_AGENT = select(agents).where(agents.c.id == bindparam("number"))


def all_brands(conn: Connection) -> dict[int, Brand]:
    return {
        row.id: Brand(id=row.id, name=row.name, look=msgspec.json.decode(row.look, type=Look))
        for row in conn.execute(_BRANDS)
    }


def all_agents(conn: Connection) -> dict[int, Agent]:
    return {row.id: as_agent(row) for row in conn.execute(_AGENTS)}


def agents_online(conn: Connection) -> list[Agent]:
    return [as_agent(row) for row in conn.execute(_ONLINE)]


def agent(conn: Connection, number: int) -> Agent:
    row = conn.execute(_AGENT, {"number": number}).one_or_none()
    if row is None:
        raise NotFound("There is no such agent.")
    return as_agent(row)


def as_agent(row: Any) -> Agent:
    return Agent(
        id=row.id,
        name=row.name,
        mail=row.mail,
        role=row.role,
        skills=tuple(s for s in row.skills.split(",") if s),
        capacity=row.capacity,
        brands=tuple(int(b) for b in row.brands.split(",") if b),
        presence=row.presence,
        single_keys=bool(row.single_keys),
        theme=row.theme,
        active=bool(row.active),
        takes_calls=bool(row.takes_calls),
    )


def all_inboxes(conn: Connection, channels: Mapping[str, Channel]) -> dict[int, Inbox]:
    """Every inbox whose channel is installed, with its settings decoded into the channel's struct."""
    return {row.id: as_inbox(row, channels[row.channel]) for row in conn.execute(_INBOXES) if row.channel in channels}


def has_no_inbox(conn: Connection) -> bool:
    return conn.execute(select(inboxes.c.id).limit(1)).first() is None


def inbox_at(conn: Connection, channel: str, address: str) -> int | None:
    """The inbox of a channel at an address, if there is one."""
    question = select(inboxes.c.id).where(inboxes.c.channel == channel, inboxes.c.address == address.lower())
    return conn.execute(question).scalar()


def as_inbox(row: Any, channel: Channel) -> Inbox:
    try:
        decoded = msgspec.json.decode(row.settings, type=channel.manifest.settings)
    except msgspec.ValidationError as error:
        raise BadConfig(f"The settings of inbox “{row.name}” are wrong: {error}.") from error
    return Inbox(
        id=row.id,
        brand=row.brand,
        channel=row.channel,
        name=row.name,
        address=row.address,
        settings=decoded,
        with_bot=bool(row.with_bot),
    )


def is_new(conn: Connection) -> bool:
    """Whether nobody has set this desk up yet."""
    return conn.execute(select(agents.c.id).limit(1)).first() is None
