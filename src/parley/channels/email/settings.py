"""What an operator may set for a mail inbox."""

import os
from collections.abc import Mapping
from typing import Literal

import msgspec

from parley.core.channel import Inbox
from parley.core.errors import BadConfig
from parley.core.identity import normal

NOWHERE = "sender.invalid"  # the domain of senders that mails did not name; no mail goes there
Security = Literal["tls", "starttls", "none"]


class EmailSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How mail comes to an inbox and leaves it. A password may be `env:NAME`: it then is read from there.

    Coming in, by fetching: leave `imap_host` empty to fetch nothing.
    imap_host, imap_port, imap_security (tls, starttls or none), imap_user, imap_password, imap_folder.
    imap_old_mail: also take what lay in the folder before Parley first looked.
    poll_seconds: how often to look, where the server cannot tell us at once (IDLE).

    Or through the mail service's own interface, coming in and going out, in place of IMAP and SMTP:
    mail_api (gmail or graph): Gmail's, or Microsoft 365's (Graph). It logs in with the oauth_ settings below.
    api_folder: which label or folder to watch; empty: the inbox. imap_old_mail and poll_seconds count here as well.
    api_mailbox: whose mailbox, where it is not that of who consented: a shared one of Microsoft 365, by its address.
    api_url: asked in place of the service's own address, such as http://localhost:8025; for a stand-in.

    Or by being handed mail from a mail server of yours: `listen_port` 0 listens to nobody.
    listen_host, listen_port: several inboxes may share one; it speaks SMTP and LMTP, with STARTTLS.
    listen_certificate, listen_key: PEM files to encrypt with; without them one is made when the port opens.
    listen_security (offered or required): whether a server that does not encrypt is turned away.
    listen_bytes, listen_recipients: how much a mail may weigh (at most 36700160), and to how many it may go at once.
    aliases: further addresses whose mail belongs to this inbox.
    authserv_id: the name under which your mail server writes Authentication-Results; empty: believe none.
    check_senders: find out with SPF, DKIM and DMARC who really sent a mail, where no authserv_id tells it.
    relays: networks of mail servers of yours in front of ours. Their own address proves nothing; whose mail
    they pass on they may say with XFORWARD.
    arc_sealers: forwarders (domains) whose word is believed that a mail was fine when it reached them.
    dns_servers: asked in place of the machine's own, as 192.0.2.53 or 192.0.2.53:5353.

    Or by being posted mail by a mail service: it posts to the address that this page shows.
    hook_from (mailgun, sendgrid, postmark or ses): whose posts are taken; empty: nobody's.
    hook_secret: what proves them, never empty. mailgun: its signing key. sendgrid: its public key, or as postmark.
    postmark: the user:password that stand in the address it posts to. ses: the ARN of the SNS topic.
    s3_access_key, s3_secret_key, s3_region: to fetch mails that SES put into S3; empty region: that of the topic.
    hook_host: asked in place of Amazon's SNS and S3, such as http://localhost:4566; for a stand-in.

    Going out: smtp_host, smtp_port, smtp_security, smtp_user, smtp_password.
    from_name: shown as the sender in place of the brand's name.
    ca_file: certificates to trust for these servers, beside the system's own.

    Or log in with tokens in place of passwords, as Gmail and Microsoft 365 want it:
    oauth_url, oauth_client_id, oauth_client_secret, oauth_refresh_token, oauth_scope: log in with tokens that this
    server gives, as Gmail and Microsoft 365 want it (XOAUTH2, and mail_api). Without a refresh token the application
    asks for itself.
    """

    imap_host: str = ""
    imap_port: int = 993
    imap_security: Security = "tls"
    imap_user: str = ""
    imap_password: str = ""
    imap_folder: str = "INBOX"
    imap_old_mail: bool = True
    poll_seconds: int = 60

    mail_api: Literal["", "gmail", "graph"] = ""
    api_folder: str = ""
    api_mailbox: str = ""
    api_url: str = ""

    listen_host: str = "127.0.0.1"
    listen_port: int = 0
    listen_certificate: str = ""
    listen_key: str = ""
    listen_security: Literal["offered", "required"] = "offered"
    listen_bytes: int = 36_700_160
    listen_recipients: int = 1000
    aliases: tuple[str, ...] = ()
    authserv_id: str = ""
    check_senders: bool = True
    relays: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    arc_sealers: tuple[str, ...] = ()
    dns_servers: tuple[str, ...] = ()

    hook_from: Literal["", "mailgun", "sendgrid", "postmark", "ses"] = ""
    hook_secret: str = ""
    s3_access_key: str = ""
    s3_secret_key: str = ""
    s3_region: str = ""
    hook_host: str = ""

    smtp_host: str = ""
    smtp_port: int = 587
    smtp_security: Security = "starttls"
    smtp_user: str = ""
    smtp_password: str = ""
    from_name: str = ""
    ca_file: str = ""

    oauth_url: str = ""
    oauth_client_id: str = ""
    oauth_client_secret: str = ""
    oauth_refresh_token: str = ""
    oauth_scope: str = ""


def secret(value: str, environment: Mapping[str, str] = os.environ) -> str:
    """A password as it is used: itself, or what `env:NAME` points at."""
    if not value.startswith("env:"):
        return value
    name = value[4:]
    if name not in environment:
        raise BadConfig(f"The environment has no {name}, which a mail setting points at. Set it and start again.")
    return environment[name]


def own_addresses(inbox: Inbox) -> tuple[str, ...]:
    """The inbox's address and its aliases, in normal form."""
    settings = inbox.settings
    aliases = settings.aliases if isinstance(settings, EmailSettings) else ()
    return tuple(normal("mail", address) for address in (inbox.address, *aliases) if address)


def without_plus(address: str) -> str:
    """`support+TOKEN@…` as `support@…`."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
