"""How an answer sounds while it is being written, and the choices of a brand about that."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from litestar import Request, Response, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core import tone as rules
from parley.core.address import FORMAL, INFORMAL, LANGUAGES
from parley.services import inbox, replies, tone
from parley.services.inbox import Viewer
from parley.web import views
from parley.web.forms import read_form
from parley.web.security import ACT, Caller
from parley.web.state import Room
from parley.web.words import translate as t

LONGEST = 20_000
LABELS: Mapping[str, tuple[str, str]] = {
    "address": ("Formal or informal address", "Du or Sie, tu or vous, tú or usted, tu or Lei, je or u."),
    "emoji": ("No emoji", "Also those of letters, such as :-)."),
    "exclamation": ("Exclamation marks", "A greeting's own becomes a comma."),
    "sentence": ("Long sentences", "A line's end and a semicolon end a sentence too."),
    "greeting": ("A greeting", "Asked of the first answer that a person of yours writes in a conversation."),
    "sign_off": ("A sign-off", "Asked of mails under which the desk puts none."),
    "contractions": ("No contractions", "In English: do not, rather than don't."),
}
FORMS = {
    "de": "Deutsch: Sie, du", "fr": "Français : vous, tu", "es": "Español: usted, tú", "it": "Italiano: Lei, tu",
    "nl": "Nederlands: u, je",
}  # fmt: skip


class Form(Protocol):
    tone_rule: list[str]
    tone_does: list[str]
    tone_language: list[str]
    tone_address: list[str]
    exclamations: int
    sentence_words: int


def choices(now: rules.Tone) -> views.ToneChoices:
    return views.ToneChoices(
        rules=tuple((rule, t(LABELS[rule][0]), t(LABELS[rule][1]), now.rules.get(rule, "")) for rule in rules.RULES),
        address=tuple((code, FORMS[code], now.address.get(code, "")) for code in LANGUAGES),
        exclamations=now.exclamations,
        words=now.words,
    )


def read(form: Form) -> rules.Tone:
    """What was chosen; a choice that is none is left out."""
    does = zip(form.tone_rule, form.tone_does, strict=False)
    forms = zip(form.tone_language, form.tone_address, strict=False)
    return rules.Tone(
        rules={rule: one for rule, one in does if rule in rules.RULES and one in (rules.WARN, rules.REFUSE)},
        address={code: one for code, one in forms if code in LANGUAGES and one in (FORMAL, INFORMAL)},
        exclamations=min(max(form.exclamations, 0), 9),
        words=min(max(form.sentence_words, 8), 80),
    )


# ── while it is written ─────────────────────────────────────────────────────────────────────


class Written(msgspec.Struct):
    """via: identity and inbox, as the composer names them."""

    text: str = ""
    via: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """start and end in the browser's units. before, after: what stands around it. mend: None where nothing is safe."""

    sentence: str
    start: int
    end: int
    before: str
    words: str
    after: str
    mend: str | None
    refuses: bool


class Sounding(msgspec.Struct, frozen=True, kw_only=True):
    """mended: the text with all of it mended that can be; the same text where nothing can."""

    slips: list[Told]
    mended: str


@post("/desk/conversations/{number:int}/tone", status_code=200, opt=ACT, include_in_schema=False)
async def look(
    request: Request[Any, Any, Any], room: Room, caller: Caller, number: FromPath[int]
) -> Response[Sounding]:
    """What in an answer is not as the brand speaks. Nothing is kept of it."""
    form = await read_form(request, Written)
    text = form.text[:LONGEST].replace("\r\n", "\n")
    found, how = await room.ask(_slips, room, caller.viewer, number, text, form.via)
    refused = rules.refused(found, how)
    told = [_told(slip, text, slip in refused) for slip in found]
    return Response(Sounding(slips=told, mended=rules.mended(text, found)))


def _slips(
    conn: Connection, room: Room, who: Viewer, number: int, text: str, via: str
) -> tuple[list[rules.Slip], rules.Tone]:
    state = inbox.state(conn, number, who)
    box = room.inboxes().get(int(via.rpartition(":")[2] or 0)) if via.rpartition(":")[2].isdigit() else None
    heard = replies.last_received(conn, state)
    name = box.channel if box else heard.channel if heard else ""
    found = tone.slips(conn, state, text, agent=who.agent, heard=heard, channel=room.channels.get(name))
    return found, tone.of_brand(conn, state.brand)


def _told(slip: rules.Slip, text: str, refuses: bool) -> Told:
    sentence, values = rules.wording(slip)
    return Told(
        sentence=t(sentence).format(**values),
        start=_units(text[: slip.start]),
        end=_units(text[: slip.end]),
        before=_before(text, slip.start),
        words=_some(text[slip.start : slip.end].strip(), 60),
        after=_some(text[slip.end :].partition("\n")[0], 24),
        mend=slip.mend,
        refuses=refuses,
    )


def _before(text: str, end: int) -> str:
    """Some words of the same line that lead up to a place."""
    line = text[:end].rpartition("\n")[2]
    return line if len(line) <= 24 else f"… {line[-24:].partition(' ')[2]}"


def _some(text: str, most: int) -> str:
    """The beginning of a text, up to a whole word."""
    return text if len(text) <= most else f"{text[:most].rpartition(' ')[0]} …"


def _units(text: str) -> int:
    """A browser counts in UTF-16."""
    return len(text.encode("utf-16-le")) // 2


def routes() -> list[ControllerRouterHandler]:
    return [look]
