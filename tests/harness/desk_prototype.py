"""The desk's pages on invented data and a slow line: for drawing screens and measuring keys to paint.

`python -m harness.desk_prototype [port]` serves the real templates and scripts; every answer
is held back by 80 ms, so that what an agent far away feels can be measured on one machine.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
from litestar import Litestar, MediaType, Request, Response, delete, get, post, put
from litestar.response import Redirect, ServerSentEvent, ServerSentEventMessage
from litestar.static_files import create_static_files_router

from harness import desk_samples as samples
from parley.web import views as v
from parley.web.stream import arrange
from parley.web.templating import environment

DELAY = float(os.environ.get("DESK_DELAY", "0.08"))
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
WEB = Path(samples.__file__).parents[2] / "src" / "parley" / "web"
jinja = environment()
LABELS = {"email": "mail", "webchat": "chat", "Mail": "mail", "Chat": "chat"}


class Desk:
    """Everything the prototype knows, in memory."""

    def __init__(self) -> None:
        self.seq = 1000
        self.talks = {talk.id: talk for talk in samples.talks()}
        self.drafts: dict[int, tuple[str, str]] = {}
        self.listeners: set[asyncio.Queue[str]] = set()
        self.viewers: dict[int, dict[int, str]] = {}
        self.refuse_next = 0
        self.delay = DELAY

    def shell(self, section: str = "inbox") -> v.Shell:
        counts = self.counts()
        listed = tuple(msgspec.structs.replace(view, count=counts.get(view.token)) for view in samples.VIEWS)
        return v.Shell(
            me=samples.ME, role="lead", csrf="prototype", seq=self.seq, section=section,
            company="Fjord & Pine", views=listed,
        )  # fmt: skip

    def counts(self) -> dict[str, int]:
        out: dict[str, int] = {view.token: 0 for view in samples.VIEWS}
        for talk in self.talks.values():
            for token in talk.tokens():
                if token in out:
                    out[token] += 1
        return out

    def rows(self, key: str) -> v.ListPage:
        view = next(view for view in self.shell().views if view.key == key)
        rows = sorted(
            (talk.row(self.seq) for talk in self.talks.values() if view.token in talk.tokens()),
            key=lambda row: row.waits if key == "waiting" else row.order,
        )
        return v.ListPage(view=view, rows=tuple(rows))

    def page(self, id: int) -> v.ConversationPage:
        talk = self.talks[id]
        reply, note = self.drafts.get(id, ("", ""))
        now = datetime.now(UTC)
        return v.ConversationPage(
            id=id, seq=self.seq, subject=talk.subject, status=talk.shown_status(), brand=talk.brand,
            channel=talk.channel, glyph=talk.glyph, turns=tuple(arrange(talk.turns, LABELS, UTC, now)),
            composer=v.Composer(channels=talk.channels(), draft=reply, draft_note=note),
            person=talk.pane(), assignee=talk.assignee, tags=tuple(talk.tags),
            waiting_since=talk.waiting_since(), due=talk.due(), snoozed_until=talk.snoozed_until,
            found=samples.FOUND,
        )  # fmt: skip

    def change(self, id: int, kind: str, turns: list[v.Turn] | None = None) -> bytes:
        """Note that something happened: the answer to the actor, and news for every open page."""
        self.seq += 1
        talk = self.talks[id]
        html = "".join(
            jinja.get_template("desk/_turn.html").render(turn=turn, shell=self.shell()) for turn in turns or []
        )
        news = v.Change(
            seq=self.seq, kind=kind, conversation=id, turns=html, facts=talk.facts(), counts=self.counts(),
            row=jinja.get_template("desk/_row.html").render(row=talk.row(self.seq)),
        )  # fmt: skip
        data = msgspec.json.encode(news)
        self.tell(data.decode())
        return data

    def tell(self, data: str) -> None:
        for queue in self.listeners:
            queue.put_nowait(data)

    def tell_presence(self, id: int, customer_typing: bool = False) -> None:
        here = tuple(
            v.Viewer(face=next(a for a in samples.AGENTS if a.id == agent), doing=doing)
            for agent, doing in self.viewers.get(id, {}).items()
        )
        news = v.PresenceChange(conversation=id, viewers=here, customer_typing=customer_typing)
        self.tell(msgspec.json.encode(news).decode())


desk = Desk()


def page(template: str, status: int = 200, **context: Any) -> Response[str]:
    text = jinja.get_template(template).render(**context)
    return Response(text, media_type=MediaType.HTML, status_code=status, headers={"content-security-policy": POLICY})


def inbox_page(key: str, conversation: v.ConversationPage | None) -> Response[str]:
    return page("desk/inbox.html", shell=desk.shell(), list=desk.rows(key), conversation=conversation)


@get("/desk")
async def home() -> Redirect:
    return Redirect("/desk/inbox/waiting")


@get("/desk/inbox/{key:str}")
async def inbox(key: str) -> Response[str]:
    return inbox_page(key, None)


@get("/desk/conversations/{id:int}")
async def conversation(id: int, request: Request[Any, Any, Any]) -> Response[str]:
    if request.headers.get("x-fragment") == "conversation":
        return page("desk/_conversation.html", shell=desk.shell(), conversation=desk.page(id))
    tokens = desk.talks[id].tokens()
    key = next((view.key for view in samples.VIEWS if view.token in tokens), "all")
    return inbox_page(key, desk.page(id))


def answer(request: Request[Any, Any, Any], id: int, data: bytes) -> Response[Any]:
    if request.headers.get("x-fragment") == "change":
        return Response(data, media_type=MediaType.JSON)
    return Redirect(f"/desk/conversations/{id}", status_code=303)


@post("/desk/conversations/{id:int}/replies", status_code=200)
async def reply(id: int, request: Request[Any, Any, Any]) -> Response[Any]:
    if desk.refuse_next:
        desk.refuse_next -= 1
        return Response({"detail": "The desk cannot write just now. Nothing was lost."}, status_code=503)
    form = await request.form()
    talk = desk.talks[id]
    known = talk.by_client(str(form.get("client_id") or ""))
    if known:
        return answer(request, id, desk.change(id, "reply_written", [known]))
    turn = talk.say(samples.ME, str(form["text"]), str(form.get("client_id") or ""))
    if form.get("then") == "close":
        talk.status = "closed"
    asyncio.get_running_loop().create_task(progress(id, turn))
    return answer(request, id, desk.change(id, "reply_written", [turn]))


async def progress(id: int, turn: v.Message) -> None:
    """The message goes its way: sent, delivered, read."""
    for state in ("sent", "delivered", "read"):
        await asyncio.sleep(0.7)
        turn = desk.talks[id].renew(msgspec.structs.replace(turn, state=state))
        desk.change(id, state, [turn])


@post("/desk/conversations/{id:int}/notes", status_code=200)
async def note(id: int, request: Request[Any, Any, Any]) -> Response[Any]:
    form = await request.form()
    turn = v.Note(
        id=next(samples.numbers), author=samples.ME, at=datetime.now(UTC), text=str(form["text"]),
        client_id=str(form.get("client_id") or ""),
    )  # fmt: skip
    desk.talks[id].turns.append(turn)
    return answer(request, id, desk.change(id, "note_written", [turn]))


def settle(request: Request[Any, Any, Any], id: int, kind: str, glyph: str, text: str) -> Response[Any]:
    fact = v.Fact(id=next(samples.numbers), glyph=glyph, text=text, at=datetime.now(UTC))
    desk.talks[id].turns.append(fact)
    return answer(request, id, desk.change(id, kind, [fact]))


@post("/desk/conversations/{id:int}/closure", status_code=200)
async def close(id: int, request: Request[Any, Any, Any]) -> Response[Any]:
    desk.talks[id].status = "closed"
    return settle(request, id, "closed", "circle-check", "You closed it")


@delete("/desk/conversations/{id:int}/closure", status_code=200)
async def reopen(id: int, request: Request[Any, Any, Any]) -> Response[Any]:
    desk.talks[id].status = "open"
    return settle(request, id, "reopened", "rotate-ccw", "You reopened it")


@post("/desk/conversations/{id:int}/assignment", status_code=200)
async def assign(id: int, request: Request[Any, Any, Any]) -> Response[Any]:
    wanted = (await request.form()).get("agent")
    talk = desk.talks[id]
    talk.assignee = next((face for face in samples.AGENTS if str(face.id) == wanted), None)
    name = talk.assignee.name if talk.assignee else "nobody"
    return settle(request, id, "assigned", "user-plus", f"You assigned it to {name}")


@post("/desk/conversations/{id:int}/tags", status_code=200)
async def tag(id: int, request: Request[Any, Any, Any]) -> Response[Any]:
    name = str((await request.form())["tag"])
    desk.talks[id].tags.append(name)
    return settle(request, id, "tagged", "tag", f"You tagged it {name}")


@delete("/desk/conversations/{id:int}/tags/{name:str}", status_code=200)
async def untag(id: int, name: str, request: Request[Any, Any, Any]) -> Response[Any]:
    desk.talks[id].tags.remove(name)
    return settle(request, id, "untagged", "tag", f"You removed the tag {name}")


@post("/desk/conversations/{id:int}/snooze", status_code=200)
async def snooze(id: int, request: Request[Any, Any, Any]) -> Response[Any]:
    until = datetime.fromisoformat(str((await request.form())["until"]))
    desk.talks[id].snoozed_until = until
    return settle(request, id, "snoozed", "alarm-clock", f"You snoozed it until {until:%a %H:%M}")


@delete("/desk/conversations/{id:int}/snooze", status_code=200)
async def wake(id: int, request: Request[Any, Any, Any]) -> Response[Any]:
    desk.talks[id].snoozed_until = None
    return settle(request, id, "woke", "alarm-clock", "You woke it")


@put("/desk/conversations/{id:int}/draft", status_code=204)
async def draft(id: int, request: Request[Any, Any, Any]) -> None:
    form = await request.form()
    desk.drafts[id] = (str(form.get("text", "")), str(form.get("note", "")))


@post("/desk/conversations/{id:int}/presence", status_code=204)
async def presence(id: int, request: Request[Any, Any, Any]) -> None:
    doing = str((await request.form())["doing"])
    here = desk.viewers.setdefault(id, {})
    here.pop(cast(int, samples.ME.id), None)
    if doing != "away":
        here[cast(int, samples.ME.id)] = doing
    desk.tell_presence(id)


@put("/desk/presence", status_code=204)
async def my_presence() -> None: ...


@put("/desk/settings/keys", status_code=204)
async def my_keys() -> None: ...


@post("/desk/messages/{id:int}/replay", status_code=200)
async def replay(id: int, request: Request[Any, Any, Any]) -> Response[Any]:
    talk = next(talk for talk in desk.talks.values() if any(turn.id == id for turn in talk.turns))
    turn = next(turn for turn in talk.turns if turn.id == id)
    turn = talk.renew(msgspec.structs.replace(cast(v.Message, turn), state="queued", reason=""))
    asyncio.get_running_loop().create_task(progress(talk.id, turn))
    return answer(request, talk.id, desk.change(talk.id, "send_replayed", [turn]))


@get("/desk/messages/{id:int}/html")
async def mail(id: int, images: int = 0) -> Response[str]:
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:" + (" https:" if images else "")
    headers = {"content-security-policy": policy + "; frame-ancestors 'self'"}
    return Response(samples.MAIL_HTML, media_type=MediaType.HTML, headers=headers)


@get("/desk/choices")
async def choices() -> v.Choices:
    return samples.CHOICES


@get("/desk/live")
async def live(after: int) -> ServerSentEvent:
    return ServerSentEvent(news(after))


async def news(after: int) -> AsyncIterator[ServerSentEventMessage]:
    queue: asyncio.Queue[str] = asyncio.Queue()
    desk.listeners.add(queue)
    try:
        yield ServerSentEventMessage(comment="hello")
        while True:
            yield ServerSentEventMessage(data=await queue.get())
    finally:
        desk.listeners.discard(queue)


# ── levers for the browser test: make the outside world do something ──


@post("/lever/customer/{id:int}", status_code=204)
async def customer_writes(id: int, text: str = "Are you still there?") -> None:
    talk = desk.talks[id]
    turn = talk.hear(text)
    desk.change(id, "message_received", [turn])


@post("/lever/colleague/{id:int}", status_code=204)
async def colleague_looks(id: int, doing: str = "writing", typing: bool = False) -> None:
    desk.viewers.setdefault(id, {})[cast(int, samples.AGENTS[1].id)] = doing
    desk.tell_presence(id, typing)


@post("/lever/fresh", status_code=204)
async def fresh() -> None:
    """As after a start; pages that are open keep their live stream."""
    listeners = desk.listeners
    desk.__init__()  # type: ignore[misc]
    desk.listeners = listeners


@post("/lever/refuse", status_code=204)
async def refuse() -> None:
    desk.refuse_next += 1


# ── the other pages ──


@get("/desk/search")
async def search(q: str = "") -> Response[str]:
    return page("desk/search.html", shell=desk.shell(), page=samples.search(q, list(desk.talks.values()), desk.seq))


@get("/desk/people")
async def people() -> Response[str]:
    rows = samples.people(list(desk.talks.values()))
    return page("desk/people.html", shell=desk.shell("people"), rows=rows, query="", after=None)


@get("/desk/people/{id:int}")
async def person(id: int) -> Response[str]:
    talk = next(talk for talk in desk.talks.values() if talk.person_id == id)
    shown = samples.person_page(talk, tuple(arrange(talk.turns, LABELS, UTC, datetime.now(UTC))))
    return page("desk/person.html", shell=desk.shell("people"), page=shown, consent=samples.CONSENT)


@get("/desk/knowledge")
async def knowledge() -> Response[str]:
    return page("desk/knowledge.html", shell=desk.shell("knowledge"), rows=samples.ARTICLES, query="", lead=True)


@get("/desk/knowledge/{id:int}")
async def article(id: int) -> Response[str]:
    return page(
        "desk/article.html",
        lead=True,
        shell=desk.shell("knowledge"),
        article=samples.article(id),
        origins=samples.ORIGINS,
        care=samples.CARE,
    )


@get("/login")
async def login(wrong: int = 0) -> Response[str]:
    problem = "That address and password do not belong together." if wrong else ""
    return page("account/login.html", csrf="prototype", company="Fjord & Pine", mail="", problem=problem, next="/desk")


@get("/help")
async def help_home(q: str = "") -> Response[str]:
    return page("help/home.html", public=samples.PUBLIC, page=samples.help_home(q))


@get("/help/{slug:str}")
async def help_article(slug: str) -> Response[str]:
    return page("help/article.html", public=samples.PUBLIC, article=samples.article(1), more=samples.ARTICLES[:4])


@get("/rating/{token:str}")
async def rating(token: str, score: int = 0, done: int = 0) -> Response[str]:
    steps = tuple(enumerate(("bad", "poor", "fair", "good", "very good"), 1))
    shown = v.RatingPage(
        subject="Rain jacket, wrong size", action=f"/rating/{token}", question="How did we do?", steps=steps,
        chosen=score or None, thanked=bool(done),
    )  # fmt: skip
    return page("account/rating.html", public=samples.PUBLIC, csrf="prototype", page=shown)


@get("/trouble")
async def trouble() -> Response[str]:
    shown = v.Trouble(
        code=404,
        title="There is no such conversation",
        text="It may have been merged into another one, or you may not see it.",
        href="/desk",
        link="To the inbox",
    )
    return page("error.html", 404, trouble=shown, public=None)


async def slowly(request: Request[Any, Any, Any]) -> None:
    if not request.url.path.startswith("/static"):
        await asyncio.sleep(desk.delay)


app = Litestar(
    [
        home, inbox, conversation, reply, note, close, reopen, assign, tag, untag, snooze, wake, draft, presence,
        my_presence, my_keys, replay, mail, choices, live, customer_writes, colleague_looks, fresh, refuse, search,
        people, person, knowledge, article, login, help_home,
        help_article, rating, trouble,
        create_static_files_router(path="/static", directories=[WEB / "static"]),
    ],
    before_request=slowly,
    openapi_config=None,
    debug=True,
)  # fmt: skip

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1] if len(sys.argv) > 1 else 8099),
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
