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
from parley.demo.simulators.server import Asked, Said, as_json
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
    held("with_picture", "Look", "UTILITY", "APPROVED", {"type": "HEADER", "format": "IMAGE"}),
    {"nonsense": 1},
]


class Account(MetaService):
    """The account's templates, two on a page, beside what Meta does with messages."""

    def answer(self, asked: Asked) -> Said:
        if not asked.path.endswith("/55/message_templates"):
            return super().answer(asked)
        begin = int(asked.query.get("after", 0))
        more = {"next": f"{self.url}/55/message_templates?after={begin + 2}"} if begin + 2 < len(LIST) else {}
        return as_json({"data": LIST[begin : begin + 2], "paging": more})


@pytest.fixture
def meta() -> Iterator[Account]:
    with Account() as meta:
        yield meta  # type: ignore[misc]


class Story:
    """Kim wrote by WhatsApp two days ago."""

    def __init__(self, web: WebDesk, meta: Account) -> None:
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
def story(web: WebDesk, meta: Account) -> Story:
    return Story(web, meta)


def test_those_that_can_be_sent_are_known_page_by_page(story: Story) -> None:
    found = story.web.story.record.ask(templates.of_inbox, story.door.number)
    assert [(one.name, one.places, one.offers) for one in found] == [
        ("order_ready", ("1", "2"), False), ("spring_sale", ("first_name",), True)
    ]  # fmt: skip
    assert found[0].text == "Hi {{1}}, order {{2}} is ready.\n\nLarkspur"


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


def test_what_is_not_filled_or_not_there_is_refused(story: Story) -> None:
    story.later()
    for key, values in (("order_ready/en", ["Kim"]), ("order_ready/en", ["Kim", " "]), ("gone/en", [])):
        assert story.sends(key, *values).status_code == 422
    assert story.door.events(e.ReplyWritten) == []


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
