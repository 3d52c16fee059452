"""In which language customers wrote first, as far as their smallest words tell."""

from collections.abc import Sequence

from sqlalchemy import Column, Index, String, Table, delete, insert

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


class LanguageReader:
    """A row for each conversation whose first words tell a language. Words that were erased tell nothing any more."""

    name = "languages"
    in_step = False
    batch = 2000
    rest = 0.5
    kinds = (e.MessageReceived, e.WordsErased)
    tables = (spoken,)

    def apply(self, tx: Tx, batch: Sequence[e.Recorded]) -> None:
        gone = [r.event.message for r in batch if isinstance(r.event, e.WordsErased)]
        firsts = {r.event.message: r.subject_id for r in batch if is_first(r)}  # type: ignore[union-attr]
        rows = []
        for message, words in words_of(tx.conn, [m for m in firsts if m not in gone]).items():
            if language := language_of(first_words(words), ""):
                rows.append({"conversation": firsts[message], "message": message, "language": language})
        if rows:
            tx.conn.execute(insert(spoken), rows)
        for message in gone:
            tx.conn.execute(delete(spoken).where(_S.message == message))
