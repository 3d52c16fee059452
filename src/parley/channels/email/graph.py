"""A Microsoft 365 mailbox through Microsoft Graph v1.0: a folder's changes, its mails as MIME, and sending.

A mail is known by its immutable id: Exchange keeps no bytes as they came and may write a mail's MIME otherwise the next
time. Source: Microsoft, "message: delta", "Get MIME content of a message", "user: sendMail", "Outlook immutable ids".
"""

import base64
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from parley.channels.email import drafts
from parley.channels.email.mime import MAIL_BYTES
from parley.channels.email.polling import Place, PlaceLost, Step, counted
from parley.channels.email.rest import Service, ServiceError, TooLarge
from parley.channels.email.settings import EmailSettings
from parley.core.channel import Attached

HEADERS = {"prefer": 'IdType="ImmutableId", odata.maxpagesize=50'}
PAGES = 20  # that are put in order together
CUT_BYTES = 1024 * 1024
FORGOTTEN = {"syncStateNotFound", "SyncStateNotFound", "syncStateInvalid", "resyncRequired"}


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """removed: it left the folder, or was deleted."""

    id: str
    received_date_time: str = ""
    is_draft: bool = False
    removed: dict[str, str] | None = msgspec.field(name="@removed", default=None)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    value: tuple[Message, ...] = ()
    next: str = msgspec.field(name="@odata.nextLink", default="")
    delta: str = msgspec.field(name="@odata.deltaLink", default="")


class Folder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    display_name: str = ""
    total_item_count: int = 0


class Folders(msgspec.Struct, frozen=True, kw_only=True):
    value: tuple[Folder, ...] = ()


class Graph:
    """One folder of the mailbox whose owner consented, or of `api_mailbox`. See `polling.Mailbox`."""

    def __init__(self, service: Service, settings: EmailSettings) -> None:
        self.service, self.settings = service, settings
        whose = f"users/{quote(settings.api_mailbox, safe='@')}" if settings.api_mailbox else "me"
        self.user = f"/v1.0/{whose}"
        self.known_folder = "" if settings.api_folder else "inbox"

    async def news(self, place: Place) -> AsyncIterator[Step]:
        """Some pages at a time, put in order by when their mails came; each page's link is a place to go on from."""
        now, link, found = time.time(), place.cursor or await self._first(place.since), dict[str, str]()
        pages = 0
        while True:
            page = await self._page(link)
            wanted = (one for one in page.value if one.removed is None and not one.is_draft)
            found |= {one.id: one.received_date_time for one in wanted}
            pages += 1
            if not page.next and not page.delta:
                raise ServiceError("Microsoft 365 gave a page of changes without saying how to go on")
            if page.next == link:
                raise ServiceError("Microsoft 365 repeats one page of its changes without an end")
            ids = sorted(found, key=lambda id: found[id])
            if page.delta:
                yield Step(ids=ids, place=Place(cursor=page.delta, since=now))
                return
            if pages % PAGES == 0:
                yield Step(ids=ids, place=Place(cursor=page.next, since=place.since))
                found = {}
            link = page.next

    async def _first(self, since: float) -> str:
        """The address of the first page: what is in the folder, then whatever comes into it."""
        asked = "changeType=created&$select=id,receivedDateTime,isDraft"
        if since:
            moment = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            asked += f"&$filter=receivedDateTime+ge+{moment}&$orderby=receivedDateTime+desc"
        return f"{self.user}/mailFolders/{await self.folder()}/messages/delta?{asked}"

    async def _page(self, link: str) -> Page:
        try:
            return self.service.read(await self.service.ask("GET", link, headers=HEADERS), Page)
        except ServiceError as problem:
            if problem.status == 410 or problem.code in FORGOTTEN:
                raise PlaceLost from None
            raise

    async def fetch(self, id: str) -> bytes | None:
        path = f"{self.user}/messages/{quote(id, safe='')}/$value"
        try:
            return await self.service.ask("GET", path, headers=HEADERS, limit=MAIL_BYTES)
        except TooLarge as large:
            mark = b"X-Parley-Cut: over %d MB; the mailbox holds it whole\r\n" % (MAIL_BYTES >> 20)
            return mark + large.beginning[:CUT_BYTES]
        except ServiceError as problem:
            if problem.status == 404:
                return None  # deleted since it was listed
            raise

    def name(self, id: str, raw: bytes) -> str:
        return f"graph:{id}"

    async def folder(self) -> str:
        """The id of the folder that is watched: a well-known name of Microsoft's (archive …), or what it is called."""
        if not self.known_folder:
            wanted = self.settings.api_folder
            path = f"{self.user}/mailFolders?$top=100&$select=id,displayName"
            folders = self.service.read(await self.service.ask("GET", path, headers=HEADERS), Folders).value
            named = [one.id for one in folders if one.display_name == wanted]
            self.known_folder = quote(named[0] if named else wanted, safe="")
        return self.known_folder

    async def count(self) -> str:
        path = f"{self.user}/mailFolders/{await self.folder()}"
        folder = self.service.read(await self.service.ask("GET", path, headers=HEADERS), Folder)
        return f"{folder.display_name} holds {counted(folder.total_item_count)}."

    async def holds(self, subject: str) -> str | None:
        path = f"{self.user}/mailFolders/{await self.folder()}/messages"
        asked = {"$filter": f"subject eq '{subject}'", "$select": "id", "$top": "1"}
        found = self.service.read(await self.service.ask("GET", path, params=asked, headers=HEADERS), Page)
        return found.value[0].id if found.value else None

    async def send(self, raw: bytes, files: Sequence[Attached] = ()) -> str | None:
        """As MIME in base64. Not tried again by itself: a mail could go out twice. Graph gives it no name."""
        if files:
            await drafts.send(self.service, self.user, raw, files, HEADERS)
            return None
        await self.service.ask(
            "POST", f"{self.user}/sendMail", content=base64.b64encode(raw),
            headers={"content-type": "text/plain"}, tries=1,
        )  # fmt: skip
        return None
