"""What the bot prepared and a person of the desk has to agree to: on their yes it is done, once, and told."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from parley.core import events as e
from parley.core import procedure as p
from parley.core.channel import Inbox
from parley.core.conversation import State
from parley.core.errors import Refused
from parley.log.record import Tx
from parley.services import errands, gathered, procedures, proof, replies, setup, tool_calls
from parley.services import inbox as desk
from parley.services.inbox import Viewer
from parley.services.procedures import acts

WAITED = timedelta(days=7)
"""For so long what other systems answered stands while a person has not agreed; the act itself is judged over there."""


def pending(history: Sequence[e.Recorded]) -> e.ProcedureWentOn | None:
    """What waits for a person's yes, if anything does."""
    for r in reversed(history):
        if isinstance(r.event, e.ApprovalGiven):
            return None
        if isinstance(r.event, e.ProcedureWentOn):
            return r.event if r.event.waits == "approval" else None
    return None


def decide(tx: Tx, number: int, who: Viewer, yes: bool, inboxes: Mapping[int, Inbox]) -> None:
    """A yes does it by the rules as they are now; a no leaves it, and what to tell them to whoever said so."""
    state = replies.act_on(tx, number, who)
    step = pending(desk.history(tx.conn, number))
    if step is None:
        raise Refused("Nothing waits for a yes here, or somebody has answered already.")
    if not yes:
        fact = e.ApprovalGiven(procedure=step.procedure, approved=False, outcome="Nothing was done.")
        tx.append(e.conversation(number), [fact], who.by)
        return
    procedure, own, ready = _ready(tx, state, step)
    if ready.tool not in acts.ACTS:
        _have_done(tx, state, step, procedure, own, ready, who.by)
        return
    words = _do(tx, state, step, inboxes, procedure, own, ready)
    fact = e.ApprovalGiven(procedure=step.procedure, approved=True, outcome=words)
    tx.append(e.conversation(number), [fact], who.by)
    replies.automatic_reply(tx, state, words, gathered.BY)


def _ready(tx: Tx, state: State, step: e.ProcedureWentOn) -> tuple[p.Procedure, tuple[str, ...], p.Ready]:
    """What is to be done by the rules as they are now, in the version that it began with."""
    look = setup.all_brands(tx.conn)[state.brand].look
    procedure = procedures.make(step.procedure, tx.conn, look, step.version)
    own = tuple(proof.proved_mails(tx, state.person))
    said = gathered.resolved(tx.conn, procedure, step.said, look.order_pattern)
    past = tool_calls.known(tx.conn, desk.history(tx.conn, state.id), tx.at, WAITED)
    facts = {**said, "own": own, "now": tx.at, "brand": state.brand, "approved": True}
    decision = p.decide(procedure, {**facts, "answers": errands.answers(past)}, confirmed=True)
    if not isinstance(decision, p.Ready):
        why = decision.sentence if isinstance(decision, p.Declined) else "something of it is not known any more."
        raise Refused(f"It can no longer be done: {why}")
    return procedure, own, decision


def _have_done(
    tx: Tx, state: State, step: e.ProcedureWentOn, procedure: p.Procedure, own: tuple[str, ...], ready: p.Ready, by: str
) -> None:
    """Another system does it; the customer is told once it has."""
    wanted = tool_calls.Wanted(
        tool=ready.tool, arguments=ready.arguments, own=own, procedure=procedure.name, version=procedure.version,
        because=step.message, acts=True, key=errands.key(procedure.name, state.id, step.message),
    )  # fmt: skip
    tool_calls.ask(tx, state.id, wanted, gathered.BY)
    told = f"{errands.title(tx.conn, ready.tool)} was asked to do it"
    tx.append(e.conversation(state.id), [e.ApprovalGiven(procedure=step.procedure, approved=True, outcome=told)], by)


def _do(
    tx: Tx, state: State, step: e.ProcedureWentOn, inboxes: Mapping[int, Inbox], procedure: p.Procedure,
    own: tuple[str, ...], ready: p.Ready,
) -> str:  # fmt: skip
    look = setup.all_brands(tx.conn)[state.brand].look
    scope = acts.Scope(
        state=state, own=own, by=gathered.BY, inboxes=inboxes, limits=procedures.limits_of(procedure, look),
        approved=True, procedure=procedure.name, version=procedure.version,
    )  # fmt: skip
    return acts.run(tx, scope, ready.tool, ready.arguments, f"{procedure.name}/{state.id}/{step.message}")[0]
