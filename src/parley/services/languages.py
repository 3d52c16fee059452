"""In which language customers wrote first, as far as their smallest words tell."""

from collections.abc import Sequence

from sqlalchemy import Column, Index, String, Table, insert, update

from parley.core import events as e
from parley.core.language import language_of
from parley.log.record import Tx, words_of
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


class LanguageReader:
    """A row for each conversation, with the language of its first words as they stand: empty where they tell none, or
    were taken back or erased."""

    name = "languages"
    in_step = False
    batch = 2000
    rest = 0.5
    kinds = (e.MessageReceived, e.MessageEdited, e.MessageWithdrawn, e.WordsErased)
    tables = (spoken,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        firsts = {r.event.message: r.subject_id for r in batch if is_first(r)}  # type: ignore[union-attr]
        changed = {r.event.message for r in batch if not isinstance(r.event, e.MessageReceived)} - set(firsts)  # type: ignore[union-attr]
        told = {
            message: language_of(first_words(words)[:ENOUGH], "")
            for message, words in words_of(tx.conn, [*firsts, *changed]).items()
        }
        rows = [
            {"conversation": number, "message": message, "language": told.get(message, "")}
            for message, number in firsts.items()
        ]
        if rows:
            tx.conn.execute(insert(spoken), rows)
        for message in sorted(changed):
            tx.conn.execute(update(spoken).where(_S.message == message).values(language=told.get(message, "")))
