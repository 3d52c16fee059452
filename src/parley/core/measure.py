"""What can be counted about one conversation, folded from its events, and the clocks read off it.

Times are whole microseconds since 1970 in UTC: many thousands of them are compared at once.
`DEFINITIONS` is the one place that says what each figure means; the page, the API and
docs/numbers.md show it. Raise `VERSION` when a definition changes.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from parley.core import events as e

VERSION = 6
SECOND = 1_000_000
DAY = 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure means. unit: conversations, share (0…1), seconds, points (−100…100), of 7, or money.

    spread: how sure it is.
    """

    key: str
    label: str
    unit: str
    meaning: str
    spread: str
    cohort: str = "Conversations that began in the period."


_COUNT = (
    "A count has no interval. A change is told when the 99 % interval of the ratio leaves out 1; days are "
    "compared with the same weekday, and their scatter widens the interval."
)
_SHARE = (
    "Wilson interval, 95 %. A change is told when Newcombe's 99 % interval of the difference leaves out 0. "
    "Below 30 cases the count is shown instead of the percentage."
)
_TIMES = (
    "95 % interval. Where all are finished: quantile of type 7, interval from order statistics. Where some still "
    "run: Kaplan–Meier, interval after Brookmeyer and Crowley. A change is told when the log-rank test says so at 99 %."
)
_NOW = "A count of what is there, without interval and without comparison."
_AGES = "A quantile of type 7 of all that are open, which is no sample: without interval and without comparison."
_KEPT = (
    "Of the promises that are decided, those that were kept: what was promised happened by the due second. One that is "
    "still open past its due moment is decided, and broken. Which promise holds for whom, and which hours count, is "
    "said in Settings → Promises; a promise keeps the time it was made with. Left out: what nobody owes any more, "
    "because the matter was closed in time without an answer."
)
_MADE = "Promises made in the period."
_OPEN = "Conversations open now, whenever they began."
_HUMAN = (
    "From the customer's first message to the first reply by a person. Who still waits counts as waiting "
    "until now. Left out: what the bot keeps, and what was closed without a reply by people."
)
_RIGHT = (
    "From the customer's first message to the first reply of the person who answered to the end: whoever gave the "
    "last reply so far, from where they took it up. Who still waits for a person counts as waiting until now. Left "
    "out: what the bot keeps, and what was closed without a reply by people. Beside “Passed on” it tells how well work "
    "finds whom it needs."
)
_BOT = (
    "From the customer's first message to the bot's first words, where the bot answers first. "
    "Left out: what people took over before the bot spoke."
)
_RESOLUTION = (
    "From the customer's first message to the close that stands; a reopened conversation runs on. "
    "Open ones count as open until now. Left out: what was closed unresolved because the customer fell silent."
)

