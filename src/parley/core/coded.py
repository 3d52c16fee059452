"""A conversation's figures in ninety-six letters: a database can hand over a hundred thousand of them as one word.

The answers of core/measure.py are put in when a row is written; ai/columns.py reads the word as columns. What only the
moment of asking can tell (how long something still runs, whether a week is over) is put in as the time it depends on.
The first twenty-four letters say when it began, where, and which clocks run: enough for what is counted by age alone.
"""

from binascii import b2a_base64
from struct import Struct

from parley.core import measure
from parley.core.measure import DAY, Measured

FIELDS = (
    ("began", "q"), ("brand", "i"), ("channel", "H"), ("clocks", "I"),
    ("conversation", "q"), ("person", "q"), ("settled", "q"), ("human", "i"), ("right", "i"), ("bot", "i"),
    ("resolution", "i"), ("agent", "i"), ("inbox", "i"), ("answers", "H"), ("bot_replies", "H"), ("human_replies", "H"),
)  # fmt: skip
HEAD, LETTERS = 24, 96
LAYOUT = Struct("<" + "".join(kind for _, kind in FIELDS))
NEVER = 2**63 - 1
NOBODY = -1
LONGEST = 2**31 - 1  # seconds: 68 years
MOST = 65_535  # replies of a kind that are told

CLOCKS = {
    "human": measure.human_clock,
    "right": measure.right_clock,
    "bot": measure.bot_clock,
    "resolution": measure.resolution_clock,
}
"""Two bits each in `clocks`: left out, running, stopped. Containment has the last two."""

QUESTIONS = {
    "reopened": measure.reopened, "one_touch": measure.one_touch, "transferred": measure.transferred,
    "first_contact_closed": measure.first_contact_closed,
}  # fmt: skip
"""Two bits each in `answers`: unknown, no, yes. Whether the first close lasted a week comes after them."""
LASTED = 1 << (2 * len(QUESTIONS))
WITH_BOT = LASTED << 1
_CLOCKS = [(2 * place, clock) for place, clock in enumerate(CLOCKS.values())]
_QUESTIONS = [(2 * place, ask) for place, ask in enumerate(QUESTIONS.values())]


def code(talk: Measured, channel: int) -> str:
    """channel: its number among the channels that the desk has seen."""
    seconds, clocks = [], _answer(measure.contained(talk)) << 2 * len(CLOCKS)
    for place, clock in _CLOCKS:
        reading = clock(talk, 0)
        stopped = reading is not None and reading.stopped
        seconds.append(min(reading.seconds, LONGEST) if reading is not None and stopped else 0)
        clocks |= (0 if reading is None else 1 + stopped) << place
    settled, lasted = _settled(talk)
    answers = (LASTED if lasted else 0) | (WITH_BOT if talk.with_bot else 0)
    for place, ask in _QUESTIONS:
        answers |= _answer(ask(talk)) << place
    packed = LAYOUT.pack(
        talk.began_at, talk.brand, channel, clocks, talk.conversation, talk.person, settled, *seconds,
        NOBODY if talk.agent is None else talk.agent, talk.inbox, answers, min(talk.bot_replies, MOST),
        min(talk.human_replies, MOST),
    )  # fmt: skip
    return b2a_base64(packed, newline=False).decode()


def _answer(answer: bool | None) -> int:
    return 0 if answer is None else 1 + answer


def _settled(talk: Measured) -> tuple[int, bool]:
    """From when on it may be asked whether the first close lasted a week, and whether it did."""
    if talk.first_closed_at is None or talk.imported:
        return NEVER, False
    return talk.first_closed_at, bool(measure.no_reopen(talk, talk.first_closed_at + 7 * DAY))
