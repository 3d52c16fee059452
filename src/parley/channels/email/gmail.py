"""A Gmail mailbox through Google's own interface (Gmail API v1): its history, its mails as they came, and sending.

A mail is known by its content, as over IMAP: Gmail gives the bytes as they came, and so a mailbox that was watched
over IMAP before, or is read again, brings nothing twice.
Source: Google, "Gmail API: synchronize clients", users.history.list, users.messages.
"""

import base64
import binascii
import time
from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote

import msgspec

from parley.channels.email.fingerprint import provider_id
from parley.channels.email.mime import MAIL_BYTES
from parley.channels.email.polling import BATCH_MAILS, Place, PlaceLost, Step, counted
from parley.channels.email.rest import Service, ServiceError, TooLarge
from parley.channels.email.settings import EmailSettings
from parley.core.channel import Attached

USER = "/gmail/v1/users/me"
UPLOAD = "/upload/gmail/v1/users/me/messages/send"
RAW_BYTES = MAIL_BYTES * 4 // 3 + 64 * 1024  # in base64, with the little that stands around it
PAGE = "500"
UNWANTED = {"DRAFT", "TRASH", "SPAM"}
SHOWN = ("From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Reply-To")


class Header(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    name: str
    value: str


class Payload(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    headers: tuple[Header, ...] = ()


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    label_ids: tuple[str, ...] = ()
    raw: str = ""
    size_estimate: int = 0
    payload: Payload = Payload()


class Change(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A mail that came into a label. label_ids: of the change; left out where the request named the label."""

    message: Message
    label_ids: tuple[str, ...] = ()


class Record(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    messages_added: tuple[Change, ...] = ()
    labels_added: tuple[Change, ...] = ()


class History(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    history_id: str = ""
    history: tuple[Record, ...] = ()
    next_page_token: str = ""


class Listing(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    messages: tuple[Message, ...] = ()
    next_page_token: str = ""


class Profile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    history_id: str
    email_address: str = ""


class Label(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    name: str
    messages_total: int = 0


class Labels(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    labels: tuple[Label, ...] = ()


class Gmail:
    """One label of the mailbox whose owner consented. See `polling.Mailbox`."""

    def __init__(self, service: Service, settings: EmailSettings) -> None:
        self.service, self.settings = service, settings
        self.known_label = "" if settings.api_folder else "INBOX"

    async def news(self, place: Place) -> AsyncIterator[Step]:
        steps = self._changes(place) if place.cursor else self._listed(place)
        async for step in steps:
            yield step

    async def _changes(self, place: Place) -> AsyncIterator[Step]:
        """Page by page. The last record of a page is a place to begin from as well."""
        label, now = await self.label(), time.time()
        seen, token = set[str](), ""
        while True:
            page = await self._history(place.cursor, label, token)
            came = dict.fromkeys(id for record in page.history for id in _came(record, label))
            ids = [id for id in came if id not in seen]
            seen.update(ids)
            if not page.next_page_token:
                yield Step(ids=ids, place=Place(cursor=page.history_id or place.cursor, since=now))
                return
            if page.next_page_token == token:
                raise ServiceError("Gmail repeats one page of its history without an end")
            reached = page.history[-1].id if page.history else place.cursor
            yield Step(ids=ids, place=Place(cursor=reached, since=place.since))
            token = page.next_page_token

    async def _history(self, cursor: str, label: str, token: str) -> History:
        query = f"startHistoryId={quote(cursor)}&labelId={quote(label)}&maxResults={PAGE}"
        query += "&historyTypes=messageAdded&historyTypes=labelAdded" + (f"&pageToken={quote(token)}" if token else "")
        try:
            return self.service.read(await self.service.ask("GET", f"{USER}/history?{query}"), History)
        except ServiceError as problem:
            if problem.status == 404:
                raise PlaceLost from None
            raise

    async def _listed(self, place: Place) -> AsyncIterator[Step]:
        """All mail since a time. What comes meanwhile is found in the history from before the listing began."""
        now, start = time.time(), place.start
        if not start:
            start = self.service.read(await self.service.ask("GET", f"{USER}/profile"), Profile).history_id
        ids = (await self._ids(f"after:{int(place.since)}" if place.since else ""))[::-1]
        if place.done in ids:
            ids = ids[ids.index(place.done) + 1 :]
        for first in range(0, len(ids), BATCH_MAILS):
            some = ids[first : first + BATCH_MAILS]
            yield Step(ids=some, place=Place(since=place.since, start=start, done=some[-1]))
        yield Step(ids=[], place=Place(cursor=start, since=now))

    async def _ids(self, search: str) -> list[str]:
        """Newest first, each once."""
        label = await self.label()
        found, token = dict[str, None](), ""
        while True:
            asked = {"labelIds": label, "maxResults": PAGE} | ({"q": search} if search else {})
            asked |= {"pageToken": token} if token else {}
            answer = await self.service.ask("GET", f"{USER}/messages", params=asked)
            page = self.service.read(answer, Listing)
            found |= dict.fromkeys(one.id for one in page.messages)
            if not page.next_page_token or page.next_page_token == token:
                return list(found)
            token = page.next_page_token

    async def fetch(self, id: str) -> bytes | None:
        path = f"{USER}/messages/{quote(id, safe='')}"
        try:
            answer = await self.service.ask("GET", path, params={"format": "raw"}, limit=RAW_BYTES)
        except TooLarge:
            return await self._head(path)
        except ServiceError as problem:
            if problem.status == 404:
                return None  # deleted for good since it was listed
            raise
        mail = self.service.read(answer, Message)
        if UNWANTED & set(mail.label_ids):
            return None
        try:
            return base64.urlsafe_b64decode(mail.raw + "=" * (-len(mail.raw) % 4))
        except (binascii.Error, ValueError):
            raise ServiceError(f"Gmail gave a mail ({id}) in a form that cannot be read") from None

    async def _head(self, path: str) -> bytes:
        """Of a mail that is too large: what a person needs to find it."""
        mail = self.service.read(await self.service.ask("GET", path, params={"format": "metadata"}), Message)
        mark = f"X-Parley-Cut: {mail.size_estimate >> 20} MB; the mailbox holds it whole\r\n"
        lines = [
            f"{one.name}: {' '.join(one.value.split())}\r\n"
            for one in mail.payload.headers
            if one.name.lower() in {name.lower() for name in SHOWN}
        ]
        return (mark + "".join(lines) + "\r\n").encode("utf-8", "replace")

    def name(self, id: str, raw: bytes) -> str:
        return provider_id(raw)

    async def label(self) -> str:
        """The id of the label that is watched, which an operator knows by its name."""
        if not self.known_label:
            labels = self.service.read(await self.service.ask("GET", f"{USER}/labels"), Labels).labels
            wanted = self.settings.api_folder
            found = [one.id for one in labels if wanted in (one.id, one.name)]
            if not found:
                names = ", ".join(one.name for one in labels[:12])
                raise ServiceError(f"Gmail has no label {wanted}. There are: {names}", 404)
            self.known_label = found[0]
        return self.known_label

    async def count(self) -> str:
        path = f"{USER}/labels/{quote(await self.label(), safe='')}"
        label = self.service.read(await self.service.ask("GET", path), Label)
        profile = self.service.read(await self.service.ask("GET", f"{USER}/profile"), Profile)
        return f"{label.name} of {profile.email_address} holds {counted(label.messages_total)}."

    async def holds(self, subject: str) -> str | None:
        found = await self._ids(f'subject:"{subject}"')
        return found[0] if found else None

    async def send(self, raw: bytes, files: Sequence[Attached] = ()) -> str | None:
        """As an upload, which may weigh 35 MB. Not tried again by itself: a mail could go out twice."""
        assert not files, "what fits into one request is sent whole"
        answer = await self.service.ask(
            "POST", UPLOAD, params={"uploadType": "media"}, content=raw,
            headers={"content-type": "message/rfc822"}, tries=1,
        )  # fmt: skip
        try:
            return self.service.read(answer, Message).id
        except ServiceError:
            return None  # it is sent, whatever was said of it


def _came(record: Record, label: str) -> list[str]:
    """The mails that a record brought into the label. Google may leave the labels of a change away."""
    added = [one.message for one in record.messages_added]
    moved = [one.message for one in record.labels_added if label in one.label_ids]
    return [one.id for one in added if not one.label_ids or label in one.label_ids] + [one.id for one in moved]
