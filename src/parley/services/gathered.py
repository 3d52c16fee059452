"""What a procedure has gathered so far, read from the log, and how it is told to customers and agents."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from parley.core import conversation as talk
from parley.core import events as e
from parley.core import procedure as p
from parley.core.channel import Channel
from parley.core.expression import written
from parley.log.record import Tx, words_of
from parley.services import inbox as desk
from parley.services import replies

BY = "bot/helper"
TOO_OFTEN = 2
"""Answers in a row that were none; then a person takes over."""

SILENCE = REMINDED, WAITED = "Reminded them after ten minutes of silence", "Waits in silence"
BY_REFERENCE = ("words", "address", "phone")
"""Kinds of answers that may say something of a person: the log keeps only which message it was."""


def active(history: Sequence[e.Recorded]) -> e.ProcedureWentOn | None:
    """The step at which a procedure waits for the customer, if one does."""
    for r in reversed(history):
        if isinstance(r.event, e.ProcedureWentOn):
            return r.event if r.event.waits else None
        if isinstance(r.event, e.HandoffAsked | e.Closed):
            return None
    return None


def resolved(conn: Connection, procedure: p.Procedure, said: Mapping[str, str], pattern: str) -> dict[str, Any]:
    """What was said, with the words that only their message keeps. Those that were erased are asked for again."""
    from parley.ai import slots

    kept = {name: int(value[1:]) for name, value in said.items() if value.startswith("@")}
    words = words_of(conn, list(kept.values()))
    facts: dict[str, Any] = {}
    for name, value in said.items():
        if (need := procedure.need(name)) is None:
            continue
        if name not in kept:
            facts[name] = value
        elif kept[name] in words:
            facts[name] = slots.value_of(need.kind, (), new_words(words[kept[name]]), pattern)
    return facts


def new_words(words: e.Words) -> str:
    return words.text if words.fold is None else words.text[: words.fold]


def question(words: e.Words) -> str:
    """What a message asks, its subject included."""
    new = new_words(words)
    return f"{words.subject}\n{new}" if words.subject else new


def told(procedure: p.Procedure, facts: Mapping[str, Any]) -> list[str]:
    """What was gathered, a line each, as an agent reads it."""
    asked = {step.name: facts.get(step.name) for step in procedure.steps if isinstance(step, p.Need)}
    lines = [f"{name.capitalize()}: {talk.preview(str(value))}" for name, value in asked.items() if value]
    for step in procedure.steps:
        if isinstance(step, p.Use) and isinstance(values := facts.get(step.name), Mapping):
            said = ", ".join(f"{name} {written(value)}" for name, value in values.items() if value is not None)
            lines.append(f"{step.name.replace('_', ' ').capitalize()}: {talk.preview(said)}")
    order = facts.get("order")
    if order is not None and order.mail in facts.get("own", ()) and order.delivered_at:
        lines.append(f"Delivered on {order.delivered_at:%-d %B}, {(facts['now'] - order.delivered_at).days} days ago")
    return lines


def answered_before(procedure: p.Procedure, known: Mapping[str, Any], waits: str) -> Iterator[p.Need]:
    """Questions that have an answer, the newest first."""
    for step in reversed(procedure.steps):
        if isinstance(step, p.Need) and known.get(step.name) and step.name != waits:
            yield step


def without_no(said: str) -> str:
    return re.sub(
        r"^\W*(?:no|nope|sorry|wait|actually)\b[\s,.:]*|\b(?:i meant|i mean|instead|rather)\b", "", said, flags=re.I
    )


def about(opening: str) -> str:
    """Of a first message, what may name an article: the words about the wish itself say nothing of it."""
    wish = r"\b(?:return|exchange|refund|send|back|cancel|order|money|invoice|want|need|please|would|like|my|\d{4,})\b"
    return " ".join(re.sub(wish, " ", opening, flags=re.I).split())


def listed(ask: p.Ask) -> str:
    if len(ask.options) < 2:
        return ask.question
    return ask.question + "\n" + "\n".join(f"{n}. {one}" for n, one in enumerate(ask.options, 1))


def can_undo(procedure: p.Procedure) -> bool:
    return any(isinstance(step, p.Do) and step.undo for step in procedure.steps)


def sources(facts: Mapping[str, Any]) -> tuple[e.Source, ...]:
    order = facts.get("order")
    if order is None:
        return ()
    return (e.Source(kind="order", title=f"Order {order.number}", ref=order.number, confidence=0.99),)


def nudge(tx: Tx, row: Any, channels: Mapping[str, Channel]) -> None:
    """The silence timer: where they are waited for in a live chat, they are asked once whether they are still there."""
    history = desk.history(tx.conn, row.conversation)
    step, state = active(history), desk.state(tx.conn, row.conversation)
    if step is None:  # it ended in a way that leaves the timer; it was over all the same
        step = next(r.event for r in reversed(history) if isinstance(r.event, e.ProcedureWentOn))
        _remind(tx, state, step, WAITED)
        return
    if state.status == talk.BOT and channels[state.channel].manifest.live:
        replies.automatic_reply(tx, state, "Are you still there? I wait for your answer; it keeps until tomorrow.", BY)
        _remind(tx, state, step, REMINDED)
    else:
        _remind(tx, state, step, WAITED)


def _remind(tx: Tx, state: talk.State, step: e.ProcedureWentOn, outcome: str) -> None:
    fact = e.ProcedureWentOn(
        message=step.message, procedure=step.procedure, version=step.version, said=step.said, waits=step.waits,
        outcome=outcome, tries=step.tries,
    )  # fmt: skip
    tx.append(e.conversation(state.id), [fact], "timer")
