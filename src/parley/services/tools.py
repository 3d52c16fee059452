"""Connections to the company's other systems: what an admin declared that a procedure may ask or do there.

A tool is one request to one host, with typed parameters and the few values that are picked out of the answer. Its
secrets are kept apart from it: `Tool` holds none, so that it can be shown, and `secrets_of` is called only where a
request is sent. `problems` says what is wrong with one before it can be used.
"""

import os
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import Column, Connection, LargeBinary, String, Table, delete, insert, select

from parley.core import events as e
from parley.core import picking
from parley.core.errors import NotFound, Refused
from parley.log.record import Tx
from parley.log.tables import Moment, metadata
from parley.services import setup

tools = Table(
    "tools",
    metadata,
    Column("name", String(24), primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("secrets", LargeBinary, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String(60), nullable=False),
)
_T = tools.c

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PLACES = ("path", "query", "body", "header")
KINDS = ("text", "number", "date", "yes_no", "customer")
"""Kinds of parameters. customer: the proved mail address, filled in by the desk, whatever a procedure says."""

NAME = re.compile(r"[a-z][a-z0-9_]{1,23}")
_VALUE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,60}")
_FORBIDDEN = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"})
_SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key"})
INSIDE = "inner_hosts"
TAKEN = ("cancel_order", "change_address", "invoice", "return_item", "refund", "callback")
"""Acts of the shop's own tables; a procedure names both alike."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """place: where it goes. example: what a try begins with."""

    name: str
    kind: str = "text"
    place: str = "query"
    needed: bool = True
    example: str = ""


class Picked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value of the answer: its name in procedures, and where it stands."""

    name: str
    path: str
    kind: str = "text"


