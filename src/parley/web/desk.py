"""The agents' desk: the inbox, a conversation, and what is done in it. One act or one question per handler."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, delete, get, post, put
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.errors import NotFound, Refused
from parley.core.events import ConversationOpened
from parley.log import record as log
from parley.log.record import Tx
from parley.services import (
    assist,
    copies,
    delivery,
    desk_notes,
    file_links,
    inbox,
    messages,
    people,
    prepared,
    replies,
    sendings,
    setup,
)
from parley.services.inbox import Viewer
from parley.web import present, sorted_by, telling, views
from parley.web.forms import read_files, read_form
from parley.web.hub import Happening
from parley.web.security import ACT, Caller
from parley.web.state import Room
from parley.web.stream import arrange
from parley.web.templating import row_html

Asked = Request[Any, Any, Any]
Answer = Response[Any]


def begin(room: Room) -> None:
    """Live pages are told in the desk's own rows and turns."""
    room.hub.render = lambda conn, happening, scope: told(room, conn, happening, scope)


def lens(room: Room, conn: Connection) -> present.Lens:
    return present.Lens(conn, room.channels, room.record.clock(), room.kept)


def html(text: str, status: int = 200) -> Answer:
    return Response(text, media_type=MediaType.HTML, status_code=status, headers={"cache-control": "no-store"})


def seen_other(where: str) -> Answer:
    return Response(b"", status_code=303, headers={"location": where}, media_type=MediaType.TEXT)


# ── pages ───────────────────────────────────────────────────────────────────────────────────


@get("/desk", include_in_schema=False)
async def home() -> Answer:
    return seen_other("/desk/inbox/waiting")


@get("/desk/inbox/{view:str}", include_in_schema=False)
async def inbox_page(
    request: Asked, room: Room, caller: Caller, view: FromPath[str], after: FromQuery[str | None] = None
) -> Answer:
    fragment = request.headers.get("x-fragment") == "list"
    return html(await asyncio.to_thread(room.record.ask, _inbox_html, room, caller, view, after, fragment))


def _inbox_html(conn: Connection, room: Room, caller: Caller, view: str, after: str | None, fragment: bool) -> str:
    here = lens(room, conn)
    shell = present.shell(conn, caller.agent, caller.csrf, "inbox", lens=here)
    page = list_page(here, caller, view, after, shell)
    template = "desk/_list.html" if fragment else "desk/inbox.html"
    return room.page(template, shell=shell, list=page, conversation=None)


def list_page(lens: present.Lens, caller: Caller, view: str, after: str | None, shell: views.Shell) -> views.ListPage:
    found = inbox.page(lens.conn, view, caller.viewer, after)
    known = next((v for v in shell.views if v.key == view), None)
    shown = known or present.list_view(view, caller.agent.id, {})
    doorless = not found.rows and setup.has_no_inbox(lens.conn)
    priorities, languages = sorted_by.filters(lens.conn, view)
    return views.ListPage(
        view=shown, rows=present.rows(lens, found.rows), after=found.after, doorless=doorless, priorities=priorities,
        languages=languages, incidents=sorted_by.running(lens.conn, caller.viewer),
    )  # fmt: skip


@get("/desk/conversations/{number:int}", include_in_schema=False)
async def conversation_page(
    request: Asked, room: Room, caller: Caller, number: FromPath[int], before: FromQuery[int | None] = None
) -> Answer:
    wanted = request.headers.get("x-fragment")
    if wanted == "turns" and before is not None:
        return html(await asyncio.to_thread(room.record.ask, _earlier_html, room, caller, number, before))
    fragment = wanted == "conversation"
    return html(await asyncio.to_thread(room.record.ask, _conversation_html, room, caller, number, fragment, before))


def _earlier_html(conn: Connection, room: Room, caller: Caller, number: int, before: int) -> str:
    """Turns from before those that are shown, with the link to still earlier ones on top."""
    state = inbox.state(conn, number, caller.viewer)
    turns, earlier = present.earlier_turns(lens(room, conn), state, room.inboxes(), before)
    return room.page("desk/_earlier.html", turns=turns, earlier=earlier)


def _conversation_html(
    conn: Connection, room: Room, caller: Caller, number: int, fragment: bool, before: int | None = None
) -> str:
    here = lens(room, conn)
    state = inbox.state(conn, number, caller.viewer)
    page = present.conversation(here, state, caller.agent, room.inboxes(), room.visitors, before=before)
    shell = present.shell(conn, caller.agent, caller.csrf, "inbox", lens=here, whole=not fragment)
    if fragment:
        return room.page("desk/_conversation.html", shell=shell, conversation=page)
    tokens = page.row.tokens if page.row else ()
    view = next((v.key for v in shell.views if v.token in tokens), "all")
    return room.page("desk/inbox.html", shell=shell, list=list_page(here, caller, view, None, shell), conversation=page)


