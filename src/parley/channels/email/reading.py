"""A mail's bytes into facts: the message, or news of one of our own."""

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from parley.channels.email import automatic, bounces, verdict
from parley.channels.email.bodies import collected
from parley.channels.email.fingerprint import provider_id
from parley.channels.email.folding import arranged
from parley.channels.email.forwards import forwarded
from parley.channels.email.mime import Part, parse
from parley.channels.email.posted import as_mail
from parley.channels.email.settings import NOWHERE, EmailSettings, own_addresses, without_plus
from parley.channels.email.words import ADDRESSES, Mailbox, mailboxes, message_ids, moment, text_of
from parley.channels.email.wrappings import signed, unwrap
from parley.core.channel import Address, Delivery, Inbound, InboundMessage, Inbox
from parley.core.errors import Unreadable
from parley.core.identity import normal

REFERENCES = 100
_MARKS_OF_A_MAIL = ("subject", "date", "to", "message-id", "received", "content-type", "mime-version", "cc")
_WRITTEN_TO = ("to", "cc")
_TRACED_TO = (
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-forwarded-to",
    "resent-to",
    "bcc",
)


def read(delivery: Delivery, inbox: Inbox) -> list[Inbound]:
    """What the mail says. Raises Unreadable when it passes a limit or when these bytes are no mail."""
    try:
        raw = as_mail(delivery.raw)
        if raw is None:
            return []
        delivery = msgspec.structs.replace(delivery, raw=raw)
        mail = parse(raw)
        cut = mail.first("x-parley-cut")
        if cut:
            raise Unreadable(f"The mail is too large ({text_of(cut)}); only its beginning was fetched and kept.")
        missing = mail.first("x-parley-missing")
        if missing:
            raise Unreadable(f"The mail lies in the mailbox and could not be fetched ({text_of(missing)}).")
        report = bounces.report(mail)
        news = bounces.receipts(report)
        return list(news) if news else [_message(mail, delivery, inbox, report)]
    except Unreadable:
        raise
    except Exception as problem:  # a mail must never stop the ones behind it
        raise Unreadable(f"The mail could not be read ({type(problem).__name__}).") from problem


def _message(mail: Part, delivery: Delivery, inbox: Inbox, report: bounces.Report | None) -> InboundMessage:
    own = own_addresses(inbox)
    charset = _charset(mail)
    sender = _sender(mail, own, charset) or _nobody(mail, delivery)
    written = _all_mailboxes(mail, _WRITTEN_TO)
    recipients = written + _all_mailboxes(mail, _TRACED_TO)
    body = collected(mail)
    unwrap(mail, body)
    text, end = arranged(body.text)
    identity = message_ids(mail.first("message-id"))
    return InboundMessage(
        sender=_with_signature(_known(sender, mail, delivery, inbox), signed(mail, text)),
        text=text,
        html=body.html,
        fold=end,
        subject=text_of(mail.first("subject"), charset) or None,
        external_id=identity[0] if identity else provider_id(delivery.raw),
        sent_at=moment(mail.first("date")),
        references=_references(mail),
        reply_tokens=_tokens(recipients, own),
        recipients=_once(normal("mail", one.address) for one in recipients),
        cc=_others(written, sender, own),
        files=tuple(body.files),
        forwarded=forwarded(text_of(mail.first("subject"), charset), text),
        automatic=bounces.in_words(report) if report else automatic.reason(mail, sender, own),
    )


def _charset(mail: Part) -> str:
    """What raw bytes in a header are probably written in: whatever the text is."""
    return next((part.parameters["charset"] for part in mail.walk() if "charset" in part.parameters), "")


def _sender(mail: Part, own: tuple[str, ...], charset: str) -> Mailbox | None:
    """From; but a form on our own site writes from our own address, and then Reply-To names the customer."""
    written = _first(mail, ("from", "sender", "reply-to", "return-path"), charset)
    if written is None:
        return None
    if normal("mail", written.address) in own:
        answer_to = _first(mail, ("reply-to",), charset)
        if answer_to and without_plus(normal("mail", answer_to.address)) not in own:
            return answer_to
    return written


def _nobody(mail: Part, delivery: Delivery) -> Mailbox:
    """A sender for a mail that names none, its own: two such mails are not from one person."""
    if not any(mail.first(name) for name in _MARKS_OF_A_MAIL):
        raise Unreadable("These bytes are no mail: no line of a mail's head is among them.")
    return Mailbox("", f"unknown-{sha256(delivery.raw).hexdigest()[:16]}@{NOWHERE}")


def _first(mail: Part, names: tuple[str, ...], charset: str) -> Mailbox | None:
    for name in names:
        for value in mail.all(name):
            found = mailboxes(value, charset)
            if found:
                return found[0]
    nameless = text_of(mail.first("from"), charset).strip("<> ")[:200] if "from" in names else ""
    return Mailbox("", nameless) if nameless else None  # "From: MAILER-DAEMON" names its sender, if barely


def _all_mailboxes(mail: Part, names: tuple[str, ...]) -> list[Mailbox]:
    found: list[Mailbox] = []
    for name in names:
        for value in mail.all(name):
            found += mailboxes(value)
            if len(found) >= ADDRESSES:
                return found[:ADDRESSES]
    return found


def _references(mail: Part) -> tuple[str, ...]:
    """Nearest first: In-Reply-To, then References from its end."""
    nearest = message_ids(mail.first("in-reply-to"))
    chain = [one for value in mail.all("references") for one in message_ids(value)]
    return _once([*nearest, *reversed(chain)])[:REFERENCES]


def _tokens(recipients: list[Mailbox], own: tuple[str, ...]) -> tuple[str, ...]:
    """What stands behind the plus of our own address, exactly as written: the case matters to a signature."""
    tokens = []
    for one in recipients:
        local, _, domain = one.address.rpartition("@")
        base, plus, token = local.partition("+")
        if plus and token and normal("mail", f"{base}@{domain}") in own:
            tokens.append(token)
    return _once(tokens)


def _others(written: list[Mailbox], sender: Mailbox, own: tuple[str, ...]) -> tuple[str, ...]:
    """The other people on To and Cc."""
    ours = {*own, normal("mail", sender.address)}
    addresses = _once(normal("mail", one.address) for one in written)
    return tuple(address for address in addresses if address not in ours and without_plus(address) not in own)


def _known(sender: Mailbox, mail: Part, delivery: Delivery, inbox: Inbox) -> Address:
    """The sender's address, with what the checks say of it."""
    address = Address(kind="mail", value=normal("mail", sender.address), name=sender.name)
    settings = inbox.settings
    if not isinstance(settings, EmailSettings):
        return address
    if len({normal("mail", one.address) for value in mail.all("from") for one in mailboxes(value)}) > 1:
        return msgspec.structs.replace(address, doubt="The mail names several senders; it may come from any of them.")
    server = settings.authserv_id
    checks = verdict.of_server(mail, server) if server else verdict.ours(delivery.raw)
    if checks and address.value.rpartition("@")[2] != _author(mail):
        checks = None  # a form on our own site: what was checked is another address
    return verdict.judged(address, checks, settings.arc_sealers, mail)


def _with_signature(address: Address, told: str) -> Address:
    """That a mail is signed stands beside what is known of its sender; it proves nothing."""
    if not told:
        return address
    return msgspec.structs.replace(address, checks=", ".join(part for part in (address.checks, told) if part))


def _author(mail: Part) -> str:
    found = next((one for value in mail.all("from") for one in mailboxes(value)), None)
    return normal("mail", found.address).rpartition("@")[2] if found else ""


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
