"""Bytes that nobody sends by accident: read within bounds, or refused with a sentence, and never anything else."""

import base64
import random
import time
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley.channels.email import channel
from parley.channels.email.bodies import safe_name
from parley.channels.email.markup import sanitised, text_from
from parley.channels.email.mime import parse
from parley.channels.email.tests.facts import message, said
from parley.channels.email.words import mailboxes, text_of
from parley.core.errors import Unreadable

SAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parent.parent / "samples").glob("*.eml"))]
HEAD = b"From: kim@example.com\r\nTo: support@acme.example\r\n"
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def read_or_refused(raw: bytes) -> str:
    """ "" when it was read; otherwise the sentence that says why not."""
    try:
        said(raw)
    except Unreadable as refusal:
        return str(refusal)
    return ""


@QUICK
@given(st.binary(max_size=2000))
def test_random_bytes_are_read_or_refused(raw: bytes) -> None:
    read_or_refused(raw)
    read_or_refused(HEAD + raw)
    channel.provider_id(raw)


@QUICK
@given(st.sampled_from(SAMPLES), st.randoms(use_true_random=False))
def test_mutated_mails_are_read_or_refused(sample: bytes, chance: random.Random) -> None:
    raw = bytearray(sample)
    for _ in range(chance.randint(1, 12)):
        place = chance.randrange(len(raw))
        how = chance.randrange(4)
        if how == 0:
            raw[place] = chance.randrange(256)
        elif how == 1:
            del raw[place : place + chance.randrange(1, 60)]
        elif how == 2:
            raw[place:place] = raw[chance.randrange(len(raw)) :][: chance.randrange(1, 200)]
        else:
            raw[place:place] = chance.choice([b"\r\n", b"\n\n", b"=?", b"?=", b"(", b'"', b"<", b"--", b"\0", b"\xff"])
        if not raw:
            break
    reason = read_or_refused(bytes(raw))
    assert "could not be read" not in reason, "an error of ours, dressed up"


@QUICK
@given(st.text(max_size=300))
def test_any_words_survive_being_a_header(words: str) -> None:
    text_of(words.encode("utf-8", "surrogatepass"))
    for one in mailboxes(words.encode("utf-8", "surrogatepass")):
        assert "@" in one.address


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "empty"),
        (b" \r\n\r\n", "empty"),
        (b"X-Any: x\r\n\r\nhello", "no mail"),
        (HEAD + b"X: " + b"a" * 300_000 + b"\r\n\r\nx", "header is longer"),
        (HEAD + b"X: a\r\n" * 2000 + b"\r\nx", "header lines"),
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 100_000, "parts"),
        (HEAD + b"\r\n" + b"x" * (36 * 1024 * 1024), "MB"),
        (HEAD + b"X-Parley-Cut: 60 MB; UID 7\r\n\r\nx", "too large"),
    ],
    ids=["nothing", "blanks", "no mail", "long head", "many headers", "many parts", "huge", "cut"],
)
def test_what_passes_a_limit_is_refused_with_a_sentence(raw: bytes, word: str) -> None:
    began = time.process_time()
    assert word in read_or_refused(raw)
    assert time.process_time() - began < 2


def test_parts_nested_a_thousand_deep_are_refused() -> None:
    raw = HEAD
    for depth in range(1000):
        raw += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth)
    assert "nested" in read_or_refused(raw)


