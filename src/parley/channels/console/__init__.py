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
    InboundMessage,
    InboundReceipt,
    Inbox,
    Manifest,
    Outbound,
    Receipt,
)
from parley.core.errors import SendFailed, Unreadable


class ConsoleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No settings: a console inbox only needs a name."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery. `receipt` (delivered, read, failed) of a message of ours instead of a text."""

    id: str
    who: str = ""
    name: str = ""
    text: str = ""
    answers: str | None = None
    receipt: str | None = None
    automatic: str | None = None


class Console:
    manifest = Manifest(
        name="console",
        label="Console",
        glyph="terminal",
        identity_kind="console",
        live=True,
        offered=False,
        starts=True,
        threads="identity",
        text_limit=2000,
        weight=0.34,
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
        references = (line.answers,) if line.answers else ()
        return [
            InboundMessage(
                sender=sender,
                text=line.text,
                external_id=f"<{line.id}@console>",
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


channel = Console()


def line(**what: str | None) -> bytes:
    """A delivery's bytes."""
    return msgspec.json.encode({key: value for key, value in what.items() if value is not None})
