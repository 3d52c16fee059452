"""What mail services post, as the mail it is: bodies of Mailgun, SendGrid, Postmark, and Amazon SES by way of SNS.

A post is kept as it came, behind two lines that say whose it is and what type it has. Where the service passes on the
mail itself, that is read; where it took it apart, a mail is put together again from the pieces. Formats: Mailgun
"Receive, Forward and Store Messages", SendGrid "Inbound Parse Webhook", Postmark "Inbound webhook", Amazon SES
"Notification contents for receiving email".
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec

from parley.channels.email.charsets import decode
from parley.channels.email.mime import parse
from parley.channels.email.verdict import LINE, Checks
from parley.core.errors import Unreadable

MARK = b"X-Parley-Hook: "
FIELDS = 2000
_CHECKED = LINE.encode() + b": "
_NAME = re.compile(r"[!-9;-~]{1,100}")
_BREAKS = re.compile(r"[\r\n\0]+")
_TYPE = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,80}", re.A)
_OUR_PART = re.compile(rb"^(?:content-[^:\s]*|mime-version)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.I | re.M)
_DKIM = re.compile(r"@([\w.-]+)\s*:\s*(pass|fail)", re.A)
_VERDICTS = {"PASS": "pass", "FAIL": "fail", "GRAY": "none", "PROCESSING_FAILED": "temperror"}

Headers = Iterable[tuple[str, str]]


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a mail that was taken apart. cid: what its HTML calls it."""

    name: str = ""
    type: str = ""
    data: bytes = b""
    cid: str = ""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a form: a text, or a file with its name and type."""

    data: bytes
    file: str = ""
    type: str = ""


Form = Mapping[str, Field]


def wrapped(service: str, content_type: str, body: bytes) -> bytes:
    """A post as it is kept."""
    said = _BREAKS.sub(" ", content_type)[:500].encode("latin-1", "replace")
    return MARK + service.encode() + b"\r\nContent-Type: " + (said or b"application/json") + b"\r\n\r\n" + body


def as_mail(raw: bytes) -> bytes | None:
    """The mail that a delivery is: itself, or what was posted. None: signed, and no mail. Raises Unreadable."""
    line, rest = b"", raw
    if raw.startswith(_CHECKED):
        line, newline, rest = raw.partition(b"\n")
        line += newline
    if rest.startswith(MARK):
        head, _, body = rest.partition(b"\r\n\r\n")
        service, _, typed = head.removeprefix(MARK).partition(b"\r\n")
        mail = _read(service.decode("ascii", "replace"), typed.partition(b": ")[2], body)
    elif rest.startswith(b"{") and not line:
        mail = _read("", b"application/json", rest)
    else:
        return raw
    return line + mail if mail and not mail.startswith(_CHECKED) else mail


def _read(service: str, content_type: bytes, body: bytes) -> bytes | None:
    try:
        if b"json" in content_type.lower() or service in ("ses", "postmark"):
            return _of_json(msgspec.json.decode(body))
        form = form_of(content_type, body)
        return _of_sendgrid(form) if service == "sendgrid" else _of_mailgun(form)
    except (msgspec.MsgspecError, RecursionError, ValueError, binascii.Error) as problem:
        raise Unreadable(f"What the mail service posted could not be read: {problem}.") from problem


def form_of(content_type: bytes, body: bytes) -> dict[str, Field]:
    """A form's fields by name. Of two with one name the first counts. Raises Unreadable past the limits of a mail."""
    if not content_type.lower().startswith(b"multipart/"):
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS)
        return {name: Field(data=value.encode("utf-8", "replace")) for name, value in reversed(pairs)}
    found: dict[str, Field] = {}
    for part in parse(b"Content-Type: " + content_type + b"\r\n\r\n" + body).children:
        said = part.disposition[1]
        file = said.get("filename", "").encode("latin-1", "replace").decode("utf-8", "replace")
        data = part.content() if not part.children else part.body
        found.setdefault(said.get("name", ""), Field(data=data, file=file, type=part.type))
    return found


def _text(form: Form, name: str, charset: str = "utf-8") -> str:
    return decode(form[name].data, charset) if name in form else ""


# ── each service ────────────────────────────────────────────────────────────────────────────


def _of_mailgun(form: Form) -> bytes | None:
    envelope = _traced(_text(form, "sender"), [_text(form, "recipient")])
    if "body-mime" in form:
        return envelope + form["body-mime"].data
    if "message-headers" not in form:
        return None
    headers = [(str(name), str(value)) for name, value in msgspec.json.decode(form["message-headers"].data)]
    names = msgspec.json.decode(form["content-id-map"].data, type=dict[str, str]) if "content-id-map" in form else {}
    cids = {field: cid.strip("<>") for cid, field in names.items()}
    return envelope + composed(_lines(headers), _text(form, "body-plain"), _text(form, "body-html"), _files(form, cids))


