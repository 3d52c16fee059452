"""The servers of a mail account, found from its address: SRV records, autoconfig, and what the MX gives away.

RFC 6186 (SRV for mail clients), RFC 8314 (submissions), Mozilla's "Autoconfiguration" file format, and a table of the
houses that most domains are with. Whatever is found is a proposal: the steps of the test then show whether it works.
"""

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from parley.channels.email.names import Names, NoAnswer, server
from parley.channels.email.providers import with_mx
from parley.core.errors import Refused
from parley.core.identity import looks_like_mail, normal

SECONDS = 8.0
XML_BYTES = 128 * 1024
Fetch = Callable[[str, Names], bytes]
Found = dict[str, Any]
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\Z")
_SECURITY = {"SSL": "tls", "STARTTLS": "starttls", "plain": "none"}


def detect(address: str, dns_servers: tuple[str, ...] = (), fetch: Fetch | None = None) -> tuple[Found, str]:
    """(settings that an inbox of this address may begin with, a sentence on where they come from). Blocks some seconds.

    Raises Refused for what is no address, and when nothing is found.
    """
    if not looks_like_mail(normal("mail", address)):
        raise Refused(f"“{address}” is not a mail address.")
    domain = normal("mail", address).rpartition("@")[2]
    names = Names(SECONDS, tuple(server(one) for one in dns_servers))
    for source, look in (
        ("its DNS (SRV records)", _by_srv),
        ("its autoconfig file", lambda d, n: _by_autoconfig(d, address, n, fetch or fetched)),
        ("its mail exchanger (MX)", _by_mx),
    ):
        try:
            found = look(domain, names)
        except NoAnswer as problem:
            raise Refused(f"{problem}. Enter the servers by hand.") from problem
        if found:
            user = {name: address for name in ("imap_user", "smtp_user") if f"{name[:4]}_host" in found}
            return (
                user | found,
                f"The servers of {domain} were found in {source}. Enter the password, then save and test.",
            )
    raise Refused(f"{domain} does not tell its mail servers. Ask whoever runs its mail, and enter them by hand.")


def _by_srv(domain: str, names: Names) -> Found:
    found: Found = {}
    for service, what, security in (
        ("_imaps", "imap", "tls"), ("_imap", "imap", "starttls"),
        ("_submissions", "smtp", "tls"), ("_submission", "smtp", "starttls"),
    ):  # fmt: skip
        records = [one for one in names.records(f"{service}._tcp.{domain}", "SRV") if one.target.to_text() != "."]
        if records and f"{what}_host" not in found:
            best = min(records, key=lambda one: (one.priority, -one.weight))
            found |= _server(what, best.target.to_text(True), best.port, security)
    return found


def _server(what: str, host: str, port: int, security: str) -> Found:
    if not _HOST.match(host.lower()) or not 0 < port < 65536:
        return {}
    return {f"{what}_host": host.lower(), f"{what}_port": port, f"{what}_security": security}


def _by_autoconfig(domain: str, address: str, names: Names, fetch: Fetch) -> Found:
    from urllib.parse import quote

    for url in (
        f"https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={quote(address)}",
        f"https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
    ):
        found = from_xml(fetch(url, names), address)
        if found:
            return found
    return {}


def from_xml(data: bytes, address: str) -> Found:
    """What an autoconfig file says, its encrypted servers first; empty for one that says nothing or is none."""
    if len(data) > XML_BYTES or b"<!" in data.replace(b"<!--", b""):
        return {}  # no entities: they could grow without end
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError):
        return {}
    found: Found = {}
    for tag, kind, what in (("incomingServer", "imap", "imap"), ("outgoingServer", "smtp", "smtp")):
        servers = [_told(one, what, address) for one in root.iter(tag) if one.get("type") == kind]
        order = {"tls": 0, "starttls": 1, "none": 2}
        for best in sorted((one for one in servers if one), key=lambda one: order[one[f"{what}_security"]])[:1]:
            found |= best
    return found


def _told(node: Any, what: str, address: str) -> Found:
    def said(name: str) -> str:
        return (node.findtext(name) or "").strip()

    port = said("port")
    security = _SECURITY.get(said("socketType"))
    found = (
        _server(what, said("hostname"), int(port), security) if port.isdecimal() and len(port) < 6 and security else {}
    )
    user = said("username").replace("%EMAILADDRESS%", address).replace("%EMAILLOCALPART%", address.partition("@")[0])
    return found | {f"{what}_user": user} if found and user and "%" not in user else found


def _by_mx(domain: str, names: Names) -> Found:
    exchanges = sorted(names.records(domain, "MX"), key=lambda one: int(one.preference))
    host = exchanges[0].exchange.to_text(True).lower() if exchanges else ""
    house = with_mx(host)
    if house and house.imap:
        return _server("imap", house.imap, 993, "tls") | _server(
            "smtp", house.smtp, house.smtp_port, house.smtp_security
        )
    for guess in (f"imap.{domain}", f"mail.{domain}", host):
        if guess and (names.records(guess, "A") or names.records(guess, "AAAA")):
            sends = next((one for one in (f"smtp.{domain}",) if names.records(one, "A")), guess)
            return _server("imap", guess, 993, "tls") | _server("smtp", sends, 587, "starttls")
    return {}


def fetched(url: str, names: Names) -> bytes:
    """The page, or b"". Only over checked TLS, without redirects, and from a server on the open internet."""
    from ipaddress import ip_address
    from urllib.parse import urlsplit

    import httpx

    host = urlsplit(url).hostname or ""
    addresses = [one.address for kind in ("A", "AAAA") for one in names.records(host, kind)]
    if not addresses or not all(ip_address(one).is_global for one in addresses):
        return b""
    try:
        with httpx.Client(timeout=3, follow_redirects=False) as client:
            answer = client.get(url)
    except (httpx.HTTPError, httpx.InvalidURL):
        return b""
    return answer.content if answer.status_code == 200 else b""
