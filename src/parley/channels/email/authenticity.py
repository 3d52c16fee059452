"""Who really sent a mail: SPF (RFC 7208), DKIM (RFC 6376), ARC (RFC 8617) and DMARC's verdict over them.

This module alone knows the libraries behind it (pyspf, dkimpy, dnspython). `checked` runs in a thread where the
mail is received, because only there the peer's address and MAIL FROM are known; what it found is put in front of
the raw mail, so that reading stays pure. Whatever a hostile mail or record does to a library is an error of that
check, never of the mail; what would make one slow is refused before it is called.

The organisation behind a domain is found by DMARC's walk up the tree, which asks the DNS and needs no list.
"""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

from parley.channels.email.names import Names, NoAnswer
from parley.channels.email.verdict import Checks, Envelope

SIGNATURES = 5
ARC_SETS = 10
HEAD_BYTES = 256 * 1024
BLANKS = 1000  # in a row: the libraries' patterns take the square of it
BLANK_RUNS = 10_000
TREE = 8  # names that a walk up the tree asks

_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+\Z")
_SIGNED = re.compile(rb"^(?:dkim-signature|arc-seal)[ \t]*:", re.I | re.M)
_quiet = logging.getLogger("parley.email.dkim")
_quiet.disabled = True  # dkimpy logs whatever a stranger wrote
_names = threading.local()


def checked(raw: bytes, authors: list[str], envelope: Envelope, names: Names) -> Checks:
    """Everything about one mail. authors: the domains of every address in From. Blocks; raises nothing."""
    spf, spf_domain = _spf(envelope, names)
    signers, dkim = _dkim(raw, names)
    arc, sealer = _arc(raw, names)
    dmarc, policy, aligned = _dmarc(authors, spf_domain if spf == "pass" else "", signers, (spf, dkim), names)
    return Checks(
        spf=spf,
        spf_domain=spf_domain,
        dkim=dkim,
        dkim_domain=aligned or next(iter(signers), ""),
        dmarc=dmarc,
        policy=policy,
        arc=arc,
        arc_sealer=sealer,
    )


# SPF


def _spf(envelope: Envelope, names: Names) -> tuple[str, str]:
    """(result, domain it is about). A bounce has no MAIL FROM; then the name of HELO is looked at."""
    domain = (envelope.sender.rpartition("@")[2] or envelope.helo).lower().rstrip(".")
    if not envelope.peer or not _DOMAIN.match(domain):
        return "", ""
    try:
        import spf

        spf.DNSLookup = _spf_records
        _names.current = names
        sender = envelope.sender or f"postmaster@{domain}"
        question = spf.query(str(ip_address(envelope.peer)), sender, envelope.helo or domain, timeout=2, querytime=0)
        result = str(question.check()[0])
    except Exception:  # a record may be anything
        result = "temperror"
    return (result if result.isalpha() else "permerror"), domain


def _spf_records(name: str, kind: str, strict: object = True, timeout: float = 0) -> list[tuple[Any, Any]]:
    """What pyspf wants in place of its own look-ups."""
    import spf

    try:
        records = _names.current.records(name, kind)
    except NoAnswer as problem:
        raise spf.TempError(str(problem)) from problem
    shown: dict[str, Callable[[Any], Any]] = {
        "A": lambda r: r.address,
        "AAAA": lambda r: r.address,
        "MX": lambda r: (r.preference, r.exchange.to_text(True)),
        "PTR": lambda r: r.target.to_text(True),
        "TXT": lambda r: r.strings,
    }
    return [((name, kind), shown[kind](record)) for record in records] if kind in shown else []


# DKIM and ARC


def _dkim(raw: bytes, names: Names) -> tuple[list[str], str]:
    """(domains whose signature covers From and the whole body, overall result)."""
    if not _SIGNED.search(raw[:HEAD_BYTES]):
        return [], "none"
    if _would_be_slow(raw):
        return [], "policy"
    import dkim

    passed: list[str] = []
    worst = "none"
    try:
        mail = dkim.DKIM(raw, logger=_quiet, minkey=1024, timeout=2)
        count = sum(name.lower() == b"dkim-signature" for name, _ in mail.headers)
    except Exception:
        return [], "permerror"
    for number in range(min(count, SIGNATURES)):
        result = _verified(mail, number, names)
        if result == "pass":
            passed.append(mail.domain.decode("ascii", "replace").lower().rstrip("."))
        worst = "fail" if "fail" in (worst, result) else result
    return passed, "pass" if passed else worst


def _verified(mail: Any, number: int, names: Names) -> str:
    trouble: list[str] = []
    try:
        good = mail.verify(number, dnsfunc=_keys(names, trouble))
        fields = mail.signature_fields
        whole = b"l" not in fields and b"from" in mail.include_headers  # beyond l= anybody could have added text
    except Exception:
        return "temperror" if trouble else "fail"
    if trouble and not good:
        return "temperror"
    return ("pass" if whole else "policy") if good else "fail"


