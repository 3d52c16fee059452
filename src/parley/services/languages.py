"""In which language customers write: as triage found it or an agent set it, else as their smallest words tell."""

from collections.abc import Sequence

from sqlalchemy import Column, Connection, Index, String, Table, bindparam, update

from parley.core import events as e
from parley.core.conversation import State
from parley.core.language import LANGUAGES, language_of
from parley.log.record import Tx, add_rows, words_of
from parley.log.tables import Id, metadata
from parley.services.topics import first_words, is_first

spoken = Table(
    "spoken",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("message", Id, nullable=False),
    Column("language", String(2), nullable=False),
)
_S = spoken.c
Index("ix_spoken_message", _S.message)


ENOUGH = 500  # letters tell a language; a whole mail would keep others waiting

Told = tuple[int, str]  # the message whose words tell it, 0 where an agent does; the language


class LanguageReader:
    """A row for each conversation, with the language that triage found or an agent set; of imported history, which is
    not triaged, that of its first words. Empty where nothing told it, or the words that did are gone."""

    name = "languages"
    in_step = False
    batch = 2000
    rest = 0.5
    kinds = (e.MessageReceived, e.MessageWithdrawn, e.WordsErased, e.Triaged, e.TriageCorrected)
    tables = (spoken,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        new, told, gone = set[int](), dict[int, Told](), set[int]()
        history = self._of_history(tx, batch)
        for r in batch:
            match r.event:
                case e.MessageReceived(message=message):
                    if r.version == 2:  # the first of its conversation
                        new.add(r.subject_id)
                        told[r.subject_id] = (message, history.get(message, ""))
                case e.Triaged(said=message, language=language) if language:
                    told[r.subject_id] = (message, language[:2])
                case e.TriageCorrected(what="language", value=value):
                    told[r.subject_id] = (0, value[:2])
                case e.MessageWithdrawn(message=message) | e.WordsErased(message=message):
                    gone.add(message)
                    told |= {number: (message, "") for number, (of, _) in told.items() if of == message}
        self._keep(tx, new, told, gone)

    def _of_history(self, tx: Tx, batch: Sequence[e.Recorded]) -> dict[int, str]:
        firsts = [r.event.message for r in batch if is_first(r) and r.event.history]  # type: ignore[union-attr]
        words = words_of(tx.conn, firsts)
        return {message: language_of(first_words(of)[:ENOUGH], "") for message, of in words.items()}

    def _keep(self, tx: Tx, new: set[int], told: dict[int, Told], gone: set[int]) -> None:
        if gone:
            tx.conn.execute(_FORGET, [{"of": message} for message in sorted(gone)])
        add_rows(tx.conn, spoken, [_row(number, told[number]) for number in sorted(new)])
        if changed := sorted(set(told) - new):
            tx.conn.execute(_CHANGE, [{"of": n, "by": told[n][0], "in": told[n][1]} for n in changed])


_FORGET = update(spoken).where(_S.message == bindparam("of")).values(language="")
_CHANGE = update(spoken).where(_S.conversation == bindparam("of"))
_CHANGE = _CHANGE.values(message=bindparam("by"), language=bindparam("in"))


def _row(number: int, told: Told) -> dict[str, object]:
    return {"conversation": number, "message": told[0], "language": told[1]}


def spoken_in(conn: Connection, state: State, heard: int | None) -> str:
    """The language to write to a customer in: what triage or an agent says, else that of this message of theirs."""
    if state.language in LANGUAGES:
        return state.language
    words = words_of(conn, [heard]).get(heard) if heard else None
    return language_of(words.text[: words.fold] if words else "")
