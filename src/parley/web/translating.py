"""A customer's message in the agent's language, and an agent's draft in the customer's, where the agent asks for it."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from parley.core.language import LANGUAGES
from parley.services import translating
from parley.services.translating import ENGLISH, Translation
from parley.web.forms import read_form
from parley.web.security import ACT, Caller
from parley.web.state import Room
from parley.web.words import translate as t

Asked = Request[Any, Any, Any]
LONGEST = 20_000


class Wish(msgspec.Struct):
    """language: the reader's own, as their browser names it."""

    language: str = "en"


class Draft(msgspec.Struct):
    text: str = ""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """told: where it is from, in a line. text: empty where there was nothing to translate."""

    text: str
    language: str
    told: str


@post(
    "/desk/conversations/{number:int}/messages/{message:int}/translation", status_code=200, opt=ACT,
    include_in_schema=False,
)  # fmt: skip
async def message(
    request: Asked, room: Room, caller: Caller, number: FromPath[int], message: FromPath[int]
) -> Response[Shown]:
    form = await read_form(request, Wish)
    into = form.language[:2].lower()
    into = into if into in LANGUAGES else "en"
    found = await asyncio.to_thread(
        translating.of_message, room.record, room.bot.model, number, message, into, caller.viewer
    )
    return Response(_shown(found))


@post("/desk/conversations/{number:int}/translation", status_code=200, opt=ACT, include_in_schema=False)
async def draft(request: Asked, room: Room, caller: Caller, number: FromPath[int]) -> Response[Shown]:
    """The draft in the customer's language, for the agent to read and send."""
    form = await read_form(request, Draft)
    text = form.text[:LONGEST].replace("\r\n", "\n")
    found = await asyncio.to_thread(translating.of_draft, room.record, room.bot.model, number, text, caller.viewer)
    return Response(_shown(found))


def _shown(found: Translation) -> Shown:
    of = t(ENGLISH[found.of]) if found.of else ""
    if not found.text:
        return Shown(text="", language=found.into, told=t("This is in {language} already.", language=of))
    told = (
        t("Translated by a language model from {language}", language=of) if of else t("Translated by a language model")
    )
    return Shown(text=found.text, language=found.into, told=told)


def routes() -> list[ControllerRouterHandler]:
    return [message, draft]