@pytest.mark.parametrize(
    "headers",
    [
        b"Subject: " + b"=?utf-8?q?a?= " * 15_000,
        b"To: " + b"(" * 8000,
        b"To: " + b"a@example.com, " * 16_000,
        b"Subject: " + b"=?" * 4000,
        b"References: " + b"<a@b> " * 20_000,
        b"Content-Type: text/plain; " + b"a*0=b; " * 1000,
        b'Content-Type: text/plain; name="' + b"\\" * 7000,
        b"Date: " + b"1 " * 4000,
    ],
    ids=["encoded words", "comments", "recipients", "half words", "references", "parameters", "slashes", "date"],
)
def test_a_costly_header_is_cut_short(headers: bytes) -> None:
    began = time.process_time()
    message(HEAD + headers + b"\r\n\r\nhello")
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000,
        "<b><i><a>" * 20_000,
        "<table>" * 30_000,
        "<blockquote>" * 2_000 + "x",
        "<div></x>" * 40_000,
        "<" * 300_000,
        "&" * 300_000,
        "<a href=" * 50_000,
        '<img src="x' * 20_000,
    ],
    ids=[
        "deep",
        "formatting",
        "tables",
        "quotes",
        "false ends",
        "openings",
        "entities",
        "attributes",
        "quotes in tags",
    ],
)
def test_costly_html_is_shown_as_text_or_cleaned_quickly(html: str) -> None:
    began = time.process_time()
    message(HEAD + b"Content-Type: text/html\r\n\r\nhello " + html.encode())
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://t.test/a.gif">',
        '<img src=" HTTPS://t.test/a.gif">',
        '<img src="//t.test/a.gif">',
        '<img alt="a>b" src="https://t.test/a.gif">',
        "<img src='https://t.test/a.gif?a=\"'>",
        '<IMG SRC="https://t.test/a.gif" SRCSET="https://t.test/b.gif 2x">',
        '<table background="https://t.test/a.gif"><tr><td background="https://t.test/b.gif">x</table>',
        '<p style="background:url(https://t.test/a.gif)">x</p>',
        '<p style="background-image:u\\72l(https://t.test/a.gif)">x</p>',
        '<p style="list-style:url(https://t.test/a.gif)">x</p>',
        '<svg><image href="https://t.test/a.gif"/><filter><feImage href="https://t.test/b"/></filter></svg>',
        '<video src="https://t.test/a.mp4" poster="https://t.test/a.gif"></video>',
        '<link rel="stylesheet" href="https://t.test/a.css"><style>@import "https://t.test/b.css";</style>',
        '<iframe src="https://t.test/"></iframe><object data="https://t.test/"></object><embed src="https://t.test/">',
        '<meta http-equiv="refresh" content="0;url=https://t.test/"><base href="https://t.test/">',
        '<input type="image" src="https://t.test/a.gif"><body background="https://t.test/a.gif">',
    ],
)
def test_nothing_in_html_calls_home(html: str) -> None:
    clean = sanitised(html) or ""
    asked = clean.replace("data-remote-src", "")
    for fetching in (" src=", "srcset", "background", "url(", "poster", "<link", "<iframe", "<svg", "@import", "<base"):
        assert fetching not in asked.lower(), clean


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" java\tscript:alert(1)">x</a>',
        '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        '<p onclick="alert(1)">x</p>',
        '<img src="data:image/svg+xml;base64,PHN2Zz4=">',
        "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
        '<form action="https://t.test/"><button formaction="javascript:alert(1)">x</button></form>',
        "<noscript><p title='</noscript><script>alert(1)</script>'>",
    ],
)
def test_nothing_in_html_runs(html: str) -> None:
    clean = (sanitised(html) or "").lower()
    for running in ("<script", "javascript:", "onclick", "data:", "<form", "<math", "formaction"):
        assert running not in clean, clean


@QUICK
@given(st.text(max_size=400))
def test_text_of_any_html_comes_out(html: str) -> None:
    clean = sanitised(html)
    assert clean is not None
    text_from(clean)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\kim\\bill.pdf", "bill.pdf"),
        ("a\u200b.htaccess", "a.htaccess"),
        (".htaccess", "htaccess"),
        ("bill\u202efdp.exe", "billfdp.exe"),
        ("bill.pdf\r\nX: y", "bill.pdfX_ y"),
        ("x" * 300 + ".pdf", "x" * 140 + ".pdf"),
        ("/", ""),
    ],
)
def test_a_files_name_is_only_a_name(written: str, kept: str) -> None:
    assert safe_name(written) == kept


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=60)


@QUICK
@given(
    WORDS.filter(str.strip),
    st.lists(st.tuples(WORDS.filter(str.strip), st.binary(max_size=300)), max_size=4),
    st.booleans(),
)
def test_our_parser_agrees_with_the_standard_library(body: str, files: list[tuple[str, bytes]], rich: bool) -> None:
    mail = EmailMessage()
    mail["From"] = "kim@example.com"
    mail.set_content(body)
    if rich:
        mail.add_alternative("<p>x</p>", subtype="html")
    for _, data in files:
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename="a.bin")
    raw = mail.as_bytes()
    ours = [(part.type, part.content()) for part in parse(raw).walk() if not part.children]
    theirs = [
        (part.get_content_type(), part.get_payload(decode=True)) for part in mail.walk() if not part.is_multipart()
    ]
    assert [kind for kind, _ in ours] == [kind for kind, _ in theirs]
    for (kind, data), (_, expected) in zip(ours, theirs, strict=True):
        assert isinstance(expected, bytes)
        assert data.strip() == expected.strip() if kind.startswith("text/") else data == expected


def test_base64_cut_anywhere_still_gives_its_beginning() -> None:
    whole = base64.encodebytes(b"The parcel came on Monday, and the box was open.")
    for end in range(4, len(whole)):
        mail = HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + whole[:end]
        assert "The parcel came on Monday, and the box was open.".startswith(message(mail).text)
