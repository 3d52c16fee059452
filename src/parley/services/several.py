"""Several wishes in one message, and a correction of a plain answer: "no, I meant the other one".

Of several wishes what is surely known is answered at once, a procedure is led for one thing at a time, and what is left
goes to a person who is told what was answered. What waits its turn is a fact on the log (`BotPondered`, "later: …"),
which names the message and the part of it, never its words.
"""

import re
from typing import TYPE_CHECKING, Any

import msgspec

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.errors import NotFound
from parley.log.record import words_of
from parley.services import gathered, knowledge, orders
from parley.services.understanding import Understood

if TYPE_CHECKING:
    from parley.services.bot import Turn

LATER, TAKEN_UP = "later: ", "taken up: "
ASKING = 4  # words of a part that is no question, from which on it is a wish to be passed on
NEXT = "Now to the other thing that you asked."
_NOT_THAT = re.compile(
    r"^\W*(?:no|nope|sorry|actually|nein|non)\b[\s,.!:-]*"
    r"(?:that'?s not (?:it|what i (?:asked|meant|mean|wanted)))?[\s,.!:-]*"
    r"|\b(?:i (?:actually )?(?:meant|mean|was asking about)|not that one|that was not my question)\b[\s,:]*",
    re.I,
)


class Part(msgspec.Struct, frozen=True):
    """One wish: its place in the message, what it says, and the procedure that it asks for, if any."""

    place: int
    heard: Understood
    procedure: str = ""

    @property
    def sure(self) -> bool:
        return bool(self.heard.hits) and self.heard.hits[0].confidence >= self.heard.threshold


class Several:
    """The wishes of one message, within one turn of the bot."""

    def __init__(self, turn: "Turn") -> None:
        self.turn = turn

    def take(self) -> bool:
        """Answer what is sure, begin what is to be done, keep the rest for later or pass it on."""
        parts = self._parts()
        if len({one.procedure or (one.sure and one.heard.hits[0].ref) or f"?{one.place}" for one in parts}) < 2:
            return False
        known = [one for one in parts if one.procedure or one.sure]
        if not known:
            return False
        sure = [one for one in parts if one.sure and not one.procedure]
        answered = list({one.heard.hits[0].ref: one for one in reversed(sure)}.values())[::-1]
        led = list({one.procedure: one for one in parts if one.procedure}.values())
        unknown = [one for one in parts if not one.procedure and not one.sure]
        if len(answered) > 1 and not self.turn.live:
            self.turn.answer_together([one.heard for one in answered])
        else:
            for one in answered:
                self.turn.of_part(one.heard).answer_surely()
        for one in (*led, *unknown):
            self._note(LATER, self.turn.message.message, one.place, one.procedure)
        self.go_on()
        return True

    def go_on(self) -> bool:
        """Take up what waits its turn, unless a procedure waits for the customer. True when something was said."""
        said = False
        while (pending := self._pending()) and self._free():
            leads = [one for one in pending if one[2]]
            if not leads:
                self._pass_on(pending)
                return True
            message, place, procedure = leads[0]
            self._note(TAKEN_UP, message, place, procedure)
            heard = self._heard_again(message, place)
            if said or message != self.turn.message.message:
                self.turn.say(NEXT)
            self.turn.of_part(heard).conduct.start(procedure)
            said = True
        return said

    # what is asked ──────────────────────────────────────────────────────────────────────────

    def _parts(self) -> list[Part]:
        """The wishes; what only tells how things are belongs to none."""
        found = []
        for place, heard in enumerate(self.turn.heard.parts):
            wanted = self.turn.of_part(heard).conduct.wanted()
            one = Part(place, heard, wanted or "")
            if one.procedure or one.sure or _is_wish(heard):
                found.append(one)
        return found

    def _heard_again(self, message: int, place: int) -> Understood:
        """A part of an earlier message: its forms only, which is all that a procedure begins with."""
        from parley.ai import clauses, intents

        if message == self.turn.message.message and place < len(self.turn.heard.parts):
            return self.turn.heard.parts[place]
        words = words_of(self.turn.tx.conn, [message]).get(message)
        new = gathered.new_words(words) if words else ""
        whole = f"{words.subject}\n{new}" if words and words.subject else new
        parts = clauses.split(whole)
        text = parts[place] if place < len(parts) else whole
        pattern = self.turn.conduct.look.order_pattern
        guesses = intents.guess(text, pattern)
        numbers = tuple(intents.order_numbers(text, pattern) or intents.order_numbers(whole, pattern))
        return Understood(text=text, intents=tuple(one.name for one in guesses), personal=True, numbers=numbers)

    # what waits ─────────────────────────────────────────────────────────────────────────────

    def _note(self, what: str, message: int, place: int, procedure: str) -> None:
        fact = e.BotPondered(
            message=self.turn.message.message, intent=procedure or "other", confidence=1.0,
            outcome=f"{what}{message}.{place} {procedure}".strip(),
        )  # fmt: skip
        self.turn.tx.append(e.conversation(self.turn.state.id), [fact], gathered.BY)

    def _pending(self) -> list[tuple[int, int, str]]:
        """(message, part, procedure) of what was put off and not taken up."""
        waits: dict[str, tuple[int, int, str]] = {}
        for r in self.turn.history():
            if isinstance(r.event, e.HandoffAsked):
                waits = {}
            elif isinstance(r.event, e.BotPondered):
                outcome = r.event.outcome
                if outcome.startswith(LATER):
                    place, _, procedure = outcome.removeprefix(LATER).partition(" ")
                    message, _, part = place.partition(".")
                    waits[outcome.removeprefix(LATER)] = (int(message), int(part), procedure)
                elif outcome.startswith(TAKEN_UP):
                    waits.pop(outcome.removeprefix(TAKEN_UP), None)
        return list(waits.values())

    def _free(self) -> bool:
        """Whether the conversation is still the bot's, and nothing waits for the customer."""
        history = self.turn.history()
        passed = any(isinstance(r.event, e.HandoffAsked) for r in history)
        return not passed and gathered.active(history) is None

    def open_wishes(self) -> list[str]:
        """What was asked and is not done, in the customer's words, for the agent who takes over."""
        return [
            f"Also asked: “{talk.preview(self._heard_again(message, place).text)}”"
            for message, place, _ in self._pending()
        ]  # fmt: skip

    def _pass_on(self, pending: list[tuple[int, int, str]]) -> None:
        """What nothing is known about goes to a person, with what was answered."""
        heard = self._heard_again(*pending[0][:2])
        turn = self.turn.of_part(heard)
        answered = any(isinstance(r.event, e.ReplyWritten) and r.by == gathered.BY for r in self.turn.history())
        said = "That much I can tell you." if answered else ""
        colleague = "The rest I am passing to a colleague, with everything you have told me."
        words = f"{said} {colleague}".strip() if turn.live else ""
        turn.hand_over(e.NOT_SURE, "a part of what they asked", say=words, known=self.open_wishes()[1:])


