"""What a visitor of a live chat sees of a conversation, in words that the web chat's wire and the
services share. Nothing of the desk's inside: no note, no tag, no number of another customer.
"""

from datetime import datetime
from typing import Literal

import msgspec

from parley.core.ice import IceServer


class Author(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who speaks. `kind`: bot, agent, visitor, or system: a quiet line whose text is one word for what
    happened ("joined", "ended"), which the panel says in the visitor's language.
    """

    kind: Literal["bot", "agent", "visitor", "system"]
    name: str = ""


class TurnSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an automatic answer came from; shown as a chip, a link where `url` is given."""

    kind: str
    title: str
    url: str = ""


class TurnFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file of a turn; `ref` opens it for this visitor only."""

    ref: str
    name: str
    type: str
    size: int


class Choice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A button below a turn. `value` is said when pressed, or opened when it is a link."""

    label: str
    value: str


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """Base of what may travel on its own; the web chat's frames build on it."""


class Turn(Frame, frozen=True, tag="turn"):
    """One entry of the chat. `client_id` is echoed to its writer and replaces the bubble shown early.

    state: of the visitor's own turns "sent" or "read"; of ours "queued", "sent", "delivered", "read" or
    "failed".
    """

    seq: int
    message: int
    author: Author
    at: datetime
    text: str = ""
    client_id: str | None = None
    sources: tuple[TurnSource, ...] = ()
    files: tuple[TurnFile, ...] = ()
    choices: tuple[Choice, ...] = ()
    state: str = "sent"


class Wait(Frame, frozen=True, tag="wait"):
    """How long a person would take, honestly: only what is known is filled in.

    online: somebody is there now. minutes: usual wait. ahead: people before this visitor, once asked.
    asked: the visitor waits for a person. agent: who has taken over. back_at: when the desk opens again.
    calls: somebody is there who can be called.
    """

    online: bool = False
    minutes: int | None = None
    ahead: int | None = None
    asked: bool = False
    agent: str | None = None
    back_at: datetime | None = None
    calls: bool = False


class AskRating(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="ask_rating"):
    """Please rate; `token` and `asked`, the question's key, go back with the answer.

    question: the words. measure: csat (1 to 5), nps (0 to 10), ces (1 to 7) or text.
    """

    token: str
    question: str = ""
    measure: str = "csat"
    asked: str = ""


class OnCall(Frame, frozen=True, tag="on_call"):
    """How a call of the visitor's stands.

    state: ringing (at the desk), incoming (the desk calls), taken (somebody picked up), ended.
    who: the agent's first name. cause: of the end, a word of core/calls.py. spoken: they spoke with each other.
    ice: the servers that help browsers find each other, as RTCPeerConnection takes them.
    """

    call: str
    state: Literal["ringing", "incoming", "taken", "ended"]
    who: str = ""
    cause: str = ""
    spoken: bool = False
    ice: tuple[IceServer, ...] = ()


class Signal(Frame, frozen=True, tag="signal"):
    """What one browser tells the other so that they find each other; the desk passes it on unread.

    seq: its place among the signals, by which one that comes twice is known.
    """

    call: str
    data: str
    seq: int = 0


class Way(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A channel on which the visitor can go on. url: opens it with a code in what is to be sent."""

    label: str
    url: str
    qr: str = ""


class Onward(Frame, frozen=True, tag="onward"):
    """Where one can go on, with links that are good once and for so many minutes."""

    ways: tuple[Way, ...]
    minutes: int


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a visitor may know now: turns after their cursor, and how things stand.

    seq: the log's place up to which this is true. seen: highest seq that was on their screen.
    states: message → state, of the newest turns. proved: their mail address, if shown to be theirs.
    call: the call they are on, or were a moment ago. signals: what the desk's browser told theirs.
    """

    seq: int
    turns: tuple[Turn, ...] = ()
    states: dict[int, str] = {}
    seen: int = 0
    wait: Wait = Wait()
    proved: str | None = None
    ended: bool = False
    rating: AskRating | None = None
    call: OnCall | None = None
    signals: tuple[Signal, ...] = ()


class Typing(Frame, frozen=True, tag="typing"):
    """Somebody at the desk types, or stopped. Holds for 6 s unless repeated."""

    who: str = ""
    on: bool = True
