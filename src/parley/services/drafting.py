"""Drafts of articles from gaps: what agents answered to questions that the bot could not, put into an order.

`material` and `compose` are slow and change nothing; `keep` writes the draft and what it came from. Nobody but the desk
sees it, and the bot does not answer from it, until a person has read and published it.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from parley.core import events as e
from parley.core.errors import Refused
from parley.core.redaction import name_words
from parley.log import record as log
from parley.log.record import Tx
from parley.services import gaps, knowledge, origins, people, setup, wording
from parley.services.inbox import Viewer, states
from parley.services.language_model import Model

FIRST = 60  # events of a conversation among which answers are looked for
ANSWERS = 3  # answers of agents that are read in each conversation
MOST = 200  # questions of a gap that are read
NOTHING = "No agent has answered these questions in a way that an article can be made of. Write it by hand."

Said = tuple[int, int, str]  # message, conversation, words


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """A gap's questions and what agents answered to them. names: single words that must not be told."""

    brand: int
    asked: tuple[Said, ...]
    answered: tuple[Said, ...]
    names: frozenset[str] = frozenset()


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written, and from which messages."""

    brand: int
    title: str
    body: str
    wordings: tuple[str, ...]
    origins: tuple[e.Origin, ...]


def material(conn: Connection, question: int, who: Viewer) -> Material:
    """All that is known about the gap to which a question belongs; NotFound when it is none of the viewer's."""
    brand, gap = gaps.of_question(conn, question, who)
    asked = gap.asked[:MOST]
    numbers = list(dict.fromkeys(one.conversation for one in asked))
    answers = _answers(conn, {one.message for one in asked}, numbers)
    words = {n: one.text[: one.fold] for n, one in log.words_of(conn, [*(q.message for q in asked), *answers]).items()}
    return Material(
        brand=brand,
        asked=tuple((one.message, one.conversation, words[one.message]) for one in asked if words.get(one.message)),
        answered=tuple((message, talk, words[message]) for message, talk in answers.items() if words.get(message)),
        names=_names(conn, numbers),
    )


def _answers(conn: Connection, asked: set[int], numbers: Sequence[int]) -> dict[int, int]:
    """Message → conversation: the first answers of agents after each question."""
    found: dict[int, int] = {}
    open_, count = False, 0
    kinds = (e.MessageReceived, e.ReplyWritten)
    before = ""
    for r in log.openings(conn, [e.conversation(number) for number in numbers], kinds, FIRST):
        if r.stream != before:
            before, open_, count = r.stream, False, 0
        if isinstance(r.event, e.MessageReceived):
            open_ = open_ or r.event.message in asked
        elif isinstance(r.event, e.ReplyWritten) and open_ and count < ANSWERS and _by_a_person(r):
            found[r.event.message] = r.subject_id
            count += 1
    return found


def _by_a_person(r: e.Recorded) -> bool:
    said = r.event
    return (
        isinstance(said, e.ReplyWritten)
        and r.by.startswith("agent/")
        and not said.automatic
        and said.purpose == "reply"
    )


def _names(conn: Connection, numbers: Sequence[int]) -> frozenset[str]:
    """Of the customers, and of all agents."""
    talks = states(conn, numbers).values()
    customers = people.persons(conn, list({one.person for one in talks}))
    names = [one.name for one in customers.values() if one.name]
    return name_words([*names, *(agent.name for agent in setup.all_agents(conn).values())])


def compose(found: Material, model: Model | None = None) -> Draft:
    """A draft out of the agents' own sentences. Raises Refused when none of them can stand in an article.

    model: may word it anew where the desk has one; what the sentences do not hold is dropped.
    """
    from parley.ai import extracting
    from parley.ai.encoder import encoder

    reads = encoder()
    if reads is None:
        raise Refused("The sentence encoder is not installed here, without which nothing can be drafted.")
    vectors = reads.vectors
    questions = [words for _, _, words in found.asked]
    answers = [extracting.Answer(message, talk, words, found.names) for message, talk, words in found.answered]
    taken = extracting.chosen(answers, questions, vectors)
    wordings = extracting.asked(questions, vectors, found.names)
    if not taken or not wordings:
        raise Refused(NOTHING)
    told = [
        e.Origin(message=message, conversation=talk, place=place)
        for place, one in enumerate(taken, 1)
        for message, talk in one.messages
    ]
    asked = [e.Origin(message=message, conversation=talk) for message, talk, _ in found.asked]
    body = "\n\n".join(one.words for one in taken)
    if model is not None:
        body = wording.reword(model, found.asked[0][1], body, [one.words for one in taken], "drafts") or body
    return Draft(
        brand=found.brand, title=extracting.title(wordings), body=body,
        wordings=tuple(wordings), origins=(*asked, *told),
    )  # fmt: skip


def keep(tx: Tx, draft: Draft, who: Viewer) -> int:
    """Write the draft, unless one was made of the same questions meanwhile. Returns the article's number."""
    knowledge.check_may_write(tx.conn, None, draft.brand, who)
    asked = [one.message for one in draft.origins if one.place == 0]
    if (known := origins.mostly(origins.written_for(tx.conn, asked), asked)) is not None:
        return known.article
    article = knowledge.write(
        tx, draft.title, draft.body, who.by, brand=draft.brand, audience="draft", wordings=draft.wordings
    )
    tx.append(e.article(article), [e.ArticleDrafted(brand=draft.brand, origins=draft.origins)], who.by)
    return article
