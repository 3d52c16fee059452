"""What the checks of a mail's sender come to: found where it is received, carried in its first line, read here.

The line is believed at the very first byte of a delivery only; `foreign` keeps a stranger's copy of it from
standing there. Results of a mail server of ours (Authentication-Results, RFC 8601) are read with the same words.
"""

import re
from collections.abc import Iterator

import msgspec

from parley.channels.email.mime import Part
from parley.core.channel import Address

LINE = "X-Parley-Checked"
_RESULT = re.compile(r"\s*(spf|dkim|dmarc|arc)\s*=\s*([a-z]{3,10})\b(.*)", re.I | re.S)
_PROPERTY = re.compile(r"\b([a-z-]+\.[a-z-]+)\s*=\s*\"?([^\s;\"()]+)", re.I)
_POLICY = re.compile(r"\bp\s*=\s*(none|quarantine|reject)\b", re.I)
_COMMENT = re.compile(r"\([^()]*\)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SET = re.compile(rb"^\s*i\s*=\s*(\d{1,3})\s*;")
_OWN = re.compile(rb"\s*(?:x-parley-(?:checked|hook)|\{)", re.I)
_UNSAFE = re.compile(r"[^\w.@:-]+", re.A)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """How a mail came. peer: the address of whoever sent it over the internet; empty: not known, so no SPF."""

    peer: str = ""
    helo: str = ""
    sender: str = ""


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """Results in the words of RFC 8601 (pass, fail, softfail, none, temperror …); empty: not looked at.

    dkim_domain: whose signature passed, the aligned one where there is one. policy: what the From domain
    wants done with mails that fail (none, quarantine, reject). arc_sealer: who sealed the newest ARC set.
    """

    spf: str = ""
    spf_domain: str = ""
    dkim: str = ""
    dkim_domain: str = ""
    dmarc: str = ""
    policy: str = ""
    arc: str = ""
    arc_sealer: str = ""

    def line(self) -> bytes:
        """The header that goes in front of the mail."""
        words = {name: _UNSAFE.sub("", value)[:255] or "-" for name, value in msgspec.structs.asdict(self).items()}
        said = (
            f"spf={words['spf']} smtp.mailfrom={words['spf_domain']}; dkim={words['dkim']}"
            f" header.d={words['dkim_domain']}; dmarc={words['dmarc']} policy.dmarc={words['policy']};"
            f" arc={words['arc']} header.d={words['arc_sealer']}"
        )
        return f"{LINE}: {said}\r\n".encode("ascii", "replace")


def foreign(raw: bytes) -> bytes:
    """A mail that comes without our own first lines (`LINE`, `posted.MARK`), so that it cannot bring them along."""
    return b"X-Parley-Fetched: yes\r\n" + raw if _OWN.match(raw) else raw


def ours(raw: bytes) -> Checks | None:
    """What our own reception found, if it looked."""
    mark = f"{LINE}: ".encode("ascii")
    if not raw.startswith(mark):
        return None
    return results(raw[len(mark) : raw.find(b"\n")].decode("ascii", "replace"))


def of_server(mail: Part, name: str) -> Checks | None:
    """What a mail server of ours, which signs with this name, found. Only its topmost word counts."""
    for value in mail.all("authentication-results"):
        server, _, said = value.decode("latin-1").partition(";")
        if server.lower().split()[:1] == [name.lower()]:
            return results(said)
    return None


def results(said: str) -> Checks:
    """`spf=pass smtp.mailfrom=…; dkim=…` as a struct. Of several of one kind the best counts."""
    found: dict[str, str] = {}
    for match in _each(said[:8000]):
        kind, result, rest = match.group(1).lower(), match.group(2).lower(), match.group(3)
        if found.get(kind) == "pass":
            continue
        properties = {key.lower(): value.lower() for key, value in _PROPERTY.findall(rest) if value != "-"}
        found[kind] = result
        found[f"{kind}_domain"] = _domain(properties, kind)
        if kind == "dmarc":
            wish = _POLICY.search(said)
            found["policy"] = properties.get("policy.dmarc", "") or (wish.group(1).lower() if wish else "")
    return Checks(
        spf=found.get("spf", ""),
        spf_domain=found.get("spf_domain", ""),
        dkim=found.get("dkim", ""),
        dkim_domain=found.get("dkim_domain", ""),
        dmarc=found.get("dmarc", ""),
        policy=found.get("policy", ""),
        arc=found.get("arc", ""),
        arc_sealer=found.get("arc_domain", ""),
    )


def _each(said: str) -> Iterator[re.Match[str]]:
    """The results one by one. Quoted text and comments hold what a sender chose: neither may end a result."""
    said = _QUOTED.sub(lambda quoted: _UNSAFE.sub("", quoted.group(1)), said)
    for _ in range(3):
        said = _COMMENT.sub(" ", said)
    return (match for part in said.split(";") if (match := _RESULT.match(part)))


def _domain(properties: dict[str, str], kind: str) -> str:
    keys = ("smtp.mailfrom", "smtp.helo") if kind == "spf" else ("header.d", "header.i")
    value = next((properties[key] for key in keys if key in properties), "")
    return value.rpartition("@")[2]


def sealed_pass(mail: Part) -> bool:
    """Whether the newest ARC set reports that DMARC passed where the mail was sealed."""
    newest, said = 0, ""
    for value in mail.all("arc-authentication-results"):
        number = _SET.match(value)
        if number and int(number.group(1)) > newest:
            newest, said = int(number.group(1)), value.decode("latin-1")
    return results(said).dmarc == "pass"


def judged(address: Address, checks: Checks | None, sealers: tuple[str, ...], mail: Part) -> Address:
    """The sender's address with what proves it, or why to doubt it."""
    if checks is None:
        return address
    author = address.value.rpartition("@")[2]
    proved = _proof(checks, author) or ("arc" if _sealed(checks, sealers, mail) else None)
    doubt = None if proved else _doubt(checks, author)
    return msgspec.structs.replace(address, proved=proved, doubt=doubt, checks=_shown(checks))


def _proof(checks: Checks, author: str) -> str | None:
    if checks.dmarc == "pass":
        return "dmarc"
    if checks.dmarc in ("", "none") and checks.dkim == "pass" and checks.dkim_domain == author:
        return "dkim"
    return None


def _sealed(checks: Checks, sealers: tuple[str, ...], mail: Part) -> bool:
    trusted = {one.lower() for one in sealers}
    return checks.arc == "pass" and checks.arc_sealer in trusted and sealed_pass(mail)


def _doubt(checks: Checks, author: str) -> str | None:
    """A sentence for agents. A domain that only watches (p=none) raises none: lists and forwarders break much."""
    if checks.dmarc == "fail" and checks.policy in ("quarantine", "reject"):
        return f"{author} says that it did not send this mail (DMARC {checks.policy})."
    if checks.dmarc in ("permerror", "bestguessfail"):
        return "The mail does not say clearly who sent it."
    if checks.dmarc == "temperror":
        return "Its sender could not be checked, because the DNS did not answer."
    if checks.dmarc in ("", "none") and checks.spf == "fail" and checks.dkim != "pass" and checks.spf_domain == author:
        return f"It came from a server that {author} does not send from (SPF)."
    return None


def _shown(checks: Checks) -> str:
    """`SPF pass · DKIM pass (acme.example) · DMARC pass`: a line for agents."""
    said = [
        ("SPF", checks.spf, checks.spf_domain),
        ("DKIM", checks.dkim, checks.dkim_domain),
        ("DMARC", checks.dmarc, ""),
        ("ARC", checks.arc if checks.arc != "none" else "", checks.arc_sealer),
    ]
    shown = [
        f"{name} {result}" + (f" ({domain})" if domain and result == "pass" else "")
        for name, result, domain in said
        if result
    ]
    return " · ".join(shown)[:300]
