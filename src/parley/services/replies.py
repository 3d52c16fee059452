"""What the desk does in a conversation: answer, note, assign, tag, snooze, close, reopen.

Every act takes the viewer, checks the right to see and to act, asks core for a decision, appends.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from sqlalchemy import Column, Connection, String, Table, insert, select

from parley.core import conversation as talk
from parley.core import events as e
from parley.core import manner
from parley.core import tone as manners
from parley.core.channel import Channel, Inbox, Limited, Windowed
from parley.core.conversation import State
from parley.core.errors import NotAllowed, Refused
from parley.log import record as log
from parley.log.record import Tx
from parley.log.tables import Id, metadata
from parley.services import consent, copies, file_links, people, setup, sign_offs, tone
from parley.services import inbox as desk
from parley.services.inbox import Viewer

MAX_TEXT = 100_000
TAKEN_BACK = timedelta(minutes=1)
ELSEWHERE = 5  # other conversations of a person that are looked at for where they wrote last

client_ids = Table(
    "client_ids",
    metadata,
    Column("client_id", String(120), primary_key=True),
    Column("message", Id, nullable=False),
)


class ClientIdReader:
    """Remembers the ids that screens gave to what they sent, so that a resend is one message."""

    name = "client-ids"
    in_step = True
    kinds = (e.ReplyWritten, e.ReplyPlanned, e.NoteWritten)
    tables = (client_ids,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        rows = [
            {"client_id": _scoped(r.by, r.event.client_id), "message": r.event.message}
            for r in batch
            if isinstance(r.event, self.kinds) and r.event.client_id
        ]
        if rows:
            tx.conn.execute(insert(client_ids), rows)


def _scoped(by: str, client_id: str) -> str:
    return f"{by}:{client_id}"[:120]


def _already(tx: Tx, who: Viewer, client_id: str | None) -> int | None:
    if not client_id:
        return None
    tx.flush()
    question = select(client_ids.c.message).where(client_ids.c.client_id == _scoped(who.by, client_id))
    return tx.conn.execute(question).scalar()


def act_on(tx: Tx, number: int, who: Viewer) -> State:
    """The conversation, if this viewer may see it and may act."""
    tx.flush()
    state = desk.state(tx.conn, number, who)
    if not who.may_act:
        raise NotAllowed("Your role may read here, not act.")
    return state


# ── answering ───────────────────────────────────────────────────────────────────────────────


def reply(
    tx: Tx,
    number: int,
    who: Viewer,
    text: str,
    *,
    html: str | None = None,
    via: tuple[Inbox, people.Identity] | None = None,
    files: tuple[e.File, ...] = (),
    client_id: str | None = None,
    expect_seen: int | None = None,
    cc: tuple[str, ...] = (),
    bcc: tuple[str, ...] = (),
    channels: Mapping[str, Channel] | None = None,
    hold: timedelta | None = None,
    keep: Callable[[e.ReplyWritten, e.Words], int] | None = None,
    template: e.Filled | None = None,
    purpose: str = "reply",
) -> int:
    """Answer the customer. `via` chooses inbox and address; by default, where they last wrote.

    expect_seen: the newest seq the writer had seen of the conversation. If the customer or a colleague
    wrote since, the reply is refused, so that nobody answers past the other. channels: to ask whether the
    files can be carried. hold: how long it can be taken back, where the customer does not wait at the other end.
    keep: what to do with the reply instead of sending it (see sendings.plan). template: the platform's, from which the
    text was made; purpose: as in `Outbound`. Returns the message's id.
    """
    if (message := _already(tx, who, client_id)) is not None:
        return message
    state = act_on(tx, number, who)
    text = _checked(text, files)
    if template is None:
        _said_here(tx.conn, state, text)
    if expect_seen is not None:
        _nothing_new(tx.conn, state, expect_seen, who)
    last = last_received(tx.conn, state)
    inbox_id, identity, channel = _where(via, last)
    if channels is not None:
        _carried(channels[channel], files)
        _fits(tx.conn, channels, channel, inbox_id, _signed(tx.conn, channels[channel], state, who, text))
    if cc or bcc:
        cc, bcc = _copied(tx.conn, channels, channel, identity, cc, bcc)
    if template is None:
        _sounds_like_us(tx.conn, state, text, who, last, channels.get(channel) if channels else None)
    message = tx.new_id("message")
    fact = e.ReplyWritten(
        message=message,
        person=state.person,
        identity=identity,
        inbox=inbox_id,
        channel=channel,
        client_id=client_id,
        external_id=new_external_id(tx.conn, inbox_id),
        answers=last.message if last else None,
        preview=talk.preview(text),
        files=files,
        cc=cc,
        bcc=bcc,
        template=template,
        purpose=purpose,
        due=tx.at + hold if hold and channels is not None and not channels[channel].manifest.live else None,
    )
    words = e.Words(text=text, html=html)
    if keep is not None:
        return keep(msgspec.structs.replace(fact, due=None), words)
    tx.append(e.conversation(number), [*on_answering(state, who.agent), fact], who.by)
    tx.say(message, words)
    return message


def _where(via: tuple[Inbox, people.Identity] | None, last: e.MessageReceived | None) -> tuple[int, int, str]:
    """(inbox, identity, channel) that were chosen, else those of the last message."""
    if via is not None:
        return via[0].id, via[1].id, via[0].channel
    if last is None:
        raise Refused("Nobody has written here yet. Choose a channel to write on.")
    return last.inbox, last.identity, last.channel


def _copied(
    conn: Connection, channels: Mapping[str, Channel] | None, channel: str, identity: int,
    cc: tuple[str, ...], bcc: tuple[str, ...],
) -> tuple[tuple[str, ...], tuple[str, ...]]:  # fmt: skip
    """Who gets a copy. Refuses what is no address, and channels that carry none."""
    if channels is not None and not channels[channel].manifest.copies:
        raise Refused(f"{channels[channel].manifest.label} carries no copies. Leave them out; your text is kept.")
    return copies.checked(conn, people.identity_by_id(conn, identity).value, cc, bcc)


def on_answering(state: State, agent: int | None) -> list[e.Event]:
    """What happens to a conversation when somebody answers in it: it comes back, and is theirs if nobody's."""
    facts: list[e.Event] = []
    if state.status == talk.CLOSED:
        facts.append(e.Reopened(reason="reply"))
    if state.status == talk.SNOOZED:
        facts.append(e.Woke(reason="reply"))
    if state.assignee is None and agent:
        facts.append(e.Assigned(agent=agent, reason="answered first"))
    return facts