class Tool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request. address: with {places} for path parameters. acts: it changes something there.

    headers: those that may be shown. secret_headers: names alone. personal: it tells of a customer, so it runs only for
    one who has shown who they are; then `owner` names the answer's value that holds the owner's mail address, unless a
    parameter carries the customer. once: the header by which the other side knows a request that came before; only then
    is one that acts tried again. rehearsed: the answer that conversations are held with.
    """

    name: str
    title: str
    method: str = "GET"
    address: str = ""
    acts: bool = False
    personal: bool = True
    owner: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    secret_headers: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    answer: tuple[Picked, ...] = ()
    seconds: int = 5
    once: str = ""
    rehearsed: str = "{}"
    changed_at: datetime | None = None
    changed_by: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.address).netloc

    @property
    def origin(self) -> tuple[str, str]:
        return urlsplit(self.address)[:2]

    @property
    def repeatable(self) -> bool:
        """Whether a second request can do no more than the first."""
        return not self.acts or bool(self.once)

    def value(self, name: str) -> Picked | None:
        return next((one for one in self.answer if one.name == name), None)


# ── declaring ───────────────────────────────────────────────────────────────────────────────


def problems(tool: Tool) -> list[str]:
    """Everything that is wrong with it, in words for who wrote it."""
    return [*_of_request(tool), *_of_parameters(tool), *_of_answer(tool), *_of_rights(tool)]


def _of_request(tool: Tool) -> list[str]:
    found = []
    if not NAME.fullmatch(tool.name):
        found.append("A name has 2 to 24 small letters, digits and _, and begins with a letter.")
    if tool.name in TAKEN:
        found.append(f"“{tool.name}” is something that the shop's own tables do; choose another name.")
    if not tool.title.strip():
        found.append("It needs a title.")
    if tool.method not in METHODS:
        found.append(f"The method is one of {', '.join(METHODS)}.")
    if tool.method == "DELETE" and not tool.acts:
        found.append("A DELETE changes something; say that it acts.")
    if not 1 <= tool.seconds <= 30:
        found.append("It is waited for 1 to 30 seconds.")
    if tool.once and not _HEADER.fullmatch(tool.once):
        found.append("The header against doing things twice is no name of a header.")
    for name in (*(name for name, _ in tool.headers), *tool.secret_headers):
        if not _HEADER.fullmatch(name) or name.lower() in _FORBIDDEN:
            found.append(f"“{name}” cannot be sent as a header.")
    for name, value in tool.headers:
        if name.lower() in _SECRET:
            found.append(f"“{name}” belongs under the secret headers, where nobody sees it.")
        if not value.isprintable() or not value.isascii():
            found.append(f"The header “{name}” holds signs that no header can carry.")
    return [*_of_address(tool), *found]


def _of_address(tool: Tool) -> list[str]:
    try:
        parts = urlsplit(tool.address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return ["The address cannot be read."]
    if parts.scheme not in ("http", "https") or not host:
        return ["The address begins with https:// or http:// and a host."]
    if parts.username or parts.password:
        return ["A password belongs into a secret header, not into the address."]
    if "{" in parts.netloc or "}" in parts.netloc:
        return ["The host of an address stands fast; only its path can have places."]
    if parts.fragment or parts.query:
        return ["What follows “?” is made from the parameters; the address ends before it."]
    return []


def _of_parameters(tool: Tool) -> list[str]:
    found = []
    names = [one.name for one in tool.parameters]
    placed = re.findall(r"\{([^{}]*)\}", urlsplit(tool.address).path) if not _of_address(tool) else []
    found += [f"The address has a place “{{{name}}}” and no such parameter in the path." for name in placed
              if not any(one.name == name and one.place == "path" for one in tool.parameters)]  # fmt: skip
    for one in tool.parameters:
        if not _VALUE.fullmatch(one.name):
            found.append(f"“{one.name}” is no name of a parameter.")
        if one.kind not in KINDS or one.place not in PLACES:
            found.append(f"“{one.name}”: its kind is one of {', '.join(KINDS)}, its place one of {', '.join(PLACES)}.")
        if one.place == "path" and one.name not in placed:
            found.append(f"“{one.name}” goes into the path, and the address has no “{{{one.name}}}”.")
        if one.place == "body" and tool.method in ("GET", "DELETE"):
            found.append(f"“{one.name}”: a {tool.method} has no body.")
        if one.place == "header" and (one.name.lower() in _FORBIDDEN or not _HEADER.fullmatch(one.name)):
            found.append(f"“{one.name}” cannot be sent as a header.")
    found += [f"There are two parameters “{name}”." for name in sorted({n for n in names if names.count(n) > 1})]
    return found


def _of_answer(tool: Tool) -> list[str]:
    found = []
    names = [one.name for one in tool.answer]
    for one in tool.answer:
        if not re.fullmatch(r"[A-Za-z_]\w{0,39}", one.name):
            found.append(f"“{one.name}” is no name for a value: letters, digits and _.")
        if one.kind not in picking.KINDS:
            found.append(f"“{one.name}”: its kind is one of {', '.join(picking.KINDS)}.")
        try:
            picking.path(one.path)
        except ValueError as error:
            found.append(f"“{one.name}”: {error}")
    found += [f"There are two values “{name}”." for name in sorted({n for n in names if names.count(n) > 1})]
    try:
        msgspec.json.decode(tool.rehearsed or "{}")
    except msgspec.DecodeError as error:
        found.append(f"The answer for rehearsals is no JSON: {error}.")
    return found


def _of_rights(tool: Tool) -> list[str]:
    """Whoever tells of customers must be able to tell whose it is."""
    if tool.owner and tool.value(tool.owner) is None:
        return [f"The owner is a value of the answer, and there is no “{tool.owner}”."]
    carries = any(one.kind == "customer" for one in tool.parameters)
    if carries and not tool.personal:
        return ["It is asked with the customer's address, so it is personal."]
    if tool.personal and not tool.acts and not tool.owner and not carries:
        return [
            "It tells of a customer, so the desk has to know whose it is: name the value that holds the owner's mail"
            " address, or give it a parameter of the kind “customer”."
        ]
    if tool.acts and not tool.personal:
        return ["What acts is done for a customer who has shown who they are; it is personal."]
    if tool.acts and not carries:
        return ["What acts needs a parameter of the kind “customer”, so that the other system can check whose it is."]
    return []


# ── keeping ─────────────────────────────────────────────────────────────────────────────────


def keep(tx: Tx, new: Tool, secrets: Mapping[str, str], by: str) -> None:
    """Declare or change one. secrets: values of secret headers; those that are left out keep what they had."""
    if found := problems(new):
        raise Refused(" ".join(found))
    row = tx.conn.execute(select(_T.data, _T.secrets).where(_T.name == new.name)).one_or_none()
    before = msgspec.json.decode(row.secrets, type=dict[str, str]) if row else {}
    if row and msgspec.json.decode(row.data, type=Tool).origin != new.origin:
        before = {}  # a secret was given for one host, and is told to no other
    kept = {name: secrets.get(name) or before.get(name, "") for name in new.secret_headers}
    if missing := [name for name, value in kept.items() if not value]:
        raise Refused(f"The secret header {', '.join(missing)} has no value yet, or was given for another host.")
    if any(not value.isprintable() or not value.isascii() for value in kept.values()):
        raise Refused("A secret holds signs that no header can carry.")
    data = msgspec.json.encode(msgspec.structs.replace(new, changed_at=None, changed_by=""))
    tx.conn.execute(delete(tools).where(_T.name == new.name))
    tx.conn.execute(
        insert(tools).values(
            name=new.name, data=data, secrets=msgspec.json.encode(kept), changed_at=tx.at, changed_by=by
        )
    )
    fact = e.ToolChanged(tool=new.name, change="changed" if row else "declared", host=new.host)
    tx.append(e.DESK, [fact], by)


def remove(tx: Tx, name: str, by: str) -> None:
    host = by_name(tx.conn, name).host
    tx.conn.execute(delete(tools).where(_T.name == name))
    tx.append(e.DESK, [e.ToolChanged(tool=name, change="removed", host=host)], by)


def permit_inside(tx: Tx, hosts: str, by: str) -> None:
    """Name the hosts in our own network that tools may reach: `host` or `host:port`, one a line."""
    lines = [line.strip().lower() for line in hosts.splitlines() if line.strip()]
    for line in lines:
        if not re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?", line):
            raise Refused(f"“{line}” is no host. Write a name or an address, and a port where it has one.")
    setup.set_setting(tx, INSIDE, lines)
    tx.append(e.DESK, [e.ToolChanged(tool="", change="permitted inside", host=", ".join(lines)[:500])], by)


# ── asking ──────────────────────────────────────────────────────────────────────────────────


def every(conn: Connection) -> dict[str, Tool]:
    """All of them by name."""
    rows = conn.execute(select(_T.name, _T.data, _T.changed_at, _T.changed_by).order_by(_T.name))
    return {row.name: _tool(row) for row in rows}


def find(conn: Connection, name: str) -> Tool | None:
    question = select(_T.name, _T.data, _T.changed_at, _T.changed_by).where(_T.name == name)
    row = conn.execute(question).one_or_none()
    return _tool(row) if row is not None else None


def by_name(conn: Connection, name: str) -> Tool:
    if (found := find(conn, name)) is None:
        raise NotFound("There is no such connection.")
    return found


def _tool(row: Any) -> Tool:
    tool = msgspec.json.decode(row.data, type=Tool)
    return msgspec.structs.replace(tool, changed_at=row.changed_at, changed_by=row.changed_by)


def secrets_of(conn: Connection, name: str) -> dict[str, str]:
    """The secret headers with their values, for the one request that is about to be sent. `env:NAME` is looked up."""
    raw = conn.execute(select(_T.secrets).where(_T.name == name)).scalar()
    kept = msgspec.json.decode(raw, type=dict[str, str]) if raw is not None else {}
    return {header: _looked_up(value) for header, value in kept.items()}


def _looked_up(value: str) -> str:
    return os.environ.get(value[4:], "") if value.startswith("env:") else value


def inside(conn: Connection) -> frozenset[str]:
    """Hosts in our own network that an admin permitted."""
    return frozenset(setup.setting(conn, INSIDE, []))
