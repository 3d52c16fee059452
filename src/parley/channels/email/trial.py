"""A mail account tried step by step, as the watcher and the sender use it: each step says what it found.

The first step that fails is the last of its line: what comes after it would only fail of the same.
"""

import asyncio
import os
import secrets
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiosmtplib

from parley.channels.email import imap, sending
from parley.channels.email.rest import NAMES, ServiceError
from parley.channels.email.services import home, mailbox
from parley.channels.email.settings import EmailSettings
from parley.channels.email.tokens import TokenRefused, account
from parley.channels.email.words import text_of
from parley.core.channel import Inbox
from parley.core.errors import BadConfig, SendFailed

SECONDS = 10.0
RETURN_SECONDS = 45.0
FOLDERS_SHOWN = 12
TROUBLE = (
    imap.ImapError, ServiceError, aiosmtplib.SMTPException, TokenRefused, BadConfig, OSError, OverflowError,
)  # fmt: skip
Step = tuple[str, bool, str]
T = TypeVar("T")


class Line:
    """One way to the server, tried in steps: looked up, connected, encrypted, logged in, and what is there."""

    def __init__(self, what: str, host: str, port: int) -> None:
        self.what, self.host, self.port = what, host, port
        self.steps: list[Step] = []

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"

    def say(self, step: str, sentence: str) -> None:
        self.steps.append((f"{self.what}, {step}:", True, sentence))

    async def step(self, step: str, attempt: Awaitable[T]) -> T:
        """The attempt's result. Raises _Stop when it failed, with the reason written down."""
        try:
            async with asyncio.timeout(SECONDS):
                return await attempt
        except TROUBLE as problem:
            self.steps.append((f"{self.what}, {step}:", False, self._why(problem)))
            raise _Stop from problem

    def _why(self, problem: BaseException) -> str:
        if isinstance(problem, aiosmtplib.SMTPResponseException):
            return f"{self.where} said no: {problem.code} {' '.join(problem.message.split())[:300].rstrip('.')}."
        if isinstance(problem, imap.ImapError):
            return f"{self.where} said no: {problem}."
        cause = problem.__cause__ if isinstance(problem, aiosmtplib.SMTPException) else problem
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", "") or cause.reason or cause
            return f"{self.where} would not encrypt as asked: {reason}. Check the security setting."
        if isinstance(problem, (BadConfig, TokenRefused, ServiceError)):
            return str(problem).rstrip(".") + "."
        if isinstance(problem, socket.gaierror):
            return f"{self.host} has no address in the DNS. Check the host."
        if isinstance(problem, TimeoutError) or isinstance(cause, TimeoutError):
            return f"{self.where} did not answer within {SECONDS:.0f} seconds. Check host, port and security."
        if isinstance(problem, OverflowError):
            return f"{self.where} cannot be reached: ports go from 1 to 65535."
        number = getattr(cause, "errno", None)
        said = os.strerror(number) if number else str(problem) or type(problem).__name__
        return f"{self.where} cannot be reached: {said}. Check host, port and security."


class _Stop(Exception):
    pass


def try_connections(inbox: Inbox) -> list[Step]:
    """Everything short of sending, blocking: (step, whether it worked, a sentence)."""
    settings: EmailSettings = inbox.settings
    ways: list[Coroutine[Any, Any, list[Step]]] = []
    if settings.mail_api:
        address = urlsplit(home(settings))
        port = address.port or (443 if address.scheme == "https" else 80)
        ways.append(_tried(Line(NAMES[settings.mail_api], address.hostname or "", port), settings, _service))
    elif settings.imap_host:
        ways.append(_tried(Line("Fetching", settings.imap_host, settings.imap_port), settings, _fetching))
    if settings.smtp_host:
        ways.append(_tried(Line("Sending", settings.smtp_host, settings.smtp_port), settings, _sending))

    async def run() -> list[Step]:
        return [step for steps in await asyncio.gather(*ways) for step in steps]

    return asyncio.run(run())


async def _tried(
    line: Line, settings: EmailSettings, way: Callable[[Line, EmailSettings], Awaitable[None]]
) -> list[Step]:
    try:
        await _look_up(line)
        await way(line, settings)
    except _Stop:
        pass
    return line.steps


async def _look_up(line: Line) -> None:
    loop = asyncio.get_running_loop()
    found = await line.step("look up", loop.getaddrinfo(line.host, None, type=socket.SOCK_STREAM))
    addresses = ", ".join(dict.fromkeys(str(one[4][0]) for one in found[:4]))
    line.say("look up", f"{line.host} is {addresses}.")


async def _fetching(line: Line, settings: EmailSettings) -> None:
    client, context = await line.step("connect", imap.greeted(settings))
    try:
        line.say("connect", f"{line.where} answers.")
        await line.step("encrypt", imap.encrypt(client, settings, context))
        _encrypted(line, client.writer.get_extra_info("ssl_object"))
        await line.step("log in", imap.log_in(client, settings))
        line.say("log in", f"{line.host} let {settings.imap_user} in.")
        await line.step("folders", _folders(line, client, settings))
    finally:
        client.close()


