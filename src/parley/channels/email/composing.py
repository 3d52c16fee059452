"""Our message as the bytes of a mail. Pure but for the clock in Date: the same message, the same parts."""

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from urllib.parse import quote

import msgspec

from parley.channels.email.pictures import placed
from parley.channels.email.settings import EmailSettings
from parley.core.channel import Attached, Inbox, Letterhead, Outbound
from parley.core.errors import SendFailed
from parley.core.identity import looks_like_mail, normal

LINE = 76
LOCAL_PART = 64
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_ATOM = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")
_TOKEN = re.compile(r"[A-Za-z0-9._~=-]+")
_ID = re.compile(r"[!-;=?-~]{1,900}")
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")
_COPY = re.compile(r"(?!.*=\?)[!#-'*+./-9=?A-Z^-~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")


def compose(message: Outbound, inbox: Inbox, now: datetime | None = None, *, for_service: bool = False) -> bytes:
    """The mail: headers that nobody can break out of, the text, its HTML, and the files.

    for_service: whoever sends it reads the recipients in the header, unseen ones too, and takes those out.
    """
    message = _with_pictures(message)
    lines = _head(message, inbox, now or datetime.now(UTC))
    if for_service and (unseen := blind(message)):
        lines.insert(-1, _addresses("Bcc", [("", address) for address in unseen]))
    return ("\r\n".join(lines) + "\r\n").encode("ascii") + _body(message)


def apart(message: Outbound, inbox: Inbox) -> tuple[bytes, tuple[Attached, ...]]:
    """The mail for a service without its files, and the files, of which those with a content id stand in its words."""
    message = _with_pictures(message)
    html = message.html or ""
    files = tuple(
        file if file.cid and f"cid:{file.cid}" in html else msgspec.structs.replace(file, cid=None)
        for file in message.files
    )
    return compose(msgspec.structs.replace(message, files=()), inbox, for_service=True), files


def _with_pictures(message: Outbound) -> Outbound:
    if message.html is not None:
        return message
    html, files = placed(message.text, as_html(message.text), message.files)
    return msgspec.structs.replace(message, html=html, files=files)


def _head(message: Outbound, inbox: Inbox, now: datetime) -> list[str]:
    lines = [
        f"Date: {format_datetime(now.astimezone(UTC))}",
        _addresses("From", [(_sender_name(message, inbox), inbox.address)]),
        _addresses("To", [(message.to.name, message.to.value)]),
        _words("Subject", _clean(message.subject) or "(no subject)"),
        f"Message-ID: {message_id(message.external_id, inbox)}",
    ]
    if others := copies(message):
        lines.append(_addresses("Cc", [("", address) for address in others]))
    if message.reply_token:
        lines += _reply_to(message, inbox)
    lines += _thread(message, inbox) + _manners(message, inbox)
    return [*lines, "MIME-Version: 1.0"]


def copies(message: Outbound) -> list[str]:
    """Who else gets it. A copy that can't be addressed is left out: the mail itself matters more."""
    return _writable(message.cc)


def blind(message: Outbound) -> list[str]:
    """Who else gets it and stands nowhere in it."""
    return _writable(message.bcc)


def _writable(addresses: tuple[str, ...]) -> list[str]:
    """What is surely one address and nothing else, also to a server that decodes words where none may stand."""
    return [one for one in addresses if looks_like_mail(normal("mail", one)) and _COPY.fullmatch(one.strip())]


def _sender_name(message: Outbound, inbox: Inbox) -> str:
    """ "Ana (Acme)": the person first, and the house she speaks for."""
    settings = inbox.settings
    house = (settings.from_name if isinstance(settings, EmailSettings) else "") or message.brand_name
    if message.sender_name and house and message.sender_name != house:
        return f"{message.sender_name} ({house})"
    return message.sender_name or house


def _reply_to(message: Outbound, inbox: Inbox) -> list[str]:
    """Our address with the token behind a plus; none where it would pass 64 octets, at which servers bounce."""
    local, _, domain = inbox.address.rpartition("@")
    tagged = f"{local}+{message.reply_token}"
    if not _TOKEN.fullmatch(message.reply_token or "") or len(tagged) > LOCAL_PART:
        return []
    return [_addresses("Reply-To", [(_sender_name(message, inbox), f"{tagged}@{domain}")])]


