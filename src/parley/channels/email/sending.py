"""A composed mail handed to the mail server, or the mail service, that sends for an inbox."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import aiosmtplib

from parley.channels.email.composing import apart, blind, compose, copies, message_id, normal_with_case
from parley.channels.email.encryption import trusted
from parley.channels.email.notices import of_mail, of_recipient
from parley.channels.email.rest import AT_ONCE, LARGEST, NAMES, ServiceError
from parley.channels.email.settings import NOWHERE, EmailSettings, secret
from parley.channels.email.tokens import TokenRefused, account, uses_tokens
from parley.core.channel import Attached, Inbox, Outbound, Receipt
from parley.core.errors import BadConfig, SendFailed

CONNECT_SECONDS = 20
ANSWER_SECONDS = 60
WHOLE_SECONDS = 300
UNKNOWN_PARAMETERS = (501, 504, 555)  # RFC 5321 section 4.2.4


async def send(message: Outbound, inbox: Inbox) -> Receipt:
    """Returns when the server took responsibility. Raises SendFailed with the server's own words."""
    settings = inbox.settings
    if not isinstance(settings, EmailSettings) or not (settings.smtp_host or settings.mail_api):
        raise SendFailed(f"{inbox.name} has no way out for mail. Set smtp_host or mail_api.", permanent=False)
    if message.to.value.endswith(f"@{NOWHERE}"):
        raise SendFailed("The mail named no sender, so there is no address to answer to.", permanent=True)
    raw = await asyncio.to_thread(compose, message, inbox)
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            if through_service(raw, settings):
                return await _through_service(message, inbox, settings)
            ours = message_id(message.external_id, inbox)
            others = (*copies(message), *blind(message))
            return await hand_over(raw, message.to.value, others, inbox, settings, ours)
    except TimeoutError as problem:
        where = NAMES[settings.mail_api] if through_service(raw, settings) else _server(settings)
        raise SendFailed(f"{where} did not answer in time.") from problem


def through_service(raw: bytes, settings: EmailSettings) -> bool:
    """What is too large for one request of the service goes to the mail server, where there is one."""
    return bool(settings.mail_api) and not (settings.smtp_host and len(raw) > AT_ONCE[settings.mail_api])


async def _through_service(message: Outbound, inbox: Inbox, settings: EmailSettings) -> Receipt:
    """With the unseen copies in its header. What is too large for one request goes without its files, then they."""
    whole = await asyncio.to_thread(compose, message, inbox, for_service=True)
    if len(whole) <= AT_ONCE[settings.mail_api]:
        return await hand_to_service(whole, settings)
    if len(whole) > LARGEST[settings.mail_api]:
        raise SendFailed(_too_large(len(whole), settings, LARGEST, "with its files"), permanent=True)
    bare, files = await asyncio.to_thread(apart, message, inbox)
    return await hand_to_service(bare, settings, files)


async def hand_to_service(raw: bytes, settings: EmailSettings, files: Sequence[Attached] = ()) -> Receipt:
    """The mail's bytes to Gmail or Microsoft 365, which send to whoever stands in its header. Raises SendFailed.

    files: those that are not in it yet. A refused mail is refused for good; a refused login is our setting, and can be
    mended.
    """
    from parley.channels.email.services import mailbox

    if len(raw) > AT_ONCE[settings.mail_api]:
        raise SendFailed(_too_large(len(raw), settings, AT_ONCE, "without files" if files else "whole"), permanent=True)
    try:
        async with mailbox(settings) as box:
            return Receipt(provider_id=await box.send(raw, files))
    except ServiceError as problem:
        final = problem.status in (400, 413) and not problem.passing
        raise SendFailed(f"{problem}.", permanent=final, retry_after=problem.retry_after) from problem
    except (BadConfig, TokenRefused, OSError) as problem:
        raise SendFailed(f"{str(problem).rstrip('.')}.") from problem


def _too_large(weight: int, settings: EmailSettings, limits: Mapping[str, int], what: str) -> str:
    name, most = NAMES[settings.mail_api], limits[settings.mail_api] / 1_000_000
    return (
        f"The mail weighs {weight / 1_000_000:.1f} MB {what}, and {name} takes at most {most:.1f} MB of that."
        " Send less at once, or set smtp_host for large mails."
    )


