"""The JSON API as a shop's own system would use it: a token, typed bodies, a cursor."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from harness.desk import StoryDesk
from harness.waiting import eventually
from harness.web import WebDesk, serving
from parley.channels.console import line
from parley.core import events as e
from parley.services import delivery, knowledge


@pytest.fixture
def web(tmp_path: Any) -> Iterator[WebDesk]:
    story = StoryDesk(tmp_path)
    story.visitor("kim").says("Where is my parcel?")
    with serving(story) as web:
        yield web


@pytest.fixture
def api(web: WebDesk) -> Iterator[httpx.Client]:
    with web.with_token("ana", "lead") as http:
        http.base_url = httpx.URL(f"{web.url}/api/v1/")
        yield http


def test_a_system_reads_answers_and_closes(web: WebDesk, api: httpx.Client) -> None:
    (talk,) = api.get("conversations", params={"view": "waiting"}).json()["conversations"]
    assert talk["preview"] == "Where is my parcel?"
    written = api.post(f"conversations/{talk['id']}/replies", json={"text": "On its way.", "client_id": "r1"})
    assert written.status_code == 201
    closed = api.post(f"conversations/{talk['id']}/closure").json()
    assert closed["status"] == "closed"
    assert api.delete(f"conversations/{talk['id']}/closure").json()["status"] == "open"
    said = [event["words"]["text"] for event in api.get(f"conversations/{talk['id']}/events").json() if event["words"]]
    assert [text for text in said if text] == ["Where is my parcel?", "On its way."]


def test_the_same_client_id_is_written_once(web: WebDesk, api: httpx.Client) -> None:
    answers = [api.post("conversations/1/replies", json={"text": "Hi", "client_id": "same"}).json() for _ in range(3)]
    assert len({answer["message"] for answer in answers}) == 1
    assert len(web.story.events(e.ReplyWritten)) == 1


def test_nobody_answers_past_a_new_message(web: WebDesk, api: httpx.Client) -> None:
    seen = api.get("conversations/1").json()["seq"]
    api.post("inboxes/1/deliveries", content=line(id="2", who="kim", text="Found it!"))
    for _ in range(1000):
        if api.get("conversations/1").json()["preview"] == "Found it!":
            break
    late = api.post("conversations/1/replies", json={"text": "I will look", "expect_seen": seen})
    assert late.status_code == 409
    assert "wrote again" in late.json()["detail"]


def test_a_delivery_is_taken_once(web: WebDesk, api: httpx.Client) -> None:
    raw = line(id="9", who="lee", text="Hello")
    assert [api.post("inboxes/1/deliveries", content=raw).json()["new"] for _ in range(2)] == [True, False]
    named = {"x-delivery-id": "from-our-queue-17"}
    assert api.post("inboxes/1/deliveries", content=raw, headers=named).status_code == 202
    assert api.post("inboxes/99/deliveries", content=raw).status_code == 404
    assert api.post("inboxes/1/deliveries", content=b"").status_code == 422


def test_the_feed_goes_on_at_its_cursor(web: WebDesk, api: httpx.Client) -> None:
    kinds: list[str] = []
    cursor = 0
    while True:
        feed = api.get("events", params={"after": cursor, "limit": 2}).json()
        kinds += [event["data"]["kind"] for event in feed["events"]]
        cursor = feed["cursor"]
        if not feed["more"]:
            break
    assert kinds == [r.event.__struct_config__.tag for r in web.story.events() if r.seq <= cursor]


def test_handling(web: WebDesk, api: httpx.Client) -> None:
    assert api.put("conversations/1/tags/parcel").json()["tags"] == ["parcel"]
    assert api.delete("conversations/1/tags/parcel").json()["tags"] == []
    mine = api.get("agents").json()[0]["id"]
    assert api.put("conversations/1/assignment", json={"agent": mine}).json()["assignee"] == mine
    assert api.put("conversations/1/assignment", json={"agent": None}).json()["assignee"] is None
    assert api.put("conversations/1/snooze", json={"until": "2027-01-01T09:00:00Z"}).json()["status"] == "snoozed"
    assert api.put("conversations/1/snooze", json={"until": "2020-01-01T09:00:00Z"}).status_code == 422
    assert api.put("conversations/1/snooze", json={"until": "2027-01-01T09:00:00"}).status_code == 422
    assert api.delete("conversations/1/snooze").json()["status"] == "open"
    assert api.post("conversations/1/notes", json={"text": "Ask the carrier"}).status_code == 201


def test_a_dead_letter_is_replayed(web: WebDesk, api: httpx.Client) -> None:
    web.story.console.fail("Blocked.", permanent=True)
    message = api.post("conversations/1/replies", json={"text": "Hello?"}).json()["message"]
    for _ in range(400):
        if letters := api.get("dead-letters").json():
            break
    assert [(letter["message"], letter["reason"]) for letter in letters] == [(message, "Blocked.")]
    web.story.console.recover()
    assert api.post(f"dead-letters/{message}/replay").status_code == 202
    for _ in range(400):
        if web.story.outbox:
            break
        api.get("dead-letters")
    assert [sent.text for sent in web.story.outbox] == ["Hello?"]
    assert web.story.record.ask(delivery.dead_letters) == []


def test_articles_orders_people_and_search(web: WebDesk, api: httpx.Client) -> None:
    made = api.post("articles", json={"title": "Parcels", "body": "Four days.", "tags": ["delivery"]}).json()
    assert api.put(f"articles/{made['id']}", json={"title": "Parcels", "body": "Five days."}).json()["version"] == 2
    order = {
        "number": "70001", "brand": 1, "mail": "kim@example.com", "status": "placed",
        "placed_at": "2026-03-01T08:00:00Z", "items": [{"name": "Mug", "quantity": 2, "cents": 900}],
    }  # fmt: skip
    assert api.post("orders", json=[order]).json() == {"count": 1}
    assert api.get("orders/70001").json()["items"][0]["name"] == "Mug"
    person = api.get("people", params={"kind": "console", "value": "kim"}).json()
    assert [talk["id"] for talk in person["conversations"]] == [1]
    assert api.get(f"people/{person['id']}").json() == person
    assert [hit["conversation"]["id"] for hit in api.get("search", params={"q": "parcel"}).json()] == [1]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "conversations/1/replies", {"txt": "x"}, 400),
        ("POST", "conversations/1/replies", {"text": " "}, 422),
        ("POST", "conversations/99/replies", {"text": "x"}, 404),
        ("GET", "conversations?view=nonsense", None, 404),
        ("GET", "conversations?after=nonsense", None, 422),
        ("GET", "nothing", None, 404),
        ("POST", "conversations/1/replies", {"text": "x", "inbox": 3, "identity": 1}, 422),
    ],
)
def test_failures_are_told_in_words(method: str, path: str, body: Any, status: int, api: httpx.Client) -> None:
    answer = api.request(method, path, json=body)
    assert answer.status_code == status
    detail = answer.json()["detail"]
    assert detail.endswith((".", "…")) or status == 400, detail
    assert "Traceback" not in detail


def test_the_description_names_every_call_and_every_call_its_meaning(web: WebDesk) -> None:
    with web.browser() as http:
        schema = http.get("/api/openapi.json").json()
        page = http.get("/api").text
    for path in schema["paths"]:
        assert path.startswith("/api/v1/")
        assert path in page


def test_articles_are_read_before_somebody_asks(web: WebDesk) -> None:
    ada = web.with_token("ada", "lead")
    for n in range(3):
        new = {"title": f"Returns {n}", "body": "Within thirty days.", "audience": "public"}
        assert ada.post("/api/v1/articles", json=new).status_code == 201
    brain = web.room.bot.brain
    eventually(lambda: brain._mind is not None and brain._stamp == web.story.record.ask(knowledge.stamp))