def automatic_reply(
    tx: Tx,
    state: State,
    text: str,
    by: str,
    *,
    purpose: str = "reply",
    html: str | None = None,
    sources: tuple[e.Source, ...] = (),
    confidence: float | None = None,
    to: tuple[int, people.Identity, str] | None = None,
) -> int | None:
    """Something the bot or a rule says, in the brand's words. `to`: (inbox, identity, channel), by default where they
    last wrote."""
    if purpose == "reply" and (brand := setup.all_brands(tx.conn).get(state.brand)) and brand.look.terms:
        said, text = text, manner.mended(text, brand.look.terms)
        html = html if text == said else None
    last = last_received(tx.conn, state)
    if purpose == "reply":
        said, text = text, manners.mended(text, tone.slips(tx.conn, state, text, heard=last))
        html = html if text == said else None
    if to is None and last is None:
        return None
    inbox_id, identity, channel = (
        (to[0], to[1].id, to[2]) if to else (last.inbox, last.identity, last.channel)  # type: ignore[union-attr]
    )
    message = tx.new_id("message")
    fact = e.ReplyWritten(
        message=message,
        person=state.person,
        identity=identity,
        inbox=inbox_id,
        channel=channel,
        external_id=new_external_id(tx.conn, inbox_id),
        answers=last.message if last else None,
        preview=talk.preview(text),
        sources=sources,
        confidence=confidence,
        automatic=True,
        purpose=purpose,
    )
    tx.append(e.conversation(state.id), [fact], by)
    tx.say(message, e.Words(text=text, html=html))
    return message


