"""Mail on its way out of a whole desk, over real SMTP: servers that are away, refuse for now, refuse for good."""

import re
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from harness.desk import StoryDesk
from harness.ports import free_port
from harness.smtp_sink import Sink, smtp_sink
from harness.waiting import eventually
from harness.web import served
from parley.core import events as e
from parley.core.errors import Refused
from parley.services import delivery, file_links, setup


@pytest.fixture
def post() -> Iterator[Sink]:
    with smtp_sink() as sink:
        yield sink


def goes_through(desk: StoryDesk, port: int) -> StoryDesk:
    settings = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none"}
    desk.change(lambda tx: setup.change_inbox(tx, desk.mail_inbox, settings=settings))
    desk.desk.setup_changed()
    return desk


def answered(desk: StoryDesk) -> None:
    desk.customer("kim@example.com", "Kim").mails("A lamp", "Is it blue?")
    desk.agent("ana").replies("It is green.")


def states(desk: StoryDesk) -> list[str]:
    return [row.state for row in desk.record.ask(delivery.of_conversation, desk.conversation.id).values()]


def test_a_mail_server_that_is_away_for_an_hour_costs_nothing_but_time(desk: StoryDesk, post: Sink) -> None:
    answered(goes_through(desk, free_port()))
    for _ in range(6):
        desk.later(minutes=10)
    delays = [r.event.reason for r in desk.events(e.SendDelayed)]  # type: ignore[union-attr]
    assert 4 <= len(delays) <= 8
    assert all("127.0.0.1" in reason for reason in delays)
    assert states(desk) == ["queued"]
    goes_through(desk, post.port).later(hours=2)
    assert states(desk) == ["sent"]
    assert len(post.mails) == 1


def test_a_refusal_for_now_is_tried_again_under_the_same_name(desk: StoryDesk, post: Sink) -> None:
    post.answer("DATA", "451 4.7.1 Greylisted, come back later", times=2)
    answered(goes_through(desk, post.port))
    assert states(desk) == ["queued"]
    desk.later(minutes=1).later(minutes=5)
    assert states(desk) == ["sent"]
    (written,) = desk.events(e.ReplyWritten)
    assert [message_from_bytes(m.raw)["Message-ID"] for m in post.mails] == [written.event.external_id]  # type: ignore[union-attr]


def test_a_refusal_for_good_stops_and_the_button_tries_again(tmp_path: Path, post: Sink) -> None:
    post.answer("RCPT", "550 5.1.1 No such user here", times=1)
    with served(tmp_path) as web:
        desk = goes_through(web.story, post.port)
        customer = desk.customer("kim@example.com", "Kim")
        raw = b"From: Kim <kim@example.com>\r\nTo: help@larkspur.test\r\nSubject: A lamp\r\n\r\nIs it blue?\r\n"
        assert customer.story.desk.intake.take(desk.mail_inbox, "m1", raw).result(10)
        ana = web.signed_in("ana")
        eventually(lambda: len(desk.conversations()) == 1)
        number = desk.conversation.id
        assert ana.post(f"/desk/conversations/{number}/replies", data={"text": "It is green."}).status_code == 303
        eventually(lambda: states(desk) == ["failed"])
        page = ana.get(f"/desk/conversations/{number}").text
        assert "No such user here" in page
        (message,) = [r.event.message for r in desk.events(e.ReplyWritten)]  # type: ignore[union-attr]
        assert f"/desk/messages/{message}/replay" in page
        assert ana.post(f"/desk/messages/{message}/replay").status_code == 303
        eventually(lambda: states(desk) == ["sent"])
        assert len(post.mails) == 1


def test_files_that_mail_cannot_carry_go_as_links_for_a_month(tmp_path: Path, post: Sink) -> None:
    with served(tmp_path) as web:
        desk = goes_through(web.story, post.port)
        raw = b"From: Kim <kim@example.com>\r\nTo: help@larkspur.test\r\nSubject: A lamp\r\n\r\nIs it blue?\r\n"
        assert desk.desk.intake.take(desk.mail_inbox, "m1", raw).result(10)
        ana = web.signed_in("ana")
        eventually(lambda: len(desk.conversations()) == 1)
        answers = f"/desk/conversations/{desk.conversation.id}/replies"
        vast = {"files": ("vast.bin", b"\1" * 51 * 2**20, "application/octet-stream")}
        refused = ana.post(answers, data={"text": "x"}, files=vast)
        assert refused.status_code == 422
        assert "The files are 51 MB, and 50 MB can be sent at once." in refused.text
        big = {"files": ("plans.html", b"<b>" * 8 * 2**20, "text/html")}
        assert ana.post(answers, data={"text": "The plans."}, files=big).status_code == 303
        mail = post.wait_for(1, 30)[0].raw
        assert len(mail) < 20_000
        text = message_from_bytes(mail, policy=default).get_body(("plain",)).get_content()  # type: ignore[union-attr]
        found = re.search(r"plans\.html \(25\.2 MB\): http\S+?(/file/\S+)", text)
        assert found, text
        nobody = web.browser()
        fetched = nobody.get(found[1])
        assert fetched.content == b"<b>" * 8 * 2**20
        assert fetched.headers["content-type"] == "application/octet-stream"
        assert fetched.headers["content-disposition"].startswith("attachment")
        assert nobody.get(found[1][:-1] + ("a" if found[1][-1] != "a" else "b")).status_code == 404
        store, key, token = desk.desk.store, desk.desk.config.key, found[1].removeprefix("/file/")
        for days, good in ((29, True), (32, False)):
            now = desk.record.clock() + timedelta(days=days)
            with nullcontext() if good else pytest.raises(Refused, match="could be fetched until"):
                desk.record.ask(file_links.fetch, store, key, token, now)
        post.mails.clear()
        fits = {"files": ("fits.bin", b"\1" * 15 * 2**20, "application/octet-stream")}
        assert ana.post(answers, data={"text": "x"}, files=fits).status_code == 303
        assert len(post.wait_for(1, 30)[0].raw) > 15 * 2**20