def _of_sendgrid(form: Form) -> bytes | None:
    told = msgspec.json.decode(form["envelope"].data) if "envelope" in form else {}
    envelope = _traced(str(told.get("from", "")), [str(one) for one in told.get("to", [])])
    if "email" in form:
        return envelope + form["email"].data
    if "headers" not in form:
        return None
    charsets = msgspec.json.decode(form["charsets"].data, type=dict[str, str]) if "charsets" in form else {}
    info = msgspec.json.decode(form["attachment-info"].data) if "attachment-info" in form else {}
    cids = {name: str(one.get("content-id", "")).strip("<>") for name, one in info.items()}
    head = _OUR_PART.sub(b"", form["headers"].data.replace(b"\r\n", b"\n").strip(b"\n") + b"\n")
    text, html = (_text(form, name, charsets.get(name, "utf-8")) for name in ("text", "html"))
    checks = _said_by_sendgrid(_text(form, "SPF"), _text(form, "dkim"), str(told.get("from", "")))
    return checks.line() + envelope + composed(head.replace(b"\n", b"\r\n"), text, html, _files(form, cids))


def _said_by_sendgrid(spf: str, dkim: str, sender: str) -> Checks:
    """Its own results; the mail's signature cannot be checked again once it was taken apart."""
    signed = [(domain.lower(), result) for domain, result in _DKIM.findall(dkim)]
    domain, result = next((one for one in signed if one[1] == "pass"), signed[0] if signed else ("", ""))
    return Checks(spf=spf.strip().lower(), spf_domain=sender.rpartition("@")[2], dkim=result, dkim_domain=domain)


def _of_json(said: Any) -> bytes | None:
    if not isinstance(said, dict):
        raise Unreadable("What the mail service posted is no object.")
    if "TopicArn" in said or "Message" in said:
        return _of_ses(said)
    if "FromFull" in said or "RawEmail" in said or "TextBody" in said:
        return _of_postmark(msgspec.convert(said, Postmark))
    return None


class Named(msgspec.Struct, frozen=True, rename="pascal"):
    name: str = ""
    value: str = ""


class Attachment(msgspec.Struct, frozen=True):
    name: str = msgspec.field(name="Name", default="")
    type: str = msgspec.field(name="ContentType", default="")
    data: str = msgspec.field(name="Content", default="")
    also_data: str = msgspec.field(name="Data", default="")
    cid: str | None = msgspec.field(name="ContentID", default=None)


class Postmark(msgspec.Struct, frozen=True, rename="pascal"):
    """Its fields that a mail is made of; the documentation's own sample says Data where the service says Content."""

    from_: str = msgspec.field(name="From", default="")
    to: str = ""
    cc: str = ""
    reply_to: str | None = ""
    subject: str | None = ""
    date: str = ""
    original_recipient: str | None = ""
    text_body: str | None = ""
    html_body: str | None = ""
    raw_email: str = ""
    headers: list[Named] = []
    attachments: list[Attachment] = []
    full: dict[str, Any] = msgspec.field(name="FromFull", default={})


def _of_postmark(post: Postmark) -> bytes:
    envelope = _traced(None, [post.original_recipient or ""])
    if post.raw_email:
        return envelope + post.raw_email.encode("utf-8", "replace")
    sender = post.from_ if "<" in post.from_ else f"{quoted(str(post.full.get('Name', '')))} <{post.from_}>"
    own = [("From", sender), ("To", post.to), ("Cc", post.cc), ("Reply-To", post.reply_to or "")]
    own += [("Subject", post.subject or ""), ("Date", post.date)]
    there = {name.lower() for name, value in own if value}
    headers = [(name, value) for name, value in own if value]
    headers += [(one.name, one.value) for one in post.headers if one.name.lower() not in there]
    files = [
        Piece(name=a.name, type=a.type, cid=a.cid or "", data=base64.b64decode(a.data or a.also_data))
        for a in post.attachments
    ]
    return envelope + composed(_lines(headers), post.text_body or "", post.html_body or "", files)


