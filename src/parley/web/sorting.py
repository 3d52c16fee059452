"""What triage found of one conversation, corrected by its agent; and what may be the same matter, judged."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core.errors import NotFound, Refused
from parley.log.record import Tx
from parley.services import duplicates, findings, inbox
from parley.services.inbox import Viewer
from parley.web import present, sorted_by
from parley.web.desk import Answer, changed, html
from parley.web.forms import read_form
from parley.web.security import ACT, Caller
from parley.web.state import Room

Asked = Request[Any, Any, Any]


@get("/desk/conversations/{number:int}/findings", include_in_schema=False)
async def found(room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    """The chips alone, for a page on which they changed."""
    return html(await asyncio.to_thread(room.record.ask, _found_html, room, caller, number))


def _found_html(conn: Connection, room: Room, caller: Caller, number: int) -> str:
    state = inbox.state(conn, number, caller.viewer)
    shell = present.shell(conn, caller.agent, caller.csrf, "inbox", whole=False)
    return room.page(
        "desk/_found.html", shell=shell, found=sorted_by.found(conn, state, caller.viewer), number=number
    )  # fmt: skip


class Correction(msgspec.Struct):
    """what: priority, language, product or spam. value: what it is; empty takes the correction back."""

    what: str = ""
    value: str = ""


@post("/desk/conversations/{number:int}/findings", status_code=200, opt=ACT, include_in_schema=False)
async def correct(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Answer:
    form = await read_form(request, Correction)

    def act(tx: Tx) -> None:
        findings.correct(tx, number, caller.viewer, form.what, form.value)

    return await changed(request, room, caller, number, act)


VERDICTS = {
    "merged": duplicates.merge,
    "linked": duplicates.link,
    "apart": duplicates.hold_apart,
    "undone": duplicates.undo,
}


class Verdict(msgspec.Struct):
    verdict: str = ""


@post("/desk/conversations/{number:int}/duplicates/{of:int}", status_code=200, opt=ACT, include_in_schema=False)
async def judge(request: Asked, room: Room, caller: Caller, number: FromPath[int], of: FromPath[int]) -> Answer:
    """Merge this conversation into the other, link them, say that they are two matters, or take that back."""
    form = await read_form(request, Verdict)
    if (act := VERDICTS.get(form.verdict)) is None:
        raise Refused("Merge them, link them, say that they are not the same, or undo that.")
    return await changed(request, room, caller, number, lambda tx: act(tx, number, caller.viewer, of))


# ── the same for programs ───────────────────────────────────────────────────────────────────


class Triage(msgspec.Struct, frozen=True, kw_only=True):
    """What triage found of a conversation, what agents set in its place (`fixed`), and why. spam: likelihood, 0..1."""

    conversation: int
    priority: str
    language: str
    product: str
    matter: str
    spam: float
    fixed: dict[str, str]
    reasons: tuple[findings.Reason, ...]


def _triage(conn: Connection, number: int, who: Viewer) -> Triage:
    inbox.state(conn, number, who)
    one = findings.finding(conn, number)
    if one is None:
        raise NotFound("Nothing was found about this conversation yet.")
    return Triage(
        conversation=number, priority=one.value_of("priority"), language=one.value_of("language"),
        product=one.value_of("product"), matter=one.matter, spam=one.spam, fixed=one.fixed,
        reasons=findings.reasons(conn, one),
    )  # fmt: skip


@get("/api/v1/conversations/{number:int}/findings", opt={"api": True}, tags=["conversations"])
async def findings_json(room: Room, who: Viewer, number: FromPath[int]) -> Triage:
    """How pressing it is and why, with the customer's own words."""
    return await room.ask(_triage, number, who)


@post("/api/v1/conversations/{number:int}/findings", opt={"api": True, **ACT}, status_code=200, tags=["conversations"])
async def correct_json(room: Room, who: Viewer, number: FromPath[int], data: JSONBody[Correction]) -> Triage:
    """Set priority, language, product or spam (yes, no) otherwise; an empty value takes the correction back."""
    await room.do(findings.correct, number, who, data.what, data.value)
    return await room.ask(_triage, number, who)


def routes() -> list[ControllerRouterHandler]:
    return [found, correct, judge, findings_json, correct_json]
