"""Procedures: what a bot may do for a customer, step by step, and what it must check before it does anything.

A procedure is a list of steps. `decide` walks them from the top with what is known so far and stops at the first thing
that is missing, forbidden or to be confirmed. Nothing is remembered but what the customer said, so a correction ("no,
the other order") is another value and another walk, and no rule can be passed by taking the steps in another order.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

Facts = Mapping[str, Any]


class Need(msgspec.Struct, frozen=True):
    """Something the customer has to say. choices: nothing else is an answer."""

    name: str
    question: str
    choices: tuple[str, ...] = ()


class Look(msgspec.Struct, frozen=True):
    """Something to look up; None means that there is no such thing, which `missing` says."""

    name: str
    find: Callable[[Facts], Any]
    missing: str


class Rule(msgspec.Struct, frozen=True):
    """What must hold. sentence: what the customer is told where it does not. person: a person may still help."""

    name: str
    holds: Callable[[Facts], bool]
    sentence: str
    person: bool = False


class Confirm(msgspec.Struct, frozen=True):
    """What is about to be done, in words, for an explicit yes."""

    tell: Callable[[Facts], str]


class Do(msgspec.Struct, frozen=True):
    """The one act at the end. arguments: taken from the facts."""

    tool: str
    arguments: Callable[[Facts], Mapping[str, Any]]


Step = Need | Look | Rule | Confirm | Do


class Procedure(msgspec.Struct, frozen=True, kw_only=True):
    """version: raised with every change, so that the log tells by which rules something was done."""

    name: str
    version: int
    title: str
    steps: tuple[Step, ...]


class Ask(msgspec.Struct, frozen=True):
    """The next question."""

    slot: str
    question: str


class Declined(msgspec.Struct, frozen=True):
    """A rule does not hold. person: hand over instead of only saying no."""

    rule: str
    sentence: str
    person: bool


class Propose(msgspec.Struct, frozen=True):
    """Everything is in order; it waits for a yes."""

    sentence: str


class Ready(msgspec.Struct, frozen=True):
    """Confirmed: call this tool with these arguments, once."""

    tool: str
    arguments: Mapping[str, Any]


Decision = Ask | Declined | Propose | Ready


def decide(procedure: Procedure, said: Facts, *, confirmed: bool = False) -> Decision:
    """What comes next, given what the customer said. ValueError for a procedure that ends without an act."""
    facts: dict[str, Any] = dict(said)
    for step in procedure.steps:
        match step:
            case Need():
                if facts.get(step.name) in (None, ""):
                    return Ask(step.name, step.question)
                if step.choices and facts[step.name] not in step.choices:
                    return Ask(step.name, step.question)
            case Look():
                facts[step.name] = step.find(facts)
                if facts[step.name] is None:
                    return Declined(step.name, step.missing, False)
            case Rule():
                if not step.holds(facts):
                    return Declined(step.name, step.sentence, step.person)
            case Confirm():
                if not confirmed:
                    return Propose(step.tell(facts))
            case Do():
                return Ready(step.tool, step.arguments(facts))
    raise ValueError(f"The procedure “{procedure.name}” ends without doing anything.")


def outline(procedure: Procedure) -> list[str]:
    """The steps in words, for people who have to agree to them."""
    return [_line(step) for step in procedure.steps]


def _line(step: Step) -> str:
    match step:
        case Need():
            listed = f" ({' / '.join(step.choices)})" if step.choices else ""
            return f"Ask: {step.question}{listed}"
        case Look():
            return f"Look up {step.name.replace('_', ' ')}; if there is none: {step.missing}"
        case Rule():
            return f"Only if {step.name.replace('_', ' ')}; else: {step.sentence}" + (
                " (a person)" if step.person else ""
            )
        case Confirm():
            return "Tell what will be done and wait for a yes"
        case Do():
            return f"Do: {step.tool.replace('_', ' ')}"


def problems(procedures: Sequence[Procedure]) -> list[str]:
    """What is wrong with procedures before anybody meets them: an act without a confirmation, or none at all."""
    found = []
    for one in procedures:
        kinds = [type(step) for step in one.steps]
        if Do not in kinds or kinds[-1] is not Do or kinds.count(Do) != 1:
            found.append(f"{one.name}: it must end with its one act.")
        elif Confirm not in kinds:
            found.append(f"{one.name}: it acts without a confirmation.")
        elif kinds.index(Confirm) != len(kinds) - 2:
            found.append(f"{one.name}: something is asked or checked after the confirmation.")
    return found