def message_id(identity: str, inbox: Inbox) -> str:
    """In angle brackets. An id that is no Message-ID yet gets our domain."""
    bare = identity.strip().strip("<>")
    if "@" not in bare:
        bare = f"{bare}@{_ascii_domain(inbox.address)}"
    if not _ID.fullmatch(bare):
        coded = hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()
        bare = f"{coded}@{_ascii_domain(inbox.address)}"
    return f"<{bare}>"


def _thread(message: Outbound, inbox: Inbox) -> list[str]:
    """In-Reply-To and the chain, oldest first, one id a line; the middle of a very long chain is left out."""
    chain = [message_id(one, inbox) for one in message.references if _is_id(one)]
    if message.in_reply_to and _is_id(message.in_reply_to):
        answered = message_id(message.in_reply_to, inbox)
        chain = [one for one in chain if one != answered] + [answered]
    if not chain:
        return []
    if len(chain) > 30:
        chain = chain[:1] + chain[-29:]
    lines = ["References: " + "\r\n ".join(chain)]
    return [f"In-Reply-To: {chain[-1]}", *lines] if message.in_reply_to else lines


def _is_id(identity: str) -> bool:
    """Whether this can stand in References: a mail without Message-ID is known to us by a hash only."""
    return "@" in identity and bool(_ID.fullmatch(identity.strip().strip("<>")))


def _manners(message: Outbound, inbox: Inbox) -> list[str]:
    """What tells other machines not to answer, and people how to be left alone (RFC 3834, 2369, 8058)."""
    lines = [f"X-Loop: {_plain_address(inbox.address)}"]
    if message.automatic:
        answers = bool(message.in_reply_to)
        lines.append(f"Auto-Submitted: {'auto-replied' if answers else 'auto-generated'}")
        lines.append("X-Auto-Response-Suppress: All")
    if message.purpose == "bulk":
        lines.append("Precedence: bulk")
    if message.purpose != "reply" and (url := _header_url(message.unsubscribe_url or "")):
        lines.append(f"List-Unsubscribe: <{url}>")
        if url.startswith("https://"):
            lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    return lines


def _header_url(url: str) -> str:
    return (
        quote(_CONTROLS.sub("", url), safe="!#$%&'()*+,/:;=?@[]~-._") if url.startswith(("https://", "http://")) else ""
    )


# Headers


def _clean(text: str) -> str:
    return _CONTROLS.sub(" ", text).strip()


def _words(name: str, text: str) -> str:
    """A header of words. Encoded where it is not plain ASCII or could pass for an encoded word."""
    text = _clean(text)
    if text.isascii() and "=?" not in text:
        return _folded(f"{name}: {text}")
    return f"{name}: " + "\r\n ".join(_encoded_words(text, LINE - len(name) - 2))


def _encoded_words(text: str, room: int) -> list[str]:
    """RFC 2047 words of at most 75 characters; no character is torn in two."""
    size = (min(room, 75) - len("=?utf-8?b??=")) // 4 * 3
    pieces, piece = [], b""
    for letter in text:
        data = letter.encode("utf-8", "replace")
        if len(piece) + len(data) > size:
            pieces.append(piece)
            piece = b""
            size = (75 - len("=?utf-8?b??=")) // 4 * 3
        piece += data
    pieces.append(piece)
    return [f"=?utf-8?b?{base64.b64encode(one).decode('ascii')}?=" for one in pieces]


def _folded(line: str) -> str:
    """Broken at blanks so that lines stay short; a word longer than a line is left whole."""
    out, current = [], ""
    for word in line.split(" "):
        if current.strip() and len(current) + 1 + len(word) > LINE:
            out.append(current)
            current = " " + word
        else:
            current = f"{current} {word}" if current else word
    return "\r\n".join([*out, current])


def _addresses(name: str, people: list[tuple[str, str]]) -> str:
    return f"{name}: " + ",\r\n ".join(_person(*one) for one in people)


