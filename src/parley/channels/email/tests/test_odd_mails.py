"""Mails that break the rules, or use the rare ones: no word of them is lost, and none is shown twice."""

import pytest

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
