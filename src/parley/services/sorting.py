"""Triage: looks at everything that comes in, whoever answers it, and says how pressing it is and who should have it.

Reading a message (words, mood, likeness to what agents corrected) happens outside any transaction; the rules of the
desk decide (core/triage.py) and one event says what was found and why. What an agent corrected stays as they set it.
"""

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection

from parley.core import conversation as talk
from parley.core import events as e
from parley.core import triage as rules
from parley.core.conversation import State
from parley.core.language import told
from parley.log.record import Record, Tx, words_of
from parley.services import duplicates, findings, inbox, orders, people, setup, topics
from parley.services.findings import BY, Finding

if TYPE_CHECKING:
    from parley.ai.likened import Likened
    from parley.ai.noticing import Products

OLD = timedelta(days=1)
YEAR = timedelta(days=365)
UNHAPPY = -0.8
UPSET_ABOUT = -0.5  # mood from which on a product that is named is what is wrong
KEPT_FROM = 0.5  # likelihoods of spam that are kept, so that another threshold can be tried
AGAIN = 60.0  # seconds after which corrections are read again, though none was heard of
SPAM_LIKE = {"yes": 0.97, "no": 0.03}


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it was read, before the rules."""

    noticed: tuple[e.Noticed, ...]
    language: str = ""
    product: str = ""
    matter: str = ""
    spam: float = 0.0
    suspects: tuple[e.DuplicateSuspected, ...] = ()
    marks: tuple[str, ...] = ()


class Sense:
    """The models that triage reads with, loaded on first use; and what agents corrected, by its words."""

    def __init__(self, by_meaning: bool) -> None:
        self.by_meaning = by_meaning
        self._lock = threading.Lock()
        self._corrected: dict[str, Likened] | None = None
        self._read_at = 0.0
        self.languages_corrected = False
        self._products: tuple[object, Products | None] = (None, None)

    def forget(self) -> None:
        """A correction was made or taken back."""
        self._corrected = None

    def corrected(self, conn: Connection) -> "dict[str, Likened]":
        from parley.ai.likened import Likened

        with self._lock:
            if self._corrected is None or time.monotonic() - self._read_at > AGAIN:
                made = {}
                for what in ("priority", "spam", "product"):
                    known = findings.examples(conn, what)
                    made[what] = Likened([(one.text, one.value) for one in known], self.by_meaning)
                self._corrected, self._read_at = made, time.monotonic()
                self.languages_corrected = bool(findings.examples(conn, "language", 1))
            return self._corrected

    def products(self, policy: rules.Policy) -> "Products":
        from parley.ai.noticing import Products

        known, made = self._products
        if made is None or known != policy.products:
            made = Products(policy.products)
            self._products = (policy.products, made)
        return made

    def mood(self, text: str) -> float:
        from parley.ai import sentiment

        return float(sentiment.reader(self.by_meaning).moods([text])[0].score)


class SortingFollower:
    """Sorts what came in; a promise that breaks makes a matter more pressing, too."""

    name = "sorting"
    kinds = (e.MessageReceived, e.PromiseNear, e.PromiseBroken, e.TriageCorrected)
    batch = 10
    rests = 2.0

    def __init__(self, by_meaning: bool) -> None:
        self.sense = Sense(by_meaning)

    def prepare(self, record: Record, batch: Sequence[e.Recorded]) -> dict[int, Read]:
        if any(isinstance(r.event, e.TriageCorrected) for r in batch):
            self.sense.forget()
        now = record.clock()
        heard = [r for r in batch if _is_news(r) and now - r.at <= OLD]
        if not heard:
            return {}
        with record.reading() as conn:
            return read_all(conn, self.sense, heard)

    def act(self, tx: Tx, batch: Sequence[e.Recorded], prepared: dict[int, Read] | None) -> None:
        policy = findings.policy(tx.conn)
        there = _skills_there(tx.conn)
        known = inbox.states(tx.conn, sorted({r.subject_id for r in batch if r.stream.startswith("conversation/")}))
        for r in batch:
            if isinstance(r.event, e.PromiseNear | e.PromiseBroken) and tx.at - r.at <= OLD:
                name = "promise_broken" if isinstance(r.event, e.PromiseBroken) else "promise_near"
                signal(tx, r.subject_id, e.Noticed(signal=name, fact=r.event.promise))
                known.pop(r.subject_id, None)
            elif isinstance(r.event, e.MessageReceived) and prepared and r.event.message in prepared:
                state = known.pop(r.subject_id, None) or _as_it_is(tx, r.subject_id)
                self._sort(tx, state, r.event, prepared[r.event.message], policy, there)

    def _sort(
        self, tx: Tx, state: State, said: e.MessageReceived, read: Read, policy: rules.Policy, there: set[str]
    ) -> None:
        number, before = state.id, findings.finding(tx.conn, state.id)
        verdict = rules.decide(read.noticed, policy, there)
        waited = before is not None and state.asked_at is not None and state.asked_at < before.at
        fact = e.Triaged(
            said=said.message,
            priority=verdict.priority,
            because=verdict.because,
            language=read.language or (before.language if before else ""),
            product=read.product or (before.product if before else ""),
            matter=read.matter,
            spam=read.spam,
            noticed=read.noticed,
            skills=verdict.skills,
            marks=read.marks,
        )
        if before is not None:
            fact = _after(before, fact, waited)
        _found(tx, state, before, fact, verdict.tags)
        duplicates.suspect(tx, number, read.suspects)


def _as_it_is(tx: Tx, number: int) -> State:
    """After what this very job said of it."""
    tx.flush()
    return inbox.states(tx.conn, [number])[number]


def signal(tx: Tx, number: int, sign: e.Noticed) -> None:
    """Something else than words makes a matter pressing; what was found of the words stays, one signal joins it."""
    tx.flush()
    state, before = inbox.states(tx.conn, [number]).get(number), findings.finding(tx.conn, number)
    if state is None or state.status == talk.CLOSED:
        return
    kept = tuple(one for one in (before.noticed if before else ()) if one.signal != sign.signal)
    _decided_anew(tx, state, before, (*kept, sign))


def unsignal(tx: Tx, number: int, name: str) -> None:
    """It does not hold after all."""
    tx.flush()
    state, before = inbox.states(tx.conn, [number]).get(number), findings.finding(tx.conn, number)
    if state is None or before is None or all(one.signal != name for one in before.noticed):
        return
    _decided_anew(tx, state, before, tuple(one for one in before.noticed if one.signal != name))
    if name in state.tags:
        tx.append(e.conversation(number), talk.untag(state, name), BY)


def _decided_anew(tx: Tx, state: State, before: Finding | None, noticed: tuple[e.Noticed, ...]) -> None:
    policy = findings.policy(tx.conn)
    verdict = rules.decide(noticed, policy, _skills_there(tx.conn))
    fact = e.Triaged(
        said=(before.message or 0) if before else 0, priority=verdict.priority, because=verdict.because,
        language=before.language if before else state.language, product=before.product if before else "",
        matter=before.matter if before else "", spam=before.spam if before else 0.0,
        noticed=noticed, skills=verdict.skills,
    )  # fmt: skip
    _found(tx, state, before, fact, verdict.tags)


def _skills_there(conn: Connection) -> set[str]:
    return {skill for agent in setup.all_agents(conn).values() if agent.active for skill in agent.skills}


def _after(before: Finding, fact: e.Triaged, waited: bool) -> e.Triaged:
    """While they wait, another message makes nothing less pressing: the reason of the first one stays."""
    if rules.still(before.priority, fact.priority, waited) == fact.priority:
        return fact
    return msgspec.structs.replace(
        fact, priority=before.priority, because=before.because, said=before.message or 0, noticed=before.noticed
    )


def _found(tx: Tx, state: State, before: Finding | None, fact: e.Triaged, tags: Sequence[str]) -> None:
    """Say it, with what agents corrected in its place. Nothing is said twice."""
    fixed = before.fixed if before else {}
    facts: list[e.Event] = []
    same = before is not None and _core(before) == _core(fact) and set(fact.skills) <= set(state.skills)
    if not same:
        facts.append(fact)
        facts += [
            e.TriageCorrected(what=what, value=value, was=_value(fact, what))
            for what, value in fixed.items()
            if what in ("priority", "language") and _value(fact, what) != value
        ]
    if fixed.get("spam") == "no":
        tags = [tag for tag in tags if tag != "spam"]
    for tag in tags:
        facts += talk.tag(state, tag)
    if facts:
        tx.append(e.conversation(state.id), facts, BY)


def _value(fact: e.Triaged, what: str) -> str:
    return str(getattr(fact, what))


def _core(one: Finding | e.Triaged) -> tuple[Any, ...]:
    return (one.priority, one.because, one.language, one.product, one.matter, round(one.spam, 1), one.noticed)


def _is_news(r: e.Recorded) -> bool:
    said = r.event
    if not isinstance(said, e.MessageReceived):
        return False
    return not (said.automatic or said.history or said.unverified or said.call == "rang")


# ── reading ─────────────────────────────────────────────────────────────────────────────────


def read_all(conn: Connection, sense: Sense, heard: Sequence[e.Recorded]) -> dict[int, Read]:
    """Message → what it says. Costs the same however many conversations there are."""
    said = {r.event.message: r for r in heard}  # type: ignore[union-attr]
    words = words_of(conn, list(said))
    states = inbox.states(conn, [r.subject_id for r in heard])
    policy = findings.policy(conn)
    found = {}
    for message, spoken in words.items():
        state = states.get(said[message].subject_id)
        text = topics.first_words(spoken)
        if state is not None and text.strip():
            found[message] = read(conn, sense, policy, state, said[message], text)
    return found


def read(conn: Connection, sense: Sense, policy: rules.Policy, state: State, r: e.Recorded, text: str) -> Read:
    from parley.ai import noticing

    theirs = _orders(conn, state.person, r)
    bought = sum(one.cents for one in theirs)
    known = bought > 0 or state.version > 6
    corrected = sense.corrected(conn)
    spam, place = noticing.spam(text, known)
    seen = noticing.notice(text)
    signs = [e.Noticed(signal=one.signal, value=one.value, start=one.start, end=one.end) for one in seen]
    if like := corrected["spam"].nearest(text):
        spam = SPAM_LIKE[like.value]
    if spam >= KEPT_FROM:
        signs.append(e.Noticed(signal="spam", value=f"{spam:.2f}", start=place[0], end=place[1]))
    if like := corrected["priority"].nearest(text):
        signs.append(e.Noticed(signal="alike", value=like.value, fact=f"{like.alike:.2f}"))
    if bought:
        signs.append(e.Noticed(signal="value", value=str(bought)))
    product, sign = _product(sense, policy, text, corrected["product"], theirs)
    mood = sense.mood(text) if product or _asks_for_mood(policy) else 0.0
    if mood <= UNHAPPY:
        signs.append(e.Noticed(signal="unhappy", value=f"{mood:.2f}"))
    signs += [sign] if sign else []
    language = _language(conn, sense, state, text)
    signs += [e.Noticed(signal="language", value=language)] if language else []
    matter = next((one.value for one in signs if one.signal == "outage"), "")
    if not matter and product and mood <= UPSET_ABOUT:
        matter = f"product:{product}"
    suspects, marks = _likes_of(conn, sense, state, r, text)
    return Read(
        noticed=tuple(signs), language=language, product=product, matter=matter, spam=spam,
        suspects=suspects, marks=marks,
    )  # fmt: skip


def _asks_for_mood(policy: rules.Policy) -> bool:
    """Reading for meaning costs more than all else together, so it is done where something follows from it."""
    return any(rule.signal == "unhappy" and rule.on for rule in policy.rules)


def _orders(conn: Connection, person: int, r: e.Recorded) -> list[orders.Order]:
    """Of a year, placed with their proved addresses, at most twenty."""
    mails = [one.value for one in people.identities_of(conn, person) if one.kind == "mail" and one.proof]
    found = orders.of_mails(conn, mails)
    return [one for one in found if r.at - one.placed_at <= YEAR and one.status != "cancelled"]


def _product(
    sense: Sense, policy: rules.Policy, text: str, corrected: "Likened", theirs: Sequence[orders.Order]
) -> tuple[str, e.Noticed | None]:
    """As an agent corrected a like one; else by the names in the rules; else by what they bought."""
    from parley.ai.noticing import Products

    if like := corrected.nearest(text):
        return like.value, e.Noticed(signal="product", value=like.value, fact=f"{like.alike:.2f}")
    hit = sense.products(policy).named_in(text)
    if hit is None and theirs:
        hit = Products({item.name: () for one in theirs for item in one.items}).named_in(text)
    if hit is None:
        return "", None
    name, start, end = hit
    return name, e.Noticed(signal="product", value=name, start=start, end=end)


def _language(conn: Connection, sense: Sense, state: State, text: str) -> str:
    """As it is written; what an agent corrected for this person before goes before what is found again."""
    found = told(text)
    set_before = findings.languages_of(conn, state.person) if sense.languages_corrected else {}
    if found in set_before:
        return set_before[found]
    return found or state.language


def _likes_of(
    conn: Connection, sense: Sense, state: State, r: e.Recorded, text: str
) -> tuple[tuple[e.DuplicateSuspected, ...], tuple[str, ...]]:
    if not topics.is_first(r):
        return (), ()
    return duplicates.looked_for(conn, state, r.at, text, sense.by_meaning)


# ── trying ──────────────────────────────────────────────────────────────────────────────────


class Differs(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that other rules would sort otherwise."""

    conversation: int
    priority: tuple[str, str]
    because: tuple[str, str]
    tags: tuple[tuple[str, ...], tuple[str, ...]]
    skills: tuple[tuple[str, ...], tuple[str, ...]]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What rules would do to the last n conversations. agents: of those with a corrected priority, how many the present
    and the tried rules hit."""

    n: int
    differs: tuple[Differs, ...]
    judged: int = 0
    hit_now: int = 0
    hit_then: int = 0


def tried(conn: Connection, who: inbox.Viewer, new: rules.Policy, limit: int = 200) -> Trial:
    """The last conversations under other rules, from what was noticed of them; nothing is read or written anew."""
    old = findings.policy(conn)
    there = _skills_there(conn)
    told_of = findings.newest(conn, who, limit)
    differs, judged, hit_now, hit_then = [], 0, 0, 0
    for one in told_of:
        a, b = rules.decide(one.noticed, old, there), rules.decide(one.noticed, new, there)
        if (a.priority, a.tags, a.skills) != (b.priority, b.tags, b.skills):
            differs.append(
                Differs(
                    conversation=one.conversation, priority=(a.priority, b.priority), because=(a.because, b.because),
                    tags=(a.tags, b.tags), skills=(a.skills, b.skills),
                )
            )  # fmt: skip
        if right := one.fixed.get("priority"):
            judged, hit_now, hit_then = judged + 1, hit_now + (a.priority == right), hit_then + (b.priority == right)
    return Trial(n=len(told_of), differs=tuple(differs), judged=judged, hit_now=hit_now, hit_then=hit_then)
