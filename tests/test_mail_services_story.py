"""A desk whose mailbox is at Gmail or Microsoft 365: from the first question to the answer to its answer."""

from email import message_from_bytes, policy
from typing import Any

import pytest

from harness.dns_server import name_server
from harness.doors import Door
from harness.waiting import eventually
from harness.web import WebDesk
from parley.channels import installed
from parley.channels.email import polling
from parley.core import events as e
from simulators.mail_services import SECRET, USER, GmailService, GraphService, MailService

KINDS = {"gmail": GmailService, "graph": GraphService}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(polling, "LEAST_SECONDS", 0.05)
    return str(request.param)


def settings(kind: str, service: MailService) -> dict[str, Any]:
    return {
        "mail_api": kind, "api_url": service.url, "oauth_url": f"{service.url}/token", "oauth_client_id": "parley",
        "oauth_client_secret": SECRET, "oauth_refresh_token": "refresh-0", "poll_seconds": 0,
    }  # fmt: skip


def mail(number: int, to: str = USER, subject: str = "Tent pegs", text: str = "Do pegs come with it?") -> bytes:
    return (
        f"From: Kim <kim@example.com>\r\nTo: {to}\r\nSubject: {subject}\r\n"
        f"Message-ID: <{number}@example.com>\r\n\r\n{text}\r\n"
    ).encode()


def test_a_question_comes_in_its_answer_goes_out_and_the_reply_finds_home(web: WebDesk, kind: str) -> None:
    with KINDS[kind]() as service:
        door = Door(web, installed()["email"], settings(kind, service), USER)
        service.deliver(mail(1))
        [first] = door.received(1)
        door.answers("Twelve of them.")
        [raw] = service.sent
        sent = message_from_bytes(raw, policy=policy.default)
        assert (str(sent["To"]), sent["In-Reply-To"]) == ("Kim <kim@example.com>", "<1@example.com>")
        assert "service-" in sent["Message-ID"], "the service gave it a name that we do not know"
        service.deliver(mail(2, to=str(sent["Reply-To"]), subject="Something else", text="Thank you!"))
        [_, second] = door.received(2)
    events = {r.event.external_id: r.subject_id for r in web.story.events(e.MessageReceived)}
    assert first.external_id != second.external_id
    assert len(set(events.values())) == 1, "the reply is part of the same conversation"


def test_the_page_of_the_inbox_offers_it_tries_it_and_says_how_it_is(web: WebDesk, kind: str) -> None:
    admin = web.signed_in("ada", "admin")
    with KINDS[kind]() as service, name_server({"acme.example": {}}) as dns:
        service.deliver(mail(1))
        form = {f"s.{name}": str(value) for name, value in settings(kind, service).items()}
        form |= {"brand": str(web.story.brand), "name": "Post", "address": USER, "s.imap_old_mail": "1"}
        form |= {"s.poll_seconds": "60", "s.check_senders": "1", "then": "test", "s.dns_servers": dns.address}
        page = admin.get("/desk/settings/inboxes/new/email").text
        assert f"<option>{kind}</option>" in page, "it can be chosen"
        tried = admin.post("/desk/settings/inboxes/new/email", data=form)
        assert tried.status_code < 400, tried.text
        assert "gave a token" in tried.text
        assert "holds 1 mail." in tried.text
        eventually(lambda: len(web.story.events(e.MessageReceived)) == 1)
        eventually(lambda: "looking every" in admin.get("/desk/settings/inboxes").text)
        assert "Last received" in admin.get("/desk/settings/inboxes").text