def note(
    tx: Tx,
    number: int,
    who: Viewer,
    text: str,
    *,
    files: tuple[e.File, ...] = (),
    client_id: str | None = None,
) -> int:
    """An internal note; @names in it become mentions."""
    if (message := _already(tx, who, client_id)) is not None:
        return message
    act_on(tx, number, who)
    text = _checked(text, files)
    message = tx.new_id("message")
    mentions = tuple(
        a.id for a in setup.all_agents(tx.conn).values() if f"@{a.name.split()[0].lower()}" in text.lower()
    )
    fact = e.NoteWritten(
        message=message, client_id=client_id, preview=talk.preview(text), files=files, mentions=mentions
    )
    tx.append(e.conversation(number), [fact], who.by)
    tx.say(message, e.Words(text=text))
    return message


def _checked(text: str, files: tuple[e.File, ...]) -> str:
    text = text.replace("\x00", "").strip()
    if not text and not files:
        raise Refused("There is nothing to send. Write something first.")
    if len(text) > MAX_TEXT:
        raise Refused(f"The text is too long: {len(text)} characters of {MAX_TEXT} at most.")
    return text


def _said_here(conn: Connection, state: State, text: str) -> None:
    """Refuses words that the brand does not say, naming them and what it says in their place."""
    brand = setup.all_brands(conn).get(state.brand)
    if brand is not None and (hits := manner.found(text, brand.look.terms)):
        raise Refused(manner.told(hits, brand.name))


def _sounds_like_us(
    conn: Connection, state: State, text: str, who: Viewer, heard: e.MessageReceived | None, channel: Channel | None
) -> None:
    """Refuses what breaks a rule for which the brand lets nothing go."""
    found = tone.slips(conn, state, text, agent=who.agent, heard=heard, channel=channel)
    if broken := manners.refused(found, tone.of_brand(conn, state.brand)):
        said = " ".join(dict.fromkeys(map(manners.told, broken)))
        raise Refused(f"{said} Your text is kept: change it and send it again.")


def _carried(channel: Channel, files: tuple[e.File, ...]) -> None:
    """Whether a channel takes an answer, and these files are not too much; what it cannot carry goes as links."""
    manifest, size = channel.manifest, sum(file.size for file in files)
    if not manifest.sends or manifest.spoken:
        raise Refused(f"{manifest.label} takes no written answer. Your text is kept: choose another channel.")
    if size > file_links.MOST_BYTES:
        limit = file_links.MOST_BYTES // 2**20
        raise Refused(
            f"The files are {size / 2**20:.0f} MB, and {limit} MB can be sent at once. Your text is kept: send"
            " fewer or smaller ones, or a link."
        )


def _signed(conn: Connection, channel: Channel, state: State, who: Viewer, text: str) -> str:
    """As it will go, with the brand's line under it."""
    writer = setup.agent(conn, who.agent).name if who.agent else ""
    return sign_offs.under(text, sign_offs.line(conn, channel, state, writer))


def _fits(conn: Connection, channels: Mapping[str, Channel], name: str, inbox_id: int, text: str) -> None:
    """Whether a text that cannot be split is short enough, by the channel or by what it says of this inbox."""
    channel, limit = channels[name], channels[name].manifest.text_limit
    if channel.manifest.splits or limit is None:
        return
    if isinstance(channel, Limited) and (inbox := setup.all_inboxes(conn, channels).get(inbox_id)):
        limit = channel.limit(inbox)
    if len(text) > limit:
        raise Refused(
            f"The text has {len(text)} characters; {channel.manifest.label} takes {limit} here, in one piece. Your text"
            " is kept: shorten it."
        )


