"""The JSON API: the same acts and asks as the pages, with types. Described at /api.

Authorisation: `Authorization: Bearer parley_…` (an API token acts as the agent who made it), or a
session with its csrf. Whatever may be sent twice takes a `client_id`. The log's `seq` is the cursor of
the events feed: ask again with the last `cursor` and nothing is missed.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, delete, get, post, put
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection, select

from parley.core import events as e
from parley.core.channel import Attached, Inbox
from parley.core.conversation import State
from parley.core.errors import NotAllowed, NotFound, Refused
from parley.core.identity import normal
from parley.core.triage import PRIORITIES
from parley.log import record as log
from parley.log.record import Tx
from parley.services import delivery, inbox, knowledge, messages, orders, people, replies, search, sendings, setup
from parley.services.inbox import Viewer, can_see
from parley.web.security import ACT, LEAD, Caller
from parley.web.state import Room

Limit = Annotated[int, QueryParameter(ge=1, le=500)]


# ── what is said over the wire ──────────────────────────────────────────────────────────────


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation. status: bot, open, snoozed or closed. seq: the log's place of its newest event.

    priority: urgent, high, normal or low. language: two letters, empty where nothing told it.
    """

    id: int
    seq: int
    person: int
    brand: int
    inbox: int
    channel: str
    subject: str
    status: str
    assignee: int | None
    tags: tuple[str, ...]
    opened_at: datetime
    last_at: datetime
    last_by: str
    preview: str
    waiting_since: datetime | None
    snoozed_until: datetime | None
    closed_at: datetime | None
    messages: int
    failed: int
    quarantined: bool
    priority: str
    language: str


class ConversationPage(msgspec.Struct, frozen=True, kw_only=True):
    """after: ask with it for the next page; null at the end."""

    conversations: list[Conversation]
    after: str | None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened; `data` is described in docs/events.md. words: what was said, if anything."""

    seq: int
    stream: str
    at: datetime
    by: str
    data: e.AnyEvent
    words: e.Words | None = None


class EventFeed(msgspec.Struct, frozen=True, kw_only=True):
    """cursor: ask with it for what comes next. more: there is more already."""

    events: list[Event]
    cursor: int
    more: bool


class Enclosed(msgspec.Struct, frozen=True, kw_only=True):
    """A file; data in base64."""

    name: str
    type: str
    data: bytes


class NewReply(msgspec.Struct, frozen=True, kw_only=True):
    """client_id: the same reply sent again is not written again. expect_seen: the newest seq you have seen of
    the conversation; the reply is refused with 409 when the customer or a colleague wrote since.
    inbox, identity: where to write, by default where the customer wrote last. cc, bcc: who gets a copy, where
    the channel carries them. due: send it then and not now;
    unless_answered: only if the customer writes nothing before; then_close: close the conversation after it.
    """

    text: str
    client_id: str | None = None
    expect_seen: int | None = None
    inbox: int | None = None
    identity: int | None = None
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    files: tuple[Enclosed, ...] = ()
    due: datetime | None = None
    unless_answered: bool = False
    then_close: bool = False


class NewNote(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    client_id: str | None = None
    files: tuple[Enclosed, ...] = ()


class TakenBack(msgspec.Struct, frozen=True, kw_only=True):
    """text: what the answer would have said."""

    text: str


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """message: the number of what was written. seq: where the log stands now."""

    message: int
    conversation: int
    seq: int


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    agent: int | None


class Snooze(msgspec.Struct, frozen=True, kw_only=True):
    until: datetime


class Person(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    name: str
    met_at: datetime
    merged_into: int | None
    identities: list[people.Identity]
    conversations: list[Conversation]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """message: the newest that has the words; null for a find by name or address."""

    conversation: Conversation
    message: int | None
    snippet: str


class NewArticle(msgspec.Struct, frozen=True, kw_only=True):
    """body in Markdown. audience: public or internal. wordings: how customers ask for it."""

    title: str
    body: str
    brand: int | None = None
    audience: str = "public"
    tags: tuple[str, ...] = ()
    wordings: tuple[str, ...] = ()


class InboxLine(msgspec.Struct, frozen=True, kw_only=True):
    """An inbox, without its settings: those hold secrets."""

    id: int
    brand: int
    channel: str
    name: str
    address: str
    with_bot: bool


class AgentLine(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    name: str
    role: str
    skills: tuple[str, ...]
    brands: tuple[int, ...]
    presence: str
    active: bool


class DeliveryLine(msgspec.Struct, frozen=True, kw_only=True):
    """Something that arrived. state: new, done or quarantined. note: why it could not be read."""

    id: int
    inbox: int
    provider_id: str
    received_at: datetime
    state: str
    note: str | None


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that could not be sent. can_retry: a replay may help."""

    message: int
    conversation: int
    inbox: int
    reason: str
    tries: int
    can_retry: bool


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """new: false when the same delivery was here before."""

    new: bool


