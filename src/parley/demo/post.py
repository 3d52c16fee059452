"""The demo's post office: takes every mail the desk sends, keeps it in memory, and mails back for customers."""

import asyncio
import email
import email.policy
from collections import defaultdict
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, make_msgid
from typing import Any

import msgspec

from parley.app import Desk
from parley.channels.email.receiver import serve
from parley.core.channel import Door, Inbox


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that a customer received. reply_to: where an answer goes."""

    number: int
    at: datetime
    sender: str
    reply_to: str
    to: str
    subject: str
    text: str
    html: str | None
    message_id: str
    references: str


class Everybody(dict[str, tuple[Inbox, ...]]):
    """Routes of a post office that takes mail for any address."""

    def __init__(self, box: Inbox) -> None:
        super().__init__()
        self.box = box

    def get(self, key: str, default: Any = None) -> tuple[Inbox, ...]:
        return (self.box,)


class PostOffice:
    """host, port: where the desk sends to. desk_port: where the desk listens for mail."""

    def __init__(self, desk: Desk, host: str, port: int, desk_port: int) -> None:
        self.desk, self.host, self.port, self.desk_port = desk, host, port, desk_port
        self.letters: dict[str, list[Letter]] = defaultdict(list)
        self._arrived = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        box = Inbox(id=0, brand=0, channel="", name="Post office", address="")
        door = Door(inboxes=[box], take=self._take, memory=_Nothing(), say=lambda inbox, words: None, environment={})
        await serve(self.host, self.port, Everybody(box), door)

    async def _take(self, inbox: int, provider_id: str, raw: bytes) -> bool:
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
        for _, address in getaddresses([str(mail.get("To", ""))]):
            box = self.letters[address.lower()]
            box.append(
                Letter(
                    number=len(box) + 1,
                    at=datetime.now(UTC),
                    sender=str(mail.get("From", "")),
                    reply_to=str(mail.get("Reply-To") or mail.get("From", "")),
                    to=address.lower(),
                    subject=str(mail.get("Subject", "")),
                    text=plain.get_content() if plain else "",
                    html=html.get_content() if html else None,
                    message_id=str(mail.get("Message-ID", "")),
                    references=str(mail.get("References", "")),
                )
            )
        return True

    def of(self, address: str) -> list[Letter]:
        """A customer's letters, newest first."""
        return list(reversed(self.letters[address.lower()]))

    async def send(
        self, sender: str, name: str, to: str, subject: str, text: str, answers: Letter | None = None
    ) -> None:
        """A customer mails the desk, over real SMTP."""
        import aiosmtplib

        mail = EmailMessage()
        mail["From"] = f"{name} <{sender}>" if name else sender
        mail["To"], mail["Subject"] = to, subject
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
        if answers:
            mail["In-Reply-To"] = answers.message_id
            mail["References"] = f"{answers.references} {answers.message_id}".strip()
        mail.set_content(text)
        await aiosmtplib.send(mail, hostname=self.host, port=self.desk_port, start_tls=False, timeout=20)


class _Nothing:
    """A notebook for somebody who need not remember."""

    async def get(self, key: str) -> bytes | None:
        return None

    async def put(self, key: str, value: bytes) -> None:
        return None
