"""What we ask of a mail server about its reports (RFC 3461): when to write one, and whose mail it is about.

Many reports bring back nothing of our mail, or a copy without its Message-ID. The envelope's name comes back in all
that keep to RFC 3464, so the Message-ID travels as that name too. Success is not asked for: a mail for each that
arrived would fill the mailbox, and "relayed" says little.
"""

import re

ENVELOPE_NAME = 100  # RFC 3461 section 4.4
RECIPIENT = 500  # section 4.2
_ID = re.compile(r"<[^<>\s@]+@[^<>\s@]+>")


def of_mail(message_id: str) -> list[str]:
    """Behind MAIL FROM. The headers are enough: whoever wrote the mail has its words."""
    name = xtext(message_id)
    return ["RET=HDRS", *([f"ENVID={name}"] if name and len(name) <= ENVELOPE_NAME else [])]


def of_recipient(address: str) -> list[str]:
    """Behind RCPT TO. An address outside ASCII needs another form (RFC 6533); its report names the last one only."""
    name = xtext(address)
    return ["NOTIFY=FAILURE,DELAY", *([f"ORCPT=rfc822;{name}"] if name and len(name) <= RECIPIENT else [])]


def named(envelope: str) -> str | None:
    """The Message-ID that stands in a report's Original-Envelope-Id; None for names that are not of our making."""
    found = envelope.strip()
    plain = re.sub(r"\+([0-9A-F]{2})", lambda code: chr(int(code.group(1), 16)), found)
    return next((one for one in (plain, found) if _ID.fullmatch(one)), None)


def xtext(words: str) -> str:
    """RFC 3461 section 4; "" for what is not printable ASCII."""
    if not all("!" <= sign <= "~" for sign in words):
        return ""
    return re.sub(r"[+=]", lambda sign: f"+{ord(sign.group()):02X}", words)
