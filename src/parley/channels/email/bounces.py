"""Reports about our own mail: not delivered, late, delivered (RFC 3464), read (RFC 8098), complained of (RFC 5965).

Many mail systems never learned RFC 3464 and say in prose what happened; those are read too: who wrote it and how it
begins tell that it is a report, the addresses and reply codes in it tell about whom and why.
"""

import re

import msgspec

from parley.channels.email.causes import CAUSES, HARD, cause_of, is_hard
from parley.channels.email.charsets import decode
from parley.channels.email.flowed import evened
from parley.channels.email.markup import rough_text
from parley.channels.email.mime import Part, headers, parse, split
from parley.channels.email.notices import named
from parley.channels.email.words import mailboxes, message_ids, text_of
from parley.core.channel import InboundReceipt
from parley.core.errors import Unreadable

RECIPIENTS = 100
PROSE = 20_000
_STATES = {
    "failed": "failed", "failure": "failed", "delayed": "delayed", "expanded": "delivered",
    "delivered": "delivered", "relayed": "delivered", "deliverable": "delivered",
}  # fmt: skip
_WORST_FIRST = ("failed", "delayed", "delivered")
_COPIES = (
    "message/rfc822", "text/rfc822-headers", "message/global", "message/rfc822-headers", "text/rfc822",
    "message/global-headers",
)  # fmt: skip

