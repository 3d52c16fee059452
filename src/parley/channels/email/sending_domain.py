"""Whether the world will believe that our mail is ours: SPF, DKIM and DMARC of the sending domain, and what to add.

Reads the DNS only. Each step says what there is; where something is missing, the exact line to add follows.
"""

import re
from ipaddress import ip_address

from parley.channels.email.authenticity import checked
from parley.channels.email.names import Names, NoAnswer, server
from parley.channels.email.providers import House, that_sends
from parley.channels.email.settings import EmailSettings
from parley.channels.email.verdict import Envelope
from parley.core.channel import Inbox
from parley.core.identity import normal

SECONDS = 10.0
USUAL_SELECTORS = ("default", "dkim", "mail", "s1", "s2", "k1", "selector1", "google")
SENDS = {"gmail": "smtp.gmail.com", "graph": "smtp.office365.com"}  # what goes in through the interface leaves there
Step = tuple[str, bool, str]
_ALL = re.compile(r"\s([-~?+]?all)\s*\Z", re.I)
_POLICY = re.compile(r"(?:\A|;)\s*p\s*=\s*(none|quarantine|reject)\b", re.I)
_KEY = re.compile(r"(?:\A|;)\s*p\s*=\s*[A-Za-z0-9+/]{20}")


def looked_at(inbox: Inbox) -> list[Step]:
    """SPF, DKIM and DMARC of the inbox's domain: (step, whether it is fine, a sentence and the line to add). Blocks."""
    settings: EmailSettings = inbox.settings
    domain = normal("mail", inbox.address).rpartition("@")[2]
    names = Names(SECONDS, tuple(server(one) for one in settings.dns_servers))
    host = SENDS.get(settings.mail_api, settings.smtp_host)
    house = that_sends(host)
    steps = []
    for step, look in (("SPF:", spf), ("DKIM:", dkim), ("DMARC:", dmarc)):
        try:
            good, sentence = look(domain, host, house, names)
        except NoAnswer as problem:
            good, sentence = False, f"{problem}."
        steps.append((step, good, sentence))
    return steps


def spf(domain: str, host: str, house: House | None, names: Names) -> tuple[bool, str]:
    """RFC 7208. Whether the server that sends for us is among those the domain sends from."""
    records = [text.decode("ascii", "replace") for text in names.texts(domain) if text.lower().startswith(b"v=spf1")]
    term = house.spf if house and house.spf else _names(host)
    if len(records) > 1:
        return False, f"{domain} has {len(records)} SPF records, and so none that counts. Leave one of them."
    if not records:
        return False, f"{domain} does not say from where it sends. Add: {_line(domain, f'v=spf1 {term} ~all')}"
    if term.lower() in records[0].lower().split() or (not house and _passes(domain, host, names)):
        return True, f"{domain} says that it sends from {host}."
    merged = _ALL.sub(lambda match: f" {term} {match.group(1)}", records[0])
    merged = merged if merged != records[0] else f"{records[0].strip()} {term}"
    return False, f"{domain} does not name {host}. Change its SPF record to: {_line(domain, merged)}"


def _names(host: str) -> str:
    """What lets a server of one's own send."""
    try:
        return f"ip{ip_address(host).version}:{host}"
    except ValueError:
        return f"a:{host}"


def _passes(domain: str, host: str, names: Names) -> bool:
    """Whether the domain's record lets the server's own address send."""
    named = [record.address for kind in ("A", "AAAA") for record in names.records(host, kind)]
    peers = [host] if _names(host).startswith("ip") else named
    envelopes = [Envelope(peer=peer, sender=f"postmaster@{domain}") for peer in peers]
    return any(checked(b"From: <>\r\n\r\n", [domain], one, names).spf == "pass" for one in envelopes)


def dkim(domain: str, host: str, house: House | None, names: Names) -> tuple[bool, str]:
    """RFC 6376. A key under a selector that our server's house uses, or under a usual one."""
    tried = dict.fromkeys([*(house.selectors if house else ()), *USUAL_SELECTORS])
    for selector in tried:
        texts = names.texts(f"{selector}._domainkey.{domain}")
        if any(_KEY.search(text.decode("ascii", "replace")) for text in texts):
            return True, f"A key for signatures is published under {selector}._domainkey.{domain}."
    who = house.name if house else host or "the mail server"
    selector = house.selectors[0] if house and house.selectors else "default"
    line = _line(f"{selector}._domainkey.{domain}", "v=DKIM1; k=rsa; p=KEY")
    return False, (
        f"No key for signatures was found under the usual names. Turn on DKIM at {who}, which shows the KEY, and add: "
        f"{line} (or as {who} says; a key under another name is found by sending to oneself)."
    )


def dmarc(domain: str, host: str, house: House | None, names: Names) -> tuple[bool, str]:
    """RFC 7489. The domain's own policy, else that of the organisation above it."""
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        name = ".".join(labels[start:])
        for text in names.texts(f"_dmarc.{name}"):
            said = text.decode("ascii", "replace")
            policy = _POLICY.search(said)
            if said.lower().startswith("v=dmarc1") and policy:
                more = " It only watches; p=quarantine would protect your name." if policy[1].lower() == "none" else ""
                return True, f"{name} has the policy {policy[1].lower()} for mail that fails.{more}"
    line = _line(f"_dmarc.{domain}", f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}")
    return False, f"{domain} has no policy; large mailboxes ask for one. Add: {line}"


def _line(name: str, text: str) -> str:
    """A TXT record as zone files and most forms take it."""
    return f'{name}. TXT "{text}"'