class Count(msgspec.Struct, frozen=True, kw_only=True):
    count: int


def _conversation(state: State) -> Conversation:
    shown = msgspec.structs.asdict(state) | {"priority": PRIORITIES[state.priority]}
    return msgspec.convert(shown, Conversation)


# ── conversations ───────────────────────────────────────────────────────────────────────────


@get("/conversations", tags=["conversations"])
async def list_conversations(
    room: Room, who: Viewer, view: FromQuery[str] = "open", after: FromQuery[str | None] = None, limit: Limit = 50
) -> ConversationPage:
    """A view: waiting, pressing, due, mine, unassigned, open, snoozed, bot, closed, failed, all, tag:NAME,
    priority:NAME or language:CODE."""
    try:
        page = await room.ask(inbox.page, view, who, after, min(limit, 200))
    except ValueError as error:
        raise Refused("`after` is not a cursor of this view.") from error
    return ConversationPage(conversations=[_conversation(state) for state in page.rows], after=page.after)


@get("/conversations/{number:int}", tags=["conversations"])
async def get_conversation(room: Room, who: Viewer, number: FromPath[int]) -> Conversation:
    return _conversation(await room.ask(inbox.state, number, who))


@get("/conversations/{number:int}/events", tags=["conversations"])
async def conversation_events(room: Room, who: Viewer, number: FromPath[int], after: FromQuery[int] = 0) -> list[Event]:
    """Everything that happened in it after the seq `after`, oldest first, with words; 1000 at most."""
    return await room.ask(_history, number, who, after)


def _history(conn: Connection, number: int, who: Viewer, after: int) -> list[Event]:
    inbox.state(conn, number, who)
    wanted = [r for r in log.stream(conn, e.conversation(number)) if r.seq > after][:1000]
    return _with_words(conn, wanted)


def _with_words(conn: Connection, recorded: Sequence[e.Recorded]) -> list[Event]:
    said = log.words_of(conn, [number for r in recorded if (number := _said(r.event))])
    return [
        Event(seq=r.seq, stream=r.stream, at=r.at, by=r.by, data=r.event, words=said.get(_said(r.event) or 0))
        for r in recorded
    ]


def _said(event: e.AnyEvent) -> int | None:
    """Under which number the words of an event lie. Those of a message are its newest ones."""
    if isinstance(event, e.MessageEdited):
        return event.wording
    return event.message if isinstance(event, e.MessageReceived | e.ReplyWritten | e.NoteWritten) else None


@post("/conversations/{number:int}/replies", opt=ACT, tags=["conversations"])
async def add_reply(room: Room, who: Viewer, number: FromPath[int], data: JSONBody[NewReply]) -> Written:
    """Answer the customer. What became of it shows in the events: sent, delivered, read or failed."""
    files = await asyncio.to_thread(room.store.keep, _enclosed(data.files))
    inboxes = await asyncio.to_thread(room.inboxes)
    planned = _planned(data)

    def act(tx: Tx) -> Written:
        via = _way(tx, number, who, data, inboxes, room)
        message = replies.reply(
            tx,
            number,
            who,
            data.text,
            via=via,
            files=files,
            client_id=data.client_id,
            expect_seen=data.expect_seen,
            cc=data.cc,
            bcc=data.bcc,
            channels=room.channels,
            keep=(lambda fact, words: sendings.plan(tx, number, who, fact, words, planned)) if planned else None,
        )
        if data.then_close and planned is None:
            replies.close(tx, number, who)
        return Written(message=message, conversation=number, seq=tx.head())

    return await room.do(act)