_MACHINE = re.compile(
    r"(?:mailer|mail|mmdf|delivery)[-_. ]?(?:daemon|delivery|system|er)?(?:[-_. ](?:system|daemon|subsystem))*"
    r"|p+oo*st[-_. ]?master|daemon|mdaemon|bounces?(?:[-+=].*)?|sysadmin|ndr|system|mail\.delivery\.system"
)
_MACHINE_NAME = re.compile(
    r"mail(?:er)? ?(?:delivery|deliver|system|daemon|administrator)|system administrator|delivery (?:sub)?system"
    r"|ndr administrator|content-?filter|postmaster",
    re.I,
)
_TITLE = re.compile(
    r"undeliver|not delivered|delivery (?:status|fail|report|notif|problem|error|has|incomplete)|return(?:ed"
    r"|ing) (?:e?mail|to|message)|"
    r"mail(?:er)? (?:delivery|system|failure|error)|fail(?:ure|ed)\b|(?:could|can)(?:not|n't| not) be delivered"
    r"|bounce|"
    r"delayed mail|server: errors|warning: (?:could not|message)|notice: mail|there was an error sending|rejected|"
    r"unzustellbar|nicht zugestellt|zustellung|non (?:remis|recapit|consegna)|échec|retour de courrier"
    r"|no (?:se )?(?:pudo )?entrega|"
    r"mensagem não|niet (?:bezorgd|afgeleverd)|onbestelbaar|niedostarcz|nie dostarcz|olevererad|ikke levert"
    r"|недостав|не доставл|"
    r"teslim edileme|nedoruč|kézbesít|配信|不達|エラー|投递|退信|전송 실패",
    re.I,
)
_PROSE = re.compile(
    r"(?:could|can)(?:not|n't| not) (?:be )?deliver|undeliver|(?:not|n't) (?:able to|been) deliver"
    r"|unable to deliver|delivery .{0,40}fail|"
    r"did not reach|permanent (?:fatal )?error|returned (?:to|mail)|following (?:address|recipient)|rejected by"
    r"|no such user|"
    r"user unknown|error message below|failed (?:permanently|to deliver)|not? such (?:user|mailbox)"
    r"|配信|送信できません",
    re.I,
)
# Below such a line stands the copy of what we sent.
_COPY_BELOW = re.compile(
    r"^[ \t>]*[-=*_#. ]*(?:this is a copy|below this line|(?:begin )?(?:original|returned|unsent"
    r"|copy of)[^\n]{0,20} ?(?:message|mail|header)|"
    r"(?:the )?(?:original|returned|rejected) message|message (?:header|text|follows|copied)"
    r"|(?:headers?|start) of (?:the )?(?:original )?message|"
    r"undelivered message|unsent message|end of (?:delivery )?(?:report|message)"
    r"|----- ?message header)[^\n]{0,80}$"
    r"|^[ \t]*(?:received|return-path): [^\n]+$",
    re.I | re.M,
)
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_BESIDE = re.compile(r"(?<![\d.])[245]\d\d[ -]\W{0,2}([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
# After DATA, unless the server goes on to say that it took no recipient: then that was its answer to RCPT.
_AFTER_DATA = re.compile(
    r">>> (?:DATA|BDAT[^\n]*|\.)\s*\n(?:\s*<<< 3[^\n]*\n)?\s*<<< 5\d\d(?!(?:(?!>>>)[\s\S]){0,400}no valid recipient)"
    r"|(?:in reply to|after) (?:the )?end of (?:the )?data",
    re.I,
)
_AFTER_MAIL = re.compile(r"(?:in reply to|after|like our) MAIL FROM|>>> MAIL[^\n]*\n\s*<<< 5", re.I)
_AFTER_RCPT = re.compile(r"(?:in reply to|after|like our) RCPT|>>> RCPT[^\n]*\n\s*<<< 5|no valid recipient", re.I)
_REPLY = re.compile(r"(?<![\d.\w/-])([45]\d\d)(?=[ \-:;,.)#\]]|$)", re.M)
_OTHER_LINE = re.compile(r"^[ \t]*(?:sent|subject|from|date|cc|mail from|sender)\s*:", re.I)
_OPENERS = " \t<([\"'*>:-"
_LATE_TITLE = re.compile(r"\bdelay|still being (?:re)?tried|not yet been|warning", re.I)
_LATE_PROSE = re.compile(r"will (?:continue|keep) (?:to )?(?:be )?(?:try|retri)|still being retried", re.I)
_COMPLAINT = re.compile(r"^(?:\W*(?:complaint|abuse report|spam report|feedback report))\b", re.I)
_JSON = re.compile(r'\{\s*"(?:notificationType|eventType)"\s*:\s*"(\w+)"')


class Fate(msgspec.Struct, frozen=True):
    """What became of our mail to one address. `status` as 5.1.1, `smtp` as 550; "" where nobody said.

    answered: to which command of ours it was refused, "mail", "rcpt" or "data" (the whole mail had been given by then).
    """

    state: str
    recipient: str = ""
    said: str = ""
    status: str = ""
    smtp: str = ""
    answered: str = ""

    @property
    def cause(self) -> str:
        if self.state == "delivered":
            return "delivered"
        cause = cause_of(self.said, self.status, self.smtp)
        if self.answered == "mail" and cause in HARD:
            return "rejected"
        if cause == "userunknown" and self._knows_the_address():
            return "filtered"
        return cause

    def _knows_the_address(self) -> bool:
        """Who took the address and the whole mail before refusing it, or speaks of the mailbox's state (5.2.x).

        A bare 550 to nobody knows what counts the same: an address is called dead only where that is sure.
        """
        subject = "".join(self.status.split(".")[1:2])
        if subject == "1" or self.answered == "rcpt":
            return False
        return self.answered == "data" or subject == "2" or (self.smtp != "" and subject in ("", "0", "7"))

    @property
    def hard(self) -> bool:
        return self.state == "failed" and is_hard(self.cause, self.status)


class Report(msgspec.Struct, frozen=True):
    """A mail system's report. kind: bounce, feedback or read. `about`: the Message-ID of our mail, where named."""

    kind: str
    about: str | None
    fates: tuple[Fate, ...] = ()


def receipts(told: Report | None) -> list[InboundReceipt]:
    """The news; empty when there is no report, or it does not say which of our messages it is about."""
    if told is None or told.about is None:
        return []
    if told.kind == "read":
        return [InboundReceipt(state="read", external_id=told.about)]
    if told.kind != "bounce" or not told.fates:
        return []
    # One piece of news, the worst: a message of ours is for one person, others are copies.
    worst = min(told.fates, key=lambda fate: (_WORST_FIRST.index(fate.state), not fate.hard))
    return [_receipt(worst, told.about)]


def _receipt(fate: Fate, about: str) -> InboundReceipt:
    failed = fate.state == "failed"
    return InboundReceipt(
        state=fate.state,
        external_id=about,
        reason=_sentence(fate),
        permanent=fate.hard,
        kind=("hard" if fate.hard else "soft") if failed else "",
        code=fate.status or fate.smtp,
        cause=fate.cause if failed else "",
        recipient=fate.recipient,
    )


def _sentence(fate: Fate) -> str:
    """What the other side said, and about whom."""
    said = fate.said or fate.status or (CAUSES[fate.cause] if fate.state == "failed" else "")
    return ": ".join(piece for piece in (fate.recipient, said) if piece)[:500]


def in_words(told: Report) -> str:
    """Why a report that is no news of a message of ours is shown but not answered, for a timeline."""
    if told.kind == "feedback":
        return "it is a complaint: somebody marked a mail of ours as spam"
    fate = next((one for one in told.fates if one.state == "failed"), None)
    if fate is None:
        return "it is a report by a mail system"
    kind = "for good" if fate.hard else "this time"
    return f"it is a bounce: mail to {fate.recipient or 'somebody'} failed {kind}, {CAUSES[fate.cause]}"


# ── what kind of report ─────────────────────────────────────────────────────────────────────


def report(mail: Part, wrapped: bool = False) -> Report | None:
    """The report that this mail is; None for all other mail. One that is wrapped is not unwrapped further."""
    parts = [part for part in mail.walk() if not part.children]
    kinds = {part.type for part in parts}
    if "message/feedback-report" in kinds or _complains(mail, parts):
        return Report("feedback", _original_id(parts))
    for part in parts:
        if part.type in ("message/disposition-notification", "message/global-disposition-notification"):
            return _disposition(part, _original_id(parts))
    fates = [fate for part in parts if part.type in _DELIVERY for fate in _fates(part)]
    structured = bool(fates) or mail.parameters.get("report-type", "").lower() == "delivery-status"
    if not structured and not _written_by_a_machine(mail):
        return None
    prose, copy = _prose(parts)
    if not structured and not _reads_like_one(mail, prose):
        return None
    fates = _completed(fates or _fates_in(prose + copy), prose)
    inner = _wrapped(parts) if not fates and not wrapped else None
    if inner is not None:
        return inner
    fates = fates or _told(mail, prose)
    about = _original_id(parts)
    return Report("bounce", about or _id_in(copy) or _answered(mail), tuple(fates[:RECIPIENTS]))


def _wrapped(parts: list[Part]) -> Report | None:
    """A report that a gateway brings inside a note of its own."""
    for part in parts:
        if part.type == "message/rfc822" and b"multipart/report" in part.body[:20_000].lower():
            try:
                return report(parse(part.content()), wrapped=True)
            except Unreadable:
                return None
    return None


_DELIVERY = ("message/delivery-status", "message/global-delivery-status")


def _complains(mail: Part, parts: list[Part]) -> bool:
    """Feedback that is not in the form of RFC 5965: Microsoft's, Amazon's, and mails of somebody's spam button."""
    if mail.parameters.get("report-type", "").lower() == "feedback-report" or mail.first("x-apple-unsubscribe"):
        return True
    if _COMPLAINT.match(text_of(mail.first("subject"))):
        return any(part.type in _COPIES for part in parts)
    return _notified(mail) == "Complaint"


def _notified(mail: Part) -> str:
    """The kind of an Amazon notification, which is JSON in a mail."""
    if not mail.first("x-amz-sns-message-id"):
        return ""
    found = _JSON.search(decode(mail.content()[:5000]))
    return found.group(1) if found else ""


def _written_by_a_machine(mail: Part) -> bool:
    value = mail.first("from")
    written = mailboxes(value)
    if mail.first("x-failed-recipients") or _notified(mail):
        return True
    local = written[0].address.partition("@")[0].lower() if written else text_of(value).strip("<> ").lower()
    if not local or _MACHINE.fullmatch(local) or (written and _MACHINE_NAME.search(written[0].name)):
        return True
    if mail.first("return-path").replace(b" ", b"") != b"<>":
        return False
    return bool(_TITLE.search(text_of(mail.first("subject")))) or any(part.type in _COPIES for part in mail.walk())


def _reads_like_one(mail: Part, prose: str) -> bool:
    if mail.first("x-failed-recipients") or _notified(mail):
        return True
    return bool(_TITLE.search(text_of(mail.first("subject"))) or _PROSE.search(prose[:3000]))


def _original_id(parts: list[Part]) -> str | None:
    """The Message-ID of what we sent: from the copy or headers that a report brings back, or our envelope's name."""
    for part in parts:
        if part.type in _COPIES:
            found = message_ids(_head(part.content().lstrip()).get("message-id", [b""])[0])
            if found:
                return found[0]
    return next((name for part in parts if part.type in _DELIVERY for name in _envelopes(part)), None)


def _envelopes(part: Part) -> list[str]:
    about_all = re.split(rb"\n\s*\n", part.content().replace(b"\r\n", b"\n").strip(), maxsplit=1)[0]
    names = (named(text_of(one)) for one in _head(about_all).get("original-envelope-id", []))
    return [id for name in names if name for id in message_ids(name.encode())[:1]]


def _head(data: bytes) -> dict[str, list[bytes]]:
    try:
        return headers(split(data)[0])
    except Unreadable:
        return {}


def _id_in(copy: str) -> str | None:
    found = re.search(r"^[ \t>]*message-id:\s*(<[^<>\s]+>)", copy, re.I | re.M)
    return message_ids(found.group(1).encode("utf-8", "replace"))[0] if found else None


def _answered(mail: Part) -> str | None:
    """Gmail and others name our mail as what theirs answers."""
    found = message_ids(mail.first("in-reply-to")) or message_ids(mail.first("references"))
    return found[0] if found else None


# ── RFC 3464 and RFC 8098 ───────────────────────────────────────────────────────────────────


def _fates(part: Part) -> list[Fate]:
    """Blocks of fields, separated by empty lines: one about the message, then one about each recipient."""
    return _blocks(part.content().replace(b"\r\n", b"\n"))


def _fates_in(text: str) -> list[Fate]:
    """The same fields where a broken or homely report has them in its text, one recipient after the other."""
    if "final-recipient" not in text.lower():
        return []
    return _blocks(re.sub(r"\n[ \t]*(?=(?:Reporting-MTA|Technical report):)", "\n\n", text, flags=re.I).encode())


def _blocks(data: bytes) -> list[Fate]:
    blocks = re.split(rb"\n\s*\n", data.strip())
    found = [_fate(headers(block.strip(b"\n"))) for block in blocks[: RECIPIENTS + 1] if b":" in block]
    return [fate for fate in found if fate is not None]


def _fate(fields: dict[str, list[bytes]]) -> Fate | None:
    action = decode(fields.get("action", [b""])[0]).strip().lower()
    state = _STATES.get(re.split(r"[^a-z]", action, maxsplit=1)[0])
    if state is None:
        return None
    who = (
        text_of(fields.get("final-recipient", fields.get("original-recipient", [b""]))[0])
        .rpartition(";")[2]
        .strip("<> ")
    )
    said = text_of(fields.get("diagnostic-code", [b""])[0])
    said = said.partition(";")[2].strip() or said
    found = _STATUS.search(decode(fields.get("status", [b""])[0]))
    return _with_codes(Fate(state, who, said, found.group(1) if found else ""))


def _with_codes(fate: Fate) -> Fate:
    """The codes in the words are nearer to the truth than a field that says 5.0.0."""
    beside = _BESIDE.search(fate.said)
    loose = _STATUS.search(fate.said)
    vague = not fate.status or fate.status.endswith(".0.0")
    status = beside.group(1) if beside else loose.group(1) if loose and vague else fate.status
    reply = _REPLY.search(fate.said)
    return msgspec.structs.replace(fate, status=status, smtp=reply.group(1) if reply else "")


def _completed(fates: list[Fate], prose: str) -> list[Fate]:
    """Where the fields name no words, the prose above may: Exchange and others write it there."""
    answered = _answered_to(prose)
    return [
        _with_codes(msgspec.structs.replace(fate, said=_about(prose, fate.recipient), answered=answered))
        if fate.state != "delivered" and len(re.sub(r"[\W\d_]", "", fate.said)) < 4
        else msgspec.structs.replace(fate, answered=answered)
        for fate in fates
    ]


def _answered_to(prose: str) -> str:
    patterns = (("mail", _AFTER_MAIL), ("data", _AFTER_DATA), ("rcpt", _AFTER_RCPT))
    return next((command for command, pattern in patterns if pattern.search(prose)), "")


def _about(prose: str, recipient: str) -> str:
    """The lines after an address in the prose."""
    place = prose.lower().find(recipient.lower()) if recipient else -1
    piece = prose[place + len(recipient) :] if place >= 0 else prose
    return " ".join(piece[:700].split())


def _disposition(part: Part, about: str | None) -> Report | None:
    fields = headers(part.content().strip())
    named = message_ids(fields.get("original-message-id", [b""])[0])
    read = "displayed" in decode(fields.get("disposition", [b""])[0]).lower()
    return Report("read", named[0] if named else about) if read else None


# ── in prose ────────────────────────────────────────────────────────────────────────────────


def _prose(parts: list[Part]) -> tuple[str, str]:
    """What the report says, and the copy of our mail below it."""
    texts = ("text/plain", "text/html", "multipart/")
    said = next((part for part in parts if part.type.startswith(texts) and part.body.strip()), None)
    if said is None:
        return "", ""
    text = decode(said.content()[:200_000], said.parameters.get("charset", ""))
    text = evened(rough_text(text) if said.type == "text/html" else text)
    marks = (mark.start() for mark in _COPY_BELOW.finditer(text))
    end = next((mark for mark in marks if text[:mark].strip()), len(text))
    return text[: min(end, PROSE)], text[end:]


def _told(mail: Part, prose: str) -> list[Fate]:
    answered = _answered_to(prose)
    return [msgspec.structs.replace(fate, answered=answered) for fate in _named_in(mail, prose)]


def _named_in(mail: Part, prose: str) -> list[Fate]:
    """Who was not reached, and what was said of each, up to the next."""
    state = _state_in(mail, prose)
    named = [one.address for value in mail.all("x-failed-recipients") for one in mailboxes(value)]
    places = _places(mail, prose, named)
    if not places:
        return [_with_codes(Fate(state, one, " ".join(prose.split())[:1500])) for one in named or [""]]
    fates = []
    for number, (start, who) in enumerate(places):
        end = places[number + 1][0] if number + 1 < len(places) else len(prose)
        said = " ".join(prose[start + len(who) : end].split())
        before = " ".join(prose[max(0, start - 400) : start].split()) if len(said) < 12 or number == 0 else ""
        fates.append(_with_codes(Fate(state, who, (said or before)[:1500])))
        if cause_of(fates[-1].said, fates[-1].status, fates[-1].smtp) in ("undefined", "onhold") and before:
            fates[-1] = _with_codes(msgspec.structs.replace(fates[-1], said=f"{said} {before}"[:1500]))
    return fates


def _places(mail: Part, prose: str, named: list[str]) -> list[tuple[int, str]]:
    """Where each recipient is named first: alone, in brackets or at a line's start; never who reads this."""
    wanted = {one.lower() for one in named}
    ours = {one.address.lower() for name in ("to", "from") for value in mail.all(name) for one in mailboxes(value)}
    found: dict[str, tuple[int, str]] = {}
    for match in _ADDRESS.finditer(prose):
        who = match.group().strip(".'")
        known = who.lower() in wanted if named else who.lower() not in ours
        if known and who.lower() not in found and _stands_out(prose, match.start(), first=not found):
            found[who.lower()] = (match.start(), who)
    alone = [one for one in found.values() if not _before(prose, one[0]).strip(_OPENERS)]
    return sorted(alone or list(found.values())[:1])


def _stands_out(prose: str, place: int, first: bool) -> bool:
    line = _before(prose, place)
    opens = not line.strip(_OPENERS) or line.endswith("<")
    return (opens or first) and not _OTHER_LINE.match(line)


def _before(prose: str, place: int) -> str:
    """What stands before it on its line."""
    return prose[prose.rfind("\n", 0, place) + 1 : place]


def _state_in(mail: Part, prose: str) -> str:
    kind = _notified(mail)
    if kind:
        return "delivered" if kind == "Delivery" else "failed"
    late = _LATE_TITLE.search(text_of(mail.first("subject"))) or _LATE_PROSE.search(prose)
    return "delayed" if late else "failed"