def _is_wish(heard: Understood) -> bool:
    from parley.ai import slots

    if set(heard.intents) and set(heard.intents) <= {"thanks", "goodbye", "greeting"}:
        return False
    return slots.asks(heard.text) or len(heard.text.split()) >= ASKING


# ── corrections of plain answers ────────────────────────────────────────────────────────────


def meant(said: str) -> str:
    """What is left of "no, I meant …": what they ask now; empty where that is all they said."""
    return _NOT_THAT.sub("", said).strip(" ,.!?:-")


def corrected(turn: "Turn") -> bool:
    """They take back what a plain answer was about: another order of theirs is told, another article answers."""
    from parley.ai import slots

    if not slots.corrects(turn.said) or turn.conduct.step is not None:
        return False
    return _other_order(turn) or _other_article(turn)


def _other_order(turn: "Turn") -> bool:
    """ "No, the other order": of the one that was told last."""
    kinds = (e.ProcedureWentOn, e.BotPondered)
    last = next((r.event for r in reversed(turn.history()) if isinstance(r.event, kinds)), None)
    if not isinstance(last, e.ProcedureWentOn) or last.procedure != "order_status":
        return False
    number = next((one for one in turn.heard.numbers if one != last.said.get("number")), None)
    if number is None and not _means_other(turn.said):
        return False
    if number is None:
        mine = [one.number for one in orders.of_mails(turn.tx.conn, turn.own_mails(), 3)]
        others = [one for one in mine if one not in _told(last)]
        number = others[0] if len(others) == 1 else None
    if number is None:
        return False
    return turn.conduct.walk("order_status", {**last.said, "number": number})


def _means_other(said: str) -> bool:
    from parley.ai import slots

    return slots.means_other(said)


def _told(last: e.ProcedureWentOn) -> set[str]:
    return {last.said.get("number", ""), *re.findall(r"\b[\w-]+\b", last.outcome)}


def _other_article(turn: "Turn") -> bool:
    """Not what was answered: the next article that is sure enough, else a choice of others, else a person."""
    before = turn.before.outcome if turn.before else ""
    if not before.startswith("answered from "):
        return False
    wrong = before.removeprefix("answered from ")
    heard = turn.heard.parts[0] if len(turn.heard.parts) == 1 else turn.heard
    others: list[Any] = [hit for hit in heard.hits if hit.ref != wrong]
    if others and others[0].confidence >= heard.threshold:
        turn.of_part(msgspec.structs.replace(heard, hits=tuple(others))).answer_surely()
        return True
    if turn.live and len(others) > 1 and meant(turn.said) == "" and not turn.offered():
        turn.offer(others[:3], heard.choice[0])
        return True
    try:
        title = knowledge.by_slug(turn.tx.conn, wrong).title
    except NotFound:
        title = wrong
    turn.hand_over(e.NOT_SURE, f"“{title}” was not what they meant")
    return True