@get("/desk/choices", include_in_schema=False)
async def choices(room: Room, caller: Caller) -> views.Choices:
    return await room.ask(_choices, caller)


def _choices(conn: Connection, caller: Caller) -> views.Choices:
    agents = [a for a in setup.all_agents(conn).values() if a.active and a.role != "read-only"]
    faces = [(a, present.agent_face(a)) for a in agents]
    held = inbox.held_by(conn)
    return views.Choices(
        me=caller.agent.id,
        agents=tuple(
            views.AgentChoice(
                id=a.id, name=a.name, initials=f.initials, hue=f.hue, presence=a.presence, open=held.get(a.id, 0),
                skills=a.skills,
            )
            for a, f in faces
        ),
        tags=tuple(dict.fromkeys((*inbox.common_tags(conn), *prepared.tags(conn)))),
        macros=tuple(views.Macro(name=m.name, text=m.text) for m in desk_notes.macros(conn)),
    )  # fmt: skip


# ── acts ────────────────────────────────────────────────────────────────────────────────────


class Written(msgspec.Struct):
    """A reply or note. via: "identity:inbox" of the channel picker. seen: newest seq on the writer's screen.

    due: when it is to go, empty for now. hold: "1" where the screen offers to take it back for some seconds.
    unless: "1" if only when the customer writes nothing before. cc, bcc: lines of addresses, where the channel carries
    copies. draft, draft_…: the suggestion that stood beside it.
    """

    text: str = ""
    client_id: str = ""
    via: str = ""
    then: str = ""
    mode: str = "reply"
    seen: int = 0
    due: str = ""
    hold: str = ""
    unless: str = ""
    cc: str = ""
    bcc: str = ""
    draft: str = ""
    draft_source: str = ""
    draft_ref: str = ""
    draft_inserted: str = ""


@post(
    "/desk/conversations/{number:int}/replies",
    status_code=200,
    opt=ACT,
    include_in_schema=False,
    request_max_body_size=file_links.MOST_BYTES + 16 * 2**20,
)
async def reply(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, Written)
    kept = await asyncio.to_thread(room.store.keep, await read_files(request))
    who = caller.viewer
    planned = sendings.Plan(
        due=_time(form.due), unless_answered=form.unless == "1", then_close=form.then == "close"
    ) if form.due else None  # fmt: skip

    def act(tx: Tx) -> None:
        if form.mode == "note":
            replies.note(tx, number, who, form.text, files=kept, client_id=form.client_id or None)
        else:
            via = _via(tx, room, number, who, form.via)
            carried = via is not None and room.channels[via[0].channel].manifest.copies
            message = replies.reply(
                tx, number, who, form.text, files=kept, client_id=form.client_id or None,
                cc=copies.listed(form.cc) if carried else (), bcc=copies.listed(form.bcc) if carried else (),
                via=via, expect_seen=form.seen or None,
                channels=room.channels, hold=sendings.HOLD if form.hold == "1" else None,
                keep=(lambda fact, words: sendings.plan(tx, number, who, fact, words, planned)) if planned else None,
            )  # fmt: skip
            if form.draft:
                given = assist.Given(
                    draft=form.draft, source=form.draft_source, ref=form.draft_ref, inserted=bool(form.draft_inserted)
                )
                assist.judge(tx, number, who, given, form.text, message)
        desk_notes.keep_draft(tx, number, who, "", "")
        if form.then == "close" and planned is None:
            replies.close(tx, number, who)

    return await changed(request, room, caller, number, act)


def _via(tx: Tx, room: Room, number: int, who: Viewer, chosen: str) -> tuple[Any, people.Identity] | None:
    """The inbox and address chosen in the picker, if this person can be reached there."""
    if not chosen:
        return None
    identity, _, box = chosen.partition(":")
    state = inbox.state(tx.conn, number, who)
    ways = replies.ways(tx.conn, state, list(room.inboxes().values()), room.channels, room.visitors, now=tx.at)
    theirs = {i.id: i for i in people.identities_of(tx.conn, state.person)}
    for way in ways:
        address = theirs.get(int(identity)) if identity.isdigit() else None
        if way.open and way.identity and address and f"{way.inbox.id}" == box and address.kind == way.identity.kind:
            return way.inbox, address
    raise Refused("They cannot be reached on that channel now. Choose another; your text is kept.")


@post("/desk/conversations/{number:int}/notes", status_code=200, opt=ACT, include_in_schema=False)
async def note(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, Written)
    kept = await asyncio.to_thread(room.store.keep, await read_files(request))

    def act(tx: Tx) -> None:
        replies.note(tx, number, caller.viewer, form.text, files=kept, client_id=form.client_id or None)

    return await changed(request, room, caller, number, act)