def _planned(wanted: NewReply) -> sendings.Plan | None:
    if wanted.due is None:
        return None
    due = wanted.due if wanted.due.tzinfo else wanted.due.replace(tzinfo=UTC)
    return sendings.Plan(due=due, unless_answered=wanted.unless_answered, then_close=wanted.then_close)


@post(
    "/conversations/{number:int}/messages/{message:int}/cancellation", opt=ACT, status_code=200, tags=["conversations"]
)
async def take_back(room: Room, who: Viewer, number: FromPath[int], message: FromPath[int]) -> TakenBack:
    """Stop an answer of yours that has not gone yet: a planned one, or one that is still held or queued."""
    return TakenBack(text=await room.do(sendings.take_back, number, who, message))


def _way(
    tx: Tx, number: int, who: Viewer, wanted: NewReply, inboxes: Mapping[int, Inbox], room: Room
) -> tuple[Inbox, people.Identity] | None:
    """The inbox and address that were asked for, provided that they are this brand's and this person's."""
    if wanted.inbox is None and wanted.identity is None:
        return None
    state = replies.act_on(tx, number, who)
    ours = inboxes.get(wanted.inbox or 0)
    theirs = people.identity_by_id(tx.conn, wanted.identity or 0)
    if ours is None or ours.brand != state.brand or theirs.person != state.person:
        raise Refused("Name both: an inbox of this conversation's brand and an address of its person.")
    if room.channels[ours.channel].manifest.identity_kind != theirs.kind:
        raise Refused(f"“{ours.name}” cannot write to an address of the kind “{theirs.kind}”.")
    return ours, theirs


def _enclosed(files: Sequence[Enclosed]) -> list[Attached]:
    return [Attached(name=file.name, type=file.type, data=file.data) for file in files]


@post("/conversations/{number:int}/notes", opt=ACT, tags=["conversations"])
async def add_note(room: Room, who: Viewer, number: FromPath[int], data: JSONBody[NewNote]) -> Written:
    """Write an internal note. `@name` mentions a colleague."""
    files = await asyncio.to_thread(room.store.keep, _enclosed(data.files))

    def act(tx: Tx) -> Written:
        message = replies.note(tx, number, who, data.text, files=files, client_id=data.client_id)
        return Written(message=message, conversation=number, seq=tx.head())

    return await room.do(act)


@post("/conversations/{number:int}/closure", opt=ACT, status_code=200, tags=["conversations"])
async def close(room: Room, who: Viewer, number: FromPath[int]) -> Conversation:
    return _conversation(await room.do(replies.close, number, who))


@delete("/conversations/{number:int}/closure", opt=ACT, status_code=200, tags=["conversations"])
async def reopen(room: Room, who: Viewer, number: FromPath[int]) -> Conversation:
    return _conversation(await room.do(replies.reopen, number, who))


@put("/conversations/{number:int}/assignment", opt=ACT, tags=["conversations"])
async def assign(room: Room, who: Viewer, number: FromPath[int], data: JSONBody[Assignment]) -> Conversation:
    """Give it to an agent who serves its brand; null gives it back to all."""
    return _conversation(await room.do(replies.assign, number, who, data.agent))


@put("/conversations/{number:int}/tags/{name:str}", opt=ACT, tags=["conversations"])
async def tag(room: Room, who: Viewer, number: FromPath[int], name: FromPath[str]) -> Conversation:
    return _conversation(await room.do(replies.tag, number, who, name))


@delete("/conversations/{number:int}/tags/{name:str}", opt=ACT, status_code=200, tags=["conversations"])
async def untag(room: Room, who: Viewer, number: FromPath[int], name: FromPath[str]) -> Conversation:
    return _conversation(await room.do(replies.untag, number, who, name))


@put("/conversations/{number:int}/snooze", opt=ACT, tags=["conversations"])
async def snooze(room: Room, who: Viewer, number: FromPath[int], data: JSONBody[Snooze]) -> Conversation:
    """Put it aside until then; a message of the customer wakes it earlier."""
    if data.until.tzinfo is None:
        raise Refused("`until` needs a time zone, such as 2026-03-02T09:00:00Z.")
    return _conversation(await room.do(replies.snooze, number, who, data.until))


