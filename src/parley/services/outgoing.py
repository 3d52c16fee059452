"""Makes a written reply ready for its channel: words, names, references, links and files put together."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, select

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.channel import Address, Attached, Channel, Letterhead, Outbound
from parley.core.consent import COUNTS_AS, PURPOSES, UNASKED
from parley.core.errors import NotFound, SendFailed
from parley.core.offering import offered
from parley.core.questionnaire import steps
from parley.core.survey_words import ANSWER, TEXT
from parley.log import record as log
from parley.log.record import utc_now
from parley.services import consent, file_links, inbox, people, proof, setup, sign_offs, surveys, threads
from parley.services.files import Store


class Dispatch:
    """Prepares outbox rows. `public_url`: where customers' links begin."""

    def __init__(
        self,
        store: Store,
        key: bytes,
        public_url: str,
        channels: Mapping[str, Channel],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.store, self.key, self.public_url, self.channels, self.clock = store, key, public_url, channels, clock

    def prepare(self, conn: Connection, row: Any) -> Outbound:
        """Everything a channel needs for one message. Raises SendFailed when its address is gone."""
        recorded = self._written(conn, row)
        event = recorded.event
        assert isinstance(event, e.ReplyWritten)
        state = inbox.state(conn, row.conversation)
        channel = self.channels.get(event.channel)
        consent.check(
            conn, event.identity, event.purpose, bool(channel and channel.manifest.rings), state.brand, self.clock()
        )
        words = log.words_of(conn, [event.message])[event.message]
        try:
            to = people.identity_by_id(conn, event.identity)
            name = people.person(conn, state.person).name
        except Exception as error:
            raise SendFailed("The address it was written to is not known any more.", permanent=True) from error
        names = [n for n in threads.names_of(conn, state.id) if n != row.external_id]
        brand = setup.all_brands(conn).get(state.brand)
        theirs = not self._to_a_stranger(conn, state.id, event)
        purpose = "survey" if event.purpose == "survey" else "reply"
        linked = self._linked(channel, event, recorded.at)
        text, options = _offered(channel, event, words.text)
        if channel and event.purpose == "reply" and event.template is None and not options:
            text = sign_offs.under(text, sign_offs.line(conn, channel, state, _writer(conn, recorded.by)))
        return Outbound(
            message=event.message,
            conversation=state.id,
            to=Address(kind=to.kind, value=to.value, name=name if theirs else ""),
            text=_with_links(
                proof.with_code(text, self.key, event.message) if event.purpose == "code" else text, linked
            ),
            html=words.html + file_links.in_html(linked) if words.html and linked else words.html,
            subject=_subject(state.subject) if theirs else f"Your message to {brand.name if brand else 'us'}",
            external_id=row.external_id or f"<{event.message}@parley.invalid>",
            references=tuple(names),
            in_reply_to=self._answered(conn, event, names),
            reply_token=threads.sign(self.key, state.id, to.id, purpose),
            sender_name=_writer(conn, recorded.by),
            brand_name=brand.name if brand else "",
            purpose=event.purpose,
            automatic=event.automatic,
            handed=state.status != talk.BOT,
            cc=event.cc,
            bcc=event.bcc,
            files=() if linked else self.store.attach(event.files),
            choices=options or self._choices(conn, event, state),
            unsubscribe_url=self._leaving(event),
            template=event.template,
            letterhead=self._letterhead(conn, brand, state, recorded.by, words.text) if brand else None,
        )

    def _linked(self, channel: Channel | None, event: e.ReplyWritten, at: datetime) -> list[file_links.Link]:
        if channel is None or not file_links.must_be_linked(channel.manifest, event.files):
            return []
        return file_links.links(self.key, self.public_url, event.message, event.files, at)

    def _to_a_stranger(self, conn: Connection, conversation: int, event: e.ReplyWritten) -> bool:
        """A machine's answer to a mail that anybody may have written in this name: nothing of theirs is passed on."""
        channel = self.channels.get(event.channel)
        if not event.automatic or channel is None or channel.manifest.threads != "reference":
            return False
        history = reversed(log.stream(conn, e.conversation(conversation), newest=200))
        said = (r.event for r in history if isinstance(r.event, e.MessageReceived))
        answered = next((m for m in said if m.message == event.answers), None)
        return answered is not None and not answered.proved

    def _leaving(self, event: e.ReplyWritten) -> str | None:
        """Where what nobody asked for can be ended with one click (RFC 8058)."""
        purpose = COUNTS_AS.get(event.purpose)
        return (
            f"{self.public_url}/leave/{leaving_token(self.key, event.identity, purpose)}"
            if purpose in UNASKED
            else None
        )

    def _letterhead(
        self, conn: Connection, brand: setup.Brand, state: talk.State, by: str, text: str
    ) -> Letterhead | None:
        """The brand's look around an answer, in the customer's language; None where it has none. Nobody signs twice."""
        look = brand.look
        letter = look.letter(surveys.spoken_in(conn, state) if look.letters else "")
        signature = setup.signature(conn, int(by.partition("/")[2])) if by.startswith("agent/") else ""
        name = _writer(conn, by)
        end = " ".join(text.split()[-25:]).lower()
        signed = bool(name) and name.split()[0].lower() in end
        first_line = letter.sign_off.strip().partition("\n")[0].rstrip(",").lower()
        sign_off = "" if first_line and first_line in end else letter.sign_off.strip()
        if not (sign_off or signature or letter.footer or look.logo):
            return None
        return Letterhead(
            sign_off=sign_off,
            signature=signature or ("" if signed or not letter.sign_off else name),
            footer=letter.footer.strip(),
            colour=look.colour,
            site=look.site,
            logo=self._logo(look.logo),
        )

    def _logo(self, stored: str) -> Attached | None:
        """A mail without its logo is better than none."""
        digest, _, kind = stored.partition(":")
        try:
            return Attached(name="logo", type=kind, data=self.store.get(digest), cid="logo@parley") if digest else None
        except NotFound:
            return None

    def _written(self, conn: Connection, row: Any) -> e.Recorded:
        """The event that put the row into the outbox."""
        for recorded in reversed(log.stream(conn, e.conversation(row.conversation), newest=200)):
            if isinstance(recorded.event, e.ReplyWritten) and recorded.event.message == row.message:
                return recorded
        for recorded in log.stream(conn, e.conversation(row.conversation)):
            if isinstance(recorded.event, e.ReplyWritten) and recorded.event.message == row.message:
                return recorded
        raise SendFailed("The message is not in the log.", permanent=True)

    def _answered(self, conn: Connection, event: e.ReplyWritten, names: list[str]) -> str | None:
        if event.answers is not None:
            question = select(threads.externals.c.external_id).where(threads.externals.c.message == event.answers)
            if found := conn.execute(question).scalar():
                return str(found)
        return names[-1] if names else None

    def _choices(self, conn: Connection, event: e.ReplyWritten, state: talk.State) -> tuple[tuple[str, str], ...]:
        """What to press, in their language, where something can be pressed; elsewhere a plain number is the answer."""
        channel = self.channels.get(event.channel)
        if event.purpose != "survey" or (channel is not None and not channel.manifest.buttons):
            return ()
        survey = surveys.of_message(conn, event.message)
        if survey is None:
            return ()
        page = f"{self.public_url}/rate/{rating_token(self.key, survey.id)}"
        language = surveys.spoken_in(conn, state)
        if survey.measure == TEXT:
            return ((ANSWER.get(language, ANSWER["en"]), f"{page}?q={quote(survey.question)}"),)
        at = f"&q={quote(survey.question)}" if survey.question else ""
        return tuple((label, f"{page}?score={score}{at}") for score, label in steps(survey.measure, language))


def _offered(channel: Channel | None, event: e.ReplyWritten, text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What a machine lets choose, as buttons where the channel has so many; steps of an article are no choices."""
    if channel is None or not event.automatic or event.purpose != "reply" or event.sources:
        return text, ()
    before, options = offered(text)
    return (before, tuple((one, one) for one in options)) if len(options) <= channel.manifest.quick else (text, ())


def _with_links(text: str, linked: list[file_links.Link]) -> str:
    return f"{text}\n\n{file_links.in_words(linked)}".strip() if linked else text


def rating_token(key: bytes, survey: int) -> str:
    """A signed link part for one survey."""
    return threads.sign(key, survey, 0, "quality")


def leaving_token(key: bytes, identity: int, purpose: str) -> str:
    """A signed link part by which the holder of an address ends a purpose."""
    return threads.sign(key, PURPOSES.index(purpose), identity, "leave")


def leaving_of_token(key: bytes, token: str) -> tuple[int, str] | None:
    """(identity, purpose), or None for a token that is none of ours."""
    read = threads.read_token(key, token)
    return (read[2], PURPOSES[read[1]]) if read and read[0] == "l" and read[1] < len(PURPOSES) else None


def survey_of_token(key: bytes, token: str) -> int | None:
    read = threads.read_token(key, token)
    return read[1] if read and read[0] == "q" else None


def _subject(subject: str) -> str:
    subject = subject.strip() or "Your message"
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


def _writer(conn: Connection, by: str) -> str:
    kind, _, number = by.partition("/")
    if kind == "agent" and number.isdigit():
        question = select(setup.agents.c.name).where(setup.agents.c.id == int(number))
        return str(conn.execute(question).scalar() or "")
    return ""


__all__ = ["Dispatch", "leaving_of_token", "leaving_token", "rating_token", "survey_of_token"]