def _keys(names: Names, trouble: list[str]) -> Callable[..., bytes | None]:
    def key(name: bytes | str, timeout: float = 0) -> bytes | None:
        text = name.decode("ascii", "replace") if isinstance(name, bytes) else name
        try:
            found = names.texts(text)
        except NoAnswer:
            trouble.append(text)
            return None
        return found[0] if found else None

    return key


def _arc(raw: bytes, names: Names) -> tuple[str, str]:
    """(chain's result, domain of the newest seal)."""
    head = raw[:HEAD_BYTES].lower()
    sets = head.count(b"\narc-seal:") + head.startswith(b"arc-seal:")
    if not sets:
        return "", ""
    if sets > ARC_SETS or _would_be_slow(raw):
        return "policy", ""
    import dkim

    trouble: list[str] = []
    try:
        chain = dkim.ARC(raw, logger=_quiet, minkey=1024, timeout=2)
        result, seals, _ = chain.verify(dnsfunc=_keys(names, trouble))
        sealer = str(seals[0].get("as-domain", b""), "ascii", "replace").lower() if seals else ""
    except Exception:
        return "temperror" if trouble else "fail", ""
    if result == dkim.CV_Pass:
        return "pass", sealer
    return ("temperror" if trouble else "fail"), sealer


def _would_be_slow(raw: bytes) -> bool:
    """Whether blanks are heaped up so that the libraries' patterns would run for seconds."""
    even = raw.replace(b"\t", b" ")
    return b" " * BLANKS in even or even.count(b" " * 64) > BLANK_RUNS or len(raw) > 64 * 1024 * 1024


# DMARC


def _dmarc(
    authors: list[str], spf_domain: str, signers: list[str], looked: tuple[str, str], names: Names
) -> tuple[str, str, str]:
    """(result, policy, the aligned DKIM domain). looked: results of SPF and DKIM as a whole."""
    if len(set(authors)) != 1 or not _DOMAIN.match(authors[0]):
        return ("permerror" if authors else ""), "", ""
    author = authors[0]
    try:
        found = _policy(author, names)
        if found is None:
            return "none", "", next((one for one in signers if one == author), "")
        policy, record = found
        for signer in signers:
            if _aligned(author, signer, record.get("adkim", "r"), names):
                return "pass", policy, signer
        if spf_domain and _aligned(author, spf_domain, record.get("aspf", "r"), names):
            return "pass", policy, ""
    except NoAnswer:
        return "temperror", "", ""
    if "temperror" in looked:
        return "temperror", policy, ""
    return ("fail" if looked[0] else ""), policy, ""  # without the peer's address a missing SPF says nothing


def _policy(author: str, names: Names) -> tuple[str, dict[str, str]] | None:
    """What the author's domain, the organisation behind it, or its public suffix wants; None: nobody has a wish."""
    own = _record(author, names)
    if own is not None:
        return _wish(own.get("p", "")), own
    above = [_organisation(author, names), *_upwards(author)]
    for name in above:
        record = _record(name, names)
        if record is not None and (name == above[0] or record.get("psd") == "y"):
            return _wish(record.get("sp", record.get("p", ""))), record
    return None


def _wish(policy: str) -> str:
    return policy if policy in ("quarantine", "reject") else "none"


def _aligned(author: str, other: str, mode: str, names: Names) -> bool:
    if author == other:
        return True
    return mode != "s" and _DOMAIN.match(other) is not None and _related(author, other, names)


def _related(author: str, other: str, names: Names) -> bool:
    return _organisation(author, names) == _organisation(other, names)


def _organisation(domain: str, names: Names) -> str:
    """Found by walking up: the highest name with a record, but for those that say they are a public suffix."""
    found = domain
    for name in _upwards(domain):
        record = _record(name, names)
        if record is None:
            continue
        if record.get("psd") == "n":
            return name
        if record.get("psd") == "y":
            return domain if name == domain else _below(domain, name)
        found = name
    return found


def _below(domain: str, suffix: str) -> str:
    """The name one label under a public suffix, on the way down to the domain."""
    labels = domain.removesuffix(f".{suffix}").split(".")
    return f"{labels[-1]}.{suffix}"


def _upwards(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    yield domain
    first = 1 if len(labels) <= TREE else len(labels) - TREE + 1
    for start in range(first, len(labels)):
        yield ".".join(labels[start:])


def _record(domain: str, names: Names) -> dict[str, str] | None:
    """A DMARC record's tags. Two records are none."""
    found = [text for text in names.texts(f"_dmarc.{domain}") if text.lower().startswith(b"v=dmarc1")]
    if len(found) != 1:
        return None
    pairs = (part.partition("=") for part in found[0].decode("ascii", "replace").split(";"))
    return {key.strip().lower(): value.strip().lower() for key, equals, value in pairs if equals}