@delete("/conversations/{number:int}/snooze", opt=ACT, status_code=200, tags=["conversations"])
async def wake(room: Room, who: Viewer, number: FromPath[int]) -> Conversation:
    return _conversation(await room.do(replies.wake, number, who))


# ── people and search ───────────────────────────────────────────────────────────────────────


@get("/people/{number:int}", tags=["people"])
async def get_person(room: Room, who: Viewer, number: FromPath[int]) -> Person:
    return await room.ask(_person, number, who)


@get("/people", tags=["people"])
async def find_person(room: Room, who: Viewer, kind: FromQuery[str], value: FromQuery[str]) -> Person:
    """The person behind an address: kind is mail, phone, user, visitor …"""
    return await room.ask(_person_of_address, kind, value, who)


def _person_of_address(conn: Connection, kind: str, value: str, who: Viewer) -> Person:
    key = (kind, normal(kind, value))
    identity = people.by_address(conn, [key]).get(key)
    if identity is None:
        raise NotFound(UNKNOWN_PERSON)
    return _person(conn, identity.person, who)


UNKNOWN_PERSON = "There is no such person, or none of their conversations is yours to see."


def _person(conn: Connection, number: int, who: Viewer) -> Person:
    """Seen by whoever may see one of their conversations, or everything."""
    talks = inbox.of_person(conn, number, who)
    if not talks and who.brands is not None:
        raise NotFound(UNKNOWN_PERSON)
    one = people.person(conn, number)
    return Person(
        id=one.id,
        name=one.name,
        met_at=one.met_at,
        merged_into=one.merged_into,
        identities=people.identities_of(conn, number),
        conversations=[_conversation(state) for state in talks],
    )


@get("/search", tags=["search"])
async def find(room: Room, who: Viewer, q: FromQuery[str], limit: Limit = 30) -> list[Found]:
    """Conversations about these words; people by name or address come first."""
    hits = await room.ask(search.find, room.record.database.name, q[:200], who, min(limit, 100))
    return [Found(conversation=_conversation(h.state), message=h.message, snippet=h.snippet) for h in hits]


# ── knowledge ───────────────────────────────────────────────────────────────────────────────


@get("/articles", tags=["knowledge"])
async def list_articles(room: Room, who: Viewer, audience: FromQuery[str | None] = None) -> list[knowledge.Article]:
    articles = await room.ask(knowledge.every, audience=audience)
    return [article for article in articles if knowledge.serves(article, who)]


@get("/articles/{number:int}", tags=["knowledge"])
async def get_article(room: Room, who: Viewer, number: FromPath[int]) -> knowledge.Article:
    return await room.ask(knowledge.of_viewer, number, who)


@post("/articles", opt=ACT, tags=["knowledge"])
async def add_article(room: Room, who: Viewer, data: JSONBody[NewArticle]) -> knowledge.Article:
    return await _written(room, who, data)


@put("/articles/{number:int}", opt=ACT, tags=["knowledge"])
async def change_article(
    room: Room, who: Viewer, number: FromPath[int], data: JSONBody[NewArticle]
) -> knowledge.Article:
    return await _written(room, who, data, number)


async def _written(room: Room, who: Viewer, new: NewArticle, number: int | None = None) -> knowledge.Article:
    article = await room.do(_write_article, who, new, number)
    room.bot.brain.soon(room.record)
    return article


def _write_article(tx: Tx, who: Viewer, new: NewArticle, number: int | None = None) -> knowledge.Article:
    knowledge.check_may_write(tx.conn, number, new.brand, who)
    if new.brand is not None and new.brand not in setup.all_brands(tx.conn):
        raise Refused("There is no such brand.")
    written = knowledge.write(
        tx,
        new.title,
        new.body,
        who.by,
        brand=new.brand,
        audience=new.audience,
        tags=new.tags,
        wordings=new.wordings,
        article=number,
    )
    return knowledge.by_id(tx.conn, written)


