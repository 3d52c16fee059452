"""Mails that break the rules, or use the rare ones: no word of them is lost, and none is shown twice."""

import base64
import binascii
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.channels.email.mime import parse
from parley.channels.email.tests.facts import message
from parley.core.errors import Unreadable

HEAD = b"From: kim@example.com\r\nTo: support@acme.example\r\nSubject: shoes\r\nMIME-Version: 1.0\r\n"


def test_the_mails_of_a_digest_are_files_even_where_nothing_says_that_they_are_mails() -> None:
    raw = HEAD + (
        b"Content-Type: multipart/digest; boundary=d\r\n\r\n"
        b"--d\r\n\r\nFrom: a@example.com\r\nSubject: one\r\n\r\nfirst\r\n"
        b"--d\r\nContent-Type: text/plain\r\n\r\nThe list says hello.\r\n--d--\r\n"
    )
    mail = message(raw)
    assert mail.text == "The list says hello."
    assert [(file.name, file.type) for file in mail.files] == [("one.eml", "message/rfc822")]


def test_of_two_content_types_the_last_counts_and_nothing_is_lost() -> None:
    raw = HEAD + (
        b"Content-Type: multipart/alternative; boundary=b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        b"Words before.\r\n--b\r\n\r\nWords after.\r\n--b--\r\n"
    )
    assert "Words before." in message(raw).text
    assert "Words after." in message(raw).text


def test_a_boundary_ends_a_head_whose_empty_line_was_forgotten() -> None:
    raw = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n--b\r\nX: y\r\n\r\nHello.\r\n--b--\r\n"
    assert message(raw).text == "Hello."


def test_a_header_may_begin_with_hyphens() -> None:
    mail = parse(HEAD + b"--Odd: yes\r\nX-Last: 1\r\n\r\nHello.\r\n")
    assert mail.first("x-last") == b"1"


def test_different_texts_of_an_alternative_are_all_shown_and_the_same_one_once() -> None:
    parts = b"".join(b"--b\r\nContent-Type: text/plain\r\n\r\n" + text + b"\r\n" for text in (b"one", b"two", b"one"))
    raw = HEAD + b"Content-Type: multipart/alternative; boundary=b\r\n\r\n" + parts + b"--b--\r\n"
    assert message(raw).text == "one\n\ntwo"


def test_enriched_text_is_read_as_what_it_means() -> None:
    raw = HEAD + (
        b"Content-Type: text/enriched\r\n\r\n"
        b"<bold>Dear</bold> <<desk>>,\r\n\r\n<color><param>red</param>the box</color> was\r\nopen &amp; empty."
    )
    mail = message(raw)
    assert mail.text == "Dear <desk>>,\nthe box was open &amp; empty."
    assert mail.html is not None
    assert mail.html.startswith("<b>Dear</b>")


def test_mails_without_a_sender_are_read_and_never_taken_for_one_person() -> None:
    one, other = message(b"Subject: x\r\n\r\nhello"), message(b"Subject: x\r\n\r\ngoodbye")
    assert one.text == "hello"
    assert one.sender.value != other.sender.value
    assert one.sender.value.endswith(".invalid")
    assert one.automatic == "it names no sender"


def test_bytes_that_are_no_mail_are_refused() -> None:
    with pytest.raises(Unreadable, match="no mail"):
        message(b"\x00\x01\x02 nothing like a mail")


def test_japanese_that_stands_in_a_header_as_it_is() -> None:
    raw = "Subject: 靴の箱\nFrom: kim@example.com\n\nx".encode("iso-2022-jp")
    assert message(raw).subject == "靴の箱"


def test_a_file_inside_the_text_is_taken_out_of_it() -> None:
    lines = "".join(binascii.b2a_uu(b"size;price\n42;9,95\n"[start : start + 45]).decode() for start in (0,))
    raw = f"From: kim@example.com\nSubject: x\n\nThe list:\n\nbegin 644 list.csv\n{lines}`\nend\n\nKim\n"
    mail = message(raw.encode())
    assert mail.text == "The list:\n\n\n\nKim"
    assert [(file.name, file.data) for file in mail.files] == [("list.csv", b"size;price\n42;9,95\n")]


def test_words_that_begin_and_end_are_no_file() -> None:
    raw = b"From: kim@example.com\n\nbegin 644 reasons\nto be happy\nend\n"
    assert message(raw).files == ()


