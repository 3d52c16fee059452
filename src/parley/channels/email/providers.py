"""Mail houses that many domains are with: how they are known by their MX, their servers, and what SPF says of them.

Sources: each house's own help page on IMAP, SMTP and SPF settings, read in 2026.
"""

import msgspec

from parley.channels.email.settings import Security


class House(msgspec.Struct, frozen=True, kw_only=True):
    """mx: ends of its MX names. spf: what a domain's SPF needs for its servers. selectors: where DKIM keys may lie."""

    name: str
    mx: tuple[str, ...]
    imap: str = ""
    smtp: str = ""
    smtp_port: int = 465
    smtp_security: Security = "tls"
    spf: str = ""
    selectors: tuple[str, ...] = ()
    sends_for: tuple[str, ...] = ()
    tokens: bool = False


HOUSES = (
    House(
        name="Google", mx=(".google.com", ".googlemail.com"), imap="imap.gmail.com", smtp="smtp.gmail.com",
        spf="include:_spf.google.com", selectors=("google",), tokens=True,
    ),
    House(
        name="Microsoft 365", mx=(".mail.protection.outlook.com", ".mx.microsoft", ".olc.protection.outlook.com"),
        imap="outlook.office365.com", smtp="smtp.office365.com", smtp_port=587, smtp_security="starttls",
        spf="include:spf.protection.outlook.com", selectors=("selector1", "selector2"),
        sends_for=("smtp-mail.outlook.com",), tokens=True,
    ),
    House(
        name="Zoho", mx=(".zoho.com", ".zoho.eu"), imap="imap.zoho.com", smtp="smtp.zoho.com",
        spf="include:zohomail.com", selectors=("zmail", "zoho"),
    ),
    House(
        name="Fastmail", mx=(".messagingengine.com",), imap="imap.fastmail.com", smtp="smtp.fastmail.com",
        spf="include:spf.messagingengine.com", selectors=("fm1", "fm2", "fm3"),
    ),
    House(
        name="iCloud", mx=(".mail.icloud.com",), imap="imap.mail.me.com", smtp="smtp.mail.me.com", smtp_port=587,
        smtp_security="starttls", spf="include:icloud.com", selectors=("sig1",),
    ),
    House(name="Yahoo", mx=(".yahoodns.net",), imap="imap.mail.yahoo.com", smtp="smtp.mail.yahoo.com"),
    House(
        name="Migadu", mx=(".migadu.com",), imap="imap.migadu.com", smtp="smtp.migadu.com",
        spf="include:spf.migadu.com", selectors=("key1", "key2", "key3"),
    ),
    House(
        name="mailbox.org", mx=(".mailbox.org",), imap="imap.mailbox.org", smtp="smtp.mailbox.org",
        spf="include:mailbox.org", selectors=("mbo0001", "mbo0002"),
    ),
    House(name="Gandi", mx=(".mail.gandi.net",), imap="mail.gandi.net", smtp="mail.gandi.net",
          spf="include:_mailcust.gandi.net", selectors=("gm1", "gm2", "gm3")),
    House(name="Mailgun", mx=(), sends_for=(".mailgun.org",), spf="include:mailgun.org", selectors=("mx", "pic", "k1")),
    House(name="SendGrid", mx=(), sends_for=(".sendgrid.net",), spf="include:sendgrid.net", selectors=("s1", "s2")),
    House(name="Postmark", mx=(), sends_for=(".postmarkapp.com",), spf="include:spf.mtasv.net", selectors=("pm",)),
    House(name="Amazon SES", mx=(), sends_for=(".amazonaws.com",), spf="include:amazonses.com"),
)  # fmt: skip


def with_mx(exchange: str) -> House | None:
    """Whose mail server this is."""
    name = "." + exchange.lower().rstrip(".")
    return next((house for house in HOUSES if name.endswith(house.mx)), None) if exchange else None


def that_sends(host: str) -> House | None:
    """Whose server for outgoing mail this is."""
    name = "." + host.lower().rstrip(".")
    return next(
        (one for one in HOUSES if (one.smtp and name == "." + one.smtp) or name.endswith(one.sends_for or ("\0",))),
        None,
    )
