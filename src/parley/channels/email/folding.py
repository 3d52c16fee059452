"""Where a mail's new words end and what was there before begins. Nothing is cut: the place is remembered.

An answer below the whole quote is put above it, so that the new words always come first.

Clients write the same few things in their own language: a line that introduces the quote ("On … Ana wrote:"),
a block of headers (Outlook), a rule with words in it, `>` before old lines, "Sent from my phone". Lines are
judged one by one, from the end upwards, so that an answer below or between the quoted lines stays visible.
"""

import re

from parley.channels.email.sayings import (
    CLOSING,
    FORWARD_RULE,
    KIND_OF_LABEL,
    MONTH,
    OPENING,
    ORIGINAL_RULE,
    PHONE,
    WROTE_VERB,
)

LINES = 5000
LINE = 1000
INTRODUCTION = 400
VERB = 80  # letters at the end of a line among which its verb stands, were it an introduction
RULE = 120
INTRODUCTION_LINES = 4

_ADDRESS = re.compile(r"[^\s<>@\"]+@[^\s<>@\"]+\.[^\s<>@\"]+")
_MOMENT = re.compile(
    r"\b(?:19|20)\d\d\b|\d{4}\s?年|\b\d{1,2}[:.h]\d\d\b|\b\d{1,2}[./]\d{1,2}\b"
    rf"|\b\d{{1,2}}\.? {MONTH}(?!\w)|\b{MONTH} \d{{1,2}}\b",
    re.I,
)
# What Gmail wrote in places whose language it did not know: a moment with its zone, and a name.
_BARE_MOMENT = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2} \d{1,2}:\d\d GMT[+-]\d\d:?\d\d \S.{0,100}")
_RULE_WITH_WORDS = re.compile(r"[-_=*]{3,}[^-_=*]{0,60}[-_=*]{3,}")
_ENDS_IN_VERB = re.compile(rf"{WROTE_VERB.pattern}\s*[:：]?$", re.I)
_LABEL = re.compile(r"[\s*>]*([^\W\d_][^:：\n]{0,24}?)[\s*]*[:：]")
_SIGNATURE_LINE = re.compile(r"-- ?|__|—|_{20,}")
_SIGNED = re.compile(r"[/~][^\W\d_a-z][\w'’.]*(?: [^\W\d_a-z][\w'’.]*){0,2}")
_RULES = "-_=*‐–—"  # what the rule above an original begins with
_SIGNATURE_LINES = 20
_CLOSING_LINES = 10


def fold(text: str) -> int | None:
    """How many characters of the text are new. None: all of it, or nothing would be left to see."""
    lines = text.split("\n", LINES)[:LINES]
    words = [line[:LINE].strip() for line in lines]
    end = _without_tail(words, _first_hard_mark(words))
    if end == len(lines) or not any(words[:end]):
        return None
    kept = sum(len(line) + 1 for line in lines[:end])
    return len(text[:kept].rstrip())


def arranged(text: str) -> tuple[str, int | None]:
    """The text with its new words first, and where they end (see `fold`)."""
    lines = text.split("\n", LINES)[:LINES]
    words = [line[:LINE].strip() for line in lines]
    answer = _below_the_quote(words)
    if not answer:
        return text, fold(text)
    start = sum(len(line) + 1 for line in lines[:answer])
    quote, new = text[:start].strip("\n"), text[start:]
    end = fold(new)
    kept, rest = (new.rstrip(), "") if end is None else (new[:end], new[end:].strip("\n"))
    return "\n\n".join(piece for piece in (kept, quote, rest) if piece), len(kept)


def _below_the_quote(words: list[str]) -> int:
    """The line where the answer begins, when an introduction and its quote come first and nothing is quoted later."""
    first = next((place for place, line in enumerate(words) if line), 0)
    quote = next((place for place in range(first, min(first + 6, len(words))) if words[place].startswith(">")), 0)
    above = _up_over_blanks(words, quote)
    if quote <= first or _start_of_introduction(words, above - 1, alone=False) != first:
        return 0
    end = quote
    while end < len(words) and (not words[end] or words[end].startswith(">") or _broken_off(words, end)):
        end += 1
    later = any(line.startswith(">") for line in words[end:])
    return 0 if later or not any(words[end:]) else end


def _first_hard_mark(words: list[str]) -> int:
    """The line from which all is old, whatever it looks like: a rule, a header block, an introduction.

    One with nothing above it is none: who begins with the old words has put the new ones below.
    """
    above, address = False, -INTRODUCTION_LINES
    for place, line in enumerate(words):
        if not line or line[0] == ">":
            continue
        if "@" in line:
            address = place
        short = len(line) <= RULE
        if short and FORWARD_RULE.fullmatch(line):
            return len(words)  # what somebody forwards is what they want read
        ruled = short and line[0] in _RULES and ORIGINAL_RULE.fullmatch(line)
        if above and (ruled or ((":" in line or "：" in line) and _header_block(words, place))):
            return _with_rule_above(words, place)
        if above and ((line[0] in "12" and _BARE_MOMENT.fullmatch(line)) or _phone_alone(words, place)):
            return place
        # Without a colon it needs an address to be an introduction; looking for verbs in every line costs most.
        ends = line[-1] in ":：" or (place - address < INTRODUCTION_LINES and _ends_in_verb(line.strip("-‐–— ")))
        if ends and not _quote_follows(words, place):
            start = _start_of_introduction(words, place, alone=True)
            if start <= place and any(words[:start]):
                return start
        above = True
    return len(words)


