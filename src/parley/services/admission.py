"""One batch of deliveries on its way into conversations: identified, threaded, appended, in one transaction.

Who sent what to which inbox decides where it belongs; what speaks of a message said before finds it by its name.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, update

from parley.core import calls as phone
from parley.core import conversation as talk
from parley.core import events as e
from parley.core import signin
from parley.core.channel import (
    Address,
    Afterwards,
    Inbound,
    InboundCall,
    InboundEdit,
    InboundMessage,
    InboundRating,
    InboundReaction,
    InboundReceipt,
    InboundVisit,
    InboundWithdrawal,
    Inbox,
)
from parley.core.conversation import State
from parley.core.identity import looks_like_mail, normal
from parley.log.many import among
from parley.log.record import Tx, chunks
from parley.log.tables import deliveries
from parley.services import (
    access,
    afterwards,
    calls,
    consent,
    duplicates,
    fetching,
    passages,
    people,
    setup,
    surveys,
    threads,
    voice,
    wishes,
    zones,
)
from parley.services import delivery as outgoing
from parley.services.inbox import states
from parley.services.reading import Heard, secrets_of

if TYPE_CHECKING:
    from parley.services.intake import Intake

BY = "intake"
FORGED = "nothing proves who writes, and a machine answered that address today"
ONE_ANSWER_IN = timedelta(hours=24)  # from a machine, to an address that nothing proves to be the sender's
ANSWERED = "rs"  # purposes of tokens (reply, survey) that stand in our own address
SAME_SUBJECT = timedelta(days=14)  # an answer without references still finds a matter that was active so lately
STALE = timedelta(hours=12)  # a matter closed longer ago stays closed; a new message opens a new one


class Admission:
    """One batch on its way into conversations, inside one transaction."""

    def __init__(self, intake: "Intake", tx: Tx) -> None:
        self.tx, self.intake, self.inboxes = tx, intake, intake.inboxes()
        self.states: dict[int, State] = {}
        self.named: dict[str, list[tuple[int, int]]] = {}
        self._agents: dict[str, int] | None = None
        self.passed_on: dict[int, int] = {}
        self.parts: dict[tuple[int, str], None] = {}
        self.asked: dict[int, Any] = {}
        self.open_by_sender: dict[tuple[int, int], int] = {}
        self.early: dict[int, str] = {}
        self.arrived: list[tuple[int, str]] = []
        self.ended: set[int] = set()
        self.answerable: set[int] = set()
        self.ours = _addresses(self.inboxes.values())

    def admit(self, heard: Sequence[Heard]) -> None:
        heard = [self._unwrapped(one) for one in self._still_new(heard)]
        self._look_up(heard)
        for one in heard:
            if one.trouble:
                self._quarantine(one)
            secrets = one.secrets or [signin.NONE] * len(one.said)
            for said, files, found in zip(one.said, one.files, secrets, strict=True):
                if isinstance(said, InboundMessage):
                    self._message(one, said, files, found)
                elif isinstance(said, InboundReceipt):
                    self._receipt(one, said)
                elif isinstance(said, InboundRating):
                    self._rating(said, self.inboxes[one.inbox].channel)
                elif isinstance(said, InboundCall):
                    self._call(one, said)
                elif isinstance(said, InboundVisit):
                    self._visit(said)
                elif isinstance(said, InboundEdit | InboundWithdrawal | InboundReaction):
                    self._afterwards(one, said)
        self._mark(heard)

    def _still_new(self, heard: Sequence[Heard]) -> list[Heard]:
        """Another process may have been faster with some of them."""
        numbers = [one.delivery for one in heard]
        new = {row.id for row in among(self.tx.conn, deliveries.c.id, numbers, of=(deliveries.c.id,), where=_NEW)}
        return [one for one in heard if one.delivery in new]

    def _mark(self, heard: Sequence[Heard]) -> None:
        for state in ("done", "quarantined", "passed"):
            numbers = [one.delivery for one in heard if _fate(one) == state]
            for chunk in chunks(numbers):
                self.tx.conn.execute(_MARK, {"numbers": chunk, "fate": state})
        afterwards.wait_for(self.tx, self.early)
        boxes, names = {box for box, _ in self.arrived}, [name for _, name in self.arrived]
        if names and afterwards.wake(self.tx, boxes, names):
            self.tx.after_commit(self.intake.look)

    # looking everything up at once ──────────────────────────────────────────────────────────

    def _look_up(self, heard: Sequence[Heard]) -> None:
        messages = [m for one in heard for m in one.said if isinstance(m, InboundMessage)]
        strangers = [m.sender for m in messages if not self._is_ours(m)]
        self.people = people.meet(self.tx, strangers, "intake") if strangers else {}
        visits = [_key(said.sender) for one in heard for said in one.said if isinstance(said, InboundVisit)]
        self.visitors = people.by_address(self.tx.conn, visits) if visits else {}
        own = [name for one in heard for said in one.said if (name := self._known_as(one, said))]
        references = [r for m in messages for r in m.references]
        self.named = threads.conversations_of(self.tx.conn, [*references, *own])
        if about := [one.external_id for one in self._told(heard) if isinstance(one, InboundReaction)]:
            for name, places in afterwards.ours_by_name(self.tx, about).items():
                self.named.setdefault(name, []).extend(places)
        wanted = {number for places in self.named.values() for number, _ in places}
        for message in messages:
            for token in message.reply_tokens:
                if read := threads.read_token(self.intake.key, token):
                    wanted.add(read[1])
        news = [who.person for who in self.people.values()] if any(not one.history for one in heard) else []
        self.asked = dict(surveys.pending_of(self.tx.conn, news, self.tx.at)) if news else {}
        wanted |= {row.conversation for row in self.asked.values()}
        self.states = states(self.tx.conn, list(wanted))
        ringing = [who.id for who in self.people.values() if who.kind in self.intake.ringing]
        self.ended = consent.ended(self.tx.conn, ringing) if ringing else set()
        self.tx.versions([e.conversation(number) for number in self.states])
        self._count_answerable(heard)

    def _count_answerable(self, heard: Sequence[Heard]) -> None:
        """Of senders whom nothing proves, those that no machine answered of late: else whoever writes in another's name
        has us fill that person's mailbox."""
        boxes = [one for one in heard if not one.history and self._bot_answers_mail(one.inbox)]
        unproved = {
            who.id
            for one in boxes
            for said in one.said
            if isinstance(said, InboundMessage) and not said.automatic
            and (who := self.people.get(_key(said.sender)))
            and not self._proved(who, said)
        }  # fmt: skip
        fresh = (
            access.first_of_window(self.tx, {f"machine/{n}" for n in unproved}, ONE_ANSWER_IN) if unproved else set()
        )
        self.answerable = {n for n in unproved if f"machine/{n}" in fresh}

    def _bot_answers_mail(self, inbox: int) -> bool:
        box = self.inboxes.get(inbox)
        return box is not None and box.with_bot and not self._names_are_sure(inbox)

    def _told(self, heard: Sequence[Heard]) -> Iterator[Afterwards]:
        for one in heard:
            for said in one.said:
                if isinstance(said, InboundEdit | InboundWithdrawal | InboundReaction):
                    yield said

    def _known_as(self, one: Heard, said: Inbound) -> str | None:
        """The name by which this message may be here: our own that came back, or one that a platform names."""
        if isinstance(said, InboundMessage):
            return said.external_id if self._is_ours(said) or self._names_are_sure(one.inbox) else None
        if isinstance(said, InboundEdit | InboundWithdrawal | InboundReaction | InboundCall):
            return said.external_id
        return said.call if isinstance(said, InboundRating) else None

    def _names_are_sure(self, inbox: int) -> bool:
        """A platform gives its messages their names; the names of mails are their senders' choice."""
        box = self.inboxes.get(inbox)
        return box is not None and self.intake.channels[box.channel].manifest.threads == "identity"

    def _unwrapped(self, one: Heard) -> Heard:
        """A mail that an agent passes on becomes its first writer's; only a proved agent's, as others could pretend."""
        if one.history or not any(isinstance(m, InboundMessage) and m.forwarded for m in one.said):
            return one
        said = [self._first_written(said) for said in one.said]
        channel = self.intake.channels[self.inboxes[one.inbox].channel]
        return msgspec.structs.replace(one, said=said, secrets=[secrets_of(channel, what) for what in said])

    def _first_written(self, said: Inbound) -> Inbound:
        if not isinstance(said, InboundMessage) or said.forwarded is None or said.sender.proved is None:
            return said
        agent, inside = self._agent(said.sender), said.forwarded
        if agent is None or normal("mail", inside.author.value) in self.ours:
            return said
        self.passed_on[id(inside)] = agent
        return msgspec.structs.replace(
            said,
            sender=msgspec.structs.replace(inside.author, checks=f"Passed on by {said.sender.value}"),
            text=inside.text,
            html=None,
            fold=None,
            subject=inside.subject or said.subject,
            references=(),
            reply_tokens=(),
            cc=(),
            automatic=None,
        )

    def _agent(self, sender: Address) -> int | None:
        """Which agent of ours has this address."""
        if self._agents is None:
            known = setup.all_agents(self.tx.conn).values()
            self._agents = {normal("mail", agent.mail): agent.id for agent in known if agent.active}
        return self._agents.get(normal("mail", sender.value)) if sender.kind == "mail" else None

    # one message ────────────────────────────────────────────────────────────────────────────

    def _message(
        self, one: Heard, message: InboundMessage, files: tuple[e.File, ...], secrets: signin.Secrets = signin.NONE
    ) -> None:
        inbox = self.inboxes[one.inbox]
        if self._is_here(inbox, message):
            return afterwards.forget_raw(self.tx, one.delivery)
        if self._is_ours(message):
            if message.external_id in self.named:
                return  # what we sent ourselves came back to us
            if one.history:
                return self._sent_by_us(one, inbox, message, files)
            message = msgspec.structs.replace(message, automatic=message.automatic or "sent from our own address")
            self.people |= people.meet(self.tx, [message.sender], "intake")
        who = self.people[_key(message.sender)]
        for address in message.known_as:
            who = self._joined(who, address)
        if message.zone and not one.history:
            zones.notice(self.tx, who, message.zone)
        carried = None if one.history or message.automatic else self._carried(inbox, who, message)
        wants = None if carried else self._wish(one, inbox, message)
        if wants is not None:
            message = msgspec.structs.replace(message, automatic=wishes.REASON)
        survey = None if carried else self._to_a_survey(one, who, message)
        number: int | None
        if carried is not None:
            number = carried.conversation
            unverified = carried.who is None and not self._belongs(self.states[number], who)
            who = carried.who or who
            if carried.who and not carried.said:
                message = msgspec.structs.replace(message, automatic=passages.CAME_OVER)
        elif survey is not None:
            number, unverified = survey[0].conversation, False
            message = msgspec.structs.replace(message, automatic=surveys.ANSWER)
        else:
            number, unverified = self._thread(inbox, who, message, one.history)
            number = self._goes_on_in(number)
        message = _without_secrets(message, secrets) if secrets else message
        at = message.sent_at if one.history and message.sent_at else None
        if new := number is None:
            number = self._open(inbox, who, message, one.history, at)
        state = self.states[number]
        fact = self._fact(one, inbox, who, message, files, unverified)
        if message.automatic == passages.CAME_OVER:
            fact = msgspec.structs.replace(fact, preview=state.preview)  # what they asked says more than a code
        if state.status == talk.BOT and not self._machine_may_answer(inbox, who, fact):
            state = self._note(
                number, talk.hand_off(state, e.HandoffAsked(reason=FORGED, wish=f"“{fact.preview}”")), BY
            )
        remote = () if one.history else message.remote
        facts = [*talk.receive(state, fact), *fetching.awaited(fact.message, inbox.id, len(files), remote)]
        recorded = self.tx.append(e.conversation(number), facts, _by(one, who), at=at)
        for r in recorded:
            state = talk.evolve(state, r)
        self.states[number] = state
        self.tx.say(fact.message, _words(message))
        self._remember(number, fact)
        if carried is not None and carried.who is not None:
            self._came_over(number, carried, inbox)
        if message.forwarded and (agent := self.passed_on.get(id(message.forwarded))):
            self._comment(number, agent, message.forwarded.comment)
        self._consent(number, who, fact, wants, new)
        if survey is not None:
            row, score = survey
            surveys.note_answer(self.tx, row, score, fact.message, _new_text(message), inbox.channel)

    def _carried(self, inbox: Inbox, who: people.Identity, message: InboundMessage) -> passages.Carried | None:
        """Whoever writes with a code that was shown to them elsewhere goes on in the conversation it was shown in."""
        if passages.code_in(_new_text(message), message.subject) is None:
            return None
        self.tx.flush()
        proved = message.sender.proved is not None or self.intake.channels[inbox.channel].manifest.vouches
        plain = msgspec.structs.replace(message, text=_new_text(message))
        carried = passages.carried(self.tx, inbox, who, plain, proved=proved)
        if carried is None or self._state(carried.conversation) is None:
            return None
        if carried.who is not None:
            self.states = states(self.tx.conn, [*self.states])
            self.people[(who.kind, who.value)] = carried.who
        return carried

    def _came_over(self, number: int, carried: passages.Carried, inbox: Inbox) -> None:
        """Told on the timeline; to them, where nothing else was said. What they write next belongs here as well."""
        who = carried.who
        assert who is not None
        passages.came(self.tx, number, who.id, inbox, f"person/{who.person}")
        if not carried.said:
            passages.welcome(self.tx, number, who, inbox)
        self.tx.flush()
        self.states |= states(self.tx.conn, [number])
        self.open_by_sender[(who.person, inbox.brand)] = number

    def _goes_on_in(self, number: int | None) -> int | None:
        """The conversation that a closed one was merged into, so that what is written there is read."""
        if number is None or self.states[number].status != talk.CLOSED:
            return number
        into = duplicates.merged_into(self.tx.conn, number)
        same = into is not None and (other := self._state(into)) and other.person == self.states[number].person
        return into if same else number

    def _machine_may_answer(self, inbox: Inbox, who: people.Identity, said: e.MessageReceived) -> bool:
        if said.proved or said.automatic or self._names_are_sure(inbox.id):
            return True
        first = who.id in self.answerable
        self.answerable -= {who.id}
        return first

    def _wish(self, one: Heard, inbox: Inbox, message: InboundMessage) -> bool | None:
        """Whether it is a lone STOP or START, which a machine notes and confirms; it is no work for anybody."""
        rings = self.intake.channels[inbox.channel].manifest.rings
        return wishes.wish(message) if rings and not (one.history or message.sender.doubt) else None

    def _consent(
        self, number: int, who: people.Identity, said: e.MessageReceived, wants: bool | None, new: bool
    ) -> None:
        """new: the message opened its matter."""
        if wants is not None:
            self.ended = self.ended - {who.id} if wants else self.ended | {who.id}
            wishes.told(self.tx, self.states[number], who, wants, said)
            self._note(number, [e.Closed()] if new else [], wishes.BY)
        elif who.id in self.ended:
            self.ended -= {who.id}
            wishes.wrote_again(self.tx, self.states[number], who, said)

    def _to_a_survey(self, one: Heard, who: people.Identity, message: InboundMessage) -> tuple[Any, int] | None:
        """The survey of a closed matter whose question this message answers, with the score."""
        row = self.asked.get(who.person)
        if row is None or one.history or message.automatic or message.files or message.sender.doubt:
            return None
        if self.states[row.conversation].status != talk.CLOSED:
            return None
        score = surveys.read_answer(row, _new_text(message))
        if score is None:
            return None
        del self.asked[who.person]
        return row, score

    def _is_here(self, inbox: Inbox, message: InboundMessage) -> bool:
        """Whether the platform told of this message before, in another batch or by an edit that overtook it."""
        places = self.named.get(message.external_id or "") if self._names_are_sure(inbox.id) else None
        return bool(places) and afterwards.spoken(self.tx, inbox.id, places or ()) is not None

    def _remember(self, number: int, fact: e.MessageReceived) -> None:
        """What the next messages of this batch have to know, before the readers do."""
        if fact.external_id:
            self.arrived.append((fact.inbox, fact.external_id))
            self.named.setdefault(fact.external_id, []).insert(0, (number, fact.message))
        if not fact.unverified:
            self.parts[(number, f"i:{fact.identity}")] = None
            if fact.proved or (self.states[number].messages == 1 and not fact.doubt) or fact.history:
                self.parts |= dict.fromkeys((number, f"m:{mail}") for mail in fact.cc)

    # a phone call ───────────────────────────────────────────────────────────────────────────

    def _call(self, one: Heard, call: InboundCall) -> None:
        """Whichever news of a call comes first opens it; each adds what it knows."""
        places = self.named.get(call.external_id, ())
        number, message = places[0] if places else self._rang(one, call)
        course = calls.course_of(self.tx, number, message)
        state = self._state(number)
        if course is None or state is None:
            return
        if call.state == "ended" and course.answered is None and state.status == talk.BOT:
            call = self._only_a_machine(number, message, call)
        news = calls.news(course, call)
        for fact in news:
            state = self._note(number, [fact], "channel")
            if isinstance(fact, e.CallAnswered | e.CallEnded):
                course = phone.after(course, fact)
        if (call.state == "waits" and course.ended is None) or (news and course.missed):
            state = self._note(number, calls.for_people(state, course), "channel")
        if call.state == "waits" and call.queue:
            state = self._note(number, talk.tag(state, call.queue), "channel")
        if call.remote:
            awaited = fetching.awaited(message, one.inbox, calls.files_of(self.tx, number, message), call.remote)
            state = self._note(number, awaited, "channel")
        if self.intake.channels[self.inboxes[one.inbox].channel].manifest.queues:
            voice.told(self.tx, self.inboxes[one.inbox], call)
        self._note(number, calls.settled(state, course), "channel")

    def _rating(self, said: InboundRating, channel: str) -> None:
        if not said.call:
            return surveys.note_rating(self.tx, self.intake.key, said, channel)
        if places := self.named.get(said.call, ()):
            surveys.rated_on_the_phone(self.tx, *places[0], said.score, channel)
        return None

    def _only_a_machine(self, number: int, message: int, call: InboundCall) -> InboundCall:
        """Whoever was answered by the bot and hung up was not missed."""
        self.tx.flush()
        served = calls.answered_by_machine(self.tx.conn, number, message)
        return msgspec.structs.replace(call, cause=phone.MACHINE) if served else call

    def _visit(self, visit: InboundVisit) -> None:
        """Of visitors who never said anything, nothing is kept."""
        who = self.people.get(_key(visit.sender)) or self.visitors.get(_key(visit.sender))
        if who is not None and visit.steps:
            fact = e.PagesSeen(
                identity=who.id, person=who.person, steps=visit.steps, client=visit.client, session=visit.session
            )
            self.tx.append(e.person(who.person), [fact], f"person/{who.person}")

    def _rang(self, one: Heard, call: InboundCall) -> tuple[int, int]:
        """A call is a message of whoever calls in; one that we make is a note."""
        inbox = self.inboxes[one.inbox]
        who = next(iter(people.meet(self.tx, [call.sender], "intake").values()))
        for address in call.known_as:
            who = self._joined(who, address)
        number = self._open_matter(inbox, who)
        state = self._state(number) if number else None
        if number is None or state is None or (call.outgoing and state.status == talk.CLOSED):
            by_hand = None if call.machine else "a call"
            title = InboundMessage(sender=call.sender, text="", subject="Phone call", automatic=by_hand)
            number = self._open(inbox, who, title, False, None)
        message = self.tx.new_id("message")
        text = f"{'To' if call.outgoing else 'From'} {self._called(who, call)}"
        words = e.Words(text=", ".join(part for part in (text, call.line, call.queue) if part))
        facts: list[e.Event] = [e.NoteWritten(message=message)]
        handed: list[e.Event] = []
        if not call.outgoing:
            said = e.MessageReceived(
                message=message,
                person=who.person,
                identity=who.id,
                inbox=inbox.id,
                channel=inbox.channel,
                delivery=one.delivery,
                external_id=call.external_id,
                sent_at=call.at,
                call="rang",
            )
            facts = talk.receive(self.states[number], said)
            card = e.HandoffAsked(reason="called", wish="Speak with somebody")
            handed = [] if call.machine else talk.hand_off(self.states[number], card)
        by = "channel" if call.outgoing else _by(one, who)
        self._note(number, [*facts, calls.began(message, inbox.id, call), *handed], by)
        self.tx.say(message, words)
        self.named.setdefault(call.external_id, []).insert(0, (number, message))
        return number, message

    def _called(self, who: people.Identity, call: InboundCall) -> str:
        """Whom a call is with: as it says itself, or as the desk knows them where their address tells nothing."""
        if call.sender.name or who.kind in people.TELLING:
            return call.sender.name or call.sender.value
        self.tx.flush()
        return people.display_name(people.person(self.tx.conn, who.person))

    def _note(self, number: int, facts: Sequence[e.Event], by: str) -> State:
        if facts:
            for recorded in self.tx.append(e.conversation(number), facts, by):
                self.states[number] = talk.evolve(self.states[number], recorded)
        return self.states[number]

    # what happens to a message afterwards ───────────────────────────────────────────────────

    def _afterwards(self, one: Heard, news: Afterwards) -> None:
        """Only its own writer edits or takes back a message. What speaks of none that is here yet, waits for it."""
        inbox = self.inboxes[one.inbox]
        told = afterwards.spoken(self.tx, inbox.id, self.named.get(news.external_id, ()))
        if told is None:
            if isinstance(news, InboundEdit):
                return self._first_heard_of(one, news)
            self.early[one.delivery] = news.external_id
            return
        who = next(iter(people.meet(self.tx, [news.sender], "intake").values()))
        theirs = isinstance(told.event, e.MessageReceived) and told.event.identity == who.id
        state, by = self._state(told.conversation), f"person/{who.person}"
        recorded: list[e.Recorded] = []
        if isinstance(news, InboundReaction):
            recorded = afterwards.react(self.tx, told, who.id, news.sign, by)
        elif theirs and state is not None:
            recorded = (
                afterwards.edit(self.tx, state, told, news, one.delivery, by)
                if isinstance(news, InboundEdit)
                else afterwards.withdraw(self.tx, told, by)
            )
        for r in recorded:
            self.states[told.conversation] = talk.evolve(self.states.get(told.conversation), r)

    def _receipt(self, one: Heard, news: InboundReceipt) -> None:
        """News of a message of ours, or of all that somebody was sent up to a time."""
        if news.reader is None or news.until is None:
            outgoing.note_receipt(self.tx, news, one.inbox)
            return
        kind, value = news.reader.kind, normal(news.reader.kind, news.reader.value)[:254]
        self.tx.flush()
        who = people.by_address(self.tx.conn, [(kind, value)]).get((kind, value))
        inbox = self.inboxes[one.inbox]
        if who is not None and (matter := threads.newest_matter(self.tx.conn, who.person, inbox.brand, kind)):
            outgoing.note_reached(self.tx, matter.id, who.id, inbox.id, news)

    def _first_heard_of(self, one: Heard, news: InboundEdit) -> None:
        """The newest words of a message that has not come yet stand for it."""
        message = InboundMessage(
            sender=news.sender,
            text=news.text,
            html=news.html,
            external_id=news.external_id,
            sent_at=news.sent_at,
        )
        self.people |= people.meet(self.tx, [news.sender], "intake")
        self._message(one, message, ())

    def _comment(self, number: int, agent: int, text: str) -> None:
        """The words that an agent wrote above what they passed on are for the desk."""
        if not text:
            return
        message = self.tx.new_id("message")
        fact = e.NoteWritten(message=message, preview=talk.preview(text))
        for recorded in self.tx.append(e.conversation(number), [fact], f"agent/{agent}"):
            self.states[number] = talk.evolve(self.states[number], recorded)
        self.tx.say(message, e.Words(text=text))

    def _is_ours(self, message: InboundMessage) -> bool:
        return message.sender.kind == "mail" and normal("mail", message.sender.value) in self.ours

    def _sent_by_us(self, one: Heard, inbox: Inbox, message: InboundMessage, files: tuple[e.File, ...]) -> None:
        """An answer of ours found in an imported mailbox: it joins its conversation as sent long ago."""
        to = next((r for r in message.recipients if looks_like_mail(r) and normal("mail", r) not in self.ours), None)
        if to is None:
            return
        at = message.sent_at
        who = next(iter(people.meet(self.tx, [Address(kind="mail", value=to)], "import", at=at).values()))
        number, _ = self._thread(inbox, who, message, True)
        if number is None:
            number = self._open(inbox, who, message, True, at)
        text = message.text[: message.fold] if message.fold else message.text
        fact = e.ReplyWritten(
            message=self.tx.new_id("message"),
            person=who.person,
            identity=who.id,
            inbox=inbox.id,
            channel=inbox.channel,
            external_id=message.external_id,
            preview=talk.preview(text),
            files=files,
        )
        facts = [fact, e.Sent(message=fact.message)]
        for recorded in self.tx.append(e.conversation(number), facts, "import", at=at):
            self.states[number] = talk.evolve(self.states[number], recorded)
        self.tx.say(fact.message, _words(message))
        if message.external_id:
            self.named.setdefault(message.external_id, []).insert(0, (number, fact.message))

    def _joined(self, who: people.Identity, address: Address) -> people.Identity:
        people.also_known_as(self.tx, who, address, "intake")
        self.tx.flush()
        self.states = states(self.tx.conn, list(self.states))
        fresh = people.identity_by_id(self.tx.conn, who.id)
        self.people[(fresh.kind, fresh.value)] = fresh
        return fresh

    def _fact(
        self,
        one: Heard,
        inbox: Inbox,
        who: people.Identity,
        message: InboundMessage,
        files: tuple[e.File, ...],
        unverified: bool,
    ) -> e.MessageReceived:
        return e.MessageReceived(
            message=self.tx.new_id("message"),
            person=who.person,
            identity=who.id,
            inbox=inbox.id,
            channel=inbox.channel,
            delivery=one.delivery,
            external_id=message.external_id,
            sent_at=message.sent_at,
            preview=talk.preview(message.text[: message.fold] if message.fold else message.text),
            files=files,
            automatic=message.automatic,
            history=one.history,
            unverified=unverified,
            cc=tuple(mail for mail in message.cc if looks_like_mail(mail)),
            proved=self._proved(who, message),
            doubt=message.sender.doubt,
            checks=message.sender.checks,
            call="said" if message.spoken else "",
        )

    def _proved(self, who: people.Identity, message: InboundMessage) -> bool:
        """The transport shows who wrote it, or they hold the token that we sent to them and nobody else."""
        if message.sender.doubt:
            return False
        tokens = (self._token(token) for token in message.reply_tokens)
        return message.sender.proved is not None or any(read and read[2] == who.id for read in tokens)

    def _token(self, token: str) -> tuple[str, int, int] | None:
        """A token of ours that brings an answer back. Those in links for ratings do not."""
        read = threads.read_token(self.intake.key, token)
        return read if read and read[0] in ANSWERED else None

    # which conversation ─────────────────────────────────────────────────────────────────────

    def _thread(
        self, inbox: Inbox, who: people.Identity, message: InboundMessage, history: bool
    ) -> tuple[int | None, bool]:
        """(conversation, held): signed token first, then what it answers, then its subject, then the open matter.

        Held: into the right conversation, but not counted as said there, because its sender takes no part in it
        or probably is somebody else.
        """
        stranger: int | None = None
        for number in self._answered(inbox, message):
            state = self._state(number)
            if state is None or (state.brand != inbox.brand and not message.reply_tokens):
                continue
            if self._belongs(state, who) and not message.sender.doubt:
                return number, False
            stranger = stranger or number
        if stranger is not None and not history:
            return stranger, True
        if self.intake.channels[inbox.channel].manifest.threads == "identity":
            return self._open_matter(inbox, who), False
        return (None if history else self._same_subject(inbox, who, message)), False

    def _answered(self, inbox: Inbox, message: InboundMessage) -> Iterator[int]:
        """Conversations that a message says it belongs to, the surest first. One token of ours is enough."""
        for token in message.reply_tokens:
            if read := self._token(token):
                yield read[1]
                return
        for reference in message.references:
            places = [number for number, _ in self.named.get(reference, ())]
            here = [number for number in places if (state := self._state(number)) and state.inbox == inbox.id]
            yield from dict.fromkeys([*here, *places])

    def _same_subject(self, inbox: Inbox, who: people.Identity, message: InboundMessage) -> int | None:
        """An answer that lost its references on the way: the same person's, of the same subject, of late."""
        subject, answers = threads.bare_subject(message.subject or "")
        if not subject or not answers or message.references or message.sender.doubt or message.automatic:
            return None
        here = [s for s in self.states.values() if (s.person, s.inbox) == (who.person, inbox.id)]
        for state in sorted(here, key=lambda s: s.last_at, reverse=True):
            if threads.bare_subject(state.subject)[0] == subject and self.tx.at - state.last_at <= SAME_SUBJECT:
                return state.id
        since = self.tx.at - SAME_SUBJECT
        found = threads.of_subject(self.tx.conn, who.person, inbox.brand, inbox.id, subject, since)
        return found if found is not None and self._state(found) else None

    def _state(self, number: int) -> State | None:
        if number not in self.states:
            self.states |= states(self.tx.conn, [number])
        return self.states.get(number)

    def _belongs(self, state: State, who: people.Identity) -> bool:
        if state.person == who.person:
            return True
        mail = who.value if who.kind == "mail" else None
        if (state.id, f"i:{who.id}") in self.parts or (mail and (state.id, f"m:{mail}") in self.parts):
            return True
        return threads.takes_part(self.tx.conn, state.id, who.id, mail)

    def _open_matter(self, inbox: Inbox, who: people.Identity) -> int | None:
        """The person's newest matter with this brand that they take part in under such an address,
        unless it was closed long ago. Where it went on meanwhile (by mail, say) makes no difference."""
        key = (who.person, inbox.brand)
        if key in self.open_by_sender:
            return self.open_by_sender[key]
        found = threads.newest_matter(self.tx.conn, who.person, inbox.brand, who.kind)
        if found is None or (found.closed_at and self.tx.at - found.closed_at > STALE):
            return None
        self._state(found.id)
        self.open_by_sender[key] = found.id
        return int(found.id)

    def _open(
        self, inbox: Inbox, who: people.Identity, message: InboundMessage, history: bool, at: datetime | None
    ) -> int:
        number = self.tx.new_id("conversation")
        with_bot = inbox.with_bot and not message.automatic and not history and not message.sender.doubt
        fact = e.ConversationOpened(
            person=who.person,
            inbox=inbox.id,
            brand=inbox.brand,
            channel=inbox.channel,
            subject=talk.title(message.subject or "", message.text),
            with_bot=with_bot,
        )
        by = "import" if history else f"person/{who.person}"
        recorded = self.tx.append(e.conversation(number), [fact], by, at=at, new=True)
        self.states[number] = talk.evolve(None, recorded[0])
        if self.intake.channels[inbox.channel].manifest.threads == "identity":
            self.open_by_sender[(who.person, inbox.brand)] = number
        return number

    # what cannot be read ────────────────────────────────────────────────────────────────────

    def _quarantine(self, one: Heard) -> None:
        inbox = self.inboxes.get(one.inbox)
        brand = inbox.brand if inbox else 0
        channel = inbox.channel if inbox else ""
        nobody = Address(kind="nobody", value=f"inbox/{one.inbox}", name="Unreadable sender")
        who = next(iter(people.meet(self.tx, [nobody], "intake").values()))
        number = self.tx.new_id("conversation")
        subject = "A message could not be read"
        facts = [
            e.ConversationOpened(person=who.person, inbox=one.inbox, brand=brand, channel=channel, subject=subject),
            e.Quarantined(delivery=one.delivery, reason=one.trouble or ""),
        ]
        self.tx.append(e.conversation(number), facts, "intake", new=True)


