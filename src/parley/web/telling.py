"""The turns of a conversation: what its events look like on its page, each in a line or a bubble of its own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from parley.core import calls
from parley.core import conversation as talk
from parley.core import events as e
from parley.core.channel import Inbox
from parley.core.conversation import State
from parley.core.opinions import SCALES, SOLVED
from parley.core.signin import HIDDEN
from parley.log import record as log
from parley.services import (
    afterwards,
    approvals,
    candidates,
    delivery,
    fetching,
    people,
    triage,
)
from parley.web import formats, views
from parley.web.words import translate as t

if TYPE_CHECKING:
    from parley.web.present import Lens

# Turns whose `id` is the seq of their event; that of the others is the message's.
BY_SEQ = ("fact", "handover", "rating", "quarantine")


class Teller:
    """Makes turns out of a conversation's events."""

    def __init__(self, lens: "Lens", state: State, history: Sequence[e.Recorded], inboxes: Mapping[int, Inbox]) -> None:
        self.lens, self.state, self.inboxes = lens, state, inboxes
        conn = lens.conn
        spoken = [r.event for r in history]
        self.former: dict[int, list[int]] = {}
        for event in spoken:
            if isinstance(event, e.MessageEdited):
                self.former.setdefault(event.message, []).append(event.former)
        before = [number for numbers in self.former.values() for number in numbers]
        self.heard = [ev for ev in spoken if isinstance(ev, e.CallTranscribed)]
        before += [ev.wording for ev in self.heard if ev.wording]
        self.words = log.words_of(conn, [*(ev.message for ev in spoken if isinstance(ev, SAID)), *before])
        self.withdrawn = {ev.message for ev in spoken if isinstance(ev, e.MessageWithdrawn)}
        self.signs = afterwards.signs(history)
        self.calls = calls.courses(history)
        self.stopped = {ev.message for ev in spoken if isinstance(ev, e.SendCancelled | e.PlanDropped)}
        self.written = {ev.message for ev in spoken if isinstance(ev, e.ReplyWritten)}
        self.fetched = fetching.standing(history)
        self.sent = delivery.of_conversation(conn, state.id)
        self.held = talk.held(history)
        cards = [r.seq for r in history if isinstance(r.event, e.HandoffAsked)]
        self.asking = cards[-1] if cards and approvals.pending(history) else 0
        self.rejected = self.held & {ev.message for ev in spoken if isinstance(ev, e.SenderRejected)}
        self.name = people.display_name(lens.person(state.person), lens.addresses(state.person))
        self.comments = {ev.comment_message for ev in spoken if isinstance(ev, e.SurveyAnswered)}
        wanted = [ev.identity for ev in spoken if isinstance(ev, e.MessageReceived | e.ReplyWritten | e.Reacted)]
        own = {i.id: i for i in lens.addresses(state.person)}
        foreign = [number for number in wanted if number not in own]
        self.addresses = own | people.identities_by_id(conn, foreign) if foreign else own

    def turns(self, history: Sequence[e.Recorded]) -> list[views.Turn]:
        return [turn for r in history if (turn := self.turn(r)) is not None]

    def turn(self, r: e.Recorded) -> views.Turn | None:
        match r.event:
            case e.MessageReceived():
                return self._received(r, r.event)
            case e.ReplyWritten():
                return self._reply(r, r.event)
            case e.ReplyPlanned() if r.event.message not in self.written:
                return self._planned(r, r.event)
            case e.NoteWritten():
                return None if r.event.message in self.comments else self._note(r, r.event)
            case e.HandoffAsked():
                return self._handover(r, r.event)
            case e.SurveyAnswered():
                return self._rating(r, r.event)
            case e.Quarantined():
                raw = f"/desk/deliveries/{r.event.delivery}/raw"
                return views.Quarantine(id=r.seq, at=r.at, reason=r.event.reason, raw=raw)
        return self._fact(r)

    def _received(self, r: e.Recorded, event: e.MessageReceived) -> views.Message:
        words = self.words.get(event.message) or e.Words(text="")
        address = self.addresses.get(event.identity)
        name = self.name if not event.unverified else (address.value if address else t("Somebody"))
        face = views.Face(name=name, initials=formats.initials(name), hue=formats.hue(name))
        new, old = _split(words)
        new = self._call(event.message, new)
        framed = bool(words.html) and _wants_frame(words.html or "")
        return views.Message(
            id=event.message,
            side="them",
            author=face,
            at=r.at,
            channel=self.lens.labels.get(event.channel, event.channel),
            glyph=self.lens.glyph(event.channel),
            text=new,
            folded=old,
            frame=f"/desk/messages/{event.message}/html" if words.html else "",
            framed=framed,
            frame_height=formats.frame_height(words.html or "") if framed else 200,
            remote_images="data-remote-src" in (words.html or ""),
            subject=(words.subject or "") if (words.subject or "") != self.state.subject else "",
            to=self._to(event.inbox),
            cc=event.cc,
            files=self._files(event.message, event.files),
            awaited=self._awaited(event.message),
            transcripts=self._transcripts(event.message),
            unverified=event.message in self.held,
            rejected=event.message in self.rejected,
            proved=event.proved,
            doubt=t(event.doubt) if event.doubt else "",
            checks=event.checks,
            erased=not words.text and not words.html and not event.files,
            withdrawn=event.message in self.withdrawn,
            former=tuple(said.text for n in self.former.get(event.message, ()) if (said := self.words.get(n))),
            signs=self._signs(event.message),
            secret=self._secret(event.message, f"{words.subject} {words.text}"),
        )

    def _secret(self, message: int, words: str) -> str:
        """Where what was hidden in it is shown."""
        return f"/desk/conversations/{self.state.id}/messages/{message}/secrets" if HIDDEN in words else ""

    def _reply(self, r: e.Recorded, event: e.ReplyWritten) -> views.Message:
        words = self.words.get(event.message) or e.Words(text="")
        row = self.sent.get(event.message)
        address = self.addresses.get(event.identity)
        side, face = self._writer(r.by, event.purpose)
        text = words.text
        if event.purpose == "code":
            text = t("A code was mailed to {address}.", address=address.value if address else "")
        return views.Message(
            id=event.message,
            side=side,
            author=face,
            at=r.at,
            channel=self.lens.labels.get(event.channel, event.channel),
            glyph=self.lens.glyph(event.channel),
            text=text,
            to=address.value if address and address.kind == "mail" else "",
            cc=event.cc,
            bcc=event.bcc,
            files=_files(event.message, event.files),
            sources=tuple(
                views.SourceChip(kind=s.kind, title=s.title, href=s.url, passage=s.passage, confidence=s.confidence)
                for s in event.sources
            ),
            confidence=event.confidence,
            state=_sending(row),
            reason=row.reason if row else "",
            can_retry=bool(row and row.state == "failed"),
            next_try=row.next_try if row and row.state == "queued" and row.tries else None,
            parts=self.lens.segments(event.channel, text),
            client_id=event.client_id or "",
            erased=not words.text and not event.files,
            signs=self._signs(event.message),
            held=bool(event.due and row and row.state == "queued" and not row.tries),
            conversation=self.state.id,
        )

    def _planned(self, r: e.Recorded, event: e.ReplyPlanned) -> views.Message:
        """An answer that is still to go, in the place where it was written."""
        shown = self._reply(r, event.reply)
        stopped = event.message in self.stopped
        return msgspec.structs.replace(
            shown,
            state="cancelled" if stopped else "planned",
            next_try=event.due,
            reason=t("unless they write before") if event.unless_answered else "",
            client_id=event.client_id or "",
            held=not stopped,
            files=tuple(msgspec.structs.replace(file, href="") for file in shown.files),
        )

    def _signs(self, message: int) -> tuple[tuple[str, str], ...]:
        """What was put on a message, each with the name of whoever did."""
        own = {i.id for i in self.lens.addresses(self.state.person)}
        names = {number: self.name if number in own else a.value for number, a in self.addresses.items()}
        return tuple((sign, names.get(who, t("Somebody"))) for who, sign in self.signs.get(message, {}).items())

    def _writer(self, by: str, purpose: str) -> tuple[str, views.Face]:
        kind, _, number = by.partition("/")
        if purpose != "reply":
            return "system", views.Face(name=t("Desk"), initials="D", hue=0)
        if kind == "bot":
            return "bot", views.Face(name=t("Bot"), bot=True)
        known = self.lens.face(int(number)) if number.isdigit() else None
        return "us", known or views.Face(name=t("Us"), initials="U", hue=0)

    def _note(self, r: e.Recorded, event: e.NoteWritten) -> views.Note:
        words = self.words.get(event.message)
        _, face = self._writer(r.by, "reply")
        return views.Note(
            id=event.message,
            author=face,
            at=r.at,
            text=self._call(event.message, words.text if words else ""),
            files=self._files(event.message, event.files),
            awaited=self._awaited(event.message),
            transcripts=self._transcripts(event.message),
            client_id=event.client_id or "",
        )

    def _files(self, message: int, came_along: Sequence[e.File]) -> tuple[views.FileLink, ...]:
        """Those that came with the words, and those that were fetched later."""
        if message in self.withdrawn:
            return ()
        later = {n: one.file for n, one in self.fetched.get(message, {}).items() if one.file}
        return _files(message, dict(enumerate(came_along)) | later)

    def _awaited(self, message: int) -> tuple[str, ...]:
        """What is said of files that are not here."""
        if message in self.withdrawn:
            return ()
        told = []
        for one in self.fetched.get(message, {}).values():
            if one.missing:
                told.append(t("{name} could not be fetched: {reason}", name=one.name, reason=one.reason))
            elif one.file is None:
                reason = f" {one.reason}" if one.reason else ""
                told.append(t("{name} is being fetched.{reason}", name=one.name, reason=reason))
        return tuple(told)

    def _transcripts(self, message: int) -> tuple[views.Transcript, ...]:
        """What a machine heard in the recordings of a call, or why nothing was."""
        found = []
        for heard in self.heard:
            if heard.message == message:
                words = self.words.get(heard.wording)
                text = words.text if words else ""
                why = (
                    t("Not written down: {reason}", reason=t(heard.reason)) if heard.reason else t("Nothing was said.")
                )
                told = t("Written down by {engine}", engine=heard.engine) if text else why
                found.append(views.Transcript(text=text, told=told))
        return tuple(found)

    def _call(self, message: int, words: str) -> str:
        """How a call went stands above whom it was with; other words stay as they are."""
        course = self.calls.get(message)
        if course is None:
            return words
        sentence, values = calls.told(course)
        return f"{t(sentence).format(**values)}\n{words}"

    def _rating(self, r: e.Recorded, event: e.SurveyAnswered) -> views.Rating:
        said = self.words.get(event.comment_message or 0)
        told = ""
        if event.measure in SCALES and event.measure != "csat":
            name = t(formats.MEASURES[event.measure])
            told = t("{what}: {n} of {most}", what=name, n=event.score, most=SCALES[event.measure][1])
        if event.measure == SOLVED:
            told = t("Solved at first contact: yes") if event.score else t("Solved at first contact: no")
        return views.Rating(
            id=r.seq,
            at=r.at,
            stars=event.score if event.measure == "csat" else 0,
            told=told,
            comment=said.text if said else "",
            channel=self.lens.labels.get(event.channel, event.channel),
        )

    def _handover(self, r: e.Recorded, event: e.HandoffAsked) -> views.Handover:
        return views.Handover(
            id=r.seq,
            at=r.at,
            reason=event.reason,
            wish=event.wish,
            known=event.known,
            tried=event.tried,
            suggestion=event.suggestion,
            agrees=self.state.id if r.seq == self.asking else 0,
        )

    def _to(self, inbox_id: int) -> str:
        found = self.inboxes.get(inbox_id)
        return found.address if found else ""

    # one quiet line for everything the desk did ─────────────────────────────────────────────

    def _fact(self, r: e.Recorded) -> views.Fact | None:
        who = self._name_of(r.by)
        line: tuple[str, str] | None = None
        match r.event:
            case e.Assigned(agent=None):
                line = ("user-minus", t("{who} gave it back to all", who=who))
            case e.Assigned(agent=int(agent)):
                line = ("user-plus", self._assigned(r.by, agent, who))
            case e.SecretShown():
                line = ("eye", t("{who} had a hidden code shown", who=who))
            case e.Tagged(tag=tag):
                line = ("tag", t("{who} tagged it {tag}", who=who, tag=tag))
            case e.Untagged(tag=tag):
                line = ("tag", t("{who} removed the tag {tag}", who=who, tag=tag))
            case e.Snoozed(until=until):
                line = ("alarm-clock", t("{who} snoozed it until {time} UTC", who=who, time=f"{until:%-d %b %H:%M}"))
            case e.Woke(reason=reason):
                line = ("alarm-clock", t("It woke ({reason})", reason=t(reason)))
            case e.Closed(resolved=resolved):
                line = (
                    "circle-check",
                    t("{who} closed it", who=who) if resolved else t("Closed after a day of silence"),
                )
            case e.Reopened(reason=reason):
                line = ("rotate-ccw", t("Reopened ({reason})", reason=t(reason)))
            case e.SubjectChanged(subject=subject):
                line = ("pencil", t("{who} renamed it “{subject}”", who=who, subject=subject))
            case e.PersonChanged(reason=reason):
                line = ("git-merge", t("It belongs to another person now ({reason})", reason=t(reason)))
            case e.SurveyDropped(reason=reason):
                line = ("star", t("No rating was asked for ({reason})", reason=t(reason)))
            case e.TaskOpened(owner=owner, due=due):
                name = self._colleague(owner)
                line = (
                    "flag",
                    t("{name} is to come back to them until {time} UTC", name=name, time=f"{due:%-d %b %H:%M}"),
                )
            case e.TaskGiven(owner=owner):
                line = ("flag", t("{who} gave the follow-up to {name}", who=who, name=self._colleague(owner)))
            case e.TaskClosed(message=message):
                done = self.words[message].text if message in self.words else ""
                line = ("flag", t("{who} followed up: “{done}”", who=who, done=done))
            case e.WentOn(channel=channel):
                label = self.lens.labels.get(channel, channel)
                line = ("link", t("They came over to {channel}; a code shows that it is them", channel=label))
            case e.SenderAccepted():
                line = ("shield-check", t("{who} let a held message in", who=who))
            case e.SenderRejected():
                line = ("shield-x", t("{who} turned a held message away", who=who))
            case e.PlanDropped(reason="the customer wrote"):
                line = ("clock", t("A planned answer was dropped because the customer wrote"))
            case e.ProcedureWentOn(waits="", outcome=outcome) if outcome:
                line = ("sparkles", outcome)
            case e.ArmGiven(arm="new", candidate=number):
                name = candidates.names(self.lens.conn, [number]).get(number, "")
                line = ("lightbulb", t("The bot answers here as “{candidate}”, which is tried out", candidate=name))
            case e.ApprovalGiven(approved=True, outcome=outcome):
                line = ("circle-check", t("{who} agreed: {what}", who=who, what=outcome))
            case e.ApprovalGiven():
                line = ("shield-x", t("{who} declined; nothing was done", who=who))
            case e.PromiseBroken(promise=promise, due=due):
                what = t(formats.OWED.get(promise, "Answer"))
                line = ("clock", t("{what} was due {time} UTC", what=what, time=f"{due:%-d %b %H:%M}"))
            case e.SendReplayed():
                line = ("send", t("{who} sent it again", who=who))
        return views.Fact(id=r.seq, glyph=line[0], text=line[1], at=r.at) if line else None

    def _assigned(self, by: str, agent: int, who: str) -> str:
        name = self._colleague(agent)
        if by == f"agent/{agent}":
            return t("{name} took it", name=name)
        return t("{who} gave it to {name}", who=who, name=name)

    def _colleague(self, agent: int | None) -> str:
        known = self.lens.agents.get(agent or 0)
        return known.name if known else t("somebody")

    def _name_of(self, by: str) -> str:
        kind, _, number = by.partition("/")
        if kind == "agent" and number.isdigit() and int(number) in self.lens.agents:
            return self.lens.agents[int(number)].name.split()[0]
        if by == triage.BY:
            return t("Triage")
        return {"bot": t("The bot"), "person": self.name, "routing": t("Routing")}.get(kind, t("The desk"))