DEFINITIONS: dict[str, Definition] = {
    d.key: d
    for d in (
        Definition(
            key="volume", label="Conversations", unit="conversations",
            meaning="Conversations with a customer's message in them, dated by the first one. Machine mail alone "
            "(automatic answers, lists, bounces) and unreadable deliveries do not count; imported history does.",
            spread=_COUNT,
        ),
        Definition(key="human_median", label="First answer by people", unit="seconds",
                   meaning=_HUMAN + " Half got it within this time.", spread=_TIMES),
        Definition(key="human_p90", label="First answer by people, P90", unit="seconds",
                   meaning=_HUMAN + " Nine of ten got it within this time.", spread=_TIMES),
        Definition(key="right_median", label="First answer by the right person", unit="seconds",
                   meaning=_RIGHT + " Half got it within this time.", spread=_TIMES),
        Definition(key="right_p90", label="First answer by the right person, P90", unit="seconds",
                   meaning=_RIGHT + " Nine of ten got it within this time.", spread=_TIMES),
        Definition(key="bot_median", label="First answer by the bot", unit="seconds",
                   meaning=_BOT + " Half got it within this time.", spread=_TIMES),
        Definition(key="bot_p90", label="First answer by the bot, P90", unit="seconds",
                   meaning=_BOT + " Nine of ten got it within this time.", spread=_TIMES),
        Definition(key="resolution_median", label="Time to resolution", unit="seconds",
                   meaning=_RESOLUTION + " Half were resolved within this time.", spread=_TIMES),
        Definition(key="resolution_p90", label="Time to resolution, P90", unit="seconds",
                   meaning=_RESOLUTION + " Nine of ten were resolved within this time.", spread=_TIMES),
        Definition(
            key="contained", label="Kept by the bot", unit="share",
            meaning="Of the conversations that began with the bot and are decided, those that were closed without "
            "people: no hand-over, no take-over, no reply by a person, not reopened. It does not say that the "
            "customer was content.",
            spread=_SHARE,
        ),
        Definition(
            key="reopened", label="Reopened", unit="share",
            meaning="Of the conversations that were closed at least once, those that were reopened at least once.",
            spread=_SHARE,
        ),
        Definition(
            key="no_repeat", label="No repeat contact", unit="share",
            meaning="Of the conversations that are seven days old, those after which the same person began no other "
            "within seven days, in any channel and on any matter. Younger ones are left out, whatever became of them, "
            "so that the newest days do not weigh by their failures alone.",
            spread=_SHARE,
        ),
        Definition(
            key="one_touch", label="Solved with one answer", unit="share",
            meaning="Of the conversations that are closed as resolved, those with at most one reply by a person. "
            "What the bot keeps has none.",
            spread=_SHARE,
        ),
        Definition(
            key="no_reopen", label="Not reopened within a week", unit="share",
            meaning="Of the conversations that were closed seven days ago or earlier, those that were not reopened "
            "within seven days of the first close.",
            spread=_SHARE,
        ),
        Definition(
            key="first_contact_closed", label="Closed at once, by one person", unit="share",
            meaning="Of the conversations that are closed as resolved, those that were closed once only and answered "
            "by one person at most.",
            spread=_SHARE,
        ),
        Definition(
            key="said_solved", label="Solved at first contact, customers say", unit="share",
            meaning="Of the answers to whether the matter was solved the first time they came with it: those that said "
            "yes. Asked by a survey with that question; the others are the desk's own view of the same thing.",
            spread=_SHARE, cohort="Answers given in the period.",
        ),
        Definition(
            key="transferred", label="Passed on", unit="share",
            meaning="Of the conversations that people held, those that went from one person to another at least once, "
            "directly or by way of all. Being given to a first person is not passing on.",
            spread=_SHARE,
        ),
        Definition(
            key="bot_resolved", label="Solved by the bot", unit="share",
            meaning="Of the conversations that began with the bot, are decided and seven days old, those that it kept "
            "and after which nothing said otherwise: the person began no other conversation within seven days, in any "
            "channel, and gave no rating of 1 or 2. Beside it, “Kept by the bot” says only that no person took part.",
            spread=_SHARE,
        ),
        Definition(
            key="first_kept", label="First answers in time", unit="share",
            meaning="First answers by people. " + _KEPT, spread=_SHARE, cohort=_MADE,
        ),
        Definition(
            key="next_kept", label="Next answers in time", unit="share",
            meaning="Answers by people to what a customer wrote after the first one. " + _KEPT,
            spread=_SHARE, cohort=_MADE,
        ),
        Definition(
            key="resolution_kept", label="Solved in time", unit="share",
            meaning="Conversations solved: the close that stands. The clock stands still while the customer has to "
            "answer. " + _KEPT,
            spread=_SHARE, cohort=_MADE,
        ),
        Definition(
            key="csat", label="Satisfied", unit="share",
            meaning="Ratings of 4 or 5 among all ratings given, from 1 to 5. The last answer to a survey counts.",
            spread=_SHARE, cohort="Surveys asked in the period.",
        ),
        Definition(
            key="response_rate", label="Answered the survey", unit="share",
            meaning="Surveys answered among those asked. Who was asked lately may still answer.",
            spread=_SHARE, cohort="Surveys asked in the period.",
        ),
        Definition(
            key="nps", label="Would recommend (NPS)", unit="points",
            meaning="Of the answers from 0 to 10 to whether they would recommend the brand: the per cent of 9 and 10 "
            "minus the per cent of 0 to 6. From −100 to 100.",
            spread="Adjusted Wald interval (Rocks 2016), 95 %. A change is told when the 99 % interval of the "
            "difference leaves out 0.",
            cohort="Answers given in the period.",
        ),
        Definition(
            key="ces", label="Made it easy (CES)", unit="of 7",
            meaning="The mean of the answers, 1 (strongly disagree) to 7 (strongly agree), to whether the brand made "
            "it easy to handle the issue (CES 2.0).",
            spread="Student's t, 95 %. A change is told when Welch's 99 % interval of the difference leaves out 0.",
            cohort="Answers given in the period.",
        ),
        Definition(
            key="cost", label="Cost per contact", unit="money",
            meaning="The mean cost of a conversation: the time that people worked on it, as logged, times the cost of "
            "an hour; the bot's answers; and messages that went out, each times its cost. Costs are those of Settings "
            "→ Costs, without them there is no figure. An agent's act (reply, note, close) counts the time since their "
            "act before, in whatever conversation, and at most ten minutes; a call counts from the answer to its end, "
            "at the cost of anybody's hour. Not in it: pauses, reading without an act, training, rooms and licences. "
            "Of replies of a kind in one conversation at most 255 count. What is still open costs what it did until "
            "now.",
            spread="Student's t, 95 %, not below 0. A change is told when Welch's 99 % interval of the difference "
            "leaves out 0.",
        ),
        Definition(
            key="open", label="Open now", unit="conversations",
            meaning="Conversations with a customer's message in them that are not closed: those with people, those the "
            "bot has, and those put aside. Imported history does not count.",
            spread=_NOW, cohort=_OPEN,
        ),
        Definition(
            key="open_age_median", label="Age of what is open", unit="seconds",
            meaning="From the customer's first message until now. Half are younger.", spread=_AGES, cohort=_OPEN,
        ),
        Definition(
            key="open_age_p90", label="Age of what is open, P90", unit="seconds",
            meaning="From the customer's first message until now. Nine of ten are younger.", spread=_AGES, cohort=_OPEN,
        ),
    )
}  # fmt: skip


