"""What can happen at a desk. Each event is a frozen fact in the past tense, tagged by its kind.

An event belongs to one stream: a conversation, a person, an agent or the desk, named `conversation/12`.
The words of a message are not in its event: they lie beside it (see `Words`) so that they can
be erased while the fact that something was said remains. Times are UTC. Adding an event means
adding a class here; `docs/events.md` is generated from these docstrings.
"""

from datetime import datetime
from typing import Union, get_args

import msgspec

from parley.core.agreement import Agreement
from parley.core.query import Query
from parley.core.trial import Before, Change
from parley.core.visits import Step


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """Base of all events."""


class File(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that came or went with a message; its bytes are found by their SHA-256."""

    name: str
    type: str
    size: int
    sha256: str
    cid: str | None = None


class Awaited(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that the platform still keeps. `ref` is its name there, `size` in bytes where it was told."""

    name: str
    type: str = ""
    ref: str = ""
    size: int | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an automatic answer came from: an article, an order, a policy. `confidence` is 0..1."""

    kind: str
    title: str
    ref: str = ""
    url: str = ""
    passage: str = ""
    confidence: float | None = None


class Filled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A platform's template with its values, in the order of its places."""

    name: str
    language: str
    places: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message from which something was made. `place`: 0 for a question, else which sentence it gave, from 1."""

    message: int
    conversation: int
    place: int = 0


class Noticed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What triage noticed: a signal (core/triage.py) with its value. start, end: where the words that show it stand in
    the message, folded; both 0 where no words do. fact: what else shows it, never the customer's words."""

    signal: str
    value: str = ""
    start: int = 0
    end: int = 0
    fact: str = ""


class Words(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was said. `fold` is the length of the new part of `text`; quote and signature follow it."""

    text: str
    html: str | None = None
    subject: str | None = None
    fold: int | None = None


# ── conversation ────────────────────────────────────────────────────────────────────────────


class ConversationOpened(Event, frozen=True, tag="conversation_opened"):
    """A matter began. `with_bot`: the bot answers first; the desk sees it only after a hand-off."""

    person: int
    inbox: int
    brand: int
    channel: str
    subject: str = ""
    with_bot: bool = False


class MessageReceived(Event, frozen=True, tag="message_received"):
    """The customer said something through a channel.

    `external_id` is the transport's own name for the message (a Message-ID), by which answers
    find it. `automatic` tells why no machine may answer it (auto-reply, list, bounce).
    `unverified` marks a message held back: its sender is not a participant, or probably pretends to be one; it
    counts once an agent accepts it. `history`: imported, not news. `proved`: the transport, or a token that only
    they had, shows who wrote it. `doubt`: why it is probably somebody else. `checks`: what was looked at, in a line.
    `call`: it stands for a phone call ("rang") or was spoken in one ("said").
    """

    message: int
    person: int
    identity: int
    inbox: int
    channel: str
    delivery: int | None = None
    external_id: str | None = None
    sent_at: datetime | None = None
    preview: str = ""
    files: tuple[File, ...] = ()
    automatic: str | None = None
    history: bool = False
    unverified: bool = False
    cc: tuple[str, ...] = ()
    proved: bool = False
    doubt: str | None = None
    checks: str = ""
    call: str = ""


class MessageEdited(Event, frozen=True, tag="message_edited"):
    """The customer gave a message other words, which now stand in its place.

    `wording` is the number under which these words lie for good, `former` that of those before. `last`: nothing was
    said since the message. `answered`: the desk had answered it, so that somebody has to look again.
    """

    message: int
    wording: int
    former: int
    preview: str = ""
    last: bool = False
    answered: bool = False
    edited_at: datetime | None = None
    delivery: int | None = None


class MessageWithdrawn(Event, frozen=True, tag="message_withdrawn"):
    """The customer took a message back: its words, files and raw bytes are erased; that it was said remains.

    `wordings` are the numbers of its other words. `last`: nothing was said since. `settled`: they wait for no other
    answer.
    """

    message: int
    wordings: tuple[int, ...] = ()
    last: bool = False
    settled: bool = False


class Reacted(Event, frozen=True, tag="reacted"):
    """The customer put a sign on a message, theirs or ours; an empty one takes it off again."""

    message: int
    identity: int
    sign: str = ""


class FilesAwaited(Event, frozen=True, tag="files_awaited"):
    """A message has files that the platform keeps; they are being fetched. The first has the number `first`."""

    message: int
    inbox: int
    first: int = 0
    files: tuple[Awaited, ...] = ()


class FileFetched(Event, frozen=True, tag="file_fetched"):
    """A file came from the platform. It is struck out when its message is taken back."""

    message: int
    number: int
    file: File | None = None


class FileDelayed(Event, frozen=True, tag="file_delayed"):
    """A file could not be fetched now; it is tried again at `next_try`."""

    message: int
    number: int
    tries: int
    next_try: datetime
    reason: str = ""


class FileMissed(Event, frozen=True, tag="file_missed"):
    """A file could not be fetched and is not tried again: `reason` says why, for people."""

    message: int
    number: int
    tries: int = 1
    reason: str = ""


class WentOn(Event, frozen=True, tag="went_on"):
    """The customer came over to another channel, with a code that shows that they are the same person."""

    identity: int
    inbox: int
    channel: str


class SenderAccepted(Event, frozen=True, tag="sender_accepted"):
    """An agent let a held message in: its sender takes part from now on."""

    message: int
    identity: int


class SenderRejected(Event, frozen=True, tag="sender_rejected"):
    """An agent turned a held message away: it stays to be seen by the desk, and its sender stays outside."""

    message: int


class ReplyWritten(Event, frozen=True, tag="reply_written"):
    """The desk (agent, bot or rule) answered; the message is queued for delivery.

    `client_id` is made by the writer's screen so that a resend is recognised. `answers` is the
    message replied to. `automatic` replies never start a loop and do not count as human answers. `due`: not sent
    before, so that its writer can take it back. `cc`, `bcc`: who gets a copy, openly or unseen by the others.
    `template`: of the platform, from which the text was made.
    """

    message: int
    person: int
    identity: int
    inbox: int
    channel: str
    client_id: str | None = None
    external_id: str | None = None
    answers: int | None = None
    preview: str = ""
    files: tuple[File, ...] = ()
    sources: tuple[Source, ...] = ()
    confidence: float | None = None
    automatic: bool = False
    purpose: str = "reply"
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    due: datetime | None = None
    template: Filled | None = None


class ReplyPlanned(Event, frozen=True, tag="reply_planned"):
    """An agent wrote an answer that is to go at `due`; until then the customer waits.

    `client_id` is that of the planning. `unless_answered`: only if the customer writes nothing before. `then_close`:
    the matter is closed after it.
    """

    reply: ReplyWritten
    due: datetime
    client_id: str | None = None
    unless_answered: bool = False
    then_close: bool = False

    @property
    def message(self) -> int:
        return self.reply.message


class PlanDropped(Event, frozen=True, tag="plan_dropped"):
    """A planned answer will not go. `reason`: taken back, the customer wrote."""

    message: int
    reason: str


class SendCancelled(Event, frozen=True, tag="send_cancelled"):
    """A reply was taken back before it was sent; its words are erased.

    The customer waits as before: `asked_at`, `waiting_since`. `preview`, `last_by`: what was said last, unless
    something was said since.
    """

    message: int
    written_at: datetime
    asked_at: datetime | None = None
    waiting_since: datetime | None = None
    preview: str | None = None
    last_by: str | None = None


class SecretShown(Event, frozen=True, tag="secret_shown"):
    """An agent had a hidden code or link of a message shown: one with which somebody signs in somewhere."""

    message: int


class NoteWritten(Event, frozen=True, tag="note_written"):
    """An internal note, seen by the desk only. `mentions` are agent ids."""

    message: int
    client_id: str | None = None
    preview: str = ""
    files: tuple[File, ...] = ()
    mentions: tuple[int, ...] = ()


class CallBegan(Event, frozen=True, tag="call_began"):
    """A phone rang: `message` stands for the call. `outgoing`: the desk called.

    `external_id` is the telephone system's name for it, `line` our number, `queue` where it rings, `caller` who of us
    calls out. `preview` says how it stands, in words.
    """

    message: int
    inbox: int
    external_id: str
    began: datetime
    outgoing: bool = False
    line: str = ""
    queue: str = ""
    caller: str = ""
    preview: str = ""


class CallAnswered(Event, frozen=True, tag="call_answered"):
    """Somebody picked up: `agent` as the telephone system calls them. The customer waits no longer."""

    message: int
    answered: datetime
    agent: str = ""
    outgoing: bool = False
    preview: str = ""


class CallEnded(Event, frozen=True, tag="call_ended"):
    """The call is over. Without an answer before, it was missed; `cause` is the telephone system's word for why."""

    message: int
    ended: datetime
    cause: str = ""
    preview: str = ""


class CallTranscribed(Event, frozen=True, tag="call_transcribed"):
    """What was said in a call, heard by a machine: its words lie under `wording`. `engine` is what heard them.

    `number` is the recording's among the call's files, `preview` the first words. `reason`: why there are no words,
    so that `wording` is 0.
    """

    message: int
    number: int
    wording: int = 0
    engine: str = ""
    preview: str = ""
    reason: str = ""


class Sent(Event, frozen=True, tag="sent"):
    """The peer accepted a message of ours. `provider_id` is the peer's name for it. `left_out`: which copies it did not
    take, and why.
    """

    message: int
    provider_id: str | None = None
    tries: int = 1
    left_out: str = ""


class Delivered(Event, frozen=True, tag="delivered"):
    """The message reached the customer's device or mailbox, as far as the channel can tell."""

    message: int


class Read(Event, frozen=True, tag="read"):
    """The customer has seen the message, as far as the channel can tell."""

    message: int


class SendDelayed(Event, frozen=True, tag="send_delayed"):
    """A try failed in a way that may pass. The next try is at `next_try`."""

    message: int
    reason: str
    tries: int
    next_try: datetime


class SendFailed(Event, frozen=True, tag="send_failed"):
    """Delivery was given up. `can_retry`: a replay might work (the peer was down for too long)."""

    message: int
    reason: str
    tries: int = 1
    can_retry: bool = False


class SendReplayed(Event, frozen=True, tag="send_replayed"):
    """Somebody asked to try a failed message again."""

    message: int


class Assigned(Event, frozen=True, tag="assigned"):
    """The conversation was given to an agent, or to nobody (`agent` is None)."""

    agent: int | None
    reason: str = ""


class Tagged(Event, frozen=True, tag="tagged"):
    """A tag was put on the conversation."""

    tag: str


class Untagged(Event, frozen=True, tag="untagged"):
    """A tag was taken off the conversation."""

    tag: str


class SubjectChanged(Event, frozen=True, tag="subject_changed"):
    """The conversation got another subject."""

    subject: str


class Snoozed(Event, frozen=True, tag="snoozed"):
    """Put aside until a time; a customer's message wakes it earlier."""

    until: datetime


class Woke(Event, frozen=True, tag="woke"):
    """A snoozed conversation came back. `reason`: time, message, agent."""

    reason: str


class Closed(Event, frozen=True, tag="closed"):
    """The matter was closed by the actor."""

    resolved: bool = True


class Reopened(Event, frozen=True, tag="reopened"):
    """A closed matter came back. `reason`: message, agent, reply.

    waiting_since: the closing was taken back, and the customer waits on since then.
    """

    reason: str
    waiting_since: datetime | None = None


class HandoffAsked(Event, frozen=True, tag="handoff_asked"):
    """The bot passed the matter to people, briefed: wish, what is known, what was tried, next step."""

    reason: str
    wish: str = ""
    known: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    suggestion: str = ""
    skills: tuple[str, ...] = ()


NOT_SURE, HANDED_OVER = "not sure enough", "handed over: "
UNSURE = HANDED_OVER + NOT_SURE
"""The outcome of a message for which the bot knew no answer that it was sure of."""


class BotPondered(Event, frozen=True, tag="bot_pondered"):
    """What the bot considered for a message: its guess, how sure, which tool it used and with what result."""

    message: int
    intent: str
    confidence: float
    tool: str | None = None
    outcome: str = ""


class ProcedureWentOn(Event, frozen=True, tag="procedure_went_on"):
    """The bot took a step in a procedure, because of a message.

    said: what the customer gave so far, by question; `@12` stands for the words of message 12. waits: what it waits
    for: the name of a question, mail, code, yes, approval or tool; empty: it is over. outcome: what was done, for an
    agent. act: the shop request that was made or taken back. tries: how often in a row it was not understood. call:
    the call that it waits for; confirmed: they had said yes before it.
    """

    message: int
    procedure: str
    version: int
    said: dict[str, str] = {}
    waits: str = ""
    outcome: str = ""
    act: int | None = None
    tries: int = 0
    call: int | None = None
    confirmed: bool = False


class ToolCalled(Event, frozen=True, tag="tool_called"):
    """Another system is to be asked, or to do something, for a procedure; it is done right after this was written.

    `call` is the message number under which the arguments lie, to be erased with it. because: the customer's message
    that it answers. acts: it changes something there. key: the same on every try, so that the other side does it once.
    undoes: the shop request that it takes back.
    """

    call: int
    tool: str
    procedure: str
    version: int
    because: int
    key: str
    acts: bool = False
    undoes: int | None = None


class ToolTried(Event, frozen=True, tag="tool_tried"):
    """A call was taken up. Whoever finds it unanswered after `until` knows that it broke off."""

    call: int
    until: datetime


class ToolDelayed(Event, frozen=True, tag="tool_delayed"):
    """A call takes longer than a customer waits in silence."""

    call: int


class ToolAnswered(Event, frozen=True, tag="tool_answered"):
    """What came of a call.

    outcome: answered; none (there is no such thing); refused, failed (nothing was done there); uncertain (something may
    have been). sentence: why, for people. answer: the message number under which the picked values lie. status: of
    HTTP, 0 where none came. tries: requests that were sent.
    """

    call: int
    tool: str
    outcome: str
    sentence: str = ""
    answer: int | None = None
    status: int = 0
    ms: int = 0
    tries: int = 0


class ToolChanged(Event, frozen=True, tag="tool_changed"):
    """An admin declared, changed or removed a connection to another system. Its secrets are not told."""

    tool: str
    change: str
    host: str = ""


class ProcedurePublished(Event, frozen=True, tag="procedure_published"):
    """A procedure that the company wrote is in force from now on, for conversations that begin it.

    again: an older version was taken up again under a new number. Without a version it was withdrawn.
    """

    procedure: str
    version: int | None = None
    again: int | None = None


class ApprovalGiven(Event, frozen=True, tag="approval_given"):
    """A person of the desk agreed to what the bot had prepared, or did not. outcome: what came of it, in words."""

    procedure: str
    approved: bool
    outcome: str = ""


class DraftJudged(Event, frozen=True, tag="draft_judged"):
    """What an agent made of a drafted answer. source: article, macro or solved; ref: which.

    outcome: accepted (sent as it was), edited, rejected. kept: the share of its words that were sent, from 0 to 1.
    answer: the message that was written in its place.
    """

    source: str
    outcome: str
    answer: int | None = None
    ref: str = ""
    kept: float = 0.0


class TopicGuessed(Event, frozen=True, tag="topic_guessed"):
    """What a new conversation is probably about, as `model` learnt it from the desk's tags; `probability` is 0..1.

    `told`: sure enough to be put on as a tag, and to ask for the `skills` of that name; else it is a suggestion.
    """

    topic: str
    probability: float
    told: bool
    model: int
    skills: tuple[str, ...] = ()


class Remark(msgspec.Struct, frozen=True, array_like=True):
    """What a sentence says of an aspect: from `start` to `end` of the message's text. polarity: -1, 0 or 1. strength:
    1 to 3, 0 for neither."""

    message: int
    conversation: int
    at: datetime
    start: int
    end: int
    aspect: str
    polarity: int
    strength: int
    language: str


class RemarksHeard(Event, frozen=True, tag="remarks_heard"):
    """What customers of a brand said of which aspect, and how they meant it; belongs to the stream `brand/1`.

    Told by place, so that words which are erased are gone from here as well. anew: messages whose words were changed or
    taken back, of which only what is told here stands.
    """

    remarks: tuple[Remark, ...]
    anew: tuple[int, ...] = ()


class Triaged(Event, frozen=True, tag="triaged"):
    """What came in was looked at: how pressing it is (urgent, high, normal, low) and `because` of which rule, in which
    language, about which product and matter, how likely it is spam (0..1), and all that was noticed.

    said: the message whose words were read; 0 where something else made it pressing, such as a promise. skills: asked
    of whoever takes it.
    marks: digests of what it names (orders, addresses) and of its words, by which the same matter is found again.
    """

    said: int = 0
    priority: str = "normal"
    because: str = ""
    language: str = ""
    product: str = ""
    matter: str = ""
    spam: float = 0.0
    noticed: tuple[Noticed, ...] = ()
    skills: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


class TriageCorrected(Event, frozen=True, tag="triage_corrected"):
    """An agent knew better. what: priority, language, product or spam; `value` holds from now on, whatever is found
    later. was: what it said before. found: the correction was taken back, and `value` is what triage had found."""

    what: str
    value: str
    was: str = ""
    found: bool = False


class DuplicateSuspected(Event, frozen=True, tag="duplicate_suspected"):
    """Conversation `of` may be about the same. why: same_words, same_person or same_mark (an order, an address).

    alike: how alike the words are, 0..1. mark: what both name, where that says so.
    """

    of: int
    why: str
    alike: float = 0.0
    mark: str = ""


class DuplicateJudged(Event, frozen=True, tag="duplicate_judged"):
    """An agent judged a suspicion. verdict: merged (this one is closed, what comes goes on in `of`), linked, apart, or
    undone: the judgement is taken back."""

    of: int
    verdict: str


class SurveyDue(Event, frozen=True, tag="survey_due"):
    """A survey will be asked at `at`, unless the conversation reopens before. questionnaire: which one, by its key."""

    survey: int
    person: int
    at: datetime
    questionnaire: str = ""


class SurveyAsked(Event, frozen=True, tag="survey_asked"):
    """The customer was asked a question of the survey in the message named. measure: as in SurveyAnswered, or text."""

    survey: int
    message: int
    question: str = ""
    measure: str = "csat"


class SurveyDropped(Event, frozen=True, tag="survey_dropped"):
    """A due survey was not asked: `reason` (reopened, asked recently, a grave matter, no channel)."""

    survey: int
    reason: str


class SurveyAnswered(Event, frozen=True, tag="survey_answered"):
    """The customer answered a question. measure: csat (1 bad to 5 good), nps (0 to 10), ces (1 to 7, 7 is easy) or
    text, where the words are in `comment_message` and `score` says nothing.

    question: which one of the survey, where it has several.
    """

    survey: int
    score: int
    channel: str
    comment_message: int | None = None
    measure: str = "csat"
    question: str = ""


class TaskOpened(Event, frozen=True, tag="task_opened"):
    """Somebody has to come back to the customer: `owner`, an agent, by `due`. reason: what it is about.

    survey, measure, score: the answer that made it, where a survey did.
    """

    task: int
    person: int
    reason: str
    due: datetime
    owner: int | None = None
    survey: int | None = None
    measure: str = ""
    score: int | None = None


class TaskGiven(Event, frozen=True, tag="task_given"):
    """A task got another owner."""

    task: int
    owner: int | None


class TaskClosed(Event, frozen=True, tag="task_closed"):
    """What had to be done is done; `message` says what it was."""

    task: int
    message: int


class PromiseNear(Event, frozen=True, tag="promise_near"):
    """A promise to the customer will break soon. promise: first, next or resolution; number: which of the next answers.

    `due`: the moment until which it is kept.
    """

    promise: str
    due: datetime
    number: int = 0


class PromiseBroken(Event, frozen=True, tag="promise_broken"):
    """The moment of a promise has passed without what was promised. Fields as in promise_near."""

    promise: str
    due: datetime
    number: int = 0


class Quarantined(Event, frozen=True, tag="quarantined"):
    """A delivery could not be read; its raw bytes are kept under `delivery`."""

    delivery: int
    reason: str


class PersonChanged(Event, frozen=True, tag="person_changed"):
    """The conversation was found to belong to another person (merge, un-merge, correction)."""

    person: int
    was: int
    reason: str


class WordsErased(Event, frozen=True, tag="words_erased"):
    """The words of a message were erased; that it was said remains."""

    message: int
    reason: str


# ── person ──────────────────────────────────────────────────────────────────────────────────


class PersonMet(Event, frozen=True, tag="person_met"):
    """A human we had not met before."""

    person: int
    name: str = ""


class PersonRenamed(Event, frozen=True, tag="person_renamed"):
    """The person's name became known or was corrected."""

    person: int
    name: str


class IdentityClaimed(Event, frozen=True, tag="identity_claimed"):
    """An address was seen to belong to the person. Not proof yet."""

    identity: int
    person: int
    address_kind: str
    value: str
    evidence: str = ""


class IdentityProved(Event, frozen=True, tag="identity_proved"):
    """It was shown that the person controls the address. `how`: code, link, signed by shop, platform."""

    identity: int
    person: int
    how: str


class PersonsMerged(Event, frozen=True, tag="persons_merged"):
    """`person` and `absorbed` are one human. The lists make it possible to undo exactly."""

    person: int
    absorbed: int
    identities: tuple[int, ...]
    conversations: tuple[int, ...]
    reason: str


class PersonsUnmerged(Event, frozen=True, tag="persons_unmerged"):
    """The merge was wrong: `restored` has its identities and conversations back."""

    person: int
    restored: int
    identities: tuple[int, ...]
    conversations: tuple[int, ...]


class PersonsHeldApart(Event, frozen=True, tag="persons_held_apart"):
    """An agent said that these two are not the same human, so that it is not suggested again."""

    person: int
    other: int


class CodeSent(Event, frozen=True, tag="code_sent"):
    """A code was mailed to an address that the person claims. The code itself is kept only as a hash."""

    identity: int
    person: int
    expires: datetime


class CodeRefused(Event, frozen=True, tag="code_refused"):
    """A wrong or late code was typed."""

    identity: int
    person: int
    tries: int


class PagesSeen(Event, frozen=True, tag="pages_seen"):
    """The visitor's browser told, after consent, which pages of the website they saw and what they did there.

    Each step is a name (`page`, or the site's own word), the page's path and a time, oldest first. `client`: the number
    by which the website's own analytics know the browser. `session`: the number of its visit there.
    """

    identity: int
    person: int
    steps: tuple[Step, ...]
    client: str = ""
    session: str = ""


class ConsentChanged(Event, frozen=True, tag="consent_changed"):
    """Somebody wants messages on an address, or wants no more. purpose: replies, surveys, notices, offers or all.

    how: a word, a link, an agent, another program, wrote again. evidence: what shows it, for people; `said`: the
    message in which they said it, `conversation`: where.
    """

    identity: int
    person: int
    purpose: str
    given: bool
    how: str
    evidence: str = ""
    said: int | None = None
    conversation: int | None = None


class ZoneNoticed(Event, frozen=True, tag="zone_noticed"):
    """Where somebody's clock is. zone: IANA name, empty for none any more. how: noted (by hand) or browser."""

    identity: int
    person: int
    zone: str
    how: str


# ── agent ───────────────────────────────────────────────────────────────────────────────────


class PresenceChanged(Event, frozen=True, tag="presence_changed"):
    """The agent is now `online`, `away` or `offline`; only online agents are given work."""

    agent: int
    presence: str


# ── incident ────────────────────────────────────────────────────────────────────────────────


class IncidentSuspected(Event, frozen=True, tag="incident_suspected"):
    """More people than usual wrote about one matter. since: the first of them; expected: contacts usual by then."""

    brand: int
    matter: str
    name: str
    since: datetime
    people: int
    seen: int
    expected: float = 0.0
    chance: float = 0.0


class IncidentTied(Event, frozen=True, tag="incident_tied"):
    """A conversation belongs to the incident."""

    conversation: int


class IncidentUntied(Event, frozen=True, tag="incident_untied"):
    """A conversation does not belong to the incident after all."""

    conversation: int


class IncidentRenamed(Event, frozen=True, tag="incident_renamed"):
    """The incident got another name."""

    name: str


class IncidentAnswered(Event, frozen=True, tag="incident_answered"):
    """One reply went to all tied conversations: (conversation, message) of each."""

    replies: tuple[tuple[int, int], ...]


class IncidentOver(Event, frozen=True, tag="incident_over"):
    """The incident is over, or was none (`real` is False)."""

    real: bool = True


class IncidentReopened(Event, frozen=True, tag="incident_reopened"):
    """It goes on after all."""


# ── article ─────────────────────────────────────────────────────────────────────────────────


class ArticleDrafted(Event, frozen=True, tag="article_drafted"):
    """An article was drafted from what agents answered to questions that the bot could not answer."""

    brand: int
    origins: tuple[Origin, ...]


class ArticleEntrusted(Event, frozen=True, tag="article_entrusted"):
    """An article has an owner, who reads it over every `days`; None: as often as its brand does, 0: never."""

    owner: int | None = None
    days: int | None = None


class ArticleReviewed(Event, frozen=True, tag="article_reviewed"):
    """The actor read the article over: it is still right."""


class ArticlesAgree(Event, frozen=True, tag="articles_agree"):
    """Two sentences of this article and of `other` were held to be both true. `pair`: a digest of the sentences."""

    other: int
    pair: str


# ── candidate ───────────────────────────────────────────────────────────────────────────────


class CandidateMade(Event, frozen=True, tag="candidate_made"):
    """Somebody wrote down how the bot might be otherwise. brand: None for all of them."""

    name: str
    change: Change
    brand: int | None = None


class ReplayBegun(Event, frozen=True, tag="replay_begun"):
    """What customers wrote in conversations that began from `since` to `until` is put to both bots, on a copy.

    everywhere: also what no bot answered then.
    """

    replay: int
    since: datetime
    until: datetime
    everywhere: bool = False


class ReplayEnded(Event, frozen=True, tag="replay_ended"):
    """A replay is over. trouble: why it is not whole; empty: it is. kinds: how many messages changed in which way.

    talks: conversations. kept: those that the (old, new) bot handed to nobody. turned: those that (only the new, only
    the old) kept. agreed: (old, new) answers alike to what people answered then; compared: how many could be.
    """

    replay: int
    messages: int = 0
    kinds: dict[str, int] = {}
    talks: int = 0
    kept: tuple[int, int] = (0, 0)
    turned: tuple[int, int] = (0, 0)
    agreed: tuple[int, int] = (0, 0)
    compared: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    trouble: str = ""


class CandidateApproved(Event, frozen=True, tag="candidate_approved"):
    """New conversations get it from now on: `share` per cent of the people who are not held out."""

    share: int
    holdout: int


class CandidateStopped(Event, frozen=True, tag="candidate_stopped"):
    """Nobody gets it any more; the desk's own bot answers everywhere."""


class CandidateDiscarded(Event, frozen=True, tag="candidate_discarded"):
    """It shall not be tried any further."""


class CandidateRestored(Event, frozen=True, tag="candidate_restored"):
    """That it was discarded was taken back."""


class CandidateAdopted(Event, frozen=True, tag="candidate_adopted"):
    """The change became the desk's own. before: what stood in its place, so that it can be put back."""

    before: Before


class AdoptionUndone(Event, frozen=True, tag="adoption_undone"):
    """What had been adopted was put back as it was before."""


class ArmGiven(Event, frozen=True, tag="arm_given"):
    """A conversation takes part in a candidate's trial: `new`, `old`, or `holdout` (old for good). stage: which of its
    approvals held, counted from 1."""

    candidate: int
    arm: str
    stage: int
    person: int


# ── reports ─────────────────────────────────────────────────────────────────────────────────


class ReportSaved(Event, frozen=True, tag="report_saved"):
    """A report was saved under a name, or changed. Whoever saved it first owns it."""

    name: str
    query: Query


class ReportShared(Event, frozen=True, tag="report_shared"):
    """Who else may look at a saved report: nobody (None), all who serve every brand (0), or who serves a brand."""

    brand: int | None


class ReportRemoved(Event, frozen=True, tag="report_removed"):
    """A saved report was deleted, and is mailed no more."""


class ReportMailAgreed(Event, frozen=True, tag="report_mail_agreed"):
    """A saved report goes to these agents by mail. every: day, week or nothing; weekday 0 is Monday; hour in UTC."""

    every: str
    weekday: int = 0
    hour: int = 6
    agents: tuple[int, ...] = ()


class ReportMailed(Event, frozen=True, tag="report_mailed"):
    """A mail server took a report that was due for an agent."""

    agent: int


class ReportMailDelayed(Event, frozen=True, tag="report_mail_delayed"):
    """A report could not be mailed, and is tried again."""

    agent: int
    reason: str
    tries: int
    next_try: datetime


class ReportMailFailed(Event, frozen=True, tag="report_mail_failed"):
    """A report was not mailed, and this one will not be: the next goes at its time."""

    agent: int
    reason: str


# ── desk ────────────────────────────────────────────────────────────────────────────────────


class PromisesAgreed(Event, frozen=True, tag="promises_agreed"):
    """Opening hours and policies that hold from now on; clocks that run already keep what they began with."""

    agreement: Agreement


AnyEvent = Union[
    ConversationOpened,
    MessageReceived,
    MessageEdited,
    MessageWithdrawn,
    Reacted,
    SenderAccepted,
    SenderRejected,
    FilesAwaited,
    FileFetched,
    FileDelayed,
    FileMissed,
    ReplyWritten,
    ReplyPlanned,
    PlanDropped,
    SendCancelled,
    NoteWritten,
    SecretShown,
    WentOn,
    CallBegan,
    CallAnswered,
    CallEnded,
    CallTranscribed,
    Sent,
    Delivered,
    Read,
    SendDelayed,
    SendFailed,
    SendReplayed,
    Assigned,
    Tagged,
    Untagged,
    SubjectChanged,
    Snoozed,
    Woke,
    Closed,
    Reopened,
    HandoffAsked,
    BotPondered,
    ProcedureWentOn,
    ToolCalled,
    ToolTried,
    ToolDelayed,
    ToolAnswered,
    ToolChanged,
    ProcedurePublished,
    ApprovalGiven,
    DraftJudged,
    TopicGuessed,
    RemarksHeard,
    Triaged,
    TriageCorrected,
    DuplicateSuspected,
    DuplicateJudged,
    SurveyDue,
    SurveyAsked,
    SurveyDropped,
    SurveyAnswered,
    TaskOpened,
    TaskGiven,
    TaskClosed,
    PromiseNear,
    PromiseBroken,
    Quarantined,
    PersonChanged,
    WordsErased,
    PersonMet,
    PersonRenamed,
    IdentityClaimed,
    IdentityProved,
    PersonsMerged,
    PersonsUnmerged,
    PersonsHeldApart,
    CodeSent,
    CodeRefused,
    PagesSeen,
    ConsentChanged,
    ZoneNoticed,
    PresenceChanged,
    IncidentSuspected,
    IncidentTied,
    IncidentUntied,
    IncidentRenamed,
    IncidentAnswered,
    IncidentOver,
    IncidentReopened,
    ArticleDrafted,
    ArticleEntrusted,
    ArticleReviewed,
    ArticlesAgree,
    CandidateMade,
    ReplayBegun,
    ReplayEnded,
    CandidateApproved,
    CandidateStopped,
    CandidateDiscarded,
    CandidateRestored,
    CandidateAdopted,
    AdoptionUndone,
    ArmGiven,
    ReportSaved,
    ReportShared,
    ReportRemoved,
    ReportMailAgreed,
    ReportMailed,
    ReportMailDelayed,
    ReportMailFailed,
    PromisesAgreed,
]

KINDS: dict[str, type[Event]] = {kind.__struct_config__.tag: kind for kind in get_args(AnyEvent)}


class Recorded(msgspec.Struct, frozen=True):
    """An event with its place in the log: `seq` is the total order, `version` the order in its stream."""

    seq: int
    stream: str
    version: int
    at: datetime
    by: str
    event: AnyEvent

    @property
    def subject_id(self) -> int:
        """The number in the stream's name: `conversation/12` → 12."""
        return int(self.stream.rpartition("/")[2])


def conversation(number: int) -> str:
    """Name of a conversation's stream."""
    return f"conversation/{number}"


def person(number: int) -> str:
    """Name of a person's stream."""
    return f"person/{number}"


def agent(number: int) -> str:
    """Name of an agent's stream."""
    return f"agent/{number}"


def brand(number: int) -> str:
    """Name of a brand's stream."""
    return f"brand/{number}"


def incident(number: int) -> str:
    """Name of an incident's stream."""
    return f"incident/{number}"


def article(number: int) -> str:
    """Name of an article's stream."""
    return f"article/{number}"


def candidate(number: int) -> str:
    """Name of a candidate's stream."""
    return f"candidate/{number}"


def report(number: int) -> str:
    """Name of a saved report's stream."""
    return f"report/{number}"


DESK = "desk/1"  # the stream of what holds for all
