"""Codes and links to sign in, mailed to a support address: hidden, and shown to whoever asks, which is noted."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from harness.waiting import eventually
from harness.web import served
from mail_trials.signing_in import MAILS
from parley.core import events as e
from parley.core.signin import HIDDEN, hidden, secrets_in
from parley.log.record import words_of

ORDINARY = [
    ("Where is order 10342?", "I ordered on 3 March 2026 and paid 129.90. My number is +44 20 7946 0000."),
    ("Voucher", "The voucher code SPRING24 does not work at the till."),
    ("Returns", "Please send a label for 2 pairs, article 88213.\n\n88213\n"),
    ("Invoice 2026-1182", "See https://files.example.com/invoices/2026/0011822933445566778899 for it."),
    ("Error code 500", "Your page says error code 500 and nothing else."),
    ("Postal code", "My postal code is 90210, please change it."),
    ("Cannot log in", "I cannot log in since Monday. My order is number 10342 and I paid 49 euros."),
    ("Signing", "Where do I sign in the contract? It has 24 pages."),
]


@pytest.mark.parametrize(("subject", "text", "secret"), MAILS)
def test_what_lets_somebody_in_is_hidden(subject: str, text: str, secret: str) -> None:
    found = secrets_in(subject, text)
    assert found
    shown = hidden(f"{subject}\n{text}", found)
    assert secret not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(("subject", "text"), ORDINARY)
def test_other_numbers_and_links_are_no_secrets(subject: str, text: str) -> None:
    assert not secrets_in(subject, text)


def test_a_link_keeps_its_host_also_in_html() -> None:
    link = "https://login.example.com/in?a=1&token=eyJhbGciOiJIUzI1NiJ9abc"
    found = secrets_in("Sign in", f"Sign in: {link}")
    assert hidden(f'<a href="{link.replace("&", "&amp;")}">Sign in</a>', found) == (
        f'<a href="https://login.example.com/{HIDDEN}">Sign in</a>'
    )


def mail(subject: str, text: str) -> bytes:
    said = EmailMessage()
    said["From"], said["To"], said["Subject"] = "Hooli <hello@hooli.example>", "help@larkspur.test", subject
    said["Message-ID"] = "<code-1@hooli.example>"
    said.set_content(text)
    said.add_alternative(f"<p style='color:#123456'>{text}</p>", subtype="html")
    return said.as_bytes()


def test_nobody_reads_it_by_the_way_and_who_looks_is_noted(tmp_path: Path) -> None:
    with served(tmp_path) as web:
        web.story.desk.intake.take(web.story.mail_inbox, "code-1", mail(*MAILS[0][:2])).result(10)
        eventually(lambda: bool(web.story.events(e.MessageReceived)))
        (said,) = web.story.events(e.MessageReceived)
        assert isinstance(said.event, e.MessageReceived)
        number, message = said.subject_id, said.event.message
        kept = web.story.record.ask(words_of, [message])[message]
        assert not any("482913" in str(part) for part in (kept.text, kept.html, kept.subject, said.event.preview))
        ana, path = web.signed_in("ana"), f"/desk/conversations/{number}/messages/{message}/secrets"
        shown = ana.get(f"/desk/conversations/{number}").text
        assert "482913" not in shown
        assert path in shown
        assert "482913" not in ana.get(path).text
        assert not web.story.events(e.SecretShown)
        assert "482913" in ana.post(path).text
        assert [r.by for r in web.story.events(e.SecretShown)] == [f"agent/{ana.agent}"]
        assert "Ana had a hidden code shown" in ana.get(f"/desk/conversations/{number}").text