class Measured(msgspec.Struct):
    """One conversation, in figures. Columns of the table stand in this order.

    began_at: the customer's first message that no machine wrote; before it nothing is counted.
    people_at: when people became responsible (at once without a bot, else hand-over, take-over, reopening).
    bot_at, human_at: first reply after `began_at`. closed_at: of the close that stands, None while open.
    closed_by: agent, bot, customer, rule or import. agent: whose reply was the last. several: more than one agent has
    replied. holder: who had it last; transfers: how often it went from one agent to another.
    imported: began as imported history, of which nobody knows what is still waiting. person: whose it is now.
    right_at: since when the agent of the last reply has answered it.
    """

    conversation: int
    brand: int = 0
    channel: str = ""
    opened_at: int = 0
    with_bot: bool = False
    quarantined: bool = False
    imported: bool = False
    began_at: int | None = None
    people_at: int | None = None
    handed_at: int | None = None
    bot_at: int | None = None
    human_at: int | None = None
    first_closed_at: int | None = None
    closed_at: int | None = None
    closed_by: str = ""
    resolved: bool = False
    closes: int = 0
    reopens: int = 0
    received: int = 0
    bot_replies: int = 0
    human_replies: int = 0
    agent: int | None = None
    several: bool = False
    holder: int | None = None
    transfers: int = 0
    first_reopened_at: int | None = None
    person: int = 0
    inbox: int = 0
    right_at: int | None = None

    @property
    def counts(self) -> bool:
        return self.began_at is not None and not self.quarantined


# ── folding ─────────────────────────────────────────────────────────────────────────────────


def take(talk: Measured, recorded: e.Recorded) -> None:
    """Fold one more event into the figures, in place."""
    if fold := _FOLDS.get(type(recorded.event)):
        fold(talk, recorded.event, recorded.by, micros(recorded.at))


def _opened(talk: Measured, event: e.ConversationOpened, by: str, at: int) -> None:
    talk.brand, talk.channel, talk.opened_at, talk.with_bot = event.brand, event.channel, at, event.with_bot
    talk.people_at = None if event.with_bot else at
    talk.person, talk.inbox = event.person, event.inbox


def _closed(talk: Measured, event: e.Closed, by: str, at: int) -> None:
    talk.closes += 1
    talk.closed_at, talk.closed_by, talk.resolved = at, actor(by), event.resolved
    talk.first_closed_at = talk.first_closed_at or at


def _reopened(talk: Measured, event: e.Reopened, by: str, at: int) -> None:
    talk.reopens += 1
    talk.first_reopened_at = talk.first_reopened_at or at
    talk.closed_at, talk.closed_by, talk.resolved = None, "", False
    talk.people_at = talk.people_at or at


def _handed(talk: Measured, event: e.HandoffAsked, by: str, at: int) -> None:
    talk.handed_at, talk.people_at = talk.handed_at or at, talk.people_at or at


def _assigned(talk: Measured, event: e.Assigned, by: str, at: int) -> None:
    if event.agent is not None:
        talk.people_at = talk.people_at or at
        talk.transfers += talk.holder not in (None, event.agent)
        talk.holder = event.agent


def _quarantined(talk: Measured, event: e.Quarantined, by: str, at: int) -> None:
    talk.quarantined = True


def _belongs(talk: Measured, event: e.PersonChanged, by: str, at: int) -> None:
    talk.person = event.person


def _received(talk: Measured, event: e.MessageReceived, by: str, at: int) -> None:
    if event.automatic:
        return
    talk.received += 1
    if talk.began_at is None or at < talk.began_at:
        talk.began_at, talk.imported = at, event.history


def _replied(talk: Measured, event: e.ReplyWritten, by: str, at: int) -> None:
    if event.purpose != "reply":
        return
    who = actor(by)
    began = talk.began_at is not None and at >= talk.began_at
    if who == "bot":
        talk.bot_replies += 1
        if began and talk.bot_at is None:
            talk.bot_at = at
    elif not event.automatic:
        talk.human_replies += 1
        talk.people_at = talk.people_at or at
        if began and talk.human_at is None:
            talk.human_at = at
        if who == "agent":
            agent = int(by.partition("/")[2])
            talk.several = talk.several or talk.agent not in (None, agent)
            if began and (talk.agent != agent or talk.right_at is None):
                talk.right_at = at
            talk.agent = agent


