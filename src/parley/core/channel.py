"""The channel contract: what a door to the world promises, and what passes through it.

A channel is a folder under `channels/` whose `__init__` exports `channel`, an object of the
`Channel` protocol. Nothing outside that folder names it: others ask what its manifest says it
can do. `read` is pure (bytes into facts); `listen` and `send` touch the network; none writes
to the log. See docs/a-new-channel.md.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

import msgspec

from parley.core.events import Filled
from parley.core.visits import Step


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel is and can do.

    name: the folder's name. label: for people. glyph: name of an icon (lucide).
    identity_kind: what names a sender here (mail, visitor, console …).
    live: the customer waits at the other end; answers are expected in seconds.
    keeps: what is written while the customer is away waits there until they come back.
    offered: the settings page offers to add one; not so for what serves demos and tests.
    starts: the desk may write first, without the customer having written. sends: the desk can write there at all.
    threads: "reference" (a message says what it answers) or "identity" (one open matter per sender).
    text_limit: characters per message; longer text is split, or refused where `splits` is False. None: no limit.
    segments: how many messages the network makes of a text, and charges for, where that is so.
    html, files: whether bodies may be HTML and carry attachments. file_limit in bytes.
    rings: it rings in a customer's pocket: a lone STOP ends it, and quiet hours hold back what was not asked for.
    copies: others can get a copy of an answer, openly or unseen by the rest.
    buttons: a message's choices can be pressed (links in a mail count); elsewhere customers answer in words.
    quick: how many choices one message can show whose words the customer says by pressing; more of them, and those of
    channels without, are a numbered list.
    window: how long after the customer's last word there they can be answered, where the platform ends that.
    patience: how long the platform posts a webhook again that nobody took; zero where it promises nothing, None where
    nothing is posted, or what was missed is looked up.
    costs: what sending there costs, in words, where that is known.
    vouches: the platform shows who writes, so that a sender is who they say they are.
    calls: customers and the desk can speak with each other here, browser to browser (`Speaking`).
    queues: callers wait here in a line until an agent has them put through to a phone (`PuttingThrough`).
    spoken: what a machine answers is read out to whoever is on the phone; what an agent writes is not taken.
    weight: share of an agent's capacity one conversation takes, 1.0 = fully occupied.
    bulk_unsubscribe: bulk messages carry an unsubscribe header.
    settings: struct that an inbox's settings must decode into; its docstring explains each key.
    """

    name: str
    label: str
    glyph: str
    identity_kind: str
    live: bool = False
    keeps: bool = True
    offered: bool = True
    starts: bool = False
    sends: bool = True
    threads: str = "identity"
    text_limit: int | None = None
    splits: bool = True
    segments: Callable[[str], int] | None = None
    html: bool = False
    files: bool = False
    file_limit: int = 25 * 1024 * 1024
    rings: bool = False
    copies: bool = False
    buttons: bool = False
    quick: int = 0
    window: timedelta | None = None
    patience: timedelta | None = None
    costs: str = ""
    vouches: bool = False
    calls: bool = False
    queues: bool = False
    spoken: bool = False
    weight: float = 0.34
    settings: type[msgspec.Struct]


class Inbox(msgspec.Struct, frozen=True, kw_only=True):
    """Our end of a channel. `settings` is already decoded into the manifest's struct."""

    id: int
    brand: int
    channel: str
    name: str
    address: str
    settings: Any = None
    with_bot: bool = False


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """Raw bytes as they came, durably stored before anything else happened."""

    id: int
    inbox: int
    provider_id: str
    received_at: datetime
    raw: bytes


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Who sent it, in normal form (see `identity.normal`). `proved` says how, where the transport shows it.

    doubt: why it is probably somebody else who pretends, a sentence for agents. checks: what was looked at, in a line.
    """

    kind: str
    value: str
    name: str = ""
    proved: str | None = None
    doubt: str | None = None
    checks: str = ""


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """A file with its bytes, on its way in or out."""

    name: str
    type: str
    data: bytes
    cid: str | None = None


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the platform keeps, to be fetched. ref: its name or address there. size in bytes, where told."""

    name: str
    type: str = ""
    ref: str
    size: int | None = None


