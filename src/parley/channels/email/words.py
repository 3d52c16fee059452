"""What header values say: encoded words, parameters, addresses, dates, message ids. Bounded, never raises."""

import binascii
import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from functools import lru_cache
from urllib.parse import unquote_to_bytes

import msgspec

from parley.channels.email.charsets import decode

ENCODED_WORDS = 200
ADDRESSES = 1000
PIECES = 100
ID_LENGTH = 500

_WORD = re.compile(rb"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(rb"(\?=)\s+(?==\?[^?\s]{1,60}\?[bBqQ]\?)")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"?|<([^<>]*)>?|([,;:])|(\()|([^",;:<(]+)', re.S)
_BARE_ADDRESS = re.compile(r"[^\s<>\"(),;:\[\]]{1,128}@[^\s<>\"(),;:]{1,255}")
_MESSAGE_ID = re.compile(rb"<\s*([^<>\s]{1,998})\s*>")
_BARE_ID = re.compile(rb"[^\s<>,;]+@[^\s<>,;]+")


class Mailbox(msgspec.Struct, frozen=True):
    """A name and an address as written; `address` keeps its case."""

    name: str
    address: str


@lru_cache(maxsize=64)
def text_of(value: bytes, charset: str = "") -> str:
    """An unstructured header (Subject) as one line of text. `charset` is for bytes that name none."""
    text = _decoded(value, charset)
    if text.isprintable() and "  " not in text:
        return text.strip()  # nothing to even out; a printable blank is the ordinary one
    return _BLANKS.sub(" ", text).strip()


def _decoded(value: bytes, fallback: str) -> str:
    if b"=?" not in value:
        return _raw(value, fallback)
    value = _BETWEEN_WORDS.sub(rb"\1", value)
    out: list[str] = []
    waiting, waiting_charset = b"", ""
    place = 0
    for count, match in enumerate(_WORD.finditer(value)):
        if count >= ENCODED_WORDS:
            break
        charset = match.group(1).decode("latin-1").partition("*")[0].lower()
        # One character may be torn across two words (RFC 2047 forbids it, senders do it): join bytes first.
        if match.start() > place or charset != waiting_charset:
            out.append(decode(waiting, waiting_charset))
            out.append(_raw(value[place : match.start()], fallback))
            waiting = b""
        waiting += _word_bytes(match.group(2), match.group(3))
        waiting_charset, place = charset, match.end()
    out.append(decode(waiting, waiting_charset))
    out.append(_raw(value[place:], fallback))
    return "".join(out)


def _raw(value: bytes, charset: str) -> str:
    """Bytes that break the rules by standing in a header as they are. UTF-8 mostly, else what the text is in."""
    if value.isascii():
        if b"\x1b$" in value:
            return decode(value, "iso-2022-jp")  # seven bits, and unlawful all the same
        text = value.decode("ascii")
        return text.replace("\0", "") if "\0" in text else text
    if b"\x1b$" in value:
        return decode(value, "iso-2022-jp")
    if charset.lower().startswith("utf"):
        return decode(value)
    try:
        return value.decode("utf-8").replace("\0", "")
    except UnicodeError:
        return decode(value, charset)


def _word_bytes(encoding: bytes, content: bytes) -> bytes:
    if encoding in b"qQ":
        return binascii.a2b_qp(content, header=True)
    content = content.rstrip(b"=")
    try:
        return binascii.a2b_base64(content + b"=" * (-len(content) % 4))
    except binascii.Error:
        return b""


def parameter(parameters: dict[str, str], name: str) -> str:
    """A parameter as text: plain, RFC 2231 (pieces, charset), or the unlawful but common RFC 2047."""
    if name in parameters:
        return text_of(parameters[name].encode("latin-1", "replace"))
    if f"{name}*" in parameters:
        charset, _, rest = parameters[f"{name}*"].partition("'")
        return _line(decode(unquote_to_bytes(rest.partition("'")[2] or charset), charset if rest else ""))
    return _line(_continued(parameters, name))


def _continued(parameters: dict[str, str], name: str) -> str:
    charset, data = "", b""
    for number in range(PIECES):
        plain, coded = parameters.get(f"{name}*{number}"), parameters.get(f"{name}*{number}*")
        if coded is not None:
            if number == 0 and coded.count("'") >= 2:
                charset, _, rest = coded.partition("'")
                coded = rest.partition("'")[2]
            data += unquote_to_bytes(coded)
        elif plain is not None:
            data += plain.encode("latin-1", "replace")
        else:
            break
    return decode(data, charset)


def _line(text: str) -> str:
    return _BLANKS.sub(" ", text).strip()


def mailboxes(value: bytes, charset: str = "") -> list[Mailbox]:
    """The addresses of a To-like header, at most a thousand; groups are flattened, nonsense is skipped."""
    return list(_known_mailboxes(value, charset))


@lru_cache(maxsize=64)  # several questions about one mail look at its From
def _known_mailboxes(value: bytes, charset: str) -> tuple[Mailbox, ...]:
    text = _raw(value, charset)
    if _BARE_ADDRESS.fullmatch(text):
        return (Mailbox("", text),)
    return tuple(_scan(text))


def _scan(text: str) -> list[Mailbox]:
    found: list[Mailbox] = []
    phrase: list[str] = []
    angle: str | None = None
    place = 0
    while place < len(text) and len(found) < ADDRESSES:
        match = _TOKEN.match(text, place)
        if match is None:
            place += 1
            continue
        place = match.end()
        quoted, inside, mark, opening, plain = match.groups()
        if quoted is not None:
            phrase.append(re.sub(r"\\(.)", r"\1", quoted))
        elif inside is not None:
            angle = inside
        elif opening:
            place = _after_comment(text, place)
        elif mark == ":":
            phrase = []
        elif mark:
            _close(found, phrase, angle)
            phrase, angle = [], None
        else:
            phrase.append(plain)
    _close(found, phrase, angle)
    return found


def _after_comment(text: str, place: int) -> int:
    depth = 1
    for match in re.compile(r"\\.|[()]", re.S).finditer(text, place):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if depth == 0:
            return match.end()
    return len(text)


def _close(found: list[Mailbox], phrase: list[str], angle: str | None) -> None:
    words = "".join(phrase).strip()
    if angle is not None:
        address = "".join(angle.split()).rpartition(":")[2]
        name = words
    else:
        bare = _BARE_ADDRESS.search(words)
        address, name = (bare.group(), "") if bare else ("", "")
    if "@" in address.strip("@"):
        found.append(Mailbox(text_of(name.encode()) if name else "", address.strip(".'")))


def message_ids(value: bytes) -> list[str]:
    """Message-IDs in the order written, in angle brackets; cut where no store keeps more of a name."""
    found = _MESSAGE_ID.findall(value) or _BARE_ID.findall(value)
    return [f"<{decode(one)[: ID_LENGTH - 2]}>" for one in found]


def moment(value: bytes) -> datetime | None:
    """A Date header, in UTC; None when it makes no sense. Without a zone (or with -0000) it counts as UTC."""
    try:
        parsed = parsedate_tz(value[:200].decode("latin-1"))
        if parsed is None:
            return None
        offset = timezone(timedelta(seconds=parsed[9] or 0))
        written = datetime(*parsed[:6], tzinfo=offset).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
        return None
    return written if written.year >= 1980 else None