SAID = (e.MessageReceived, e.ReplyWritten, e.ReplyPlanned, e.NoteWritten, e.TaskClosed)
SHOWN_EVENTS = tuple(k for k in e.KINDS.values() if k not in (e.BotPondered,))


def _split(words: e.Words) -> tuple[str, str]:
    if words.fold is None or words.fold >= len(words.text):
        return words.text, ""
    new = words.text[: words.fold].rstrip()
    return (new, words.text[words.fold :].strip("\n")) if new else (words.text, "")


def _wants_frame(html: str) -> bool:
    """Whether a mail's layout says more than its text: tables and pictures do, plain paragraphs do not."""
    low = html.lower()
    return "<table" in low or "<img" in low


def _sending(row: Any) -> str:
    if row is None:
        return ""
    return "delayed" if row.state == "queued" and row.tries else str(row.state)


def _files(message: int, described: Sequence[e.File] | Mapping[int, e.File]) -> tuple[views.FileLink, ...]:
    return tuple(
        views.FileLink(
            name=f.name,
            href=f"/files/{message}/{n}",
            size=f.size,
            sound=f.type in ("audio/wav", "audio/x-wav", "audio/mpeg"),
            picture=f.type in ("image/png", "image/jpeg", "image/gif", "image/webp"),
            thumb=f"/files/{message}/{n}?inline=1",
        )
        for n, f in (described.items() if isinstance(described, Mapping) else enumerate(described))
    )
