"""What a procedure has other systems do: asked in the bot's turn, taken up again when they answered.

While they are asked the conversation waits for `tool`. An answer is a new walk of the procedure with one thing more
that is known; an act that succeeded is a request like those of the shop's own tables. A system that is down, or an
outcome that nobody can tell, goes to a person with everything that is known, and nothing is done a second time.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from parley.core import conversation as talk
from parley.core import events as e
from parley.core import procedure as p
from parley.core.errors import Refused
from parley.services import requests, tool_calls, tools
from parley.services.gathered import BY, sources
from parley.services.procedures.acts import A_DAY, UNDO
from parley.services.tool_calls import Known, Wanted

if TYPE_CHECKING:
    from parley.services.conduct import Conduct

DOWN = "I cannot reach the system that knows this at the moment."
UNCERTAIN = (
    "I could not see whether that went through, so I do not try it a second time. A colleague looks at it and tells"
    " you."
)
UNDO_HINT = " If that was a mistake, write “undo” within the hour."


def answers(known: Sequence[Known]) -> dict[str, Any]:
    """What is known of other systems, by what was asked."""
    return {
        p.asked_as(one.called.tool, one.asked): dict(one.values) if one.answered.outcome == "answered" else None
        for one in known
    }


# ── asking ──────────────────────────────────────────────────────────────────────────────────


def fetch(
    conduct: "Conduct", procedure: p.Procedure, said: Mapping[str, str], wanted: p.Fetch, facts: Any, confirmed: bool
) -> None:
    """Have another system asked, and wait."""
    _begin(conduct, procedure, said, wanted.tool, wanted.arguments, facts, acts=False, confirmed=confirmed)


def act(conduct: "Conduct", procedure: p.Procedure, said: Mapping[str, str], ready: p.Ready, facts: Any) -> None:
    """Have another system do it, once, and wait."""
    _begin(conduct, procedure, said, ready.tool, ready.arguments, facts, acts=True, confirmed=True)


def _begin(
    conduct: "Conduct", procedure: p.Procedure, said: Mapping[str, str], tool: str, arguments: Mapping[str, Any],
    facts: Any, *, acts: bool, confirmed: bool,
) -> None:  # fmt: skip
    turn = conduct.turn
    try:
        if acts:
            spare(conduct.tx, turn.state.person)
        wanted = Wanted(
            tool=tool, arguments=arguments, own=tuple(turn.own_mails()), procedure=procedure.name,
            version=procedure.version, because=turn.message.message, acts=acts,
            key=key(procedure.name, turn.state.id, turn.message.message),
        )  # fmt: skip
        call = tool_calls.ask(conduct.tx, turn.state.id, wanted, BY)
    except Refused as refused:
        conduct.note(procedure.name, said, "", f"Could not ask: {refused}")
        conduct.hand(procedure, facts, procedure.wish, str(refused), "")
        return
    conduct.note(procedure.name, said, "tool", f"Asked {title(conduct.tx.conn, tool)}", call=call, confirmed=confirmed)


def key(procedure: str, conversation: int, message: int, more: str = "") -> str:
    """The same for everything that one yes of theirs sets off, so that it is done once."""
    return f"parley/{procedure}/{conversation}/{message}{more}"


def spare(tx: Any, person: int) -> None:
    """Refused where so much was done for them today that a person should look first."""
    if requests.count_since(tx.conn, person, tx.at - timedelta(days=1)) >= A_DAY:
        raise Refused(f"Nothing more is done by itself today: {A_DAY} requests within a day are the most.")


def title(conn: Any, tool: str) -> str:
    found = tools.find(conn, tool)
    return found.title if found else tool


def meanwhile(conduct: "Conduct", step: e.ProcedureWentOn) -> bool:
    """They wrote while another system is asked."""
    from parley.ai import slots

    if not _is_act(conduct, step) and slots.leaves(conduct.turn.said):
        return False
    conduct.turn.say("One moment: I am still waiting for the other system, and tell you as soon as it answers.")
    return True


def _is_act(conduct: "Conduct", step: e.ProcedureWentOn) -> bool:
    called = (r.event for r in conduct.turn.history() if isinstance(r.event, e.ToolCalled))
    return any(one.call == step.call and one.acts for one in called)


# ── when they answered ──────────────────────────────────────────────────────────────────────


def take_up(conduct: "Conduct", r: e.Recorded, history: Sequence[e.Recorded]) -> None:
    """Go on with what another system answered, or say that it takes long."""
    if isinstance(r.event, e.ToolDelayed):
        _say_slow(conduct, r.event.call, history)
        return
    found = tool_calls.one(conduct.tx.conn, history, r)
    if found is None:
        return
    if found.called.acts:
        _acted(conduct, found, [one for one in history if one.seq < _seq(history, found)])
    elif conduct.step is not None and conduct.step.call == found.called.call:
        _answered(conduct, conduct.step, found)


def _say_slow(conduct: "Conduct", call: int, history: Sequence[e.Recorded]) -> None:
    """Only to somebody who sits and waits, and not where the answer is here already."""
    answered = any(isinstance(one.event, e.ToolAnswered) and one.event.call == call for one in history)
    waits = conduct.step is not None and conduct.step.call == call and conduct.turn.state.status == talk.BOT
    if waits and conduct.turn.live and not answered:
        conduct.turn.say("One moment: I am waiting for another system, and it takes longer than usual.")


def _seq(history: Sequence[e.Recorded], found: Known) -> int:
    return next(r.seq for r in history if r.event is found.called)


def _answered(conduct: "Conduct", step: e.ProcedureWentOn, found: Known) -> None:
    if conduct.turn.state.status != talk.BOT:
        return
    if found.answered.outcome in ("answered", "none"):
        conduct.walk(step.procedure, step.said, confirmed=step.confirmed)
        return
    name = title(conduct.tx.conn, found.called.tool)
    procedure, facts = conduct.at(step)
    conduct.note(step.procedure, step.said, "", f"{name} could not be asked: {found.answered.sentence}")
    advice = f"{name} did not answer ({found.answered.sentence.rstrip('.')}). Look there yourself once it is back."
    words = f"{DOWN} I am passing it to a colleague, with everything you have told me."
    conduct.hand(procedure, facts, "another system is down", name, advice, words)


def _acted(conduct: "Conduct", found: Known, before: Sequence[e.Recorded]) -> None:
    called, said = found.called, found.answered
    procedure = conduct.made(called.procedure, called.version)
    went = [r.event for r in before if isinstance(r.event, e.ProcedureWentOn) and r.event.procedure == procedure.name]
    facts = conduct.facts_then(procedure, went[-1].said if went else {}, before)
    if said.outcome == "answered":
        _done(conduct, procedure, found, facts)
    else:
        _not_done(conduct, procedure, found, facts)


def _done(conduct: "Conduct", procedure: p.Procedure, found: Known, facts: Mapping[str, Any]) -> None:
    tx, turn, called = conduct.tx, conduct.turn, found.called
    step = procedure.steps[-1]
    if called.undoes is not None:
        request = requests.by_id(tx.conn, called.undoes)
        words = (
            str(request.data.get("back", {}).get("words") or "It is taken back.") if request else "It is taken back."
        )
        requests.take_back(tx, called.undoes)
        conduct.note(procedure.name, {}, "", f"Took it back: {words}", act=called.undoes, version=called.version)
        turn.say(words)
        return
    facts = {**facts, "done": dict(found.values)}
    words = step.done(facts) if isinstance(step, p.Do) and step.done else "It is done."
    back = _back(step, facts)
    data = {"told": words, "procedure": procedure.name, "version": called.version, "tool": called.tool, "back": back}
    number = facts["order"].number if facts.get("order") else ""
    made = requests.add(tx, called.tool, number, turn.state.person, turn.state.id, called.key, data)
    conduct.note(procedure.name, {}, "", f"Done: {words}", act=made, version=called.version)
    turn.say(words + (UNDO_HINT if back else ""), sources=sources(facts), confidence=1.0)


def _back(step: p.Step, facts: Mapping[str, Any]) -> dict[str, Any]:
    """How it would be taken back, worked out now: later the facts are others."""
    if not isinstance(step, p.Do) or step.back is None:
        return {}
    return {"tool": step.back.tool, "arguments": dict(step.back.arguments(facts)), "words": step.back.words(facts)}


def _not_done(conduct: "Conduct", procedure: p.Procedure, found: Known, facts: Mapping[str, Any]) -> None:
    said, name = found.answered, title(conduct.tx.conn, found.called.tool)
    unsure = said.outcome == "uncertain"
    told = f"{name}: {said.sentence}"
    outcome = f"It may or may not have been done. {told}" if unsure else f"Could not do it. {told}"
    conduct.note(procedure.name, {}, "", outcome, version=found.called.version)
    advice = (
        f"Look in {name} whether it was done before you do it: {said.sentence}"
        if unsure
        else f"Nothing was done in {name}: {said.sentence}"
    )
    if conduct.turn.state.status == talk.BOT:
        words = (
            UNCERTAIN if unsure else "That could not be done just now. I am passing it to a colleague, who sees why."
        )
        conduct.hand(procedure, facts, "uncertain whether it was done" if unsure else "it could not be done", told,
                     advice, words)  # fmt: skip
        return
    message = conduct.tx.new_id("message")
    fact = e.NoteWritten(message=message, preview=talk.preview(advice))
    conduct.tx.append(e.conversation(conduct.turn.state.id), [fact], BY)
    conduct.tx.say(message, e.Words(text=advice))


# ── taking back ─────────────────────────────────────────────────────────────────────────────


def undo(conduct: "Conduct", procedure: p.Procedure, request: requests.Request) -> None:
    """Have another system take its act back. Refused where that is not possible, or no longer."""
    back, turn = request.data.get("back") or {}, conduct.turn
    if not back or conduct.tx.at - request.made_at > UNDO:
        raise Refused("That can no longer be taken back here.")
    wanted = Wanted(
        tool=back["tool"], arguments=back["arguments"], own=tuple(turn.own_mails()), procedure=procedure.name,
        version=procedure.version, because=turn.message.message, acts=True, undoes=request.id,
        key=key(procedure.name, turn.state.id, turn.message.message, "/undo"),
    )  # fmt: skip
    call = tool_calls.ask(conduct.tx, turn.state.id, wanted, BY)
    asked = f"Asked {title(conduct.tx.conn, wanted.tool)} to take it back"
    conduct.note(procedure.name, {}, "tool", asked, call=call, confirmed=True)