class Forwarded(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody else wrote and the sender passes on. comment: the sender's own words above it."""

    author: Address
    text: str
    subject: str = ""
    comment: str = ""


class InboundMessage(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A customer's message.

    text: full plain text; `fold` is the length of its new part (quote and signature follow).
    html: sanitised HTML, or None. references: external ids it answers, nearest first.
    reply_tokens: signed tokens found in the recipient addresses, if any.
    recipients: every address it was sent to (To, Cc, Delivered-To …), lower case.
    cc: the other human participants, as plain addresses.
    automatic: why it must not be answered by a machine, or None.
    known_as: further identities that the transport proves (a signed user id of the shop, …).
    page: the web page it was written on, for chats.
    forwarded: the message inside, where the sender only passes it on.
    remote: files that the platform keeps and gives on request (`Fetching`).
    wants: the platform says that they want no more messages (False) or want them again (True).
    spoken: said on the phone, and written down by a machine.
    zone: time zone of the device that it was written on, by its IANA name, where that tells it.
    """

    sender: Address
    text: str
    html: str | None = None
    fold: int | None = None
    subject: str | None = None
    external_id: str | None = None
    sent_at: datetime | None = None
    references: tuple[str, ...] = ()
    reply_tokens: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    files: tuple[Attached, ...] = ()
    automatic: str | None = None
    known_as: tuple[Address, ...] = ()
    page: str | None = None
    forwarded: Forwarded | None = None
    remote: tuple[Remote, ...] = ()
    wants: bool | None = None
    spoken: bool = False
    zone: str = ""


class InboundReceipt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """News of one of our own messages. `state`: delivered, read, delayed or failed.

    Names our message by `external_id` (Message-ID) or by the peer's `provider_id`.
    reason: what the other side said, for people. permanent: trying again cannot help.
    kind: of a failure, hard (the address is no good) or soft (it may work another time), where that is known.
    code, cause, recipient: the peer's code, its meaning in one word of the channel's list, and who was not reached.
    reader, until: instead of a name: everything that was sent to this address up to that time.
    """

    state: str
    external_id: str | None = None
    provider_id: str | None = None
    reason: str = ""
    permanent: bool = False
    kind: str = ""
    code: str = ""
    cause: str = ""
    recipient: str = ""
    reader: Address | None = None
    until: datetime | None = None


class InboundRating(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A survey answered in the channel, with the token that was sent along. question: which one, where it was told.

    call: the name of the call at whose end it was given, in place of a token.
    """

    sender: Address
    score: int
    token: str = ""
    call: str = ""
    comment: str = ""
    question: str | None = None


class InboundEdit(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Other words for a message that its sender wrote before, and that `external_id` names."""

    sender: Address
    external_id: str
    text: str
    html: str | None = None
    sent_at: datetime | None = None


class InboundWithdrawal(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The sender took a message back: nobody is to read it any more."""

    sender: Address
    external_id: str


class InboundReaction(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A sign put on a message, theirs or ours; `external_id` is the platform's name for it. Empty: taken off again."""

    sender: Address
    external_id: str
    sign: str = ""


class InboundCall(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """News of a phone call, which may come in any order. state: rang, waits, answered, recorded or ended.

    sender: the customer, whoever of both called. external_id: the call's name, the same in all its news.
    line, queue: our number, and where it rings. by: who answered, or calls out. cause: why it ended.
    known_as: further identities that the transport proves. machine: one speaks with them first, and no phone rings.
    remote: recordings that the platform keeps.
    """

    sender: Address
    external_id: str
    state: str
    at: datetime
    outgoing: bool = False
    line: str = ""
    queue: str = ""
    by: str = ""
    cause: str = ""
    known_as: tuple[Address, ...] = ()
    machine: bool = False
    remote: tuple[Remote, ...] = ()


class InboundVisit(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a visitor did on the website, of whom something was heard before; else nothing is kept of it.

    client, session: how the website's analytics know their browser and this visit.
    """

    sender: Address
    steps: tuple[Step, ...]
    client: str = ""
    session: str = ""


Afterwards = InboundEdit | InboundWithdrawal | InboundReaction
Inbound = InboundMessage | InboundReceipt | InboundRating | InboundCall | InboundVisit | Afterwards


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a platform has agreed to: it may go when nothing else may.

    text: with places for values, `{{1}}` or `{{name}}`, as people see it; header and footer are part of it. places: in
    their order. offers: it advertises. costs: what sending one costs, in words, where that is known. stopped: why the
    platform does not let it go now, a sentence; empty where it does.
    """

    name: str
    language: str
    text: str
    places: tuple[str, ...] = ()
    offers: bool = False
    costs: str = ""
    stopped: str = ""

    @property
    def key(self) -> str:
        return f"{self.name}/{self.language}"

    def filled(self, values: Sequence[str]) -> str:
        text = self.text
        for place, value in zip(self.places, values, strict=True):
            text = text.replace(f"{{{{{place}}}}}", value)
        return text


class Letterhead(msgspec.Struct, frozen=True, kw_only=True):
    """How a brand's written answers look, for channels that have room for it.

    sign_off: the brand's words under an answer. signature: the writer's own lines, or their name. footer: small print.
    colour: CSS colour of buttons and lines. site: address of the brand's website. logo: a picture, or None.
    """

    sign_off: str = ""
    signature: str = ""
    footer: str = ""
    colour: str = ""
    site: str = ""
    logo: Attached | None = None


class Outbound(msgspec.Struct, frozen=True, kw_only=True):
    """A message of ours, ready for a channel.

    external_id: the same on every try (the Message-ID or idempotency key).
    reply_token: signed; brings an answer back to this conversation. Mail puts it into Reply-To.
    references: external ids of the conversation so far, oldest first.
    purpose: reply, code, survey, notice, bulk. choices: (label, value or link) pairs, shown as buttons
    where the channel has them and as a numbered list or links where it has not. A value that is no link is said by
    whoever presses it.
    cc, bcc: who gets a copy; nobody but the server learns of bcc.
    handed: people have the matter, so that no machine answers what comes next. template: what the text is made from.
    """

    message: int
    conversation: int
    to: Address
    text: str
    html: str | None = None
    subject: str = ""
    external_id: str
    references: tuple[str, ...] = ()
    in_reply_to: str | None = None
    reply_token: str | None = None
    sender_name: str = ""
    brand_name: str = ""
    purpose: str = "reply"
    automatic: bool = False
    handed: bool = False
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    files: tuple[Attached, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()
    unsubscribe_url: str | None = None
    letterhead: Letterhead | None = None
    template: Filled | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the peer said when it accepted a message. `delivered`: it surely reached the device.

    left_out: a sentence about copies that it did not take, each with why.
    """

    provider_id: str | None = None
    delivered: bool = False
    left_out: str = ""


# (inbox id, provider's id of the delivery, raw bytes) → True when new, False when seen before.
# Returns only after the bytes are durable; raises `Busy` when they could not be made so.
Take = Callable[[int, str, bytes], Awaitable[bool]]


class Memory(Protocol):
    """A small durable notebook for a listener (UIDVALIDITY and last UID, an offset …)."""

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes) -> None: ...


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """What `listen` is given: its inboxes, a place to hand deliveries to, and a notebook.

    `say` reports health in a sentence, shown on the inbox's health line ("connected", "login refused …").
    """

    inboxes: Sequence[Inbox]
    take: Take
    memory: Memory
    say: Callable[[int, str], None]
    environment: Mapping[str, str]


@runtime_checkable
class Channel(Protocol):
    """A door to the world."""

    manifest: Manifest

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        """Bytes into facts. Pure; raises `Unreadable` for bytes that make no sense."""
        ...

    async def listen(self, door: Door) -> None:
        """Wait for deliveries until cancelled. A channel fed by the web room returns at once."""
        ...

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        """Facts into bytes. Raises `SendFailed`, permanent or not."""
        ...

    def check(self, inbox: Inbox) -> list[str]:
        """What is wrong with this inbox's settings and how to mend it, a sentence each; empty when fine."""
        ...


@runtime_checkable
class Limited(Protocol):
    """A channel whose inboxes take texts of different length."""

    def limit(self, inbox: Inbox) -> int:
        """Characters that one message of this inbox may have."""
        ...


@runtime_checkable
class Fetching(Protocol):
    """A channel whose platform keeps the files of messages."""

    async def fetch(self, remote: Remote, inbox: Inbox) -> Attached:
        """The file with its bytes, within the manifest's limit. Raises `FetchFailed`, permanent or not."""
        ...


@runtime_checkable
class Speaking(Protocol):
    """A channel on which customers and the desk speak with each other, browser to browser; see its manifest's `calls`.

    Its inboxes' settings may say `calls` (whether this one offers it) and `ring_seconds`.
    """

    def called(self, news: InboundCall) -> tuple[str, bytes]:
        """The delivery that reads to this: its name, the same for the same news, and its bytes."""
        ...


@runtime_checkable
class PuttingThrough(Protocol):
    """A channel whose callers wait until somebody of us takes them; see its manifest's `queues`."""

    def caller(self, asked: bytes) -> Address | None:
        """Who is on the phone when the platform asks this, where that is known."""
        ...

    async def put_through(self, inbox: Inbox, call: str, agent: str, mail: str) -> None:
        """Let the phone of this agent ring for a call that waits. Raises `Refused` where they have none here."""
        ...

    def called(self, news: InboundCall) -> tuple[str, bytes]:
        """As in `Speaking`."""
        ...


@runtime_checkable
class Inviting(Protocol):
    """A channel that a link can open, with a code in what the customer is to send there (services/passages.py)."""

    def invitation(self, inbox: Inbox, words: str, code: str, url: str, call: bool = False) -> str | None:
        """The link; None where the inbox's settings lack what it needs. url: where the desk is reached.

        words: what may stand before the code. call: where one can speak, they are asked to.
        """
        ...


@runtime_checkable
class Templating(Protocol):
    """A channel whose platform keeps templates that may be sent when its window is closed."""

    async def templates(self, inbox: Inbox) -> list[Template]:
        """Those that may be sent, or might but for the platform. Raises `SendFailed` where they cannot be had."""
        ...


@runtime_checkable
class Windowed(Protocol):
    """A channel whose inboxes can be answered for different times; see the manifest's `window`."""

    def window(self, inbox: Inbox) -> timedelta: ...
