"""Proving that an address is somebody's: a code mailed to it, typed back where they are."""

import hmac
from collections.abc import Iterable
from datetime import timedelta

from parley.core.channel import Address, Inbox
from parley.core.conversation import State
from parley.core.errors import Refused
from parley.core.identity import looks_like_mail, normal
from parley.log.record import Tx
from parley.services import access, people, replies

CODES_PER_HOUR = 5
DIGITS = "······"
LETTER = (
    f"Your code is {DIGITS}\n\nType it where you are chatting with us. It is good for"
    f" {people.CODE_MINUTES} minutes. If you did not ask for it, you need not do anything."
)


def mail_inbox(inboxes: Iterable[Inbox], brand: int) -> Inbox | None:
    """The brand's inbox that can write to a mail address first."""
    return next((i for i in inboxes if i.brand == brand and looks_like_mail(i.address)), None)


def send_code(tx: Tx, state: State, mail: str, via: Inbox | None, by: str, key: bytes) -> str:
    """Mail a code to an address the person claims. Returns the address in normal form.

    The answer is the same whether or not the address is known here. The code itself is kept nowhere: `key`
    makes it from the message's number, once here for its hash and once when the mail is put together.
    """
    mail = normal("mail", mail)
    if not looks_like_mail(mail):
        raise Refused("That does not look like a mail address.")
    if via is None:
        raise Refused("No mail can be sent for this brand, so an address cannot be checked here.")
    for one in (f"code:{mail}", f"code:person/{state.person}"):
        if not access.allowed(tx, one, CODES_PER_HOUR, timedelta(hours=1)):
            raise Refused("Too many codes were asked for. Wait an hour, or ask for a person.")
    identity = people.claimed(tx, Address(kind="mail", value=mail), by)
    to = (via.id, identity, via.channel)
    message = replies.automatic_reply(tx, state, LETTER, by, purpose="code", to=to)
    people.expect_code(tx, state.person, identity, code_of(key, message or 0), by)
    return mail


def code_of(key: bytes, message: int) -> str:
    """The six digits that a code's message carries."""
    digest = hmac.digest(key, f"code/{message}".encode(), "sha256")
    return f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"


def with_code(text: str, key: bytes, message: int) -> str:
    """The letter as it is mailed: with the digits that the log does not know."""
    return text.replace(DIGITS, code_of(key, message))


def type_code(tx: Tx, state: State, code: str, by: str) -> str | None:
    """A code came back. The address it proved, or None when it is wrong or late."""
    identity = people.try_code(tx, state.person, code, by)
    return identity.value if identity else None


def proved_mails(tx: Tx, person: int) -> list[str]:
    tx.flush()
    return [i.value for i in people.identities_of(tx.conn, person) if i.kind == "mail" and i.proof]


def masked(mail: str) -> str:
    """k…m@example.com: enough to recognise one's own."""
    local, _, domain = mail.partition("@")
    return f"{local[:1]}…{local[-1:]}@{domain}" if len(local) > 2 else f"{local[:1]}…@{domain}"
