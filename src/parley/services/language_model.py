"""A language model behind an address, where the desk has one. It words and it guesses; it decides and does nothing.

`Model.ask` gives a text or None: off, over a cap, too slow, wrong or gone are all the same to whoever asks, who has an
answer of their own; `Model.said` tells which it was, for a person who waits. What was asked and what came is kept,
without what tells who it was, for a month. The forms of request and answer are in `model_forms`.
"""

import http.client
import json
import logging
import ssl
import threading
import time
from collections import OrderedDict
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import Column, Connection, Index, Integer, String, Table, Text, delete, func, insert, select

from parley.core.errors import BadConfig
from parley.core.redaction import redacted
from parley.log.record import Record, Tx
from parley.log.tables import Id, Moment, metadata
from parley.services import model_forms, setup
from parley.services.model_forms import Wrong

logger = logging.getLogger("parley.model")

KEPT = timedelta(days=30)
MOST_BYTES = 64 * 1024
REMEMBERED = 200
FAILS, PAUSE = 2, 60.0
"""So many failures in a row, and nobody asks for so many seconds: a slow model delays few answers."""

asked = Table(
    "model_requests",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("conversation", Id, nullable=False),
    Column("purpose", String(12), nullable=False),
    Column("outcome", String(80), nullable=False),
    Column("ms", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
)
_A = asked.c
Index("ix_model_requests_at", _A.at)
Index("ix_model_requests_conversation", _A.conversation, _A.at)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Off until it is switched on. url: up to and with `/v1`. per_conversation, per_day: requests. tokens: a day's.

    speaks: which form of request the address understands, of `model_forms.FORMS`. tone: how the brand speaks, in a
    sentence. rewrites, summaries, drafts, reports, translations, wishes: what it is asked for.
    """

    on: bool = False
    speaks: str = "openai"
    url: str = ""
    name: str = ""
    key: str = ""
    tone: str = ""
    seconds: int = 4
    per_conversation: int = 10
    per_day: int = 1000
    tokens: int = 500_000
    rewrites: bool = True
    summaries: bool = True
    drafts: bool = True
    reports: bool = True
    translations: bool = True
    wishes: bool = True


class Said(msgspec.Struct, frozen=True):
    """text: what it said; empty where it said nothing. outcome: how it went, in words for the log and a person."""

    text: str
    outcome: str


def settings(conn: Connection) -> Settings:
    return msgspec.convert(setup.setting(conn, "language_model", {}), Settings)


def keep(tx: Tx, new: Settings) -> None:
    """BadConfig names what is wrong. The key stays in the settings, and is shown to nobody."""
    parts = urlsplit(new.url)
    if new.on and (parts.scheme not in ("http", "https") or not parts.hostname or not new.name):
        raise BadConfig("A language model needs an address that begins with http:// or https://, and its name.")
    if parts.username or parts.password:
        raise BadConfig("A key belongs into its own field, not into the address.")
    if new.speaks not in model_forms.FORMS:
        raise BadConfig("An address speaks as OpenAI's or as Anthropic's does.")
    if not 1 <= new.seconds <= 60 or min(new.per_conversation, new.per_day, new.tokens) < 0:
        raise BadConfig("It is waited for 1 to 60 seconds, and a cap is 0 or more.")
    setup.set_setting(tx, "language_model", msgspec.to_builtins(new))


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it is shown."""

    at: Any
    conversation: int
    purpose: str
    outcome: str
    ms: int
    tokens: int
    question: str
    answer: str


def newest(conn: Connection, limit: int = 30) -> list[Line]:
    rows = conn.execute(select(asked).order_by(_A.at.desc(), _A.id.desc()).limit(limit))
    return [Line(**{name: getattr(row, name) for name in Line.__struct_fields__}) for row in rows]


class Model:
    """Asks, within the caps. Threads may share it."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._lock = threading.Lock()
        self._fails, self._not_before = 0, 0.0
        self._known: OrderedDict[int, tuple[str, str]] = OrderedDict()

    def wanted(self, purpose: str) -> Settings | None:
        """The settings, where it is on for a purpose."""
        now = self.record.ask(settings)
        return now if now.on and getattr(now, purpose, True) else None

    def ask(self, conversation: int, purpose: str, rule: str, text: str) -> str | None:
        """What it says to a text under a rule; None for every way in which that fails. conversation: 0 for none."""
        return self.said(conversation, purpose, rule, text).text or None

    def said(self, conversation: int, purpose: str, rule: str, text: str, most: int = 400) -> Said:
        """The same, and how it went. most: tokens that its answer may have; one that is cut off is none."""
        now = self.wanted(purpose)
        if now is None:
            return Said("", "it is switched off")
        if time.monotonic() < self._not_before:
            return Said("", "it failed twice in a row and is left alone for a minute")
        if (over := self.record.ask(_over, now, conversation, self.record.clock())) is not None:
            self._note(conversation, purpose, over, 0, 0, text, "")
            return Said("", over)
        began = time.monotonic()
        answer, outcome, tokens = "", "answered", 0
        try:
            answer, tokens = _call(now, model_forms.Question(rule, text, most))
        except Exception as error:
            outcome = f"failed: {_why(error)}"
        self._count(outcome == "answered")
        tokens = tokens or (len(text) + len(answer)) // 4
        self._note(conversation, purpose, outcome, round((time.monotonic() - began) * 1000), tokens, text, answer)
        return Said(answer, outcome)

    def known(self, conversation: int, text: str) -> str:
        """What was made of this very text, by the conversation's last `remember`: empty as soon as a word changed."""
        with self._lock:
            made_of, made = self._known.get(conversation, ("", ""))
        return made if made_of == _digest(text) else ""

    def remember(self, conversation: int, text: str, made: str) -> None:
        """Until the process ends, and for the last few conversations."""
        with self._lock:
            self._known[conversation] = (_digest(text), made)
            self._known.move_to_end(conversation)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def _count(self, well: bool) -> None:
        with self._lock:
            self._fails = 0 if well else self._fails + 1
            if self._fails >= FAILS:
                self._fails, self._not_before = 0, time.monotonic() + PAUSE

    def _note(
        self, conversation: int, purpose: str, outcome: str, ms: int, tokens: int, question: str, answer: str
    ) -> None:
        def write(tx: Tx) -> None:
            tx.conn.execute(delete(asked).where(_A.at < tx.at - KEPT))
            row = {
                "id": tx.new_id("model_request"), "at": tx.at, "conversation": conversation, "purpose": purpose,
                "outcome": outcome[:80], "ms": ms, "tokens": tokens, "question": redacted(question)[:4000],
                "answer": redacted(answer)[:4000],
            }  # fmt: skip
            tx.conn.execute(insert(asked).values(row))

        self.record.do(write)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _over(conn: Connection, now: Settings, conversation: int, at: Any) -> str | None:
    """Which cap is reached, in words; None where none is."""
    day = at - timedelta(days=1)
    here = select(func.count()).select_from(asked).where(_A.conversation == conversation, _A.ms > 0)
    if conversation and conn.execute(here).scalar_one() >= now.per_conversation:
        return "not asked: the cap of this conversation is reached"
    n, tokens = conn.execute(
        select(func.count(), func.coalesce(func.sum(_A.tokens), 0)).where(_A.at >= day, _A.ms > 0)
    ).one()
    return "not asked: the cap of the day is reached" if n >= now.per_day or tokens >= now.tokens else None


def _why(error: Exception) -> str:
    """Never the address or the key: they may stand in an error's words."""
    if isinstance(error, TimeoutError):
        return "too slow"
    if isinstance(error, Wrong):
        return str(error)
    return {"ConnectionRefusedError": "nobody is there"}.get(type(error).__name__, "it broke off")


def _call(now: Settings, question: model_forms.Question) -> tuple[str, int]:
    """One request, within its seconds all in all, whatever the other end does. Redirects are not followed."""
    until = time.monotonic() + now.seconds
    parts = urlsplit(now.url)
    form = model_forms.FORMS[now.speaks]
    headers = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}
    headers |= form.headers(now.key)
    where = (parts.hostname or "", parts.port)
    line = (
        http.client.HTTPSConnection(*where, timeout=now.seconds, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(*where, timeout=now.seconds)
    )
    watch = threading.Timer(now.seconds, lambda: _cut(line))  # headers that trickle in would outlast a time-out
    watch.daemon = True
    watch.start()
    try:
        body = json.dumps(form.body(now.name, question)).encode()
        line.request("POST", parts.path.rstrip("/") + form.path, body, headers)
        answer = line.getresponse()
        raw = answer.read(MOST_BYTES + 1)
        if answer.status != 200:
            raise Wrong(f"it answered {answer.status}")
    except Exception as error:
        raise TimeoutError if time.monotonic() >= until - 0.05 else error from error
    finally:
        watch.cancel()
        line.close()
    if len(raw) > MOST_BYTES:
        raise Wrong("it answered too much")
    return form.read(raw)


def _cut(line: http.client.HTTPConnection) -> None:
    import contextlib
    import socket

    if line.sock is not None:
        with contextlib.suppress(OSError):
            line.sock.shutdown(socket.SHUT_RDWR)