def _is_mine(brand: int | None, who: Viewer) -> bool:
    return who.brands is None or brand is None or brand in who.brands


# ── orders ──────────────────────────────────────────────────────────────────────────────────


@post("/orders", opt=LEAD, status_code=200, tags=["orders"])
async def import_orders(room: Room, who: Viewer, data: JSONBody[list[orders.Order]]) -> Count:
    """Add orders of the shop, or replace those whose number is known; 1000 at a time."""
    if len(data) > 1000:
        raise Refused("Send at most 1000 orders at a time.")
    if not all(_is_mine(order.brand, who) for order in data):
        raise NotAllowed("Some of these orders belong to another brand. None was taken.")
    await room.do(orders.add, data)
    return Count(count=len(data))


@get("/orders/{number:str}", tags=["orders"])
async def get_order(room: Room, who: Viewer, number: FromPath[str]) -> orders.Order:
    order = await room.ask(orders.by_number, number)
    if order is None or not _is_mine(order.brand, who):
        raise NotFound("There is no such order.")
    return order


# ── the desk itself ─────────────────────────────────────────────────────────────────────────


@get("/inboxes", tags=["desk"])
async def list_inboxes(room: Room, who: Viewer) -> list[InboxLine]:
    found = (await asyncio.to_thread(room.inboxes)).values()
    return [msgspec.convert(i, InboxLine, from_attributes=True) for i in found if _is_mine(i.brand, who)]


@get("/agents", tags=["desk"])
async def list_agents(room: Room, who: Viewer) -> list[AgentLine]:
    """Colleagues: those who share a brand with the caller."""
    everybody = (await room.ask(setup.all_agents)).values()
    return [msgspec.convert(a, AgentLine, from_attributes=True) for a in everybody if _works_with(a, who)]


def _works_with(agent: setup.Agent, who: Viewer) -> bool:
    return who.brands is None or not agent.brands or bool(set(agent.brands) & set(who.brands))


@get("/deliveries", opt=LEAD, tags=["desk"])
async def list_deliveries(
    room: Room, who: Viewer, fate: Annotated[str, QueryParameter(name="state")] = "quarantined", limit: Limit = 100
) -> list[DeliveryLine]:
    """What arrived, newest first; its bytes are kept. state: quarantined (could not be read), passed (held nothing for
    the desk, such as a kind that is not known yet), early (waits for its message), new or done.
    """
    mine = await asyncio.to_thread(_my_inboxes, room, who)
    return await room.ask(_deliveries, mine, fate, min(limit, 500))


def _deliveries(conn: Connection, inboxes: Sequence[int], state: str, limit: int) -> list[DeliveryLine]:
    table = log.deliveries.c
    question = select(table.id, table.inbox, table.provider_id, table.received_at, table.state, table.note)
    question = question.where(table.state == state, table.inbox.in_(inboxes)).order_by(table.id.desc()).limit(limit)
    return [DeliveryLine(**row._mapping) for row in conn.execute(question)]


