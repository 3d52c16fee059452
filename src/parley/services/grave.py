"""Matters out of which machines keep: a death, or somebody in danger of taking their life."""

from sqlalchemy import Connection

from parley.core import events as e
from parley.log import record as log
from parley.services import inbox

GRAVE = frozenset({"self_harm", "bereavement"})


def is_grave(conn: Connection, conversation: int) -> bool:
    """Whether the customer speaks of such a thing in its newest messages: then no survey asks how it was, and no draft
    is suggested."""
    from parley.ai import sensitive

    history = inbox.history(conn, conversation, newest=60)
    said = [r.event.message for r in history if isinstance(r.event, e.MessageReceived)]
    words = log.words_of(conn, said)
    texts = (f"{one.subject or ''}\n{one.text[: one.fold]}" for one in words.values())
    return any(reason.name in GRAVE for text in texts for reason in sensitive.reasons(text))
