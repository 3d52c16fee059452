"""What is wrong with a mail inbox, before a customer finds out."""

from urllib.parse import urlsplit

from parley.channels.email.encryption import Certificate
from parley.channels.email.mime import MAIL_BYTES
from parley.channels.email.settings import EmailSettings, secret
from parley.core.channel import Inbox
from parley.core.errors import BadConfig
from parley.core.identity import looks_like_mail, normal


def check(inbox: Inbox) -> list[str]:
    """Sentences; empty when nothing is odd. Touches no network."""
    settings = inbox.settings
    if not isinstance(settings, EmailSettings):
        return [f"{inbox.name}: these are not the settings of a mail inbox."]
    return [*_address(inbox), *_coming_in(settings), *_going_out(settings), *_secrets(settings)]


def _address(inbox: Inbox) -> list[str]:
    wrong = [one for one in (inbox.address, *inbox.settings.aliases) if not looks_like_mail(normal("mail", one))]
    said = [f"“{one}” is not a mail address." for one in wrong]
    if "+" in inbox.address.partition("@")[0]:
        said.append(f"{inbox.address} has a plus in it, which marks the tokens of answers. Use one without.")
    elif len(inbox.address.partition("@")[0]) > 20:
        said.append("The part before the @ is over 20 characters; then answers can't carry their token in it.")
    return said


def _coming_in(settings: EmailSettings) -> list[str]:
    if not (settings.imap_host or settings.mail_api or settings.listen_port or settings.hook_from):
        return ["No mail can come in: set imap_host or mail_api to fetch it, listen_port or hook_from to be handed it."]
    said = _service(settings) if settings.mail_api else []
    if settings.hook_from and not settings.hook_secret:
        said.append("hook_secret is empty, so that every post is refused. Enter what the mail service signs with.")
    if bool(settings.s3_access_key) != bool(settings.s3_secret_key):
        said.append("s3_access_key and s3_secret_key belong together; one of them is empty.")
    if settings.imap_host and not settings.mail_api:
        if not settings.imap_user or not (settings.imap_password or settings.oauth_url):
            said.append("imap_user and imap_password are needed to log in to the mailbox.")
        said += _encryption("imap", settings.imap_host, settings.imap_security, bool(settings.imap_user))
        said += _ports("imap", settings.imap_port, settings.imap_security, {993: "tls", 143: "starttls"})
    if (settings.imap_host or settings.mail_api) and settings.poll_seconds < 5:
        said.append("poll_seconds is under 5; many servers shut out those who ask so often.")
    if settings.listen_port and not 0 < settings.listen_port < 65536:
        said.append(f"listen_port {settings.listen_port} is not a port.")
    if settings.listen_port and settings.listen_host in ("0.0.0.0", "::", ""):
        said.append("listen_host takes mail from everywhere, unfiltered. Put a mail server in front.")
    if settings.listen_port:
        said += _port_of_ours(settings)
    return said


def _service(settings: EmailSettings) -> list[str]:
    said = []
    if not settings.oauth_url or not settings.oauth_client_id:
        said.append("mail_api logs in with tokens: set oauth_url, oauth_client_id and what they need.")
    if settings.imap_host:
        said.append("imap_host is not used while mail_api is set: the mailbox is read through its service.")
    if settings.mail_api == "gmail" and settings.api_mailbox:
        said.append("Gmail knows no api_mailbox: it opens the mailbox of who consented. Leave it empty.")
    if settings.mail_api == "gmail" and not settings.oauth_refresh_token:
        said.append("Gmail gives no token without oauth_refresh_token. Let the mailbox's owner consent.")
    if settings.mail_api == "graph" and not (settings.oauth_refresh_token or settings.api_mailbox):
        said.append("Without oauth_refresh_token there is no mailbox of one's own: set api_mailbox to its address.")
    for name, url in (("api_url", settings.api_url), ("oauth_url", settings.oauth_url)):
        host = urlsplit(url).hostname or ""
        if url and not url.startswith("https://") and host not in ("localhost", "127.0.0.1", "::1"):
            said.append(f"{name} is not https: anyone on the way there can read the tokens.")
    return said


def _port_of_ours(settings: EmailSettings) -> list[str]:
    said = []
    if settings.listen_key and not settings.listen_certificate:
        said.append("listen_key needs its listen_certificate beside it.")
    elif settings.listen_certificate:
        try:
            Certificate(settings, "localhost").context()
        except OSError as problem:
            said.append(f"listen_certificate and listen_key cannot be used: {problem}.")
    if not 1000 <= settings.listen_bytes <= MAIL_BYTES:
        said.append(f"listen_bytes goes from 1000 to {MAIL_BYTES}, which is the most that is ever read.")
    if not 1 <= settings.listen_recipients <= 10_000:
        said.append("listen_recipients goes from 1 to 10000; mail servers expect at least 100.")
    return said


def _going_out(settings: EmailSettings) -> list[str]:
    if not settings.smtp_host:
        return [] if settings.mail_api else ["No mail can be sent: set smtp_host or mail_api."]
    said = _encryption("smtp", settings.smtp_host, settings.smtp_security, bool(settings.smtp_user))
    said += _ports("smtp", settings.smtp_port, settings.smtp_security, {465: "tls", 587: "starttls"})
    if not settings.oauth_url and bool(settings.smtp_user) != bool(settings.smtp_password):
        said.append("smtp_user and smtp_password belong together; one of them is empty.")
    return said


def _encryption(what: str, host: str, security: str, logs_in: bool) -> list[str]:
    if security != "none" or not logs_in or host in ("localhost", "127.0.0.1", "::1"):
        return []
    return [f"{what}_security is none: anyone on the way to {host} can read the password. Use tls or starttls."]


def _ports(what: str, port: int, security: str, usual: dict[int, str]) -> list[str]:
    expected = usual.get(port)
    if expected is None or expected == security or security == "none":
        return []
    return [f"Port {port} is usually used with {what}_security = {expected}, not {security}."]


def _secrets(settings: EmailSettings) -> list[str]:
    said = []
    for value in (
        settings.imap_password, settings.smtp_password, settings.hook_secret, settings.oauth_client_secret,
        settings.oauth_refresh_token, settings.s3_secret_key,
    ):  # fmt: skip
        try:
            secret(value)
        except BadConfig as problem:
            said.append(str(problem))
    return said
