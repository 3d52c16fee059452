"""Who is at the door: passwords, sessions, login links, API tokens, and limits on trying.

Passwords are argon2id hashes. Sessions and tokens are random 256-bit strings; only their SHA-256 is
stored, so a stolen database opens no door.
"""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Index, Integer, String, Table, delete, insert, select, update

from parley.core.errors import Refused
from parley.log.record import Tx, chunks
from parley.log.tables import Moment, metadata
from parley.services import setup
from parley.services.inbox import Viewer

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("agent", Integer, nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("since", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
)
Index("ix_sessions_agent", sessions.c.agent)

tickets = Table(
    "login_tickets",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("agent", Integer, nullable=False),
    Column("expires", Moment, nullable=False),
)

tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("agent", Integer, nullable=False),
    Column("name", String(80), nullable=False),
    Column("scope", String(5), nullable=False),
    Column("since", Moment, nullable=False),
    Column("last_used", Moment),
)

attempts = Table(
    "attempts",
    metadata,
    Column("key", String(120), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("since", Moment, nullable=False),
)

SESSION_DAYS = 14
TICKET_MINUTES = 60
LIMIT, WINDOW = 10, timedelta(minutes=15)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in agent. csrf: must come back with every change."""

    agent: setup.Agent
    csrf: str

    @property
    def viewer(self) -> Viewer:
        return viewer_of(self.agent)


def viewer_of(agent: setup.Agent) -> Viewer:
    return Viewer(agent=agent.id, role=agent.role, brands=agent.brands or None)


# ── passwords ───────────────────────────────────────────────────────────────────────────────


@cache
def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _decoy() -> str:
    return str(_hasher().hash(secrets.token_hex(16)))


def hash_password(password: str) -> str:
    """Slow by design (about 50 ms): not for the event loop, not inside a transaction."""
    if len(password) < 10:
        raise Refused("A password has at least 10 characters.")
    return str(_hasher().hash(password))


def password_fits(stored: str | None, password: str) -> bool:
    """Takes the same time whether or not there is such an agent."""
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        fits = _hasher().verify(stored or _decoy(), password)
    except (Argon2Error, InvalidHashError):
        return False
    return bool(fits) and stored is not None


# ── limits ──────────────────────────────────────────────────────────────────────────────────


def allowed(tx: Tx, key: str, limit: int = LIMIT, window: timedelta = WINDOW) -> bool:
    """Count a try under `key`; False when there were too many in the window."""
    row = tx.conn.execute(select(attempts).where(attempts.c.key == key[:120])).one_or_none()
    if row is None or tx.at - row.since > window:
        tx.conn.execute(delete(attempts).where(attempts.c.key == key[:120]))
        tx.conn.execute(insert(attempts).values(key=key[:120], count=1, since=tx.at))
        return True
    tx.conn.execute(update(attempts).where(attempts.c.key == key[:120]).values(count=row._mapping["count"] + 1))
    return bool(row._mapping["count"] < limit)


def first_of_window(tx: Tx, keys: Collection[str], window: timedelta) -> set[str]:
    """Those of many keys that were not counted within the window; from now on they are."""
    counted = set()
    for chunk in chunks(sorted(keys), 500):
        recent = select(attempts.c.key).where(attempts.c.key.in_(chunk), attempts.c.since > tx.at - window)
        counted |= set(tx.conn.execute(recent).scalars())
    fresh = set(keys) - counted
    for chunk in chunks(sorted(fresh), 500):
        tx.conn.execute(delete(attempts).where(attempts.c.key.in_(chunk)))
    if fresh:
        tx.conn.execute(insert(attempts), [{"key": key, "count": 1, "since": tx.at} for key in sorted(fresh)])
    return fresh


def forgive(tx: Tx, key: str) -> None:
    tx.conn.execute(delete(attempts).where(attempts.c.key == key[:120]))


# ── sessions ────────────────────────────────────────────────────────────────────────────────


def stored_password(conn: Connection, mail: str) -> tuple[int, str | None] | None:
    question = select(setup.agents.c.id, setup.agents.c.password).where(
        setup.agents.c.mail == mail.strip().lower(), setup.agents.c.active
    )
    row = conn.execute(question).one_or_none()
    return (row.id, row.password) if row else None


def begin_session(tx: Tx, agent: int) -> str:
    """A new session; returns the secret for the cookie."""
    secret = secrets.token_urlsafe(32)
    row = {
        "hash": _digest(secret),
        "agent": agent,
        "csrf": secrets.token_urlsafe(24),
        "since": tx.at,
        "expires": tx.at + timedelta(days=SESSION_DAYS),
    }
    tx.conn.execute(delete(sessions).where(sessions.c.expires < tx.at))
    tx.conn.execute(insert(sessions).values(row))
    return secret


def end_session(tx: Tx, secret: str) -> None:
    tx.conn.execute(delete(sessions).where(sessions.c.hash == _digest(secret)))


def end_all_sessions(tx: Tx, agent: int) -> None:
    """After a change of password, role or brands, or when an agent is deactivated."""
    tx.conn.execute(delete(sessions).where(sessions.c.agent == agent))
    tx.conn.execute(delete(tickets).where(tickets.c.agent == agent))


def session_of(conn: Connection, secret: str | None, now: datetime) -> Session | None:
    if not secret:
        return None
    question = (
        select(sessions.c.csrf, setup.agents)
        .join(setup.agents, setup.agents.c.id == sessions.c.agent)
        .where(sessions.c.hash == _digest(secret), sessions.c.expires > now, setup.agents.c.active)
    )
    row = conn.execute(question).one_or_none()
    return Session(agent=setup.as_agent(row), csrf=row.csrf) if row else None


def login_link(tx: Tx, agent: int) -> str:
    """A secret that signs in once, within an hour."""
    secret = secrets.token_urlsafe(32)
    expires = tx.at + timedelta(minutes=TICKET_MINUTES)
    tx.conn.execute(insert(tickets).values(hash=_digest(secret), agent=agent, expires=expires))
    return secret


def use_login_link(tx: Tx, secret: str) -> str | None:
    """A session's secret for a link's secret; None when it was used, is late or wrong."""
    row = tx.conn.execute(select(tickets).where(tickets.c.hash == _digest(secret))).one_or_none()
    if row is None:
        return None
    tx.conn.execute(delete(tickets).where(tickets.c.hash == row.hash))
    return begin_session(tx, row.agent) if row.expires > tx.at else None


# ── API tokens ──────────────────────────────────────────────────────────────────────────────


def issue_token(tx: Tx, agent: int, name: str, scope: str = "write") -> str:
    """A token that acts as this agent (scope write) or only reads as they do (read). Shown once."""
    if scope not in ("read", "write"):
        raise Refused("A token may read, or read and write.")
    secret = f"parley_{secrets.token_urlsafe(32)}"
    row = {
        "hash": _digest(secret),
        "agent": agent,
        "name": name.strip()[:80] or "token",
        "scope": scope,
        "since": tx.at,
    }
    tx.conn.execute(insert(tokens).values(**row))
    return secret


def revoke_token(tx: Tx, token: int, agent: int | None = None) -> None:
    clause = tokens.c.id == token
    tx.conn.execute(delete(tokens).where(clause if agent is None else clause & (tokens.c.agent == agent)))


def agent_of_token(conn: Connection, secret: str) -> setup.Agent | None:
    """The agent a token acts for; with the scope `read` they may only read."""
    question = (
        select(tokens.c.scope, setup.agents)
        .join(setup.agents, tokens.c.agent == setup.agents.c.id)
        .where(tokens.c.hash == _digest(secret), setup.agents.c.active)
    )
    row = conn.execute(question).one_or_none()
    if row is None:
        return None
    agent = setup.as_agent(row)
    return msgspec.structs.replace(agent, role="read-only") if row.scope == "read" else agent


def tokens_of(conn: Connection, agent: int | None = None) -> list[Any]:
    question = select(tokens).order_by(tokens.c.id)
    return list(conn.execute(question if agent is None else question.where(tokens.c.agent == agent)))


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