def _nothing_new(conn: Connection, state: State, seen: int, who: Viewer) -> None:
    from parley.core.errors import Conflict

    for recorded in desk.history(conn, state.id, newest=50):
        if recorded.seq > seen and recorded.by != who.by:
            if isinstance(recorded.event, e.MessageReceived):
                raise Conflict("The customer wrote again while you were writing. Your text is kept; read, then send.")
            if isinstance(recorded.event, e.ReplyWritten):
                raise Conflict("Somebody answered while you were writing. Your text is kept; read, then send.")


def last_received(
    conn: Connection, state: State, history: Sequence[e.Recorded] | None = None
) -> e.MessageReceived | None:
    """The customer's newest message in a conversation, if any. history: its newest events, where known."""
    history = desk.history(conn, state.id, newest=60) if history is None else history
    if found := _newest_received(history):
        return found
    complete = bool(history) and history[0].version == 1
    return None if complete else _newest_received(desk.history(conn, state.id, newest=100_000))


def _newest_received(history: Sequence[e.Recorded]) -> e.MessageReceived | None:
    held = talk.held(history)
    for recorded in reversed(history):
        if isinstance(recorded.event, e.MessageReceived) and recorded.event.message not in held:
            return recorded.event
    return None


def new_external_id(conn: Connection, inbox: int) -> str:
    """An unguessable name for a message of ours, in the form that mail wants (RFC 5322 section 3.6.4)."""
    address = conn.execute(select(setup.inboxes.c.address).where(setup.inboxes.c.id == inbox)).scalar() or ""
    domain = address.rpartition("@")[2] if "@" in address else "parley.invalid"
    return f"<{secrets.token_hex(16)}@{domain}>"


# ── handling ────────────────────────────────────────────────────────────────────────────────


def _change(tx: Tx, number: int, who: Viewer, decide: Callable[[State], Sequence[e.Event]]) -> State:
    state = act_on(tx, number, who)
    if facts := decide(state):
        tx.append(e.conversation(number), facts, who.by)
        tx.flush()
    return desk.state(tx.conn, number)


def close(tx: Tx, number: int, who: Viewer) -> State:
    return _change(tx, number, who, talk.close)


def reopen(tx: Tx, number: int, who: Viewer) -> State:
    """Soon after closing this takes the closing back: whoever was waiting waits on, since then."""
    return _change(tx, number, who, lambda state: talk.reopen(state, waiting_since=_waited(tx, state)))


def _waited(tx: Tx, state: State) -> datetime | None:
    """Since when the customer waited as it was closed, if that was a moment ago."""
    if state.closed_at is None or tx.at - state.closed_at > TAKEN_BACK:
        return None
    before: State | None = None
    since = None
    for recorded in log.stream(tx.conn, e.conversation(state.id)):
        if isinstance(recorded.event, e.Closed) and before is not None:
            since = before.waiting_since
        before = talk.evolve(before, recorded)
    return since


def snooze(tx: Tx, number: int, who: Viewer, until: datetime) -> State:
    return _change(tx, number, who, lambda state: talk.snooze(state, until, tx.at))


def wake(tx: Tx, number: int, who: Viewer) -> State:
    return _change(tx, number, who, talk.wake)


def assign(tx: Tx, number: int, who: Viewer, agent: int | None) -> State:
    """Give the conversation to an agent who serves its brand, or to nobody."""
    if agent is not None:
        to = setup.agent(tx.conn, agent)
        state = act_on(tx, number, who)
        if not to.active or to.role == "read-only" or (to.brands and state.brand not in to.brands):
            raise Refused(f"{to.name} does not work on this brand's conversations.")
    return _change(tx, number, who, lambda state: talk.assign(state, agent, "by hand"))


def tag(tx: Tx, number: int, who: Viewer, name: str) -> State:
    return _change(tx, number, who, lambda state: talk.tag(state, name))


def untag(tx: Tx, number: int, who: Viewer, name: str) -> State:
    return _change(tx, number, who, lambda state: talk.untag(state, name))


