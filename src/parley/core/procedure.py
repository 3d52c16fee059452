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
    """Something the customer has to say. choices: nothing else is an answer.

    kind: how an answer is read: choice, order, phone, address or words. offer: choices made of what is known; the only
    one is taken without asking. guess: what is meant where nothing was said. when: asked only then.
    """

    name: str
    question: str
    choices: tuple[str, ...] = ()
    kind: str = "choice"
    offer: Callable[[Facts], Sequence[str]] | None = None
    guess: Callable[[Facts], str | None] | None = None
    when: Callable[[Facts], bool] | None = None


class Prove(msgspec.Struct, frozen=True):
    """Who they are: an address of theirs, shown by a code that was sent to it."""

    question: str


class Look(msgspec.Struct, frozen=True):
    """Something to look up; None means that there is no such thing, which `missing` says: empty where it never is."""

    name: str
    find: Callable[[Facts], Any]
    missing: str


class Use(msgspec.Struct, frozen=True):
    """Something that another system knows: what `tool` answers to these arguments, or None, which `missing` says."""

    name: str
    tool: str
    arguments: Callable[[Facts], Mapping[str, Any]]
    missing: str


class Rule(msgspec.Struct, frozen=True):
    """What must hold. sentence: what the customer is told where it does not. person: a person may still help.

    advice: what such a person is told. words, guide: sentence and advice where they tell of the facts.
    """

    name: str
    holds: Callable[[Facts], bool]
    sentence: str
    person: bool = False
    advice: str = ""
    words: Callable[[Facts], str] | None = None
    guide: Callable[[Facts], str] | None = None


class Confirm(msgspec.Struct, frozen=True):
    """What is about to be done, in words, for an explicit yes."""

    tell: Callable[[Facts], str]


class Approve(msgspec.Struct, frozen=True):
    """A person of the desk has to agree, where it is `needed`. tell: to what."""

    name: str
    needed: Callable[[Facts], bool]
    tell: Callable[[Facts], str]


class Do(msgspec.Struct, frozen=True):
    """The one act at the end. arguments: taken from the facts. undo: it can be taken back for a while.

    done: what the customer is told then, where the act itself has no words; its answer is the fact `done`.
    back: how another system takes it back.
    """

    tool: str
    arguments: Callable[[Facts], Mapping[str, Any]]
    undo: bool = False
    done: Callable[[Facts], str] | None = None
    back: "Back | None" = None


class Back(msgspec.Struct, frozen=True):
    """Taking an act back: another call, and what the customer is told then. arguments: from the act's facts."""

    tool: str
    arguments: Callable[[Facts], Mapping[str, Any]]
    words: Callable[[Facts], str]


class Tell(msgspec.Struct, frozen=True):
    """An end without an act: an answer. about: the order it speaks of."""

    words: Callable[[Facts], str]
    about: Callable[[Facts], str] | None = None


class Pass(msgspec.Struct, frozen=True):
    """An end without an act: a person takes over, told what to do next. words: the sentence where it tells of facts."""

    sentence: str
    advice: Callable[[Facts], str]
    words: Callable[[Facts], str] | None = None


Step = Need | Prove | Look | Use | Rule | Confirm | Approve | Do | Tell | Pass
ENDS = (Do, Tell, Pass)


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A number of the policy that each brand sets for itself. label: as a sentence's beginning; unit: its end."""

    name: str
    label: str
    usual: int
    most: int
    unit: str = ""
    least: int = 0


class Procedure(msgspec.Struct, frozen=True, kw_only=True):
    """version: raised with every change, so that the log tells by which rules something was done.

    wish: what the customer wants, in words for an agent. asked_by: matters, as `parley.ai.intents` names them, that
    begin it where they are personal; begins: patterns of wordings that do. skill: of who takes over.
    usual: whether it is switched on where a brand said nothing.
    """

    name: str
    version: int
    title: str
    steps: tuple[Step, ...]
    wish: str = ""
    asked_by: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    skill: str = ""
    usual: bool = False

    def need(self, name: str) -> Need | None:
        """The question of that name."""
        return next((step for step in self.steps if isinstance(step, Need) and step.name == name), None)


class Ask(msgspec.Struct, frozen=True):
    """The next question. options: what can be chosen."""

    slot: str
    question: str
    options: tuple[str, ...] = ()


class Identify(msgspec.Struct, frozen=True):
    """It is not shown yet who they are."""

    question: str


class Fetch(msgspec.Struct, frozen=True):
    """Another system has to be asked before it can go on. name: what the answer is called."""

    name: str
    tool: str
    arguments: Mapping[str, Any]


class Declined(msgspec.Struct, frozen=True):
    """A rule does not hold. person: hand over instead of only saying no."""

    rule: str
    sentence: str
    person: bool
    advice: str = ""


class Propose(msgspec.Struct, frozen=True):
    """Everything is in order; it waits for a yes."""

    sentence: str


class Ready(msgspec.Struct, frozen=True):
    """Confirmed: call this tool with these arguments, once."""

    tool: str
    arguments: Mapping[str, Any]


class Await(msgspec.Struct, frozen=True):
    """The customer said yes; a person of the desk has to agree as well."""

    rule: str
    sentence: str


class Told(msgspec.Struct, frozen=True):
    """The answer."""

    sentence: str
    about: str = ""


class Passed(msgspec.Struct, frozen=True):
    """Everything is gathered for whoever takes over."""

    sentence: str
    advice: str