def _person(name: str, address: str) -> str:
    address = _plain_address(address)
    name = _clean(name)[:200]
    if not name:
        return address
    if not name.isascii() or "=?" in name:
        return "\r\n ".join([*_encoded_words(name, 60), f"<{address}>"])
    if not _ATOM.fullmatch(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address}>"


def _plain_address(address: str) -> str:
    """An address that holds nothing but an address. Raises SendFailed for anything else."""
    address = normal_with_case(address)
    if not looks_like_mail(address) or not address.isascii() or _CONTROLS.search(address):
        raise SendFailed(f"“{_clean(address)[:100]}” is not a mail address that can be written to.", permanent=True)
    return address


def normal_with_case(address: str) -> str:
    """Domain in IDNA and lower case; the local part as written, because a signed token has a case."""
    local, at, _ = address.strip().rpartition("@")
    return f"{local}@{_ascii_domain(address)}" if at else address


def _ascii_domain(address: str) -> str:
    return normal("mail", address.strip()).rpartition("@")[2]


# Bodies


def _body(message: Outbound) -> bytes:
    """mixed( related( alternative(text, html), pictures ), files ), leaving out what is not needed."""
    inline = [file for file in message.files if file.cid and f"cid:{file.cid}" in (message.html or "")]
    attached = [file for file in message.files if file not in inline]
    if message.letterhead and message.letterhead.logo:
        inline.append(message.letterhead.logo)
    mark = hashlib.sha256(message.external_id.encode("utf-8", "replace")).hexdigest()[:24]
    whole = _multipart("alternative", f"={mark}a", [_text_part(_text(message)), _html_part(_html(message))])
    if inline:
        whole = _multipart("related", f"={mark}r", [whole, *(_file_part(file, "inline") for file in inline)])
    if attached:
        whole = _multipart("mixed", f"={mark}m", [whole, *(_file_part(file, "attachment") for file in attached)])
    return whole


def _multipart(kind: str, boundary: str, parts: list[bytes]) -> bytes:
    """The `=` in the boundary cannot stand in base64 or, followed by our letters, in quoted-printable."""
    line = b"--" + boundary.encode("ascii")
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode("ascii")
    return head + b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"


def _text_part(text: str) -> bytes:
    return _quoted("text/plain", text)


def _html_part(html: str) -> bytes:
    return _quoted("text/html", html)


def _quoted(kind: str, text: str) -> bytes:
    """quoted-printable, always: nothing on the way may then change a line (RFC 2045, 6.7)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    data = binascii.b2a_qp(lines.encode("utf-8", "replace"), istext=True)
    data = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    head = f"Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode("ascii") + data


def _file_part(file: Attached, disposition: str) -> bytes:
    kind = file.type.lower()
    if not _TYPE.fullmatch(kind) or kind.startswith(("multipart/", "message/")):
        kind = "application/octet-stream"
    head = [
        f"Content-Type: {kind}",
        "Content-Transfer-Encoding: base64",
        _disposition(disposition, file.name),
    ]
    cid = re.sub(r"[^A-Za-z0-9.@_-]", "", file.cid or "")
    if cid:
        head.append(f"Content-ID: <{cid}>")
    data = base64.encodebytes(file.data).replace(b"\n", b"\r\n")
    return ("\r\n".join(head) + "\r\n\r\n").encode("ascii") + data


def _disposition(disposition: str, name: str) -> str:
    """The file's name as RFC 2231 wants it, in pieces of one line each; old clients read those too by now."""
    name = _clean(name).replace("/", "_").replace("\\", "_")[:150] or "attachment"
    if name.isascii() and '"' not in name and len(name) <= 60:
        return f'Content-Disposition: {disposition}; filename="{name}"'
    coded = quote(name.encode("utf-8", "replace"), safe="")
    pieces = re.findall(r"(?:%..|[^%]){1,18}", coded)
    lines = [f" filename*{i}*={piece}" for i, piece in enumerate(pieces)]
    lines[0] = f" filename*0*=utf-8''{pieces[0]}"
    return f"Content-Disposition: {disposition};\r\n" + ";\r\n".join(lines)


