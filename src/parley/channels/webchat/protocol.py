"""What the visitor's browser and the desk say to each other, over a WebSocket or by polling.

The nouns that the services share (Turn, Wait, Typing, AskRating) are in core/visitor.py.

Every frame is a JSON object with a `kind`. `frontend/widget/panel/protocol.ts` holds the same
names; a test compares the two. Moments are RFC 3339 in UTC. `seq` is the place in the desk's log:
the order of turns, and the cursor with which a browser asks for what it has missed.
"""

import msgspec

from parley.core.visitor import AskRating, Frame, OnCall, Onward, Signal, Turn, Typing, Wait
from parley.core.visits import Told

TEXT_LIMIT = 8000
FILE_LIMIT = 10 * 1024 * 1024
FILES_PER_TURN = 5


# ── what the browser says ───────────────────────────────────────────────────────────────────


class Hello(Frame, frozen=True, tag="hello"):
    """First frame of a connection. Without `visitor` the desk gives out a new token.

    user: signed by the shop's server (see signing.py), when the customer is signed in there.
    after: highest seq this browser has; only later turns are sent. language: BCP 47.
    heard: highest seq of a call's signals that this browser has. zone: time zone of the browser, an IANA name.
    """

    key: str
    visitor: str | None = None
    user: str | None = None
    after: int = 0
    page: str = ""
    language: str = "en"
    heard: int = 0
    zone: str = ""


class Say(Frame, frozen=True, tag="say"):
    """The visitor said something. `client_id` stays the same on every resend; `files` are refs of uploads."""

    client_id: str
    text: str = ""
    files: tuple[str, ...] = ()
    page: str = ""


class VisitorTyping(Frame, frozen=True, tag="typing"):
    """The visitor began (repeated every 3 s) or stopped typing."""

    on: bool = True


class Got(Frame, frozen=True, tag="got"):
    """Everything up to `seq` reached the browser."""

    seq: int


class Seen(Frame, frozen=True, tag="seen"):
    """Everything up to `seq` was on the visitor's screen."""

    seq: int


class WantHuman(Frame, frozen=True, tag="want_human"):
    """The visitor wants a person. `text` is that wish in the visitor's language, kept as a turn."""

    client_id: str
    text: str
    page: str = ""


class ClaimMail(Frame, frozen=True, tag="claim_mail"):
    """The visitor wants to go on by mail; the desk mails a code there."""

    mail: str


class Code(Frame, frozen=True, tag="code"):
    """The six digits from that mail."""

    digits: str


class End(Frame, frozen=True, tag="end"):
    """The visitor has what they came for; the desk closes the matter and may ask for a rating."""


class Rate(Frame, frozen=True, tag="rate"):
    """A score on the question's scale, with the token and the question's key as they came."""

    client_id: str
    token: str
    score: int
    comment: str = ""
    question: str | None = None


class Visited(Frame, frozen=True, tag="visited"):
    """What the visitor did on the website, where they agreed to tell it; several steps at once, oldest first.

    ga, gs: the cookies by which the website's own analytics know this browser and its session, if there are any.
    """

    client_id: str
    steps: tuple[Told, ...]
    ga: str = ""
    gs: str = ""


class Elsewhere(Frame, frozen=True, tag="elsewhere"):
    """The visitor wants to go on in another channel. `words` stand there before the code, in their language."""

    words: str = ""


class Enter(Frame, frozen=True, tag="enter"):
    """The visitor came by a link: its code brings them into the conversation that it was made in."""

    code: str


class Dial(Frame, frozen=True, tag="dial"):
    """The visitor calls; the agents who take calls hear it ring."""


class PickUp(Frame, frozen=True, tag="pick_up"):
    """The visitor answers a call of the desk's."""

    call: str


class HangUp(Frame, frozen=True, tag="hang_up"):
    """The visitor ends a call, or will not take it."""

    call: str


FromBrowser = (
    Hello
    | Say
    | VisitorTyping
    | Got
    | Seen
    | WantHuman
    | ClaimMail
    | Code
    | End
    | Rate
    | Visited
    | Elsewhere
    | Enter
    | Dial
    | PickUp
    | HangUp
    | Signal
)


# ── what the desk says ──────────────────────────────────────────────────────────────────────


class Welcome(Frame, frozen=True, tag="welcome"):
    """Answer to hello. `visitor` is to be kept and shown next time; `turns` are those after the cursor.

    seen: highest seq that was on this visitor's screen, from which unread is counted.
    proved: the mail address already shown to be the visitor's, with its middle hidden.
    elsewhere: there are other channels on which one can go on.
    """

    visitor: str
    seq: int
    seen: int = 0
    turns: tuple[Turn, ...] = ()
    wait: Wait = Wait()
    suggestions: tuple[str, ...] = ()
    proved: str | None = None
    ended: bool = False
    rating: AskRating | None = None
    elsewhere: bool = False


class State(Frame, frozen=True, tag="state"):
    """A turn's state changed."""

    message: int
    state: str


class CodeSent(Frame, frozen=True, tag="code_sent"):
    """A code is on its way to `mail`."""

    mail: str


class Proved(Frame, frozen=True, tag="proved"):
    """The address is the visitor's."""

    mail: str


class Rejected(Frame, frozen=True, tag="rejected"):
    """Something was refused for good, and why. `of`: the frame's kind, with its client_id if it had one.

    again: nothing was wrong with it, the desk could not keep it just now; the browser tries again.
    """

    of: str
    sentence: str
    client_id: str | None = None
    again: bool = False


class Ended(Frame, frozen=True, tag="ended"):
    """The matter was closed. The next thing said opens it, or a new one."""


class Thanks(Frame, frozen=True, tag="thanks"):
    """The rating is kept."""


class Beat(Frame, frozen=True, tag="beat"):
    """Nothing new, but the line is alive; sent every 25 s so that a dead line is noticed."""


FromDesk = (
    Welcome | Turn | Typing | State | Wait | AskRating | CodeSent | Proved | Rejected | Ended | Thanks | Beat | OnCall
    | Signal | Onward
)  # fmt: skip


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a poll, for networks that block WebSockets: a greeting, what to say, how long to hold on."""

    hello: Hello
    frames: tuple[FromBrowser, ...] = ()
    wait: float = 0.0
    fresh: bool = True


class Polled(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a poll."""

    frames: tuple[FromDesk, ...] = ()


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to an upload: say its `ref` in the next turn."""

    ref: str
    name: str
    type: str
    size: int


read_frame = msgspec.json.Decoder(FromBrowser).decode
read_poll = msgspec.json.Decoder(Poll).decode
write = msgspec.json.Encoder().encode