_MARK = (
    update(deliveries).where(deliveries.c.id.in_(bindparam("numbers", expanding=True))).values(state=bindparam("fate"))
)
_NEW = (deliveries.c.state == "new",)


def _key(address: Address) -> tuple[str, str]:
    return address.kind, normal(address.kind, address.value)[:254]


def _fate(one: Heard) -> str:
    """What becomes of a delivery: nothing is lost, and what said nothing is counted."""
    return "quarantined" if one.trouble else "done" if one.said else "passed"


def _addresses(inboxes: Iterable[Inbox]) -> frozenset[str]:
    """Every address under which we receive."""
    own = [a for box in inboxes for a in (box.address, *getattr(box.settings, "aliases", ())) if looks_like_mail(a)]
    return frozenset(normal("mail", address) for address in own)


def _by(one: Heard, who: people.Identity) -> str:
    return "import" if one.history else f"person/{who.person}"


def _new_text(message: InboundMessage) -> str:
    """What is above the fold."""
    return message.text if message.fold is None else message.text[: message.fold]


def _without_secrets(message: InboundMessage, found: signin.Secrets) -> InboundMessage:
    """A mail with which somebody signs in somewhere is kept without its code; its bytes still have it."""
    new = signin.hidden(_new_text(message), found)
    return msgspec.structs.replace(
        message,
        text=new + signin.hidden(message.text[len(_new_text(message)) :], found),
        fold=None if message.fold is None else len(new),
        html=signin.hidden(message.html, found) if message.html else None,
        subject=signin.hidden(message.subject, found) if message.subject else None,
    )


def _words(message: InboundMessage) -> e.Words:
    return e.Words(text=message.text, html=message.html, subject=message.subject, fold=message.fold)