def _unreplied(talk: Measured, event: e.SendCancelled, by: str, at: int) -> None:
    """A reply that was taken back before it went never counted."""
    talk.human_replies = max(0, talk.human_replies - 1)
    if talk.human_at == micros(event.written_at):
        talk.human_at = None
    if talk.right_at == micros(event.written_at):
        talk.right_at = None


_FOLDS: dict[type[e.Event], Callable[[Measured, Any, str, int], None]] = {
    e.ConversationOpened: _opened, e.MessageReceived: _received, e.ReplyWritten: _replied,
    e.SendCancelled: _unreplied, e.Closed: _closed, e.Reopened: _reopened, e.HandoffAsked: _handed,
    e.Assigned: _assigned, e.Quarantined: _quarantined, e.PersonChanged: _belongs,
}  # fmt: skip


def actor(by: str) -> str:
    """Who signed an event: agent, bot, customer, import, or a rule of the desk."""
    kind = by.partition("/")[0]
    return {"agent": "agent", "bot": "bot", "person": "customer", "import": "import"}.get(kind, "rule")


def micros(at: datetime) -> int:
    since = at - _EPOCH
    return since.days * DAY + since.seconds * SECOND + since.microseconds


def moment(at: int) -> datetime:
    """The UTC time of a number of microseconds."""
    return _EPOCH + timedelta(microseconds=at)


# ── clocks ──────────────────────────────────────────────────────────────────────────────────


class Reading(msgspec.Struct, frozen=True):
    """A clock read: whole seconds, and whether it has stopped or still runs."""

    seconds: int
    stopped: bool


def human_clock(talk: Measured, now: int) -> Reading | None:
    """First answer by people; None where it is left out (see `DEFINITIONS`)."""
    if talk.human_at is not None:
        return _stopped(talk, talk.human_at)
    if talk.imported or talk.closed_at is not None or talk.people_at is None:
        return None
    return _running(talk, now)


def right_clock(talk: Measured, now: int) -> Reading | None:
    """First answer by the one who answered to the end."""
    if talk.right_at is not None:
        return _stopped(talk, talk.right_at)
    return None if talk.human_at is not None else human_clock(talk, now)


def bot_clock(talk: Measured, now: int) -> Reading | None:
    """First words of the bot."""
    if not talk.with_bot:
        return None
    if talk.bot_at is not None:
        return _stopped(talk, talk.bot_at)
    if talk.imported or talk.closed_at is not None or talk.people_at is not None:
        return None
    return _running(talk, now)


def resolution_clock(talk: Measured, now: int) -> Reading | None:
    """The close that stands."""
    if talk.closed_at is not None:
        return _stopped(talk, talk.closed_at) if talk.resolved and talk.closed_by != "import" else None
    return None if talk.imported else _running(talk, now)


def contained(talk: Measured) -> bool | None:
    """Whether the bot kept it; None without a bot or while undecided."""
    if not talk.with_bot or (talk.closed_at is None and talk.people_at is None):
        return None
    return talk.people_at is None


def reopened(talk: Measured) -> bool | None:
    """Whether a close did not last; None where there was none."""
    return talk.reopens > 0 if talk.closes else None


def one_touch(talk: Measured) -> bool | None:
    """Whether at most one reply by a person was enough; None while it is not resolved."""
    if talk.closed_at is None or not talk.resolved or talk.closed_by == "import":
        return None
    return talk.human_replies <= 1


def first_contact_closed(talk: Measured) -> bool | None:
    """Whether it was closed once, and answered by one person at most; None while it is not resolved."""
    if talk.closed_at is None or not talk.resolved or talk.closed_by == "import":
        return None
    return talk.closes == 1 and not talk.several


def no_reopen(talk: Measured, now: int, days: int = 7) -> bool | None:
    """Whether its first close lasted so many days; None until they have passed, whatever became of it."""
    if talk.first_closed_at is None or talk.imported or now - talk.first_closed_at < days * DAY:
        return None
    again = talk.first_reopened_at
    return again is None or again - talk.first_closed_at > days * DAY


def transferred(talk: Measured) -> bool | None:
    """Whether it went from one person to another; None where nobody held it."""
    return talk.transfers > 0 if talk.holder is not None else None


def _stopped(talk: Measured, at: int) -> Reading | None:
    return None if talk.began_at is None else Reading(max(0, at - talk.began_at) // SECOND, True)


def _running(talk: Measured, now: int) -> Reading | None:
    return None if talk.began_at is None else Reading(max(0, now - talk.began_at) // SECOND, False)
