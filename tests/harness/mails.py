"""A customer service mailbox made up by rule: the same mails for the same seed, about 10 KB each on average.

35 % plain, 45 % text and HTML, 15 % with an attachment, 5 % in old character sets; the last fifth
answers earlier ones and must thread.
"""

import base64
import quopri
import random
from dataclasses import dataclass

_TALK = """order parcel delivery refund jacket boots tent invoice account password colour size damaged late wrong
missing exchange return courier address thank please could would when where still waiting received email website page
since yesterday week number label box warranty repair zip sole strap lamp bowl basket chair table voucher code
discount checkout card payment bank charged twice cancel change update confirm question answer stock again"""
_PEOPLE = "Ada Bo Cem Dilek Eli Fay Gus Hana Ivo Jun Kim Lou Mara Nils Oya Pia Quim Rosa Sam Tess Uma Wes Zoe"
WORDS, NAMES = tuple(_TALK.split()), tuple(_PEOPLE.split())
OLD_CHARSETS = (
    ("iso-8859-1", "Grüße aus München, die Schuhe drücken."),
    ("windows-1252", "It’s “fine” — really…"),
    ("iso-8859-15", "Le colis coûte 12 €, déjà payé."),
    ("koi8-r", "Где мой заказ? Спасибо."),
    ("iso-2022-jp", "注文はどこですか。"),
    ("gb2312", "我的订单在哪里？"),
)


@dataclass(frozen=True)
class Written:
    """A mail as bytes, with what a checker needs to know of it."""

    message_id: str
    sender: str
    raw: bytes
    answers: str | None = None


def mails(count: int, seed: int = 1, to: str = "help@larkspur.test", replies: float = 0.2) -> list[Written]:
    """`count` mails; the last `replies` of them answer an earlier one by its own writer."""
    chance = random.Random(seed)
    first = [_mail(chance, f"{seed}.{n}", to, None) for n in range(round(count * (1 - replies)))]
    later = []
    for n in range(len(first), count):
        later.append(_mail(chance, f"{seed}.{n}", to, chance.choice(first)))
    return first + later


def _mail(chance: random.Random, name: str, to: str, answered: Written | None) -> Written:
    message_id = f"<{name}.{chance.getrandbits(64):016x}@customer.test>"
    person = f"{chance.choice(NAMES)} {chance.choice(NAMES)}son"
    sender = (
        answered.sender if answered else f"{person.replace(' ', '.').lower()}{chance.randrange(5000)}@customer.test"
    )
    head = [
        f"Received: from mx.customer.test (mx.customer.test [192.0.2.{chance.randrange(250)}])",
        f"\tby mail.larkspur.test with ESMTPS id {chance.getrandbits(40):010x};",
        "\tMon, 02 Mar 2026 08:59:58 +0000",
        f"From: {person} <{sender}>",
        f"To: <{to}>",
        f"Subject: {'Re: ' if answered else ''}{sentence(chance, 3, 8)}",
        "Date: Mon, 02 Mar 2026 08:59:57 +0000",
        f"Message-ID: {message_id}",
        "MIME-Version: 1.0",
        "X-Mailer: Made up by rule",
    ]
    if answered:
        head += [f"In-Reply-To: {answered.message_id}", f"References: {answered.message_id}"]
    raw = "\r\n".join(head).encode() + b"\r\n" + _body(chance, quoted=answered is not None)
    return Written(message_id, sender, raw, answered.message_id if answered else None)


def _body(chance: random.Random, quoted: bool) -> bytes:
    kind = chance.random()
    text = _text(chance, quoted)
    if kind < 0.35:
        return _part("text/plain; charset=utf-8", text.encode(), "8bit")
    if kind < 0.80:
        html = "<html><head><style>p{margin:0}</style></head><body>" + "".join(
            f'<p style="font-family:Arial">{line}</p>' for line in text.split("\n")
        )
        html += f"<table><tr><td>{sentence(chance, 40, 200)}</td></tr></table></body></html>"
        both = (
            _part("text/plain; charset=utf-8", quopri.encodestring(text.encode()), "quoted-printable"),
            _part("text/html; charset=utf-8", quopri.encodestring(html.encode()), "quoted-printable"),
        )
        return _multipart(chance, "alternative", both)
    if kind < 0.95:
        data = chance.randbytes(chance.randrange(8_000, 40_000))
        lines = base64.encodebytes(data).replace(b"\n", b"\r\n")
        head = 'application/pdf; name="invoice.pdf"\r\nContent-Disposition: attachment; filename="invoice.pdf"'
        both = (_part("text/plain; charset=utf-8", text.encode(), "8bit"), _part(head, lines, "base64"))
        return _multipart(chance, "mixed", both)
    charset, foreign = chance.choice(OLD_CHARSETS)
    return _part(f"text/plain; charset={charset}", f"{foreign}\r\n".encode(charset) * chance.randrange(4, 40), "8bit")


def _text(chance: random.Random, quoted: bool) -> str:
    lines = ["Hello,", ""] + [sentence(chance, 6, 16) for _ in range(chance.randrange(3, 40))]
    lines += ["", "Kind regards", chance.choice(NAMES)]
    if quoted:
        lines += ["", "On Mon, 2 Mar 2026, Larkspur wrote:", *(f"> {sentence(chance, 6, 14)}" for _ in range(12))]
    return "\r\n".join(lines)


def sentence(chance: random.Random, least: int, most: int) -> str:
    words = chance.choices(WORDS, k=chance.randint(least, most))
    return " ".join(words).capitalize() + "."


def _part(content: str, body: bytes, encoding: str) -> bytes:
    head = f"Content-Type: {content}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    return head + body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def _multipart(chance: random.Random, kind: str, parts: tuple[bytes, ...]) -> bytes:
    border = f"={chance.getrandbits(80):020x}"
    joined = b"".join(b"--" + border.encode() + b"\r\n" + part for part in parts)
    head = f'Content-Type: multipart/{kind}; boundary="{border}"\r\n\r\n'.encode()
    return head + joined + b"--" + border.encode() + b"--\r\n"