def _simple(act: Callable[..., Any], *more: Any) -> Callable[[Viewer, int], Callable[[Tx], None]]:
    return lambda who, number: lambda tx: act(tx, number, who, *more)


@post("/desk/conversations/{number:int}/closure", status_code=200, opt=ACT, include_in_schema=False)
async def close(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    return await changed(request, room, caller, number, _simple(replies.close)(caller.viewer, number))


@delete("/desk/conversations/{number:int}/closure", status_code=200, opt=ACT, include_in_schema=False)
async def reopen(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    return await changed(request, room, caller, number, _simple(replies.reopen)(caller.viewer, number))


class Assignment(msgspec.Struct):
    agent: str = ""


@post("/desk/conversations/{number:int}/assignment", status_code=200, opt=ACT, include_in_schema=False)
async def assign(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, Assignment)
    agent = int(form.agent) if form.agent.isdigit() else None
    return await changed(request, room, caller, number, _simple(replies.assign, agent)(caller.viewer, number))


class Tagging(msgspec.Struct):
    tag: str = ""


@post("/desk/conversations/{number:int}/tags", status_code=200, opt=ACT, include_in_schema=False)
async def tag(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, Tagging)
    return await changed(request, room, caller, number, _simple(replies.tag, form.tag)(caller.viewer, number))


@delete("/desk/conversations/{number:int}/tags/{name:str}", status_code=200, opt=ACT, include_in_schema=False)
async def untag(request: Asked, room: Room, caller: Caller, number: FromPath[int], name: FromPath[str]) -> Answer:
    return await changed(request, room, caller, number, _simple(replies.untag, name)(caller.viewer, number))


class Sleep(msgspec.Struct):
    until: str = ""


@post("/desk/conversations/{number:int}/snooze", status_code=200, opt=ACT, include_in_schema=False)
async def snooze(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, Sleep)
    until = _time(form.until)
    return await changed(request, room, caller, number, _simple(replies.snooze, until)(caller.viewer, number))


def _time(typed: str) -> datetime:
    try:
        read = datetime.fromisoformat(typed)
    except ValueError as error:
        raise Refused("That is no time. Write it as 2026-03-02T09:00, or choose one from the menu.") from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)


@delete("/desk/conversations/{number:int}/snooze", status_code=200, opt=ACT, include_in_schema=False)
async def wake(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    return await changed(request, room, caller, number, _simple(replies.wake)(caller.viewer, number))


class Draft(msgspec.Struct):
    text: str = ""
    note: str = ""


@put("/desk/conversations/{number:int}/draft", status_code=204, opt=ACT, include_in_schema=False)
async def draft(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> None:
    form = await read_form(request, Draft)
    await room.do(desk_notes.keep_draft, number, caller.viewer, form.text, form.note)


@post(
    "/desk/conversations/{number:int}/messages/{message:int}/cancellation",
    status_code=200,
    opt=ACT,
    include_in_schema=False,
)
async def take_back(
    request: Asked, room: Room, caller: Caller, number: FromPath[int], message: FromPath[int]
) -> Answer:
    """Stop an answer that has not gone yet; its words are in the composer again."""
    return await changed(request, room, caller, number, _simple(sendings.take_back, message)(caller.viewer, number))


@post("/desk/messages/{message:int}/replay", status_code=200, opt=ACT, include_in_schema=False)
async def replay(request: Asked, room: Room, caller: Caller, message: FromPath[int]) -> Answer:
    state = await room.ask(messages.state_of, message, caller.viewer)

    def act(tx: Tx) -> None:
        replies.act_on(tx, state.id, caller.viewer)
        delivery.replay(tx, message, caller.viewer.by)

    return await changed(request, room, caller, state.id, act)


@post("/desk/messages/{message:int}/acceptance", status_code=200, opt=ACT, include_in_schema=False)
async def accept(request: Asked, room: Room, caller: Caller, message: FromPath[int]) -> Answer:
    """Let a held message in."""
    return await _judge(request, room, caller, message, replies.accept_sender)


@post("/desk/messages/{message:int}/rejection", status_code=200, opt=ACT, include_in_schema=False)
async def reject(request: Asked, room: Room, caller: Caller, message: FromPath[int]) -> Answer:
    """Turn a held message away."""
    return await _judge(request, room, caller, message, replies.reject_sender)


async def _judge(request: Asked, room: Room, caller: Caller, message: int, verdict: Callable[..., None]) -> Answer:
    state = await room.ask(messages.state_of, message, caller.viewer)
    return await changed(request, room, caller, state.id, lambda tx: verdict(tx, state.id, caller.viewer, message))


@put("/desk/settings/keys", status_code=204, include_in_schema=False)
async def keys(request: Asked, room: Room, caller: Caller) -> None:
    """Switch single-key shortcuts on or off."""
    form = await read_form(request, Keys)
    await room.do(setup.change_agent, caller.agent.id, single_keys=form.on in ("1", "true", "on"))
    room.door.refresh(caller.agent.id)


class Keys(msgspec.Struct):
    on: str = ""


@get("/desk/deliveries/{number:int}/raw", include_in_schema=False)
async def raw(room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    """The bytes of a delivery that could not be read, as a download."""
    data = await room.ask(_raw, room, caller.viewer, number)
    headers = {"content-disposition": f'attachment; filename="delivery-{number}.bin"'}
    return Response(data, media_type="application/octet-stream", headers=headers)


def _raw(conn: Connection, room: Room, who: Viewer, number: int) -> bytes:
    arrived_at, data = messages.raw_delivery(conn, room.store, number)
    known = room.inboxes().get(arrived_at)
    if who.brands is not None and (known is None or known.brand not in who.brands):
        raise NotFound("There is no such delivery.")
    return data


# ── answering an act, telling live pages ────────────────────────────────────────────────────


async def changed(request: Asked, room: Room, caller: Caller, number: int, act: Callable[[Tx], None]) -> Answer:
    """Do it; a script gets what changed at once, a form goes back to the conversation."""
    before = await asyncio.shield(asyncio.wrap_future(room.record.write(lambda tx: _noting(tx, act))))
    if request.headers.get("x-fragment") != "change":
        return seen_other(f"/desk/conversations/{number}")
    change = await asyncio.to_thread(room.record.ask, _change_for, room, caller, number, before)
    return Response(msgspec.json.encode(change), media_type=MediaType.JSON)


def _noting(tx: Tx, act: Callable[[Tx], None]) -> int:
    before = tx.head()
    act(tx)
    return before


def _change_for(conn: Connection, room: Room, caller: Caller, number: int, before: int) -> views.Change:
    state = inbox.state(conn, number, caller.viewer)
    new = [r for r in inbox.history(conn, number, newest=60) if r.seq > before]
    seq = new[-1].seq if new else state.seq
    happening = Happening(state=state, events=tuple(new))
    change = _change(room, conn, happening, caller.viewer.brands, seq)
    counts = present.tokens_counted(inbox.counts(conn, caller.viewer), caller.agent.id)
    return msgspec.structs.replace(change, counts=counts)


def told(room: Room, conn: Connection, happening: Happening, scope: tuple[int, ...] | None) -> views.Change:
    """What every live page of agents who serve these brands is told: made once for all of them."""
    change = _change(room, conn, happening, scope, happening.seq)
    counts = inbox.counts(conn, Viewer(role="agent", brands=scope), every_agent=True)
    return msgspec.structs.replace(change, counts=present.tokens_counted(counts, None))


def _change(
    room: Room, conn: Connection, happening: Happening, scope: tuple[int, ...] | None, seq: int
) -> views.Change:
    here = lens(room, conn)
    state = happening.state
    kind = log.tag(type(happening.events[-1].event)) if happening.events else "seen"
    return views.Change(
        seq=seq,
        kind=kind,
        conversation=state.id,
        row=str(row_html(room.templates, present.rows(here, [state])[0])),
        turns=_turns_html(room, here, happening),
        facts=present.facts(here, state),
        found=any(isinstance(r.event, sorted_by.TOLD_BY) for r in happening.events),
    )


def _turns_html(room: Room, here: present.Lens, happening: Happening) -> str:
    """The turns that the events made or changed, in their place under what stands above them."""
    new = {r.seq for r in happening.events}
    touched = {m for r in happening.events if (m := getattr(r.event, "message", None))}
    if not new or any(isinstance(r.event, ConversationOpened) for r in happening.events):
        new |= {0}
    history = inbox.history(here.conn, happening.state.id, newest=present.LATEST)
    shown = [r for r in history if type(r.event) in telling.SHOWN_EVENTS]
    older = {m for r in shown if (m := getattr(r.event, "message", None))}
    if touched - older:
        history = inbox.history(here.conn, happening.state.id, newest=present.SHOWN)
        shown = [r for r in history if type(r.event) in telling.SHOWN_EVENTS]
    teller = telling.Teller(here, happening.state, shown, room.inboxes())
    turns = arrange(teller.turns(shown), here.labels, UTC, here.now)
    wanted = [t for t in turns if (t.id in new if t.kind in telling.BY_SEQ else t.id in touched)]
    ids = {t.id for t in wanted} | {f"via-{t.id}" for t in wanted}
    template = room.templates.get_template("desk/_turn.html")
    return "".join(template.render(turn=t) for t in turns if t in wanted or (t.kind == "gap" and t.id in ids))


def routes() -> list[ControllerRouterHandler]:
    return [
        home, inbox_page, conversation_page, choices, reply, note, close, reopen, assign, tag, untag, snooze, wake,
        draft, take_back, replay, accept, reject, keys, raw,
    ]  # fmt: skip
