"""How a brand wants to sound, asked of an answer before it goes: of a person's and of the bot's alike."""

from sqlalchemy import Connection

from parley.core import events as e
from parley.core import tone as rules
from parley.core.address import FORMAL
from parley.core.channel import Channel
from parley.core.conversation import State
from parley.core.language import language_of
from parley.log import record as log
from parley.services import languages, people, setup


def of_brand(conn: Connection, brand: int) -> rules.Tone:
    known = setup.all_brands(conn).get(brand)
    return known.look.tone if known else rules.Tone()


def slips(
    conn: Connection,
    state: State,
    text: str,
    *,
    agent: int | None = None,
    heard: e.MessageReceived | None = None,
    channel: Channel | None = None,
) -> list[rules.Slip]:
    """What in an answer is not as the brand speaks. agent: whose it is, None for a machine's. heard: what the customer
    said last, for the language of a short answer. channel: by which it goes, where that is known."""
    brand = setup.all_brands(conn).get(state.brand)
    if brand is None or brand.look.tone.silent:
        return []
    return rules.slips(text, brand.look.tone, _about(conn, state, brand, text, agent, heard, channel))


def _about(
    conn: Connection,
    state: State,
    brand: setup.Brand,
    text: str,
    agent: int | None,
    heard: e.MessageReceived | None,
    channel: Channel | None,
) -> rules.About:
    language = language_of(text, languages.spoken_in(conn, state, heard.message if heard else None))
    tone = brand.look.tone
    if agent is None:
        return rules.About(language=language, machine=True)
    formal = tone.address.get(language) == FORMAL
    name = people.person(conn, state.person).name if tone.looks_at("greeting") else ""
    me = setup.all_agents(conn).get(agent)
    signs = bool(brand.look.letter(language).sign_off or setup.signature(conn, agent))
    return rules.About(
        language=language,
        first=tone.looks_at("greeting") and not _answered(conn, state.id),
        letter=bool(channel and channel.manifest.html and not channel.manifest.live) and not signs,
        name=name if formal else name.partition(" ")[0],
        closing=rules.goodbye(language, formal, me.name if formal and me else me.name.split()[0] if me else ""),
    )


def _answered(conn: Connection, conversation: int) -> bool:
    """Whether a person of ours wrote there before."""
    history = log.stream(conn, e.conversation(conversation), newest=300)
    return any(isinstance(r.event, e.ReplyWritten) and r.by.startswith("agent/") for r in history)