def _of_ses(said: dict[str, Any]) -> bytes | None:
    """A notification of SNS whose message is one of SES. A mail that lies in S3 is not in it."""
    if said.get("Type", "Notification") != "Notification":
        return None
    try:
        news = msgspec.json.decode(str(said.get("Message", "")))
    except msgspec.MsgspecError:
        return None  # a topic may carry other words as well, such as SES's greeting of a new rule
    if not isinstance(news, dict) or news.get("notificationType") != "Received":
        return None
    receipt, mail = news.get("receipt") or {}, news.get("mail") or {}
    content = news.get("content")
    if not content:
        where = f"{receipt.get('action', {}).get('bucketName', '?')}/{receipt.get('action', {}).get('objectKey', '?')}"
        raise Unreadable(
            f"Amazon put the mail into S3 ({where}) and it could not be fetched. Check s3_access_key and s3_secret_key."
        )
    encoded = receipt.get("action", {}).get("encoding", "UTF8").upper() == "BASE64"
    raw = base64.b64decode(content) if encoded else str(content).encode("utf-8", "replace")
    sender = str(mail.get("source", ""))
    checks = Checks(
        spf=_verdict(receipt, "spfVerdict"), spf_domain=sender.rpartition("@")[2],
        dkim=_verdict(receipt, "dkimVerdict"), dmarc=_verdict(receipt, "dmarcVerdict"),
        policy=str(receipt.get("dmarcPolicy", "")).lower(),
    )  # fmt: skip
    return checks.line() + _traced(sender, [str(one) for one in receipt.get("recipients", [])]) + raw


def _verdict(receipt: Mapping[str, Any], name: str) -> str:
    return _VERDICTS.get(str((receipt.get(name) or {}).get("status", "")), "")


# ── a mail from pieces ──────────────────────────────────────────────────────────────────────


def composed(head: bytes, text: str, html: str, files: Iterable[Piece]) -> bytes:
    """A mail with that head. The same pieces give the same bytes, so that a post that comes again is known."""
    bodies = [_body("plain", text)] if text or not html else []
    bodies += [_body("html", html)] if html else []
    words = bodies[0] if len(bodies) == 1 else _multipart("alternative", bodies)
    return head + b"MIME-Version: 1.0\r\n" + _multipart("mixed", [words, *map(_file, files)])


def _multipart(kind: str, parts: list[bytes]) -> bytes:
    # Every part is base64, so that no line of theirs can be the boundary.
    mark = b"=_" + sha256(b"".join(parts)).hexdigest()[:32].encode()
    inside = b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in parts)
    kind_line = f'Content-Type: multipart/{kind}; boundary="'.encode() + mark + b'"\r\n\r\n'
    return kind_line + inside + b"--" + mark + b"--\r\n"


def _body(kind: str, text: str) -> bytes:
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode() + base64.b64encode(text.encode("utf-8", "replace"))


def _file(piece: Piece) -> bytes:
    kind = piece.type.partition(";")[0].strip()
    kind = kind if _TYPE.fullmatch(kind) and not kind.lower().startswith("multipart/") else "application/octet-stream"
    cid = re.sub(r"[<>\s\0]", "", piece.cid)[:200]
    named = f"; filename*=utf-8''{quote(piece.name[:500])}" if piece.name else ""
    head = [f"Content-Type: {kind}", f"Content-Disposition: {'inline' if cid else 'attachment'}{named}"]
    head += [f"Content-ID: <{cid}>"] if cid else []
    lines = "\r\n".join([*head, "Content-Transfer-Encoding: base64", "", ""])
    return lines.encode("utf-8", "replace") + base64.encodebytes(piece.data).replace(b"\n", b"\r\n")


def _files(form: Form, cids: Mapping[str, str]) -> list[Piece]:
    return [
        Piece(name=field.file, type=field.type, data=field.data, cid=cids.get(name, ""))
        for name, field in sorted(form.items())
        if field.file or (name.startswith(("attachment-", "attachment")) and name.rstrip("0123456789") != name)
    ]


def _lines(headers: Headers) -> bytes:
    """Header lines. What describes the parts is left out: the parts are ours."""
    kept = [
        f"{name}: {_BREAKS.sub(' ', value)}\r\n"
        for name, value in headers
        if _NAME.fullmatch(name) and not name.lower().startswith(("content-", "mime-version", "x-parley-"))
    ]
    return "".join(kept).encode("utf-8", "replace")


def _traced(sender: str | None, recipients: Iterable[str]) -> bytes:
    """The envelope. No sender known is another thing than the empty one, which bounces have."""
    lines = [] if sender is None else [f"Return-Path: <{_BREAKS.sub('', sender).strip()}>"]
    lines += [f"Delivered-To: {clean}" for one in recipients if (clean := _BREAKS.sub("", one).strip())]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")


def quoted(name: str) -> str:
    """A display name as a header holds it."""
    return '"' + _BREAKS.sub(" ", name).replace("\\", "\\\\").replace('"', '\\"') + '"' if name else ""