def attribute(name: int, value: bytes, level: int = 1) -> bytes:
    return struct.pack("<BII", level, name, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def text_property(name: int, text: str) -> bytes:
    value = text.encode("utf-16-le") + b"\0\0"
    return struct.pack("<HHII", 0x1F, name, 1, len(value)) + value + b"\0" * (-len(value) % 4)


def winmail() -> bytes:
    words = struct.pack("<I", 2) + struct.pack("<HHI", 3, 0x0E07, 1) + text_property(0x1000, "Die Größe 43 drückt.")
    named = struct.pack("<HH", 3, 0x8001) + b"\0" * 16 + struct.pack("<III", 0, 1, 7)
    about = (
        struct.pack("<I", 3)
        + named
        + text_property(0x3707, "Rechnung 2026.pdf")
        + text_property(0x370E, "application/pdf")
    )
    return (
        b"\x78\x9f\x3e\x22\x01\x00"
        + attribute(0x00069007, struct.pack("<II", 1252, 0))
        + attribute(0x00069003, words)
        + attribute(0x00069002, b"\0" * 14, 2)
        + attribute(0x00018010, b"RECHNU~1.PDF\0", 2)
        + attribute(0x0006800F, b"%PDF-1.7 a bill", 2)
        + attribute(0x00069005, about, 2)
    )


def wrapped(data: bytes, text: str = "") -> bytes:
    return HEAD + (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + text.encode()
        + b"\r\n--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(data) + b"\r\n--b--\r\n"
    )  # fmt: skip


def test_winmail_dat_is_opened() -> None:
    mail = message(wrapped(winmail()))
    assert mail.text == "Die Größe 43 drückt."
    assert [(f.name, f.type, f.data) for f in mail.files] == [
        ("Rechnung 2026.pdf", "application/pdf", b"%PDF-1.7 a bill")
    ]


def test_the_words_of_the_mail_go_before_those_in_winmail_dat() -> None:
    assert message(wrapped(winmail(), "Hello.")).text == "Hello."


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 400), st.integers(0, 255), st.integers(0, 400))
def test_a_broken_winmail_dat_is_a_file_like_any_other(place: int, value: int, end: int) -> None:
    data = bytearray(winmail())
    data[place % len(data)] = value
    mail = message(wrapped(bytes(data[: max(end, 7)]), "Hello."))
    assert mail.text == "Hello."
    assert message(wrapped(winmail()[:60])).files[0].name == "winmail.dat"


EVENT = (
    "BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nBEGIN:VTIMEZONE\r\nDTSTART:19700101T000000\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n"
    "SUMMARY:Fitting\\, shoes\r\nDTSTART;TZID=Europe/Berlin:20260803T095800\r\nDTEND:20260803T090000Z\r\n"
    "LOCATION:Main\r\n  Street 5\r\nORGANIZER;CN=\"Kim: Larsen\":mailto:kim@example.com\r\n"
    "ATTENDEE;PARTSTAT=DECLINED;CN=Lee:mailto:lee@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)  # fmt: skip


def invitation(method: str) -> bytes:
    return HEAD + b"Content-Type: text/calendar; charset=utf-8\r\n\r\n" + EVENT.format(method=method).encode()


def test_an_invitation_is_told_in_words_and_kept_as_a_file() -> None:
    mail = message(invitation("REQUEST"))
    assert mail.text.splitlines() == [
        "Invitation: Fitting, shoes",
        "When: 2026-08-03 09:58 (Europe/Berlin) – 2026-08-03 09:00 UTC",
        "Where: Main Street 5",
        "From: Kim: Larsen <kim@example.com>",
    ]
    assert [file.type for file in mail.files] == ["text/calendar"]


def test_an_answer_to_an_invitation_says_who_answered_what() -> None:
    assert message(invitation("REPLY")).text.splitlines()[-1] == "Lee <lee@example.com>: declined"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ('multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b', "encrypted with PGP"),
        ("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "encrypted with S/MIME"),
        ("application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", "inside its S/MIME signature"),
    ],
)
def test_a_sealed_mail_says_so_and_keeps_what_came(kind: str, said: str) -> None:
    parts = b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\n"
    parts += (
        b"Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--b--\r\n"
    )
    mail = message(HEAD + f"Content-Type: {kind}\r\n\r\n".encode() + parts)
    assert said in mail.text
    assert mail.files


@pytest.mark.parametrize(
    ("head", "text", "told"),
    [
        (
            "multipart/signed; protocol=application/pkcs7-signature; boundary=b",
            "Hello",
            "signed with S/MIME, not checked",
        ),
        ("multipart/signed; protocol=application/pgp-signature; boundary=b", "Hello", "signed with PGP, not checked"),
        ("multipart/mixed; boundary=b", "-----BEGIN PGP SIGNED MESSAGE-----\n\nHello", "signed with PGP, not checked"),
        ("multipart/mixed; boundary=b", "Hello", ""),
    ],
)
def test_a_signed_mail_says_so_and_proves_nothing(head: str, text: str, told: str) -> None:
    parts = f"--b\r\n\r\n{text}\r\n--b\r\nContent-Type: application/octet-stream; name=s\r\n\r\nxx\r\n--b--\r\n"
    mail = message(HEAD + f"Content-Type: {head}\r\n\r\n{parts}".encode())
    assert (mail.sender.checks, mail.sender.proved) == (told, None)
    assert "Hello" in mail.text
