"""Which bot a conversation has: the desk's own, or a candidate that is tried out."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from parley.core import events as e
from parley.core import trial as t
from parley.core.conversation import State
from parley.log.record import Tx
from parley.services import candidates, setup
from parley.services.candidates import Candidate


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation's part in a trial. fresh: it was drawn just now and is to be written down."""

    candidate: int
    arm: str
    stage: int
    change: t.Change
    person: int
    fresh: bool = False

    @property
    def new(self) -> t.Change | None:
        """What is different for this conversation."""
        return self.change if self.arm == t.NEW else None


def trials(conn: Connection, states: Mapping[int, State], began: Sequence[int]) -> dict[int, Trial]:
    """The trials that these conversations take part in. began: those the bot has not spoken in yet.

    Only what opened after the approval is drawn: a conversation goes on as it began, and what came before is no part
    of the comparison.
    """
    running = candidates.running(conn)
    if not running:
        return {}
    by_number = {one.id: one for one in running}
    given = candidates.given(conn, list(states), list(by_number))
    found = {}
    for number, state in states.items():
        if number in given:
            which, arm = given[number]
            found[number] = _trial(by_number[which], state, arm)
        elif number in began and (one := _of_brand(running, state)) is not None:
            found[number] = _trial(one, state, t.arm(one.id, state.person, one.share, one.holdout), fresh=True)
    return found


def _of_brand(running: Sequence[Candidate], state: State) -> Candidate | None:
    fits = (one for one in running if one.brand in (None, state.brand))
    return next((one for one in fits if one.since is not None and state.opened_at >= one.since), None)


def _trial(one: Candidate, state: State, arm: str, fresh: bool = False) -> Trial:
    return Trial(candidate=one.id, arm=arm, stage=one.stage, change=one.change, person=state.person, fresh=fresh)


def write_down(tx: Tx, conversation: int, trial: Trial, by: str) -> None:
    """That this conversation takes part, and how."""
    fact = e.ArmGiven(candidate=trial.candidate, arm=trial.arm, stage=trial.stage, person=trial.person)
    tx.append(e.conversation(conversation), [fact], by)


def looks(look: setup.Look, change: t.Change | None) -> setup.Look:
    """A brand's look under a candidate: which procedures are on, and their limits."""
    if change is None or not (change.does or change.leaves or change.limits):
        return look
    return msgspec.structs.replace(
        look,
        bot_does=tuple(n for n in dict.fromkeys((*look.bot_does, *change.does)) if n not in change.leaves),
        bot_leaves=tuple(n for n in dict.fromkeys((*look.bot_leaves, *change.leaves)) if n not in change.does),
        bot_limits={**look.bot_limits, **change.limits},
    )
