"""What we send: read back by the standard library and by ourselves, and never more headers than we wrote."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley.channels.email.composing import compose
from parley.channels.email.tests.facts import inbox, message
from parley.core.channel import Address, Attached, Outbound
from parley.core.errors import SendFailed

NOON = datetime(2026, 8, 3, 12, 0, tzinfo=UTC)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def reply(**facts: Any) -> Outbound:
    """A plain reply of Ana's, with what the test changes."""
    usual: dict[str, Any] = {
        "message": 7,
        "conversation": 3,
        "to": Address(kind="mail", value="kim@example.com", name="Kim Larsen"),
        "text": "Hello Kim,\n\nthe parcel left today: https://acme.example/t?a=1&b=2.\n\nAna",
        "subject": "Re: Where is my order?",
        "external_id": "<our.7@acme.example>",
        "sender_name": "Ana",
        "brand_name": "Acme",
    }
    return Outbound(**(usual | facts))


def composed(**facts: Any) -> EmailMessage:
    mail = message_from_bytes(compose(reply(**facts), inbox(), NOON), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_an_ordinary_reply() -> None:
    mail = composed(
        references=("<first@example.com>", "<second@acme.example>"),
        in_reply_to="<third@example.com>",
        reply_token="r1.3.7.abcdefgh",
    )
    assert mail["From"] == '"Ana (Acme)" <support@acme.example>'
    assert mail["To"] == "Kim Larsen <kim@example.com>"
    assert mail["Subject"] == "Re: Where is my order?"
    assert mail["Date"] == "Mon, 03 Aug 2026 12:00:00 +0000"
    assert mail["Message-ID"] == "<our.7@acme.example>"
    assert mail["In-Reply-To"] == "<third@example.com>"
    assert mail["References"].split() == ["<first@example.com>", "<second@acme.example>", "<third@example.com>"]
    assert mail["Reply-To"].addresses[0].addr_spec == "support+r1.3.7.abcdefgh@acme.example"
    assert mail["Auto-Submitted"] is None
    assert mail["List-Unsubscribe"] is None
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == reply().text + "\n"
    assert '<a href="https://acme.example/t?a=1&amp;b=2">' in html.get_content()


def test_the_same_message_gives_the_same_bytes() -> None:
    assert compose(reply(), inbox(), NOON) == compose(reply(), inbox(), NOON)


def test_it_reads_back_as_it_was_written() -> None:
    text = "Grüße aus Łódź 👟\n\nFrom here on: lines.\n.\n..dots\n" + "long " * 400
    picture = Attached(name="Rücksendeschein für Sie, sehr geehrte Frau.png", type="image/png", data=b"\x89PNG" * 50)
    sent = reply(text=text, subject="Réponse à votre question " * 8, files=(picture,), cc=("lee@example.com",))
    raw = compose(sent, inbox(), NOON)
    back = message(raw, inbox("kim@example.com"))
    assert back.text.split() == text.split()
    assert back.subject == sent.subject.strip()
    assert back.sender.name == "Ana (Acme)"
    assert back.external_id == sent.external_id
    assert [(f.name, f.type, f.data) for f in back.files] == [(picture.name, picture.type, picture.data)]
    assert back.cc == ("lee@example.com",)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_inline_pictures_and_files_go_where_clients_look_for_them() -> None:
    logo = Attached(name="logo.png", type="image/png", data=b"logo", cid="logo@acme")
    bill = Attached(name="bill.pdf", type="application/pdf", data=b"%PDF")
    mail = composed(html='<p>Hi <img src="cid:logo@acme"></p>', files=(logo, bill))
    assert mail.get_content_type() == "multipart/mixed"
    related, attached = mail.iter_parts()
    assert [part.get_content_type() for part in related.iter_parts()] == ["multipart/alternative", "image/png"]
    assert attached.get_filename() == "bill.pdf"
    assert attached.get_content_disposition() == "attachment"


def test_choices_are_links_in_text_and_buttons_in_html() -> None:
    mail = composed(purpose="survey", choices=(("5 great", "https://acme.example/rate/x?score=5"), ("Call me", "call")))
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "5 great: https://acme.example/rate/x?score=5\r\n2. Call me" in text.get_content().replace(
        "\n", "\r\n"
    ).replace("\r\r", "\r")
    assert 'href="https://acme.example/rate/x?score=5" style="display:inline-block' in html.get_content()


def test_only_bulk_can_be_unsubscribed_from() -> None:
    url = "https://acme.example/u?t=1"
    bulk = composed(purpose="bulk", unsubscribe_url=url)
    assert bulk["List-Unsubscribe"] == f"<{url}>"
    assert bulk["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert bulk["Precedence"] == "bulk"
    assert composed(unsubscribe_url=url)["List-Unsubscribe"] is None


def test_a_machines_mail_says_so_and_is_recognised() -> None:
    answer = composed(automatic=True, in_reply_to="<q@example.com>")
    assert answer["Auto-Submitted"] == "auto-replied"
    assert answer["X-Auto-Response-Suppress"] == "All"
    assert composed(automatic=True)["Auto-Submitted"] == "auto-generated"
    assert message(compose(reply(automatic=True), inbox(), NOON), inbox("kim@example.com")).automatic


def test_our_own_mail_coming_back_is_recognised() -> None:
    returned = compose(reply(), inbox(), NOON).replace(b"From: ", b"From: list@example.org\r\nX-Was: ", 1)
    assert "came back" in (message(returned).automatic or "")


def test_a_mail_known_by_its_hash_is_not_put_into_references() -> None:
    mail = composed(references=("mail:0123abcd", "<x@example.com>"), in_reply_to="mail:0123abcd")
    assert mail["References"] == "<x@example.com>"


def test_a_token_too_long_for_a_local_part_is_left_out() -> None:
    assert composed(reply_token="x" * 80)["Reply-To"] is None


@pytest.mark.parametrize("address", ["nobody", "a@b", "a b@example.com", "a@example.com\r\nBcc: b@example.com", ""])
def test_what_is_no_address_is_not_written_to(address: str) -> None:
    with pytest.raises(SendFailed) as failed:
        compose(reply(to=Address(kind="mail", value=address)), inbox(), NOON)
    assert failed.value.permanent


HOSTILE = st.text(max_size=80) | st.sampled_from(
    [
        "\r\nBcc: x@example.com",
        "\nX: y",
        "a\r\n\r\nbody",
        "=?utf-8?q?=0D=0ABcc:_x?=",
        '"\\',
        "a\0b",
        "\u2028X: y",
        "\x85X: y",
    ]
)


@QUICK
@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_nobody_can_write_a_header_of_their_own(
    subject: str, name: str, sender: str, brand: str, identity: str, file: str, token: str
) -> None:
    raw = compose(
        reply(
            subject=subject,
            to=Address(kind="mail", value="kim@example.com", name=name),
            sender_name=sender,
            brand_name=brand,
            external_id=identity,
            in_reply_to=identity,
            references=(identity, name),
            reply_token=token,
            files=(Attached(name=file, type=subject, data=b"x", cid=token),),
            unsubscribe_url="https://acme.example/" + name,
            purpose="bulk",
        ),
        inbox(),
        NOON,
    )
    mail: Message = message_from_bytes(raw)
    assert set(mail.keys()) <= {
        "Date", "From", "To", "Subject", "Message-ID", "Reply-To", "In-Reply-To", "References", "X-Loop", "Precedence",
        "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert len(mail.keys()) == len(set(mail.keys()))
    assert not mail.defects
    parts = [part for part in mail.walk() if not part.is_multipart()]
    assert len(parts) == 3
    assert raw.partition(b"\r\n\r\n")[0].isascii()


@QUICK
@given(st.text(max_size=200))
def test_any_subject_arrives(subject: str) -> None:
    raw = compose(reply(subject=subject), inbox(), NOON)
    back = message(raw, inbox("kim@example.com")).subject or ""
    wanted = [letter for letter in subject if letter.isalnum()]
    assert [letter for letter in back if letter.isalnum()] == (wanted or [x for x in back if x.isalnum()])
    assert back