def accept_sender(tx: Tx, number: int, who: Viewer, message: int) -> None:
    """Let a held message in. Its sender takes part from now on and may be answered."""
    act_on(tx, number, who)
    event = _held_message(tx.conn, number, message)
    tx.append(e.conversation(number), [e.SenderAccepted(message=message, identity=event.identity)], who.by)


def reject_sender(tx: Tx, number: int, who: Viewer, message: int) -> None:
    """Turn a held message away. It can be accepted later all the same."""
    act_on(tx, number, who)
    _held_message(tx.conn, number, message)
    tx.append(e.conversation(number), [e.SenderRejected(message=message)], who.by)


def _held_message(conn: Connection, number: int, message: int) -> e.MessageReceived:
    history = desk.history(conn, number, newest=100_000)
    if message in talk.held(history):
        for recorded in history:
            if isinstance(recorded.event, e.MessageReceived) and recorded.event.message == message:
                return recorded.event
    raise Refused("This message is not held back; somebody may have let it in meanwhile.")


def rename(tx: Tx, number: int, who: Viewer, subject: str) -> State:
    return _change(tx, number, who, lambda state: [e.SubjectChanged(subject=subject.strip()[:300])])


# ── where one can answer ────────────────────────────────────────────────────────────────────


class Lines(Protocol):
    """Who is in a live chat at this moment, as far as this process knows."""

    def hosts(self, channel: str) -> bool: ...

    def here(self, identity: people.Identity) -> bool: ...

    def left_at(self, identity: people.Identity) -> datetime | None: ...


class Way:
    """A channel on which the person could be answered now, or why not.

    heard_at: when they last wrote there.
    away: the channel is live and they are not there. left_at: since when, if their line was seen to close;
    seen_at: when they last gave a sign of life there. over: it is closed because too much time has passed.
    """

    def __init__(self, inbox: Inbox, identity: people.Identity | None, why_not: str = "") -> None:
        self.inbox, self.identity, self.why_not = inbox, identity, why_not
        self.away, self.over = False, False
        self.heard_at: datetime | None = None
        self.left_at: datetime | None = None
        self.seen_at: datetime | None = None

    @property
    def open(self) -> bool:
        return self.identity is not None and not self.why_not


def ways(
    conn: Connection,
    state: State,
    inboxes: Sequence[Inbox],
    channels: Mapping[str, Channel],
    lines: Lines | None = None,
    *,
    known: Sequence[people.Identity] | None = None,
    history: Sequence[e.Recorded] | None = None,
    now: datetime | None = None,
) -> list[Way]:
    """Every inbox of the brand as a way to reach this person. Without `lines` nobody is known to be away.

    known, history: the person's addresses and the conversation's events, where the caller has them. now: without it
    no window is looked at.
    """
    known = people.identities_of(conn, state.person) if known is None else known
    history = desk.history(conn, state.id) if history is None else history
    heard = _heard(history)
    used = {box for _, box in heard} | {r.event.inbox for r in history if isinstance(r.event, e.ReplyWritten)}
    if any(_asks_elsewhere(box, state, channels, known, used) for box in inboxes):
        heard = _heard_elsewhere(conn, state) | heard
        used |= {box for _, box in heard}
    unwanted = consent.ended(conn, [i.id for i in known])
    found = []
    for inbox in inboxes:
        if inbox.brand != state.brand:
            continue
        manifest = channels[inbox.channel].manifest
        fitting = [i for i in known if i.kind == manifest.identity_kind]
        identity = _likeliest(fitting, history, inbox, lines)
        why_not = ""
        if identity is None:
            why_not = "No address of theirs is known there."
        elif not manifest.sends or manifest.spoken:
            why_not = f"{manifest.label} takes no written answer. Choose another channel."
        elif inbox.id not in used and not manifest.starts:
            why_not = f"{manifest.label} can only answer; they have not written there."
        elif identity.id in unwanted:
            why_not = "They asked for no more messages there."
        way = Way(inbox, identity, why_not)
        way.heard_at = heard.get((identity.id, inbox.id)) if identity else None
        if way.open and now is not None:
            way.why_not = _window_over(channels[inbox.channel], inbox, way.heard_at, now)
            way.over = bool(way.why_not)
        if identity and manifest.live and lines is not None and lines.hosts(inbox.channel):
            _look_whether_there(way, identity, history, lines, keeps=manifest.keeps)
        found.append(way)
    return found


