"""A mail that somebody passes on by hand: who wrote it first, and what."""

import re

from parley.channels.email.sayings import FORWARD_RULE, KIND_OF_LABEL, ORIGINAL_RULE
from parley.channels.email.words import mailboxes
from parley.core.channel import Address, Forwarded
from parley.core.identity import looks_like_mail, normal

_PASSED_ON = re.compile(
    r"\s*(?:fwd?|wg|tr|rv|enc|i|doorst|pd|vb|vl|fs|továbbítás|fvs|ilt|転送|转发|轉寄|전달)\s*[:：]\s*", re.I
)
_LABEL = re.compile(r"[>*\s]*([^:：]{2,25}?)\*?\s*[:：]\s*\*?\s*(.*)")
BLOCK = 12  # lines that the head of the old mail may take
SEARCHED = 400  # lines in which it may begin


def forwarded(subject: str, text: str) -> Forwarded | None:
    """The mail inside one whose subject says that it was passed on; None where none can be made out."""
    mark = _PASSED_ON.match(subject)
    if mark is None:
        return None
    lines = text.split("\n")
    for number, line in enumerate(lines[:SEARCHED]):
        begins = FORWARD_RULE.fullmatch(line.strip()) or ORIGINAL_RULE.fullmatch(line)
        labelled = _labelled(line)
        if not begins and not (labelled and labelled[0] == 0):
            continue
        found = _block(lines, number + 1 if begins else number)
        if found:
            author, end = found
            return Forwarded(
                author=author,
                subject=subject[mark.end() :],
                text="\n".join(lines[end:]).strip(),
                comment="\n".join(lines[:number]).strip(),
            )
    return None


def _block(lines: list[str], start: int) -> tuple[Address, int] | None:
    """(author, number of the first line of the old text) of a head that begins about here."""
    author: Address | None = None
    for number in range(start, min(start + BLOCK, len(lines))):
        line = lines[number]
        if not line.strip():
            if author:
                return author, number + 1
            continue
        labelled = _labelled(line)
        if labelled is None and author is None:
            return None
        if labelled and labelled[0] == 0 and author is None:
            author = _address(labelled[1])
            if author is None:
                return None
    return None


def _labelled(line: str) -> tuple[int, str] | None:
    """(0 for From, 1 date, 2 To, 3 subject; what is said) of a line of such a head."""
    found = _LABEL.fullmatch(line[:500])
    kind = KIND_OF_LABEL.get(found.group(1).strip().lower()) if found else None
    return (kind, found.group(2)) if found and kind is not None else None


def _address(text: str) -> Address | None:
    text = re.sub(r"\[mailto:([^\]]*)\]", r"<\1>", text)
    for one in mailboxes(text.encode("utf-8")):
        value = normal("mail", one.address)
        if looks_like_mail(value):
            return Address(kind="mail", value=value, name=one.name)
    return None
