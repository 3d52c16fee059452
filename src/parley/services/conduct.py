"""The bot leads a customer through a procedure: asks, checks who they are, proposes, does, takes back, hands over.

What is known stands in the log (`ProcedureWentOn`), so each message is a new walk from the first step with what was
said so far. Whatever else happens on the way (a correction, another question, silence, no answer at all) leads back to
the question that was open, to another value, to an end, or to a person who is told everything.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from parley.core import events as e
from parley.core import procedure as p
from parley.core.errors import Refused
from parley.log.record import words_of
from parley.services import errands, people, procedures, proof, requests, setup, tool_calls, trials
from parley.services.gathered import (
    BY,
    BY_REFERENCE,
    TOO_OFTEN,
    about,
    active,
    answered_before,
    can_undo,
    listed,
    new_words,
    resolved,
    sources,
    told,
    without_no,
)
from parley.services.procedures import acts
from parley.services.procedures.common import UNKNOWN

if TYPE_CHECKING:
    from parley.services.bot import Turn

LOOKS = "I am passing it to a colleague, who may see it differently, with everything you have told me."


class Conduct:
    """A procedure within one turn of the bot."""

    def __init__(self, turn: "Turn") -> None:
        self.turn, self.tx, self.heard = turn, turn.tx, turn.heard
        self.look = trials.looks(setup.all_brands(turn.tx.conn)[turn.state.brand].look, turn.change)
        self.step = active(turn.history())

    # beginning ──────────────────────────────────────────────────────────────────────────────

    def begin(self) -> bool:
        """Begin what they ask for, where the brand permits it."""
        wanted = self._wanted()
        return wanted is not None and self.start(wanted)

    def start(self, name: str, opening: int | None = None, values: Mapping[str, str] = MappingProxyType({})) -> bool:
        """Begin a procedure with what the message gives already.

        opening: the message that asked for it, where that is another one; values: what that gives.
        """
        from parley.ai import slots

        procedure = self.made(name)
        said = {"opening": f"@{opening or self.turn.message.message}", **values}
        for need in (step for step in procedure.steps if isinstance(step, p.Need)):
            if need.kind == "order" and self.heard.numbers:
                said[need.name] = self.heard.numbers[0]
            elif need.kind == "phone" and slots.phone(self.turn.said):
                said[need.name] = said["opening"]
            elif need.choices and (value := slots.choice(need.choices, self.turn.said, whole=True)):
                said[need.name] = value
        return self.walk(name, said)

    def takes_over(self) -> bool:
        """Whether a wish that sounds like one for a person is one for a call, or for a complaint to be taken down."""
        if self.step is not None or len(self.heard.sensitive) != 1:
            return False
        reason, evidence = self.heard.sensitive[0]
        wanted = self._wanted()
        calls = reason == "wants_human" and wanted == "callback"
        return calls or (reason == "anger" and "complain" in evidence and wanted == "complaint")

    def _wanted(self, but: str = "") -> str | None:
        """The procedure that the message asks for. A general question belongs to the articles."""
        from parley.ai import slots

        if not (self.turn.live or self.turn.message.proved):
            return None
        if self.turn.sure() and slots.asks(self.turn.said) and not self.heard.numbers:
            return None
        for one in procedures.every(self.tx.conn, self.look):
            asked = procedures.asked_for(one, self.turn.said, self.heard.intents, self.heard.personal)
            if asked and one.name != but and not one.usual and procedures.permitted(one, self.look):
                return one.name
        return None

    def wanted(self) -> str | None:
        """The procedure that the message asks for; where its state is asked, the one that tells it."""
        found = self._wanted()
        asks = "order_status" in self.heard.intents and self.heard.personal and self._permitted("order_status")
        return found or ("order_status" if asks and not self.turn.sure() else None)

    def tells_orders(self) -> bool:
        return self._permitted("order_status")

    # going on ───────────────────────────────────────────────────────────────────────────────

    def go_on(self) -> bool:
        """Their message while a procedure waits for them."""
        from parley.ai import slots

        if (step := self.step) is None:
            return False
        if step.waits == "tool" and errands.meanwhile(self, step):
            return True
        if step.waits in ("mail", "code", "number") and self._identity(step):
            return True
        if slots.leaves(self.turn.said) and not (step.procedure == "cancel_order" and "cancel" in self.turn.said):
            return self._leave(step)
        if (said := self._corrected(step)) is not None:
            return self.walk(step.procedure, said)
        answered = self._answered(step) if step.waits == "yes" else self._value(step)
        return answered or self._digress(step) or self._again(step)

    def _value(self, step: e.ProcedureWentOn) -> bool:
        """An answer to the question that is open."""
        from parley.ai import slots

        procedure = self.made(step.procedure)
        need = procedure.need(step.waits)
        if need is None or (need.kind in BY_REFERENCE and slots.asks(self.turn.said) and self.turn.sure()):
            return False
        options = p.options_of(need, self._known_at(procedure, step.said))
        today = self.tx.at.date()
        value = slots.value_of(need.kind, options, self.turn.said, self.look.order_pattern, today)
        if value is None:
            return False
        kept = f"@{self.turn.message.message}" if need.kind in BY_REFERENCE else value
        return self.walk(step.procedure, {**step.said, need.name: kept})

    def _answered(self, step: e.ProcedureWentOn) -> bool:
        """Their yes or no to a proposal."""
        from parley.ai import intents

        answer = intents.yes_or_no(self.turn.said)
        if answer is None:
            return False
        return self.walk(step.procedure, step.said, confirmed=True) if answer else self._leave(step)

    def _corrected(self, step: e.ProcedureWentOn) -> dict[str, str] | None:
        """Another value for something said before: "no, the other order", "I meant 10355"."""
        from parley.ai import slots

        procedure = self.made(step.procedure)
        waiting = procedure.need(step.waits)
        if waiting is not None and waiting.kind in BY_REFERENCE and not slots.corrects(self.turn.said):
            return None  # a postcode is no order
        known = self._known_at(procedure, step.said)
        for need in answered_before(procedure, known, step.waits):
            options = p.options_of(need, known)
            value = None
            if need.kind == "order":
                value = next((n for n in self.heard.numbers if n != known[need.name]), None)
            if value is None and slots.corrects(self.turn.said) and need.kind not in BY_REFERENCE:
                others = [one for one in options if one != known[need.name]]
                value = slots.choice(others, without_no(self.turn.said))
                if value is None and slots.means_other(self.turn.said) and len(others) == 1:
                    value = others[0]
            if value is not None:
                return {**step.said, need.name: value}
        return None

    def _leave(self, step: e.ProcedureWentOn) -> bool:
        self.note(step.procedure, step.said, "", "They wanted it no more; nothing was done")
        self.turn.say("All right, I do nothing: everything stays as it is. Is there anything else?")
        return True

    def _digress(self, step: e.ProcedureWentOn) -> bool:
        """Another question on the way is answered, and then it goes on; another wish takes its place."""
        if self.turn.sure():
            self.turn.answer_surely()
        elif self._asks_state(step):
            self.walk("order_status", {})
        elif (other := self._wanted(but=step.procedure)) is not None:
            self.note(step.procedure, step.said, "", "Left for another wish of theirs")
            return self.start(other)
        else:
            return False
        self.turn.say(f"Back to what we were at. {self._question(step)}")
        self.note(step.procedure, step.said, step.waits, "")
        return True

    def _asks_state(self, step: e.ProcedureWentOn) -> bool:
        wanted = "order_status" in self.heard.intents and self.heard.personal
        return wanted and step.procedure != "order_status" and self._permitted("order_status")

    def _again(self, step: e.ProcedureWentOn) -> bool:
        """It was no answer: ask once more, in other words; then a person takes over."""
        if step.tries + 1 >= TOO_OFTEN:
            self.note(step.procedure, step.said, "", "Did not understand their answers")
            self._pass_on(step, "going in circles", f"no answer to “{self._question(step, bare=True)}”")
            return True
        self.turn.say(f"I did not understand that. {self._question(step)}\nOr write “stop”, or ask for a person.")
        self.note(step.procedure, step.said, step.waits, "Asked again", tries=step.tries + 1)
        return True

    # who they are ───────────────────────────────────────────────────────────────────────────

    def _identity(self, step: e.ProcedureWentOn) -> bool:
        if step.waits == "code" and self.heard.codes:
            return self._code_typed(step, self.heard.codes[0])
        if self.heard.mails:
            return self._mail_code(step.procedure, step.said, self.heard.mails[0])
        return False

    def _mail_code(self, name: str, said: Mapping[str, str], mail: str) -> bool:
        via = proof.mail_inbox(self.turn.inboxes.values(), self.turn.state.brand)
        try:
            proof.send_code(self.tx, self.turn.state, mail, via, BY, self.turn.key)
        except Refused as refused:
            self.note(name, said, "", "Could not send a code")
            self.turn.hand_over("identity could not be checked", str(refused))
            return True
        self.note(name, said, "code", "Mailed a code to check who they are")
        self.turn.say(f"I have mailed a six-digit code to {proof.masked(mail)}. Type it here and I will look.")
        return True

    def _code_typed(self, step: e.ProcedureWentOn, code: str) -> bool:
        mail = proof.type_code(self.tx, self.turn.state, code, f"person/{self.turn.state.person}")
        if mail is None:
            return self._code_refused(step)
        self.turn.look_again()
        proved = f"They proved that {proof.masked(mail)} is theirs"
        self.note(step.procedure, step.said, "code", proved)
        return self.walk(step.procedure, step.said)

    def _code_refused(self, step: e.ProcedureWentOn) -> bool:
        tries, wrong = step.tries + 1, "The code they typed was wrong"
        if tries >= people.CODE_TRIES:
            self.note(step.procedure, step.said, "", wrong)
            self.turn.hand_over("identity could not be checked", "three wrong codes")
            return True
        self.note(step.procedure, step.said, "code", wrong, tries=tries)
        self.turn.say("That is not the code I sent, or it is too old. Look again and type it once more.")
        return True

    # walking ────────────────────────────────────────────────────────────────────────────────

    def walk(self, name: str, said: Mapping[str, str], *, confirmed: bool = False) -> bool:
        """From the first step with what is known now, to whatever comes next."""
        procedure = self.made(name)
        said = self._with_opening(procedure, dict(said))
        decision, facts = p.walk(procedure, self._facts(procedure, said), confirmed=confirmed)
        match decision:
            case p.Ask(slot=slot):
                self.note(name, said, slot, f"Asked: {decision.question}")
                self.turn.say(listed(decision))
            case p.Identify() if self.heard.mails:
                return self._mail_code(name, said, self.heard.mails[0])
            case p.Identify():
                self.note(name, said, "mail", "Asked for their mail address")
                self.turn.say(decision.question)
            case p.Propose():
                self.note(name, said, "yes", "Asked for their yes")
                self.turn.say(decision.sentence)
            case p.Fetch():
                errands.fetch(self, procedure, said, decision, facts, confirmed)
            case p.Await():
                self._await(procedure, said, decision, facts)
            case p.Ready():
                self._do(procedure, said, decision, facts)
            case p.Told():
                self._tell(procedure, said, decision, facts)
            case p.Passed():
                self.note(name, said, "", "Took it down")
                self.hand(procedure, facts, "as agreed for this", "", decision.advice, decision.sentence)
            case p.Declined():
                self._decline(procedure, said, decision, facts)
        return True

    def _with_opening(self, procedure: p.Procedure, said: dict[str, str]) -> dict[str, str]:
        """Nobody is asked for what their first message told: an open question may find its answer there."""
        from parley.ai import slots

        opening = said.get("opening", "")
        if not opening.startswith("@"):
            return said
        words = words_of(self.tx.conn, [int(opening[1:])])
        for _ in procedure.steps:
            decision, _facts = p.walk(procedure, self._facts(procedure, said))
            if not isinstance(decision, p.Ask) or not decision.options or not words:
                return said
            need = procedure.need(decision.slot)
            opened = about(new_words(next(iter(words.values()))))
            value = slots.choice(decision.options, opened, whole=need is None or need.offer is None)
            if value is None or said.get(decision.slot) == value:
                return said
            said[decision.slot] = value
        return said

    def _do(self, procedure: p.Procedure, said: Mapping[str, str], ready: p.Ready, facts: Mapping[str, Any]) -> None:
        if ready.tool not in acts.ACTS:
            errands.act(self, procedure, said, ready, facts)
            return
        try:
            words, request = acts.run(
                self.tx, self._scope(procedure), ready.tool, ready.arguments, self._key(procedure)
            )
        except Refused as refused:
            self.note(procedure.name, said, "", f"Could not do it: {refused}")
            self.hand(procedure, facts, procedure.wish, str(refused), "")
            return
        self.note(procedure.name, said, "", f"Done: {words}", act=request)
        undo = " If that was a mistake, write “undo” within the hour." if can_undo(procedure) else ""
        self.turn.say(f"{words}{undo}", sources=sources(facts), confidence=1.0)

    def _tell(self, procedure: p.Procedure, said: Mapping[str, str], answer: p.Told, facts: Mapping[str, Any]) -> None:
        what = f"that order {answer.about} is {facts['order'].status}" if answer.about else "what to do"
        self.note(procedure.name, said, "", f"Told them {what}")
        self.turn.say(answer.sentence, sources=sources(facts), confidence=0.99)

    def _decline(
        self, procedure: p.Procedure, said: Mapping[str, str], no: p.Declined, facts: Mapping[str, Any]
    ) -> None:
        if no.sentence == UNKNOWN:
            self._unknown(procedure, said, facts)
            return
        self.note(procedure.name, said, "", f"Told them: {no.sentence}")
        if no.person:
            why = f"the policy says no: {no.rule}"
            self.hand(procedure, facts, why, procedure.wish, no.advice, f"{no.sentence} {LOOKS}")
        else:
            self.turn.say(no.sentence)

    def _unknown(self, procedure: p.Procedure, said: Mapping[str, str], facts: Mapping[str, Any]) -> None:
        """No such order of theirs; they may mistype once."""
        number = str(facts.get("number", ""))
        missed = sum(one.outcome.startswith("Found no order") for one in self._steps())
        left = {name: value for name, value in said.items() if name != "number"}
        self.note(procedure.name, left, "" if missed else "number", f"Found no order {number} of theirs")
        if missed:
            self.turn.hand_over("order not found", f"order {number}")
        else:
            self.turn.say(UNKNOWN)

    def _await(self, procedure: p.Procedure, said: Mapping[str, str], wait: p.Await, facts: Mapping[str, Any]) -> None:
        self.note(procedure.name, said, "approval", f"Asked the desk to agree: {wait.sentence}")
        advice = f"{wait.sentence} Agree to it or decline it here; it is done at once and they are told."
        words = "A colleague has to agree to that first. I have passed it on; you need not do anything more."
        self.hand(procedure, facts, f"a person has to agree, {wait.rule}", "", advice, words)

    # taking back ────────────────────────────────────────────────────────────────────────────

    def take_back(self) -> bool:
        """The last act of this conversation is undone, while that is possible."""
        from parley.ai import slots

        if not slots.undoes(self.turn.said):
            return False
        last = requests.last_of(self.tx.conn, self.turn.state.id)
        if last is None:
            return False
        procedure = self.made(str(last.data.get("procedure", last.kind)), last.data.get("version"))
        try:
            if last.kind not in acts.ACTS:
                errands.undo(self, procedure, last)
                return True
            words = acts.undo(self.tx, self._scope(procedure), last)
        except Refused as refused:
            self.turn.hand_over("wants something taken back", str(refused), last.number or None)
            return True
        self.note(procedure.name, {}, "", f"Took it back: {words}", act=last.id)
        self.turn.say(words)
        return True

    # handing over ───────────────────────────────────────────────────────────────────────────

    def known(self) -> list[str]:
        """What the procedure that is under way has gathered, for the card."""
        if self.step is None:
            return []
        procedure = self.made(self.step.procedure)
        return told(procedure, self._known_at(procedure, self.step.said))

    def _pass_on(self, step: e.ProcedureWentOn, reason: str, evidence: str) -> None:
        procedure = self.made(step.procedure)
        self.hand(procedure, self._known_at(procedure, step.said), reason, evidence, "")

    def hand(
        self, procedure: p.Procedure, facts: Mapping[str, Any], reason: str, evidence: str, advice: str, words: str = ""
    ) -> None:
        self.step = None
        number = facts["order"].number if facts.get("order") and facts["order"].mail in facts.get("own", ()) else None
        self.turn.hand_over(
            reason, evidence, number, say=words, wish=procedure.wish, known=told(procedure, facts), advice=advice,
            skills=(procedure.skill,) if procedure.skill else (),
        )  # fmt: skip

    # helpers ────────────────────────────────────────────────────────────────────────────────

    def made(self, name: str, version: int | None = None) -> p.Procedure:
        """The procedure; one that is under way in the version that it began with."""
        if version is None and self.step is not None and self.step.procedure == name:
            version = self.step.version
        return procedures.make(name, self.tx.conn, self.look, version)

    def _permitted(self, name: str) -> bool:
        return procedures.permitted(self.made(name), self.look)

    def _facts(
        self, procedure: p.Procedure, said: Mapping[str, str], history: Sequence[e.Recorded] | None = None
    ) -> dict[str, Any]:
        found = resolved(self.tx.conn, procedure, said, self.look.order_pattern)
        known: dict[str, Any] = {}
        if any(isinstance(step, p.Use) for step in procedure.steps):
            past = self.turn.history() if history is None else history
            known = errands.answers(tool_calls.known(self.tx.conn, past, self.tx.at))
        own = tuple(self.turn.own_mails())
        return {**found, "own": own, "now": self.tx.at, "brand": self.turn.state.brand, "answers": known}

    def facts_then(
        self, procedure: p.Procedure, said: Mapping[str, str], history: Sequence[e.Recorded]
    ) -> dict[str, Any]:
        """Everything that was known at an earlier moment, the yes included."""
        return p.walk(procedure, self._facts(procedure, said, history), confirmed=True)[1]

    def at(self, step: e.ProcedureWentOn) -> tuple[p.Procedure, dict[str, Any]]:
        """The procedure at a step, with everything that is known there."""
        procedure = self.made(step.procedure)
        return procedure, self._known_at(procedure, step.said)

    def _known_at(self, procedure: p.Procedure, said: Mapping[str, str]) -> dict[str, Any]:
        return p.walk(procedure, self._facts(procedure, said))[1]

    def _question(self, step: e.ProcedureWentOn, bare: bool = False) -> str:
        """The open question, once more."""
        if step.waits == "code":
            return "Type the six-digit code that I mailed you."
        procedure = self.made(step.procedure)
        match p.walk(procedure, self._facts(procedure, step.said))[0]:
            case p.Ask() as ask:
                return ask.question if bare else listed(ask)
            case p.Identify(question=question):
                return question
            case p.Propose(sentence=sentence):
                return sentence
        return "What would you like to do?"

    def _scope(self, procedure: p.Procedure) -> acts.Scope:
        return acts.Scope(
            state=self.turn.state, own=tuple(self.turn.own_mails()), by=BY, inboxes=self.turn.inboxes,
            limits=procedures.limits_of(procedure, self.look), procedure=procedure.name, version=procedure.version,
        )  # fmt: skip

    def _key(self, procedure: p.Procedure) -> str:
        return f"{procedure.name}/{self.turn.state.id}/{self.turn.message.message}"

    def _steps(self) -> list[e.ProcedureWentOn]:
        return [r.event for r in self.turn.history() if isinstance(r.event, e.ProcedureWentOn)]

    def note(
        self, name: str, said: Mapping[str, str], waits: str, outcome: str, *, act: int | None = None, tries: int = 0,
        call: int | None = None, confirmed: bool = False, version: int | None = None,
    ) -> None:  # fmt: skip
        fact = e.ProcedureWentOn(
            message=self.turn.message.message, procedure=name, version=version or self.made(name).version,
            said=dict(said), waits=waits, outcome=outcome[:300], act=act, tries=tries, call=call, confirmed=confirmed,
        )  # fmt: skip
        self.tx.append(e.conversation(self.turn.state.id), [fact], BY)