def _heard(history: Sequence[e.Recorded]) -> dict[tuple[int, int], datetime]:
    """(identity, inbox) → when somebody last wrote from one to the other."""
    held = talk.held(history)
    said = ((r.event, r.at) for r in history if isinstance(r.event, e.MessageReceived))
    return {(event.identity, event.inbox): at for event, at in said if event.message not in held}


def _asks_elsewhere(
    inbox: Inbox, state: State, channels: Mapping[str, Channel], known: Sequence[people.Identity], used: set[int]
) -> bool:
    """Whether it makes a difference that they wrote to this inbox in another conversation."""
    manifest = channels[inbox.channel].manifest
    theirs = any(i.kind == manifest.identity_kind for i in known)
    return inbox.brand == state.brand and inbox.id not in used and theirs and manifest.sends and not manifest.starts


def _heard_elsewhere(conn: Connection, state: State) -> dict[tuple[int, int], datetime]:
    """The same in their other conversations with this brand, the latest few."""
    found: dict[tuple[int, int], datetime] = {}
    others = desk.of_person(conn, state.person, desk.SYSTEM, ELSEWHERE + 1)
    for other in reversed(others):
        if other.id != state.id and other.brand == state.brand:
            for key, at in _heard(desk.history(conn, other.id, newest=60)).items():
                found[key] = max(at, found.get(key, at))
    return found


def _window_over(channel: Channel, inbox: Inbox, heard: datetime | None, now: datetime) -> str:
    """Why they cannot be answered there any more, where the platform sets a time for that."""
    window = channel.window(inbox) if isinstance(channel, Windowed) else channel.manifest.window
    if window is None or (heard is not None and now - heard < window):
        return ""
    hours = int(window.total_seconds() // 3600)
    spell = f"{hours} hours" if hours <= 48 else f"{hours // 24} days"
    return f"{channel.manifest.label} takes answers for {spell} after their last word there; that is over."


def usual_way(ways: Sequence[Way], last: e.MessageReceived | None) -> Way | None:
    """Where they last wrote; when they have left there, a proved address that reaches them anyway."""
    usual = next((w for w in ways if w.open and last and w.inbox.id == last.inbox), None)
    if usual is None or not usual.away:
        return usual
    sure = (w for w in ways if w.open and not w.away and w.identity and w.identity.proof and w is not usual)
    return next(sure, usual)


def _likeliest(
    fitting: Sequence[people.Identity], history: Sequence[e.Recorded], inbox: Inbox, lines: Lines | None
) -> people.Identity | None:
    """Of several addresses on one channel: where they are now, wrote last, or what is proved."""
    numbers = {i.id: i for i in fitting}
    held = talk.held(history)
    here = [i for i in fitting if lines is not None and lines.here(i)]
    wrote = [
        numbers[r.event.identity]
        for r in reversed(history)
        if isinstance(r.event, e.MessageReceived)
        and r.event.message not in held
        and r.event.inbox == inbox.id
        and r.event.identity in numbers
    ]
    proved = [i for i in fitting if i.proof]
    return next(iter([*here, *wrote, *proved, *fitting]), None)


def _look_whether_there(
    way: Way, identity: people.Identity, history: Sequence[e.Recorded], lines: Lines, *, keeps: bool
) -> None:
    way.away = not lines.here(identity)
    if not way.away:
        return
    way.left_at = lines.left_at(identity)
    signs = (r.at for r in reversed(history) if r.by == f"person/{identity.person}")
    way.seen_at = way.left_at or next(signs, None)
    if not keeps:
        way.why_not = way.why_not or "They are not there, and nothing can be left for them."
