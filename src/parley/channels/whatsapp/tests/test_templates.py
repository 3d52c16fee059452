"""Templates: fetched from the account, filled when the 24 hours are over, and sent as Meta wants them."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from harness.doors import Door
from harness.waiting import eventually
from harness.web import WebDesk
from parley.channels.whatsapp import channel
from parley.channels.whatsapp.templates import outgoing
from parley.core import events as e
from parley.core.events import Filled
from parley.demo.simulators.meta import MetaService, cloud, cloud_text, signed
from parley.services import consent, people, templates

SETTINGS = {"phone_number_id": "700", "token": "t", "app_secret": "shared", "verify_token": "word", "account": "55"}


def held(name: str, body: str, category: str = "UTILITY", status: str = "APPROVED", *more: Any) -> dict[str, Any]:
    parts = [{"type": "BODY", "text": body}, *more]
    return {"name": name, "language": "en", "status": status, "category": category, "components": parts}


LIST = [
    held(
        "order_ready", "Hi {{1}}, order {{2}} is ready.", "UTILITY", "APPROVED", {"type": "FOOTER", "text": "Larkspur"}
    ),
    held("spring_sale", "Hello {{first_name}}, all lamps are 20 % off.", "MARKETING"),
    held("your_code", "{{1}} is your code.", "AUTHENTICATION"),
    held("not_yet", "Hello", "UTILITY", "PENDING"),
    held("refused", "Five stars?", "UTILITY", "REJECTED"),
    held("tired", "Hello {{1}}", "UTILITY", "PAUSED"),
    held("with_picture", "Look", "UTILITY", "APPROVED", {"type": "HEADER", "format": "IMAGE"}),
    {"nonsense": 1},
]


@pytest.fixture
def meta() -> Iterator[MetaService]:
    service = MetaService()
    service.templates = LIST
    yield service
    service.close()


class Story:
    """Kim wrote by WhatsApp two days ago."""

    def __init__(self, web: WebDesk, meta: MetaService) -> None:
        self.web, self.meta = web, meta
        self.door = Door(web, channel, SETTINGS | {"api": meta.url})
        body = cloud(cloud_text("447946000001", "wamid.1", "Is my lamp there?"))
        assert self.door.post(body, signed(body)) == 200
        self.door.received(1)
        asyncio.run(web.story.desk.templates.round())
        self.ana = web.signed_in("ana")

    def later(self) -> None:
        self.web.story.clock.advance(hours=48)

    @property
    def number(self) -> int:
        return self.web.story.conversation.id

    def page(self) -> str:
        return str(self.ana.get(f"/desk/conversations/{self.number}").text)

    def sends(self, key: str, *values: str) -> Any:
        via = f"{self.identity.id}:{self.door.number}"
        fields = {"via": via, "template": key, "value": list(values), "client_id": f"{key}{values}"}
        return self.ana.post(f"/desk/conversations/{self.number}/templates", data=fields)

    @property
    def identity(self) -> people.Identity:
        (one,) = self.web.story.record.ask(people.identities_of, self.web.story.conversation.person)
        return one


@pytest.fixture
def story(web: WebDesk, meta: MetaService) -> Story:
    return Story(web, meta)


def test_those_that_can_be_sent_are_known_page_by_page(story: Story) -> None:
    found = story.web.story.record.ask(templates.of_inbox, story.door.number)
    assert [(one.name, one.stopped.partition(".")[0]) for one in found if one.stopped] == [
        ("not_yet", "Meta has not approved it yet"), ("refused", "Meta refused it"),
        ("tired", "Meta paused it because customers did not like it"),
    ]  # fmt: skip
    assert [(one.name, one.places, one.offers) for one in found if not one.stopped] == [
        ("order_ready", ("1", "2"), False), ("spring_sale", ("first_name",), True)
    ]  # fmt: skip
    assert next(one for one in found if one.name == "order_ready").text == "Hi {{1}}, order {{2}} is ready.\n\nLarkspur"


def test_when_the_window_is_closed_a_template_is_filled_and_sent_once(story: Story) -> None:
    assert "Send a template" not in story.page()
    assert "free within 24 hours" in story.page()
    story.later()
    page = story.page()
    assert "Send a template" in page
    assert "order {{2}} is ready." in page
    assert [story.sends("order_ready/en", "Kim", "10342").status_code for _ in range(2)] == [303, 303]
    eventually(lambda: len(story.door.events(e.Sent)) == 1)
    (sent,) = story.meta.sent
    assert sent.json["template"] == {
        "name": "order_ready", "language": {"code": "en"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": v} for v in ("Kim", "10342")]}],
    }  # fmt: skip
    assert "Hi Kim, order 10342 is ready." in story.page()
    assert story.web.story.conversation.waiting_since is None
    story.web.story.rebuilds()


def test_a_closed_window_says_why_and_offers_no_other_send(story: Story) -> None:
    send = r'<button class="button primary" name="then" value="" data-send( disabled)?>'
    found = re.search(send, story.page())
    assert found
    assert not found[1]
    assert "composer-why" not in story.page()
    story.later()
    page = story.page()
    found = re.search(send, page)
    assert found
    assert found[1]
    why = re.search(r'composer-why">.*?<span>([^<]+)</span>', page, re.DOTALL)
    assert why
    assert "WhatsApp takes answ" in why[1]


def test_what_is_not_filled_or_not_there_is_refused(story: Story) -> None:
    story.later()
    for key, values in (("order_ready/en", ["Kim"]), ("order_ready/en", ["Kim", " "]), ("gone/en", [])):
        assert story.sends(key, *values).status_code == 422
    assert story.door.events(e.ReplyWritten) == []


def test_one_that_meta_stopped_says_why_and_is_not_sent(story: Story) -> None:
    story.later()
    assert "Meta refused it. Change its words" in story.page()
    refused = story.sends("tired/en", "Kim")
    assert (refused.status_code, "Meta paused it" in refused.text) == (422, True)
    assert story.door.events(e.ReplyWritten) == []


def test_one_that_meta_stopped_a_moment_ago_fails_with_the_reason(story: Story) -> None:
    story.later()
    story.meta.templates = [one | {"status": "PAUSED"} for one in LIST if "name" in one]
    assert story.sends("order_ready/en", "Kim", "10342").status_code == 303
    eventually(lambda: len(story.door.events(e.SendFailed)) == 1)
    (failed,) = story.door.events(e.SendFailed)
    assert (failed.can_retry, "paused the template" in failed.reason) == (False, True)


def test_another_program_lists_and_sends_them(story: Story) -> None:
    story.later()
    path = f"/api/v1/conversations/{story.number}/templates"
    found = {one["key"]: one for one in story.ana.get(path).json()}
    assert {key for key, one in found.items() if not one["stopped"]} == {"order_ready/en", "spring_sale/en"}
    ready = found["order_ready/en"]
    assert (ready["places"], ready["needed"], ready["identity"]) == (["1", "2"], True, story.identity.id)
    body = {"inbox": ready["inbox"], "identity": ready["identity"], "key": ready["key"], "client_id": "a-1"}
    assert story.ana.post(path, json={**body, "values": ["Kim"]}).status_code == 422
    sent = [story.ana.post(path, json={**body, "values": ["Kim", "10342"]}) for _ in range(2)]
    assert [one.status_code for one in sent] == [201, 201]
    assert sent[0].json()["message"] == sent[1].json()["message"]
    eventually(lambda: len(story.door.events(e.Sent)) == 1)
    assert story.meta.sent[0].json["template"]["name"] == "order_ready"


def test_an_offer_goes_only_to_who_wants_offers(story: Story) -> None:
    story.later()
    assert "only to those who want offers" in story.page()
    story.sends("spring_sale/en", "Kim")
    eventually(lambda: len(story.door.events(e.SendFailed)) == 1)
    who = story.identity
    change = {"how": "the shop", "evidence": "Ticked the box on 1 March."}
    story.web.story.change(lambda tx: consent.change(tx, who, "offers", True, "agent/1", **change))
    assert "wants offers" in story.page()
    story.sends("spring_sale/en", "Kim Lee")
    eventually(lambda: len(story.door.events(e.Sent)) == 1)
    parameters = story.meta.sent[0].json["template"]["components"][0]["parameters"]
    assert parameters == [{"type": "text", "parameter_name": "first_name", "text": "Kim Lee"}]


def test_a_value_has_no_line_breaks() -> None:
    made = outgoing("44", Filled(name="a", language="en", places=("1",), values=("two\nlines  and\ttabs",)))
    assert made["template"]["components"][0]["parameters"][0]["text"] == "two lines and tabs"
    assert not re.search(r"\s{2}", str(made))