async def _service(line: Line, settings: EmailSettings) -> None:
    """The token first, so that a refused one is told apart from a mailbox that is not there."""
    await line.step("log in", account(settings).token())
    line.say("log in", f"{urlsplit(settings.oauth_url).hostname} gave a token.")
    async with mailbox(settings) as box:
        line.say("folder", await line.step("folder", box.count()))


async def _folders(line: Line, client: imap.Client, settings: EmailSettings) -> None:
    names = await client.folders()
    shown = ", ".join(names[:FOLDERS_SHOWN]) + (" …" if len(names) > FOLDERS_SHOWN else "")
    if settings.imap_folder.upper() != "INBOX" and settings.imap_folder not in names:
        raise imap.ImapError(f"there is no folder {settings.imap_folder}. There are: {shown}")
    await client.select(settings.imap_folder)
    count = len(await client.sizes_after(0))
    line.say(
        "folders", f"{settings.imap_folder} holds {count} {'mail' if count == 1 else 'mails'}. There are: {shown}."
    )


def _encrypted(line: Line, tls: Any) -> None:
    if tls is None:
        line.say("encrypt", f"The line to {line.host} is not encrypted, as the settings say.")
        return
    until = (tls.getpeercert() or {}).get("notAfter", "")
    line.say("encrypt", f"{tls.version()}, with a certificate for {line.host} that is good until {until}.")


async def _sending(line: Line, settings: EmailSettings) -> None:
    client = await line.step("connect", asyncio.to_thread(sending.client_of, settings))
    try:
        await line.step("connect", client.connect(start_tls=False))  # so that the steps can be told apart
        line.say("connect", f"{line.where} answers.")
        if settings.smtp_security == "starttls":
            await line.step("encrypt", client.starttls())
        _encrypted(line, client.get_transport_info("ssl_object"))
        if settings.smtp_user:
            await line.step("log in", sending.log_in(client, settings))
            line.say("log in", f"{line.host} let {settings.smtp_user} in.")
        line.say("ready", f"{line.host} takes mail from us.")
    finally:
        await sending.leave(client)


# ── there and back ──────────────────────────────────────────────────────────────────────────


def send_to_oneself(inbox: Inbox) -> list[Step]:
    """A mail to the inbox's own address. It stays in the mailbox and comes to the desk as any other."""
    return asyncio.run(_there_and_back(inbox))


async def _there_and_back(inbox: Inbox) -> list[Step]:
    settings: EmailSettings = inbox.settings
    mail, began = _trial_mail(inbox), time.monotonic()
    try:
        if settings.mail_api:
            await sending.hand_to_service(mail.as_bytes(), settings)
        else:
            await sending.hand_over(mail.as_bytes(), inbox.address, (), inbox, settings)
    except (SendFailed, TimeoutError) as problem:
        return [("Send to oneself:", False, str(problem) or "The server did not answer in time.")]
    if not settings.imap_host and not settings.mail_api:
        return [("Send to oneself:", True, f"A mail to {inbox.address} was taken. It should be in the desk soon.")]
    try:
        async with asyncio.timeout(RETURN_SECONDS):
            find = _found_by_service if settings.mail_api else _found
            head = await find(settings, mail)
    except TROUBLE as problem:
        folder = (settings.api_folder or "the inbox") if settings.mail_api else settings.imap_folder
        why = str(problem) or f"it was not in {folder} after {RETURN_SECONDS:.0f} seconds"
        return [("Send to oneself:", False, f"The mail was taken, but did not come back: {why}.")]
    signed = [text_of(value) for value in head.all("dkim-signature")]
    told = "signed with DKIM" if signed else "without a DKIM signature"
    return [("Send to oneself:", True, f"It came back after {time.monotonic() - began:.0f} seconds, {told}.")]


def _trial_mail(inbox: Inbox) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = mail["To"] = inbox.address
    mail["Subject"] = f"Parley sends to itself ({secrets.token_hex(4)})"
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid("parley-trial", inbox.address.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("Somebody tries the settings of this inbox. Nobody needs to answer.\n")
    return mail


async def _found_by_service(settings: EmailSettings, mail: EmailMessage) -> Any:
    """As `_found`. It is looked for by its subject: the service may give it a Message-ID of its own."""
    from parley.channels.email.mime import parse

    async with mailbox(settings) as box:
        while True:
            id = await box.holds(str(mail["Subject"]))
            raw = await box.fetch(id) if id else None
            if raw:
                return parse(raw)
            await asyncio.sleep(1)


async def _found(settings: EmailSettings, mail: EmailMessage) -> Any:
    """The head of the mail with that Message-ID, once it lies in the watched folder."""
    from parley.channels.email.mime import parse

    client = await imap.connect(settings)
    try:
        await client.select(settings.imap_folder)
        while True:
            uids = await client.search(b"HEADER Message-ID " + imap.quoted(str(mail["Message-ID"])))
            if uids:
                return parse((await client.beginning(uids[-1])) or b"\n")
            await asyncio.sleep(1)
            await client.command(b"NOOP")
    finally:
        client.close()