Decision = Ask | Identify | Fetch | Declined | Propose | Await | Ready | Told | Passed


def decide(procedure: Procedure, said: Facts, *, confirmed: bool = False) -> Decision:
    """What comes next, given what the customer said. ValueError for a procedure that ends without an act.

    Facts beside what was said: `own`, the addresses shown to be theirs; `approved`, whether a person agreed; `answers`,
    what other systems answered so far, by `asked_as`.
    """
    return walk(procedure, said, confirmed=confirmed)[0]


def walk(procedure: Procedure, said: Facts, *, confirmed: bool = False) -> tuple[Decision, dict[str, Any]]:
    """The decision, and everything known when it was made: said, looked up, and the only choice there was."""
    facts: dict[str, Any] = dict(said)
    for step in procedure.steps:
        decision = _take(step, facts, confirmed)
        if decision is not None:
            return decision, facts
    raise ValueError(f"The procedure “{procedure.name}” ends without doing anything.")


def _take(step: Step, facts: dict[str, Any], confirmed: bool) -> Decision | None:
    """One step; None where it goes on."""
    match step:
        case Need():
            return _need(step, facts)
        case Prove():
            return None if facts.get("own") else Identify(step.question)
        case Look():
            facts[step.name] = step.find(facts)
            return Declined(step.name, step.missing, False) if facts[step.name] is None else None
        case Use():
            return _use(step, facts)
        case Rule():
            return None if step.holds(facts) else _declined(step, facts)
        case Confirm():
            return None if confirmed else Propose(step.tell(facts))
        case Approve():
            waits = step.needed(facts) and not facts.get("approved")
            return Await(step.name, step.tell(facts)) if waits else None
        case Do():
            return Ready(step.tool, step.arguments(facts))
        case Tell():
            return Told(step.words(facts), step.about(facts) if step.about else "")
        case Pass():
            return Passed(step.words(facts) if step.words else step.sentence, step.advice(facts))


def _declined(step: Rule, facts: Facts) -> Declined:
    sentence = step.words(facts) if step.words else step.sentence
    return Declined(step.name, sentence, step.person, step.guide(facts) if step.guide else step.advice)


def _use(step: Use, facts: dict[str, Any]) -> Decision | None:
    arguments = step.arguments(facts)
    answers = facts.get("answers", {})
    asked = asked_as(step.tool, arguments)
    if asked not in answers:
        return Fetch(step.name, step.tool, arguments)
    facts[step.name] = answers[asked]
    return Declined(step.name, step.missing, False) if answers[asked] is None else None


def asked_as(tool: str, arguments: Mapping[str, Any]) -> str:
    """One name for the same question to the same system."""
    return f"{tool} {msgspec.json.encode(arguments, order='sorted').decode()}"


def _need(step: Need, facts: dict[str, Any]) -> Ask | None:
    if step.when and not step.when(facts):
        return None
    options = options_of(step, facts)
    if facts.get(step.name) in (None, ""):
        only = options[0] if step.offer and len(options) == 1 else step.guess(facts) if step.guess else None
        if only is None:
            return Ask(step.name, step.question, options)
        facts[step.name] = only
    if step.kind == "choice" and options and facts[step.name] not in options:
        return Ask(step.name, step.question, options)
    return None


def options_of(step: Need, facts: Facts) -> tuple[str, ...]:
    """What can be chosen, as far as it is known."""
    return step.choices or (tuple(step.offer(facts)) if step.offer else ())


def outline(procedure: Procedure) -> list[str]:
    """The steps in words, for people who have to agree to them."""
    return [_line(step) for step in procedure.steps]


def _line(step: Step) -> str:
    match step:
        case Need():
            listed = f" ({' / '.join(step.choices)})" if step.choices else ""
            return f"Ask: {step.question}{listed}"
        case Look():
            missing = f"; if there is none: {step.missing}" if step.missing else ""
            return f"Look up {step.name.replace('_', ' ')}{missing}"
        case Use():
            return f"Ask {step.tool.replace('_', ' ')} for {step.name.replace('_', ' ')}; if none: {step.missing}"
        case Rule():
            return f"Only if {step.name.replace('_', ' ')}; else: {step.sentence}" + (
                " (a person)" if step.person else ""
            )
        case Confirm():
            return "Tell what will be done and wait for a yes"
        case Prove():
            return "Check who they are: a code to their own address, three tries within ten minutes"
        case Approve():
            return f"A person has to agree, {step.name}"
        case Do():
            return f"Do: {step.tool.replace('_', ' ')}" + (", can be taken back for an hour" if step.undo else "")
        case Tell():
            return "Tell the answer"
        case Pass():
            return "Hand over to a person, with everything that was said"


def problems(procedures: Sequence[Procedure]) -> list[str]:
    """What is wrong with procedures before anybody meets them: an act without a confirmation, or no end at all."""
    found = []
    for one in procedures:
        kinds = [type(step) for step in one.steps]
        asking = [kind for kind in kinds if kind is not Approve]
        if not kinds or kinds[-1] not in ENDS or sum(kind in ENDS for kind in kinds) != 1:
            found.append(f"{one.name}: it must end with its one act.")
        elif kinds[-1] is not Do:
            continue
        elif Confirm not in kinds:
            found.append(f"{one.name}: it acts without a confirmation.")
        elif asking.index(Confirm) != len(asking) - 2:
            found.append(f"{one.name}: something is asked or checked after the confirmation.")
    return found