async def hand_over(
    raw: bytes, recipient: str, others: Iterable[str], inbox: Inbox, settings: EmailSettings, ours: str = ""
) -> Receipt:
    """The mail's bytes to the server. A copy that is refused does not stop it. Raises SendFailed.

    `ours`: the Message-ID that a report about the mail is to bring back, where the server can see to that.
    """
    client = aiosmtplib.SMTP()
    try:
        client = await asyncio.to_thread(client_of, settings)
        await client.connect()
        await log_in(client, settings)
        await _envelope(client, inbox.address, recipient, ours if ours and await _reports_on_request(client) else "")
        refused = [said for other in others if (said := await _also_to(client, other))]
        answer = await client.data(raw, timeout=ANSWER_SECONDS)
    except aiosmtplib.SMTPException as problem:
        raise _failed(problem, settings) from problem
    except BadConfig as problem:
        raise SendFailed(str(problem)) from problem
    except TokenRefused as problem:
        raise SendFailed(f"{problem}.") from problem
    except (OSError, ssl.SSLError) as problem:
        raise SendFailed(f"{_server(settings)} could not be reached: {problem}.") from problem
    finally:
        await leave(client)
    return Receipt(provider_id=_queue_name(answer.message), left_out=" ".join(refused)[:1000])


async def log_in(client: aiosmtplib.SMTP, settings: EmailSettings) -> None:
    """With a token or a password, where the settings hold one. A token that is turned away is replaced once."""
    if not settings.smtp_user:
        return
    if not uses_tokens(settings):
        await client.login(settings.smtp_user, secret(settings.smtp_password))
        return
    tokens = account(settings)
    token = await tokens.token()
    try:
        await client.auth_xoauth2(settings.smtp_user, token)
    except aiosmtplib.SMTPAuthenticationError:
        await client.auth_xoauth2(settings.smtp_user, await tokens.token(refused=token))


def client_of(settings: EmailSettings) -> aiosmtplib.SMTP:
    encrypted = settings.smtp_security in ("tls", "starttls")
    context = trusted(settings.ca_file) if encrypted else None
    return aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        use_tls=settings.smtp_security == "tls",
        start_tls=settings.smtp_security == "starttls",
        tls_context=context,
        timeout=CONNECT_SECONDS,
    )


async def _envelope(client: aiosmtplib.SMTP, sender: str, recipient: str, ours: str) -> None:
    """From whom and to whom. A server that offers DSN and then does not know it gets the same without."""
    try:
        await client.mail(sender, options=of_mail(ours) if ours else [])
        await client.rcpt(normal_with_case(recipient), options=of_recipient(recipient) if ours else [])
    except aiosmtplib.SMTPResponseException as refused:
        if not ours or refused.code not in UNKNOWN_PARAMETERS:
            raise
        await client.rset()
        await _envelope(client, sender, recipient, "")


async def _reports_on_request(client: aiosmtplib.SMTP) -> bool:
    """Whether the server offers DSN. One that does not know EHLO is greeted with HELO later, and offers nothing."""
    if client.is_ehlo_or_helo_needed:
        with suppress(aiosmtplib.SMTPHeloError):
            await client.ehlo()
    return client.supports_extension("dsn")


async def _also_to(client: aiosmtplib.SMTP, other: str) -> str:
    """A copy that is refused must not stop the mail to the person it is for; why it was is told."""
    try:
        await client.rcpt(normal_with_case(other))
    except aiosmtplib.SMTPRecipientRefused as problem:
        return f"The copy to {other} was refused: {_said(problem)}."
    return ""


def _failed(problem: aiosmtplib.SMTPException, settings: EmailSettings) -> SendFailed:
    """5xx is final and 4xx is not, but for a refused login: that is our setting, and can be mended."""
    if isinstance(problem, aiosmtplib.SMTPAuthenticationError):
        return SendFailed(f"{_server(settings)} refused the login: {_said(problem)}. Check smtp_user and password.")
    if isinstance(problem, aiosmtplib.SMTPRecipientRefused):
        return SendFailed(
            f"The address {problem.recipient} was refused: {_said(problem)}.", permanent=problem.code >= 500
        )
    if isinstance(problem, aiosmtplib.SMTPResponseException):
        return SendFailed(
            f"{_server(settings)} did not take the mail: {_said(problem)}.",
            permanent=500 <= problem.code < 600,
        )
    return SendFailed(f"{_server(settings)} broke off: {' '.join(str(problem).split())[:300]}.")


def _said(problem: aiosmtplib.SMTPResponseException) -> str:
    return f"{problem.code} {' '.join(problem.message.split())[:300]}".rstrip(".")


def _server(settings: EmailSettings) -> str:
    return f"The mail server {settings.smtp_host}:{settings.smtp_port}"


def _queue_name(answer: str) -> str | None:
    """What the server calls the mail now, for whoever reads its log."""
    return " ".join(answer.split())[:200] or None


async def leave(client: aiosmtplib.SMTP) -> None:
    """The mail is taken or refused by now: a rude goodbye changes nothing."""
    try:
        await client.quit(timeout=5)
    except (aiosmtplib.SMTPException, OSError):
        client.close()
