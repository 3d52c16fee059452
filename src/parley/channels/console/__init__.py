"""The console channel: for demos and tests. Deliveries are JSON lines; what is sent stays in memory.

It can be told to fail: `channel.fail("…", permanent=True)` until `channel.recover()`.
"""

import asyncio
from collections import deque

import msgspec

from parley.core.channel import (
    Address,
    Delivery,
    Door,
    Inbound,
    InboundEdit,
    InboundMessage,
    InboundReaction,
    InboundReceipt,
    InboundWithdrawal,
    Inbox,
    Manifest,
    Outbound,
    Receipt,
)
from parley.core.errors import SendFailed, Unreadable


class ConsoleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No settings: a console inbox only needs a name."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery. `receipt` (delivered, read, failed) of a message of ours instead of a text.

    edits, takes_back, signs: the id of a message said before, which gets this text for its words, is withdrawn, or gets
    it as a sign.
    """

    id: str
    who: str = ""
    name: str = ""
    text: str = ""
    answers: str | None = None
    receipt: str | None = None
    automatic: str | None = None
    edits: str | None = None
    takes_back: str | None = None
    signs: str | None = None


class Console:
    manifest = Manifest(
        name="console",
        label="Console",
        glyph="terminal",
        identity_kind="console",
        buttons=True,
        live=True,
        offered=False,
        starts=True,
        threads="identity",
        text_limit=2000,
        weight=0.34,
        rings=True,
        settings=ConsoleSettings,
    )

    def __init__(self) -> None:
        self.sent: deque[Outbound] = deque(maxlen=10_000)
        self._failure: SendFailed | None = None

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            line = msgspec.json.decode(delivery.raw, type=Line)
        except msgspec.MsgspecError as error:
            raise Unreadable(f"The line is not what the console writes: {error}.") from error
        if line.receipt:
            return [InboundReceipt(state=line.receipt, external_id=line.answers)]
        if not line.who:
            raise Unreadable("The line does not say who speaks.")
        sender = Address(kind="console", value=line.who, name=line.name or line.who.title())
        if line.edits:
            return [InboundEdit(sender=sender, external_id=_name(line.edits), text=line.text)]
        if line.takes_back:
            return [InboundWithdrawal(sender=sender, external_id=_name(line.takes_back))]
        if line.signs:
            return [InboundReaction(sender=sender, external_id=_name(line.signs), sign=line.text)]
        references = (line.answers,) if line.answers else ()
        return [
            InboundMessage(
                sender=sender,
                text=line.text,
                external_id=_name(line.id),
                references=references,
                automatic=line.automatic,
            )
        ]

    async def listen(self, door: Door) -> None:
        """Nothing to listen to: lines are handed to intake by whoever types them."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        await asyncio.sleep(0)
        if self._failure is not None:
            raise self._failure
        self.sent.append(message)
        return Receipt(provider_id=message.external_id)

    def check(self, inbox: Inbox) -> list[str]:
        return []

    def fail(self, reason: str, *, permanent: bool = False) -> None:
        """From now on every send fails."""
        self._failure = SendFailed(reason, permanent=permanent)

    def recover(self) -> None:
        self._failure = None


def _name(id: str) -> str:
    """What the console calls a message; those of ours bear their name already."""
    return id if id.startswith("<") else f"<{id}@console>"


channel = Console()


def line(**what: str | None) -> bytes:
    """A delivery's bytes."""
    return msgspec.json.encode({key: value for key, value in what.items() if value is not None})
