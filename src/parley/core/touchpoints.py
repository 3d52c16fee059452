"""The way of one conversation, as steps that a customer would name: wrote, answered, passed on, closed, rated.

A step that comes again within two minutes is the same step: somebody who sends three short messages wrote once.
"""

from collections.abc import Sequence

import msgspec

from parley.core import events as e
from parley.core.measure import SECOND, micros
from parley.core.opinions import is_low

LOOKED, WROTE, CALLED, BOT, ANSWERED = "looked", "wrote", "called", "bot", "answered"
HANDED, PASSED, CLOSED, LEFT, REOPENED = "handed", "passed", "closed", "left", "reopened"
CONTENT, LOW = "content", "low"
NAMES = {
    LOOKED: "Looked at pages", WROTE: "Wrote", CALLED: "Called", BOT: "Bot answered", HANDED: "Handed over",
    PASSED: "Passed on", ANSWERED: "Person answered", REOPENED: "Reopened", CLOSED: "Solved and closed",
    LEFT: "Closed unsolved", CONTENT: "Rated, not low", LOW: "Rated low",
}  # fmt: skip
ENDINGS = (LEFT, CONTENT, LOW)
SAME = 120 * SECOND
MOST = 60  # steps of a conversation that are kept
BEFORE = 1800 * SECOND  # pages seen so long before the first words belong to them

Step = tuple[str, int, int]  # what, when (µs), the message that said so, or 0


class Journey(msgspec.Struct):
    """A conversation's way so far. Columns of the table stand in this order. looked: when the last page before it was
    seen. n: how many steps are kept; 0: nobody said anything. client: how the website's analytics know the browser;
    session: its visit there. steps: JSON of what, when and which message."""

    conversation: int
    brand: int = 0
    channel: str = ""
    identity: int = 0
    topic: str = ""
    by_hand: bool = False
    holder: int = 0
    began: int = 0
    looked: int | None = None
    client: str = ""
    n: int = 0
    steps: bytes = b"[]"
    session: str = ""

    def path(self) -> list[Step]:
        """All steps, with the pages before."""
        return read(self.steps) if self.looked is None else [(LOOKED, self.looked, 0), *read(self.steps)]


read = msgspec.json.Decoder(list[Step]).decode
KINDS = (
    e.ConversationOpened, e.MessageReceived, e.CallBegan, e.ReplyWritten, e.HandoffAsked, e.Assigned, e.Closed,
    e.Reopened, e.SurveyAnswered, e.Tagged, e.Untagged, e.TopicGuessed,
)  # fmt: skip


def take(journey: Journey, recorded: Sequence[e.Recorded]) -> None:
    """Go on with what happened next in the conversation."""
    path = read(journey.steps) if journey.n else []
    for r in recorded:
        what, message = _step(journey, r, path)
        if not what:
            continue
        at = micros(r.at)
        if not path and what in (WROTE, CALLED):
            journey.began = at
        if len(path) < MOST and not (path and path[-1][0] == what and at - path[-1][1] < SAME):
            path.append((what, at, message))
    journey.n, journey.steps = len(path), msgspec.json.encode(path)


def _step(journey: Journey, r: e.Recorded, path: list[Step]) -> tuple[str, int]:
    match r.event:
        case e.ConversationOpened() as opened:
            journey.brand, journey.channel, journey.began = opened.brand, opened.channel, micros(r.at)
        case e.MessageReceived(automatic=None, unverified=False) as said:
            journey.identity = journey.identity or said.identity
            return WROTE, said.message
        case e.CallBegan(outgoing=False, message=message):
            for place, (what, at, number) in enumerate(path):
                if what == WROTE and number == message:
                    path[place] = (CALLED, at, number)
                    return "", 0
            return CALLED, message
        case e.ReplyWritten(purpose="reply", message=message):
            return (BOT if r.event.automatic else ANSWERED), message
        case e.HandoffAsked():
            return HANDED, 0
        case e.Assigned(agent=int(agent)):
            before, journey.holder = journey.holder, agent
            return (PASSED if before not in (0, agent) else ""), 0
        case e.Closed(resolved=resolved):
            return (CLOSED if resolved else LEFT), 0
        case e.Reopened():
            return REOPENED, 0
        case e.SurveyAnswered(measure=measure, score=score) if measure in ("csat", "nps", "ces"):
            return (LOW if is_low(measure, score) else CONTENT), r.event.comment_message or 0
        case _:
            _about(journey, r)
    return "", 0


def _about(journey: Journey, r: e.Recorded) -> None:
    """What a person says that it is about stands above what is guessed."""
    match r.event:
        case e.Tagged(tag=tag):
            if r.by.startswith("agent/") or not journey.by_hand:
                journey.topic, journey.by_hand = tag[:40], r.by.startswith("agent/")
        case e.Untagged(tag=tag) if journey.topic == tag[:40]:
            journey.topic, journey.by_hand = "", False
        case e.TopicGuessed(topic=topic, told=True) if not journey.topic:
            journey.topic = topic[:40]


def unhappy(path: Sequence[Step]) -> bool | None:
    """Whether it ended badly: rated low, or closed unsolved and not rated. None: neither closed nor rated yet."""
    for what, _, _ in reversed(path):
        if what in (LOW, CONTENT):
            return what == LOW
    for what, _, _ in reversed(path):
        if what in (CLOSED, LEFT):
            return what == LEFT
    return None