@get("/deliveries/{number:int}/raw", opt=LEAD, tags=["desk"])
async def raw_delivery(room: Room, who: Viewer, number: FromPath[int]) -> Response[bytes]:
    """The bytes just as they came."""
    mine = await asyncio.to_thread(_my_inboxes, room, who)
    data = await room.ask(_raw, room, mine, number)
    headers = {
        "content-disposition": f'attachment; filename="delivery-{number}"',
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return Response(data, media_type="application/octet-stream", headers=headers)


def _raw(conn: Connection, room: Room, inboxes: Sequence[int], number: int) -> bytes:
    number_of_inbox, data = messages.raw_delivery(conn, room.store, number)
    if number_of_inbox not in inboxes:
        raise NotFound("There is no such delivery.")
    return data


def _my_inboxes(room: Room, who: Viewer) -> list[int]:
    return [i.id for i in room.inboxes().values() if _is_mine(i.brand, who)]


@get("/dead-letters", tags=["desk"])
async def list_dead_letters(room: Room, who: Viewer) -> list[DeadLetter]:
    """Messages that could not be sent, newest first."""
    return await room.ask(_dead_letters, who)


def _dead_letters(conn: Connection, who: Viewer) -> list[DeadLetter]:
    rows = delivery.dead_letters(conn, 500)
    states = inbox.states(conn, sorted({row.conversation for row in rows}))
    return [
        DeadLetter(**{name: getattr(row, name) for name in DeadLetter.__struct_fields__})
        for row in rows
        if row.conversation in states and can_see(who, states[row.conversation])
    ]


@post("/dead-letters/{message:int}/replay", opt=ACT, status_code=202, tags=["desk"])
async def replay(room: Room, who: Viewer, message: FromPath[int]) -> Written:
    """Try to send it again."""

    def act(tx: Tx) -> Written:
        state = _state_of_letter(tx, message, who)
        delivery.replay(tx, message, who.by)
        return Written(message=message, conversation=state.id, seq=tx.head())

    return await room.do(act)


def _state_of_letter(tx: Tx, message: int, who: Viewer) -> State:
    number = tx.conn.execute(
        select(delivery.outbox.c.conversation).where(delivery.outbox.c.message == message)
    ).scalar()
    if number is None:
        raise NotFound("There is no such message.")
    return replies.act_on(tx, number, who)


@get("/events", tags=["events"])
async def events(
    room: Room, caller: Caller, who: Viewer, after: FromQuery[int] = 0, limit: Limit = 200, wait: FromQuery[int] = 0
) -> EventFeed:
    """What happened after the cursor, in the log's order, of what the caller may see.

    wait: seconds (25 at most) to wait for something new when there is nothing.
    """
    until = time.monotonic() + min(wait, 25)
    while True:
        news = room.hub.news
        feed = await room.ask(_feed, caller, who, after, limit)
        left = until - time.monotonic()
        if feed.events or feed.more or left <= 0:
            return feed
        after = feed.cursor
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await news.wait()


def _feed(conn: Connection, caller: Caller, who: Viewer, after: int, limit: int) -> EventFeed:
    batch = log.read(conn, after, limit)
    talks = sorted({r.subject_id for r in batch if r.stream.startswith("conversation/")})
    states = inbox.states(conn, talks)
    mine = [r for r in batch if _may_know(r, states, caller, who)]
    return EventFeed(events=_with_words(conn, mine), cursor=batch[-1].seq if batch else after, more=len(batch) == limit)


def _may_know(r: e.Recorded, states: Mapping[int, State], caller: Caller, who: Viewer) -> bool:
    """Conversations by `can_see`, brands by whom serves them; people for those who see all; colleagues for leads."""
    kind = r.stream.partition("/")[0]
    if kind == "conversation":
        return r.subject_id in states and can_see(who, states[r.subject_id])
    if kind == "person":
        return who.brands is None
    if kind == "brand":
        return who.brands is None or r.subject_id in who.brands
    return kind == "agent" and caller.agent.role in ("admin", "lead") and who.brands is None


@post("/inboxes/{number:int}/deliveries", opt=LEAD, status_code=202, tags=["desk"])
async def deliver(
    request: Request[Any, Any, Any],
    room: Room,
    who: Viewer,
    number: FromPath[int],
    delivery_id: Annotated[str, HeaderParameter(name="x-delivery-id")] = "",
) -> Taken:
    """Hand over raw bytes as the inbox's channel would get them. Stored durably before the answer comes.

    x-delivery-id names the delivery, so that it can be sent again; by default its SHA-256 does.
    """
    if number not in await asyncio.to_thread(_my_inboxes, room, who):
        raise NotFound("There is no such inbox.")
    raw = await request.body()
    if not raw:
        raise Refused("The delivery is empty.")
    return Taken(new=await room.intake.take_async(number, delivery_id or sha256(raw).hexdigest(), raw))


def routes() -> list[ControllerRouterHandler]:
    return [
        Router(
            "/api/v1",
            route_handlers=[
                list_conversations, get_conversation, conversation_events, add_reply, take_back, add_note, close,
                reopen, assign, tag, untag, snooze, wake, get_person, find_person, find, list_articles, get_article,
                add_article, change_article, import_orders, get_order, list_inboxes, list_agents, list_deliveries,
                raw_delivery, list_dead_letters, replay, events, deliver,
            ],
            opt={"api": True},
        )
    ]  # fmt: skip