def _text(message: Outbound) -> str:
    lines = [message.text.rstrip()]
    if message.choices:
        lines.append("\n".join(_choice_lines(message.choices)))
    if head := message.letterhead:
        lines += ["\n".join(part for part in (head.sign_off, head.signature) if part)]
        lines += [f"-- \n{head.footer}"] if head.footer else []
    if message.purpose == "bulk" and message.unsubscribe_url:
        lines.append(f"Unsubscribe: {message.unsubscribe_url}")
    return "\n\n".join(line for line in lines if line) + "\n"


def _choice_lines(choices: tuple[tuple[str, str], ...]) -> list[str]:
    return [
        f"{label}: {value}" if _is_link(value) else f"{number}. {label}"
        for number, (label, value) in enumerate(choices, 1)
    ]


def _is_link(value: str) -> bool:
    return value.startswith(("https://", "http://"))


INK = "#1f2937"
_BUTTON = (
    "display:inline-block;margin:4px 8px 4px 0;padding:9px 16px;border-radius:6px;"
    "color:#ffffff;text-decoration:none;font-weight:600"
)


def _html(message: Outbound) -> str:
    body = message.html if message.html is not None else as_html(message.text)
    colour = _colour(message.letterhead.colour if message.letterhead else "")
    if message.choices:
        body += '<p style="margin:16px 0">' + "".join(_choice(*one, colour) for one in message.choices) + "</p>"
    if message.letterhead:
        body += _foot(message.letterhead, message.brand_name, colour)
    if message.purpose == "bulk" and message.unsubscribe_url:
        link = escape(message.unsubscribe_url)
        body += f'<p style="color:#6b7280;font-size:12px"><a href="{link}">Unsubscribe</a></p>'
    font = "font-family:system-ui,-apple-system,'Segoe UI',Arial,sans-serif;font-size:15px;line-height:1.5"
    return f'<!doctype html>\n<html><body><div style="{font}">\n{body}\n</div></body></html>\n'


def _colour(wanted: str) -> str:
    """A colour that cannot be anything else, and that white letters can be read on; else the usual one."""
    found = re.fullmatch(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", wanted.strip())
    if not found:
        return INK
    shares = [int(part, 16) / 255 for part in found.groups()]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return found.group() if 1.05 / (light + 0.05) >= 4.5 else INK  # contrast with white, WCAG 2.2


def _foot(head: Letterhead, house: str, colour: str) -> str:
    """Sign-off and signature, then below a line of the brand's colour its logo and small print."""
    html = ""
    if head.sign_off or head.signature:
        said = "\n".join(part for part in (head.sign_off, head.signature) if part)
        html += f'<p style="margin:20px 0 0">{_line_breaks(_linked(said))}</p>'
    if not (head.footer or head.logo):
        return html
    logo = ""
    if head.logo:
        picture = f'<img src="cid:{escape(head.logo.cid or "")}" alt="{escape(house)}" height="32" style="border:0">'
        linked = f'<a href="{escape(head.site)}">{picture}</a>' if _is_link(head.site) else picture
        logo = f'<p style="margin:0 0 6px">{linked}</p>'
    small = f"color:#5b6472;font-size:12px;border-top:2px solid {colour};margin-top:20px;padding-top:10px"
    return f'{html}<div style="{small}">{logo}{_line_breaks(_linked(head.footer))}</div>'


def _choice(label: str, value: str, colour: str) -> str:
    if _is_link(value):
        return f'<a href="{escape(value)}" style="{_BUTTON};background-color:{colour}">{escape(label)}</a> '
    return f'<span style="display:block">{escape(label)}</span>'


def as_html(text: str) -> str:
    """Plain words as paragraphs, their links alive."""
    paragraphs = re.split(r"\n{2,}", text.strip().replace("\r\n", "\n"))
    return "\n".join(f"<p>{_line_breaks(_linked(one))}</p>" for one in paragraphs)


def _line_breaks(html: str) -> str:
    return html.replace("\n", "<br>\n")


def _linked(text: str) -> str:
    out, place = [], 0
    for match in _LINK.finditer(text):
        link = escape(match.group())
        out += [escape(text[place : match.start()]), f'<a href="{link}">{link}</a>']
        place = match.end()
    return "".join([*out, escape(text[place:])])