def _phone_alone(words: list[str], place: int) -> bool:
    """What a phone adds is a paragraph of its own below the new words: what follows is what was there before."""
    around = (words[place - 1], words[place + 1] if place + 1 < len(words) else "")
    return not any(around) and bool(PHONE.fullmatch(words[place].rstrip(".!")))


def _with_rule_above(words: list[str], place: int) -> int:
    """Outlook draws a line of underscores before the header block."""
    above = _up_over_blanks(words, place)
    line = words[above - 1] if above else ""
    if (len(line) >= 3 and not line.strip("_-—*")) or _RULE_WITH_WORDS.fullmatch(line):
        return above - 1
    return place


def _header_block(words: list[str], place: int) -> bool:
    """Three different labels of a mail header, From among them, within seven lines that begin with one."""
    if _label(words[place]) not in (0, 1):
        return False
    kinds = {_label(line) for line in words[place : place + 7] if line} - {None}
    return 0 in kinds and len(kinds) >= 3


def _label(line: str) -> int | None:
    match = _LABEL.match(line)
    return KIND_OF_LABEL.get(match.group(1).strip(" *").lower()) if match else None


def _quote_follows(words: list[str], place: int) -> bool:
    following = next((line for line in words[place + 1 : place + 4] if line), "")
    return following.startswith((">", "|"))


def _start_of_introduction(words: list[str], place: int, alone: bool) -> int:
    """First line of the introduction that ends on this line; the line after it when this introduces nothing.

    alone: no `>` follows, so more proof is asked for. Clients break a long introduction over up to four lines:
    the longest stretch that begins as one does wins.
    """
    first = place
    while first > max(0, place - 3) and words[first - 1] and words[first - 1][0] not in ">|":
        first -= 1
    stretches = [(start, " ".join(words[start : place + 1])) for start in range(first, place + 1)]
    for start, joined in stretches:
        if len(joined) <= INTRODUCTION and _opens(joined) and _is_introduction(joined, alone):
            return start
    for start, joined in reversed(stretches):
        if len(joined) <= INTRODUCTION and _is_introduction(joined, alone):
            return start
    return place + 1


def _is_introduction(joined: str, alone: bool) -> bool:
    """Who wrote, and when: a verb of writing, a moment, an address; two of the three, and how it ends."""
    joined = joined.strip("-‐–— ")
    moment = bool(_MOMENT.search(joined))
    address = "@" in joined and bool(_ADDRESS.search(joined))
    if alone and not (moment or address):
        return False  # the long list of verbs costs most
    verb = bool(WROTE_VERB.search(joined))
    colon = joined.endswith((":", "："))
    if alone and not colon:
        return moment and address and _opens(joined) and bool(_ends_in_verb(joined))
    if alone:
        ended = joined.endswith((">:", ">：")) or bool(_ends_in_verb(joined)) or _opens(joined)
        return (ended and verb + moment + address >= 2) or (verb and moment and address)
    if not colon:
        return moment and address and _opens(joined)
    return verb + moment + address >= 2 or (verb and len(joined) < 60)


def _ends_in_verb(text: str) -> re.Match[str] | None:
    """Looked for where it can stand only: the long list is tried at each letter that is looked at."""
    return _ENDS_IN_VERB.search(text, max(0, len(text) - VERB))


def _opens(joined: str) -> bool:
    """Begins like an introduction, and tells the moment soon."""
    return bool(OPENING.match(joined) and _MOMENT.search(joined[:60]))


def _without_tail(words: list[str], end: int) -> int:
    """Upwards over blank lines, signatures and quoted blocks, until a line that is new."""
    while True:
        before = end
        end = _up_over_blanks(words, end)
        end = _up_over_quote(words, end)
        end = _up_over_phone(words, end)
        end = _up_over_signature(words, end)
        end = _up_over_closing(words, end)
        if end == before:
            return end


def _up_over_blanks(words: list[str], end: int) -> int:
    while end and not words[end - 1]:
        end -= 1
    return end


def _up_over_quote(words: list[str], end: int) -> int:
    mark = next((mark for mark in ">|" if end and words[end - 1].startswith(mark)), "")
    if not mark:
        return end
    while end and (not words[end - 1] or words[end - 1].startswith(mark) or _broken_off(words, end - 1)):
        end -= 1
    return min(end, _start_of_introduction(words, end - 1, alone=False)) if end else end


def _broken_off(words: list[str], place: int) -> bool:
    """The end of a quoted line that a client broke without quoting it anew: small letters below a long line."""
    above = words[place - 1] if place else ""
    return above.startswith(">") and len(above) >= 60 and words[place][:1].islower()


def _up_over_phone(words: list[str], end: int) -> int:
    alone = end > 0 and (end == 1 or not words[end - 2] or len(words[end - 1]) < 60)
    return end - 1 if alone and PHONE.fullmatch(words[end - 1].rstrip(".!")) else end


def _up_over_signature(words: list[str], end: int) -> int:
    for place in range(end - 1, max(-1, end - _SIGNATURE_LINES), -1):
        if _SIGNATURE_LINE.fullmatch(words[place]):
            return place
    return end


def _up_over_closing(words: list[str], end: int) -> int:
    """A closing on a line of its own, and below it only a name and how to reach its bearer; or /Name alone."""
    if end > 2 and not words[end - 2] and _SIGNED.fullmatch(words[end - 1]):
        return end - 1
    for place in range(end - 1, max(0, end - _CLOSING_LINES), -1):
        if len(words[place]) > 60 or words[place].endswith("?"):
            return end
        if CLOSING.fullmatch(words[place]):
            return place if any(words[:place]) else end
    return end
