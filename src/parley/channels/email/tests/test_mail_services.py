"""Mailboxes of Gmail and Microsoft 365 watched through their own interfaces, on services with a memory."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from harness.dns_server import name_server
from harness.smtp_sink import smtp_sink
from parley.channels.email import channel, polling, rest
from parley.channels.email.tests.facts import inbox, message
from parley.channels.email.tests.test_fetching import mail, watching
from parley.channels.email.tests.test_receiving import Desk, until
from parley.channels.email.tests.test_sending import failure, reply, send
from parley.core.channel import Attached, Inbox
from parley.core.errors import Unreadable
from parley.demo.simulators.server import as_json
from simulators.mail_services import SECRET, USER, GmailService, GraphService, MailService

KINDS: dict[str, type[MailService]] = {"gmail": GmailService, "graph": GraphService}


@pytest.fixture(params=KINDS)
def service(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailService]:
    monkeypatch.setattr(polling, "LEAST_SECONDS", 0)
    with KINDS[request.param]() as running:
        assert isinstance(running, MailService)
        yield running


def box(service: MailService, **settings: Any) -> Inbox:
    usual: dict[str, Any] = {
        "mail_api": next(name for name, kind in KINDS.items() if isinstance(service, kind)),
        "api_url": service.url, "oauth_url": f"{service.url}/token", "oauth_client_id": "parley",
        "oauth_client_secret": SECRET, "oauth_refresh_token": "refresh-0", "poll_seconds": 0,
    }  # fmt: skip
    return inbox(**usual | settings)


def in_order(desk: Desk) -> list[str]:
    return [message(raw).subject or "" for _, _, raw in desk.kept]


def questions(*numbers: int) -> list[str]:
    return [f"Question {number}" for number in numbers]


def watched(desk: Desk, at: Inbox, wanted: int) -> None:
    """Until so many mails are kept, and the place is written."""

    async def run() -> None:
        async with watching(desk, at):
            await until(lambda: len(desk.kept) >= wanted, 20)
            await until(lambda: any("Connected" in said for _, said in desk.said), 20)

    asyncio.run(run())
    assert len(desk.kept) == wanted


def test_what_lies_there_and_what_comes_is_taken_once_and_in_order(service: MailService) -> None:
    desk = Desk()
    for number in range(7):
        service.deliver(mail(number))
    service.page_size = 3

    async def run() -> None:
        async with watching(desk, box(service)):
            await until(lambda: len(desk.kept) == 7)
            service.deliver(mail(7))
            await until(lambda: len(desk.kept) == 8)
        service.deliver(mail(8))
        service.deliver(mail(9))
        async with watching(desk, box(service)):
            await until(lambda: len(desk.kept) == 10)

    asyncio.run(run())
    assert in_order(desk) == questions(*range(10))


def test_a_place_that_was_forgotten_a_doubled_page_and_an_outage_lose_and_double_nothing(service: MailService) -> None:
    desk = Desk()
    service.doubled, service.page_size = True, 2

    async def run() -> None:
        service.deliver(mail(0))
        async with watching(desk, box(service)):
            await until(lambda: len(desk.kept) == 1)
        for number in range(1, 6):
            service.deliver(mail(number))
        service.fail(3)
        async with watching(desk, box(service)):
            await until(lambda: len(desk.kept) == 6)
        service.deliver(mail(6))
        service.forget()
        service.deliver(mail(7))
        async with watching(desk, box(service)):
            await until(lambda: len(desk.kept) == 8)
            service.deliver(mail(8))
            await until(lambda: len(desk.kept) == 9)

    asyncio.run(run())
    assert in_order(desk) == questions(*range(9))
    assert any("forgot where we were" in said for _, said in desk.said)


def test_a_kill_before_all_was_stored_repeats_and_loses_nothing(service: MailService) -> None:
    desk = Desk()
    for number in range(60):
        service.deliver(mail(number))
    desk.busy_for = {1}

    async def killed() -> None:
        async with watching(desk, box(service)):
            await until(lambda: any("waits in the mailbox" in said for _, said in desk.said))

    asyncio.run(killed())
    assert desk.notes == {}, "the place moved before the mails were stored"
    desk.busy_for = set()
    watched(desk, box(service), 60)
    assert in_order(desk) == questions(*range(60))


def test_between_storing_and_writing_the_place_a_kill_brings_nothing_twice(service: MailService) -> None:
    desk = Desk()
    watched(desk, box(service), 0)
    before = dict(desk.notes)
    service.deliver(mail(1))
    watched(desk, box(service), 1)
    assert desk.notes != before
    desk.notes = before
    service.deliver(mail(2))
    desk.said.clear()
    watched(desk, box(service), 2)
    assert in_order(desk) == questions(1, 2)


def test_a_token_that_ends_is_replaced_and_too_many_requests_are_waited_for(service: MailService) -> None:
    desk = Desk()
    service.deliver(mail(1))

    async def run() -> None:
        async with watching(desk, box(service)):
            await until(lambda: len(desk.kept) == 1)
            service.sign_out()
            if isinstance(service, GmailService):
                service.too_often(1)
            service.throttle(2, 0.2)
            service.deliver(mail(2))
            await until(lambda: len(desk.kept) == 2)

    asyncio.run(run())
    assert service.grants == ["refresh_token"] * 2
    assert not any("again" in said for _, said in desk.said), "waiting is no trouble"


def test_trouble_is_said_in_a_sentence_without_secrets(service: MailService) -> None:
    async def run(at: Inbox, words: str) -> None:
        desk = Desk()
        async with watching(desk, at):
            await until(lambda: any(words in said for _, said in desk.said))
        assert not any("refresh-9" in said or SECRET in said for _, said in desk.said)

    asyncio.run(run(box(service, oauth_refresh_token="refresh-9"), "Connect the account again"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(service), "answer_user", lambda self, asked: self.refuse(403, "forbidden", "No scope"))
        asyncio.run(run(box(service), "Check the account's consent"))


def test_old_mail_is_left_where_the_operator_says_so(service: MailService) -> None:
    desk = Desk()
    service.now -= timedelta(days=2)
    service.deliver(mail(1))
    service.now += timedelta(days=2)

    async def run() -> None:
        async with watching(desk, box(service, imap_old_mail=False)):
            await until(lambda: any("Connected" in said for _, said in desk.said))
            service.deliver(mail(2))
            await until(lambda: len(desk.kept) == 1)

    asyncio.run(run())
    assert in_order(desk) == questions(2)


def test_a_folder_is_found_by_its_name_and_only_it_is_read(service: MailService) -> None:
    desk = Desk()
    orders = "Label_7" if isinstance(service, GmailService) else "folder-7"
    service.deliver(mail(1))
    service.deliver(mail(2), orders)
    moved = service.deliver(mail(3))

    async def run() -> None:
        async with watching(desk, box(service, api_folder="Orders")):
            await until(lambda: len(desk.kept) == 1)
            service.move(moved, orders)
            await until(lambda: len(desk.kept) == 2)

    asyncio.run(run())
    assert in_order(desk) == questions(2, 3)
    [*_, (step, good, sentence)] = channel.try_connections(box(service, api_folder="Nowhere"))
    assert (step.endswith("folder:"), good) == (True, False)
    assert "Nowhere" in sentence or "not found" in sentence


def test_a_mail_that_went_meanwhile_and_one_that_is_too_large_stop_nothing(
    service: MailService, monkeypatch: pytest.MonkeyPatch
) -> None:
    from parley.channels.email import gmail, graph

    monkeypatch.setattr(gmail, "RAW_BYTES", 40_000)
    monkeypatch.setattr(graph, "MAIL_BYTES", 30_000)
    desk = Desk()
    gone = service.deliver(mail(1))
    service.destroy(gone)
    service.deliver(mail(2, "x" * 70_000))
    service.deliver(mail(3))
    watched(desk, box(service), 2)
    assert desk.kept[0][2].startswith(b"X-Parley-Cut: ")
    assert b"Question 2" in desk.kept[0][2]
    assert len(desk.kept[0][2]) < 60_000 or isinstance(service, GraphService)


def test_a_mail_goes_out_whole_and_refusals_have_a_fate(service: MailService) -> None:
    send(reply(text="It is on its way."), box(service))
    [raw] = service.sent
    assert message(raw, inbox("kim@example.com")).text.startswith("It is on its way.")
    service.sign_out()
    send(reply(), box(service))
    assert len(service.sent) == 2
    service.throttle(1, 7)
    busy = failure(reply(), box(service))
    assert (busy.permanent, busy.retry_after) == (False, 7.0)
    service.fail(1)
    assert not failure(reply(), box(service)).permanent
    refused = failure(reply(text="refused@"), box(service))
    assert refused.permanent
    assert "nvalid" in str(refused)
    assert not failure(reply(), box(service, oauth_client_secret="guess")).permanent
    assert len(service.sent) == 2, "a mail is not sent again by itself"


def test_the_account_is_tried_step_by_step_and_a_mail_comes_back(service: MailService) -> None:
    service.deliver(mail(1))
    steps = channel.try_connections(box(service))
    assert [good for _, good, _ in steps] == [True] * 3, steps
    assert "holds 1 mail" in steps[-1][2]
    [(_, good, sentence)] = channel.send_to_oneself(box(service))
    assert good, sentence
    assert "came back" in sentence
    [*_, (step, good, sentence)] = channel.try_connections(box(service, oauth_refresh_token="old"))
    assert (step.endswith("log in:"), good) == (True, False)
    assert "invalid_grant" in sentence
    assert channel.check(box(service, poll_seconds=60)) == []


def test_odd_settings_are_named() -> None:
    said = " ".join(channel.check(inbox(mail_api="gmail", api_mailbox="x@acme.example", imap_host="mail.acme.example")))
    for word in ("oauth_url", "api_mailbox", "imap_host is not used", "oauth_refresh_token"):
        assert word in said
    said = " ".join(channel.check(inbox(mail_api="graph", oauth_url="http://acme.example", oauth_client_id="x")))
    assert "set api_mailbox" in said
    assert "not https" in said


def test_a_shared_mailbox_is_read_and_sent_from_by_the_application_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "LEAST_SECONDS", 0)
    with GraphService() as service:
        service.deliver(mail(1))
        shared = box(service, api_mailbox="shared@acme.example", oauth_refresh_token="")
        desk = Desk()
        watched(desk, shared, 1)
        send(reply(), shared)
    assert "client_credentials" in service.grants
    assert len(service.sent) == 1
    assert not service.asked_for("/me/")


def test_what_microsoft_does_not_take_goes_to_the_mail_server_or_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    large = reply(text="many words " * 400_000)
    with GraphService() as service, smtp_sink() as sink:
        failed = failure(large, box(service))
        assert failed.permanent
        assert "takes at most 3.1 MB" in str(failed)
        send(large, box(service, smtp_host=sink.host, smtp_port=sink.port, smtp_security="none"))
        assert len(sink.wait_for(1)) == 1
    assert service.sent == []


LARGE = Attached(name="plan.pdf", type="application/pdf", data=bytes(range(256)) * 40_000)  # 10 MB
SMALL = Attached(name="shot.png", type="image/png", data=b"\x89PNG" + b"s" * 1000)


def test_large_files_go_through_microsoft_in_pieces_and_a_picture_stays_in_its_place() -> None:
    with GraphService() as service:
        send(reply(text="See:\n\n[shot.png]\n\nYours", files=(LARGE, SMALL), bcc=("boss@acme.example",)), box(service))
        [raw], [files] = service.sent, service.sent_files
    said = message(raw, inbox("kim@example.com"))
    [(cid, _)] = [(cid, name) for name, _, _, cid in files if cid]
    assert f"cid:{cid}" in (said.html or "")
    assert {(name, data) for name, _, data, _ in files} == {("plan.pdf", LARGE.data), ("shot.png", SMALL.data)}
    assert b"Bcc: boss@acme.example" in raw
    assert len(raw) < 20_000
    assert service.drafts == {}


def test_a_draft_that_does_not_become_a_mail_is_thrown_away_and_the_missing_permission_is_named() -> None:
    bad = Attached(name="bad.bin", type="application/octet-stream", data=b"x" * 100)
    with GraphService() as service:
        failed = failure(reply(files=(LARGE, bad)), box(service))
        assert failed.permanent
        assert (service.drafts, service.sent) == ({}, [])
        service.may_write = False
        assert "Mail.ReadWrite" in str(failure(reply(files=(LARGE,)), box(service)))


def test_an_unseen_copy_stands_in_the_header_that_the_service_reads(service: MailService) -> None:
    send(reply(bcc=("boss@acme.example",), cc=("ben@example.com",)), box(service))
    [raw] = service.sent
    assert b"\r\nBcc: boss@acme.example\r\n" in raw
    assert b"\nCc: ben@example.com\r\n" in raw


def test_a_link_that_leads_elsewhere_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    with GraphService() as service, GraphService() as elsewhere:
        page = {"value": [], "@odata.nextLink": f"{elsewhere.url}/v1.0/me/mailFolders/inbox/messages/delta"}
        monkeypatch.setattr(service, "answer_user", lambda asked: as_json(page))
        desk = Desk()

        async def run() -> None:
            async with watching(desk, box(service)):
                await until(lambda: any("not its own" in said for _, said in desk.said))

        asyncio.run(run())
    assert elsewhere.asked == []


def test_a_mail_that_cannot_be_had_does_not_keep_the_others_behind_it(
    service: MailService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(polling, "STUCK_SECONDS", 1.0)
    desk = Desk()
    service.broken = {service.deliver(mail(1)).id}
    service.deliver(mail(2))
    watched(desk, box(service), 2)
    assert any("answered 500" in said for _, said in desk.said), "it was tried again first"
    with pytest.raises(Unreadable, match=r"could not be fetched .*Internal error"):
        message(desk.kept[0][2])
    assert message(desk.kept[1][2]).subject == "Question 2"


@pytest.mark.parametrize(("kind", "host"), [("gmail", "_spf.google.com"), ("graph", "spf.protection.outlook.com")])
def test_the_domain_is_held_against_the_service_that_sends(kind: str, host: str) -> None:
    with name_server({"acme.example": {"TXT": ["v=spf1 mx ~all"]}}) as dns:
        steps = channel.check_domain(inbox(mail_api=kind, dns_servers=(dns.address,)))
    [sentence] = [sentence for step, good, sentence in steps if step == "SPF:" and not good]
    assert f"include:{host}" in sentence


def test_an_account_that_is_connected_again_goes_on_where_it_was(service: MailService) -> None:
    desk = Desk()
    watched(desk, box(service, imap_old_mail=False), 0)
    service.refresh = "refresh-1"  # the consent ended, and nobody saw it for days
    service.now -= timedelta(days=2)
    service.deliver(mail(1))
    service.now += timedelta(days=2)
    desk.said.clear()
    watched(desk, box(service, imap_old_mail=False, oauth_refresh_token="refresh-1"), 1)
    assert in_order(desk) == questions(1)


def test_a_service_that_forgets_every_place_is_asked_less_and_less(
    service: MailService, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = service.refuse(404 if isinstance(service, GmailService) else 410, "syncStateNotFound")
    usual = service.answer_user
    lost = ("/history", "/delta")
    monkeypatch.setattr(service, "answer_user", lambda asked: refuse if asked.path.endswith(lost) else usual(asked))
    desk = Desk()
    desk.notes[f"api/1/{box(service).settings.mail_api}/{USER}/"] = b'{"cursor":"%s","since":9}' % (
        b"7"
        if isinstance(service, GmailService)
        else f"{service.url}/v1.0/me/mailFolders/inbox/messages/delta".encode()
    )

    async def run() -> None:
        async with watching(desk, box(service)):
            await until(lambda: any("forgot where we were" in said for _, said in desk.said))
            await asyncio.sleep(0.5)

    asyncio.run(run())
    assert len([asked for asked in service.asked if asked.path.endswith(lost)]) < 8
