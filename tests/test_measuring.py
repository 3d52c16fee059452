"""What a website's analytics are told of its visitors' conversations: when, of whom, and never who it was."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from sqlalchemy import select

from harness.desk import START, StoryDesk
from harness.web import served
from parley import channels
from parley.core import events as e
from parley.core import measurement, touchpoints
from parley.core.analytics import session_id
from parley.core.errors import BadConfig
from parley.core.measurement import Told
from parley.core.touchpoints import Journey
from parley.demo.simulators.server import Said
from parley.services import measuring
from parley.services.journeys import journeys
from parley.services.measuring import Settings
from simulators.analytics import Analytics

KIM = "1234567890.1712345678"


@pytest.fixture
def analytics(desk: StoryDesk) -> Iterator[Analytics]:
    with Analytics(desk.clock) as simulator:
        ours = Settings(
            on=True, stream=simulator.stream, secret=simulator.secret, endpoint=simulator.url, topics=("returns",)
        )
        desk.change(lambda tx: measuring.keep(tx, desk.brand, ours))
        yield simulator


def told(desk: StoryDesk, minutes: float = 3) -> None:
    desk.later(minutes=minutes)
    desk.desk.teller.round()


def states(desk: StoryDesk) -> list[str]:
    return [line.state for line in reversed(desk.record.ask(measuring.newest))]


def test_a_visitor_who_agreed_is_counted_from_the_first_words_to_the_rating(
    desk: StoryDesk, analytics: Analytics
) -> None:
    kim = desk.chatter("kim").says("My name is Kim Lee, kim@home.example, order BF-104320")
    kim.looks_at("/returns", ago=60, client=KIM, session="1712345678")
    ana = desk.agent("ana")
    ana.tags("returns")
    desk.later(minutes=12)
    ana.replies("Of course.")
    ana.closes()
    number = desk.conversation.id
    rating = e.SurveyAnswered(survey=1, score=5, channel="webchat")
    desk.change(lambda tx: tx.append(e.conversation(number), [rating], "person/1"))
    told(desk)
    assert [client for client, _ in analytics.events] == [KIM] * 3
    began, solved, rated = (event for _, event in analytics.events)
    assert [one["name"] for one in (began, solved, rated)] == [
        "support_conversation_started", "support_conversation_resolved", "support_rating",
    ]  # fmt: skip
    assert began["params"] == {
        "brand": f"brand_{desk.brand}", "channel": "webchat", "topic": "returns", "session_id": "1712345678",
        "engagement_time_msec": 1,
    }  # fmt: skip
    assert (solved["params"]["first_response_minutes"], solved["params"]["resolution_minutes"]) == (12, 12)
    assert (rated["params"]["measure"], rated["params"]["score"]) == ("csat", 5)
    assert states(desk) == ["sent"] * 3
    told(desk)
    assert len(analytics.events) == 3
    assert analytics.thrown == []
    desk.rebuilds()


def test_nobody_who_did_not_agree_is_told_of(desk: StoryDesk, analytics: Analytics) -> None:
    desk.chatter("lee").says("Hello").looks_at("/", ago=5)
    desk.visitor("max").says("Hello")
    told(desk)
    assert states(desk) == ["waiting"] * 2
    told(desk, 40)
    assert states(desk) == ["unknown"] * 2
    assert analytics.asked == []


def test_a_failure_is_tried_again_and_ends_visibly(desk: StoryDesk, analytics: Analytics) -> None:
    desk.chatter("kim").says("Hello").looks_at("/", ago=5, client=KIM)
    analytics.scripted.append(Said(hang_up=True))
    analytics.fail(1)
    told(desk)
    line = desk.record.ask(measuring.newest)[0]
    assert (line.state, line.tries) == ("waiting", 1)
    assert analytics.secret not in line.why
    told(desk, 0.1)
    assert len(analytics.asked) == 1  # its rest is not over
    told(desk)
    told(desk, 6)
    assert states(desk) == ["sent"]
    assert len(analytics.events) == 1
    desk.chatter("lee").says("Hello").looks_at("/", ago=5, client="7.8")
    analytics.fail(20)
    for _ in range(12):
        told(desk, 1500)
    line = desk.record.ask(measuring.newest)[0]
    assert (line.state, len(analytics.events)) == ("dead", 1)
    assert line.why


def test_off_means_that_nothing_is_even_kept(desk: StoryDesk) -> None:
    desk.chatter("kim").says("Hello").looks_at("/", ago=5, client=KIM)
    assert desk.record.ask(measuring.newest) == []


def test_the_session_in_both_forms_of_its_cookie() -> None:
    assert session_id("GS1.1.1712345678.3.1.1712345700.0.0.0") == "1712345678"
    assert session_id("GS2.1.s1712345678$o3$g1$t1712345700$j60$l0$h0") == "1712345678"
    for wrong in ("", "GS1.1", "GS2.1.1712345678", "GS3.1.s1712345678", "GS1.1.kim@home.example", "GA1.1.1.2"):
        assert session_id(wrong) is None


SECRETS = (
    "kim.lee@home.example", "+44 1632 960961", "01632960961", "Kim Lee", "BF-104320", "4111 1111 1111 1111",
    "kim lee", "5500005555555559",
)  # fmt: skip


LISTED = frozenset({"returns", *(one.lower() for one in SECRETS if one.lower() != "kim lee")})


def way_of(chance: random.Random, number: int, now: datetime) -> tuple[Journey, str]:
    """A conversation with secrets wherever words may stand, and one of them."""
    said = chance.choice(SECRETS)
    mixed = chance.choice((said, f"about {said}", f"{said} returns", said.upper(), said.replace(" ", "_")))
    whose = {"message": 1, "person": 1, "identity": 1, "inbox": 1}
    facts: list[e.AnyEvent] = [
        e.ConversationOpened(
            person=1, inbox=1, brand=number % 9, channel=chance.choice(("webchat", mixed)), subject=mixed
        ),
        e.MessageReceived(**whose, channel="webchat", preview=mixed),
        e.Tagged(tag=chance.choice(("returns", mixed))),
        e.ReplyWritten(**whose, channel="webchat", preview=mixed),
    ]
    way = Journey(number)
    stream = e.conversation(number)
    touchpoints.take(way, [e.Recorded(n, stream, n, now, "agent/1", fact) for n, fact in enumerate(facts, 1)])
    cookie = chance.choice(("GS1.1.1712345678.3.1", "GS2.1.s1712345678$o1", mixed, f"GS1.1.{mixed}x", f"GS2.1.{mixed}"))
    way.client, way.session = KIM, session_id(cookie) or ""
    return way, mixed


def test_nothing_that_names_anybody_is_in_a_hundred_thousand_payloads() -> None:
    """Conversations whose subjects, texts, tags, channels, measures and cookies hold secrets, some listed as topics."""
    chance, now, installed = random.Random(7), START, frozenset(channels.installed())
    wholes: list[bytes] = []
    for n in range(100_000):
        way, mixed = way_of(chance, n, now - timedelta(minutes=chance.randint(0, 4000)))
        row = SimpleNamespace(
            name=chance.choice((measurement.STARTED, measurement.RESOLVED, measurement.RATED)), at=now, brand=n % 9,
            measure=chance.choice(("csat", mixed)), score=chance.choice((None, 5, 4111111111111111, -3)),
        )  # fmt: skip
        body = measurement.payload(KIM, [measurement.event(measuring.told(row, way), LISTED, installed)])
        assert measurement.faults(body, now) == []
        wholes.append(msgspec.json.encode(body).lower())
    everything = b"\n".join(wholes)
    for secret in SECRETS:
        for form in {secret, secret.replace(" ", ""), secret.replace(" ", "_")}:
            assert form.lower().encode() not in everything, form
    for told in (b'"topic":"returns"', b'"topic":"other"', b'"session_id":"1712345678"', b'"measure":"csat"'):
        assert told in everything


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": "session_start"}, "reserved"), ({"name": "ga_x"}, "reserved"), ({"name": "9x"}, "form"),
        ({"name": "x" * 41}, "too long"), ({"params": {f"p{n}": 1 for n in range(26)}}, "25 parameters"),
        ({"params": {"x" * 41: 1}}, "too long"), ({"params": {"x": "y" * 101}}, "100 characters"),
        ({"params": {"x": ["y"]}}, "no text"), ({"timestamp_micros": 1}, "72 hours"),
        ({"params": {"google_x": 1}}, "reserved"),
    ],
)  # fmt: skip
def test_each_limit_is_held(desk: StoryDesk, change: dict[str, object], word: str) -> None:
    now = desk.clock.now
    good = measurement.event(Told(name=measurement.STARTED, at=now, brand=1, channel="webchat"), (), ("webchat",))
    assert measurement.faults(measurement.payload(KIM, [good]), now) == []
    assert word in " ".join(measurement.faults(measurement.payload(KIM, [good | change]), now))
    assert measurement.faults(measurement.payload(KIM, [good] * 26), now)
    assert measurement.faults(measurement.payload("kim@home.example", [good]), now)


def test_settings_that_cannot_be_right_are_refused(desk: StoryDesk) -> None:
    for wrong in (
        Settings(on=True), Settings(on=True, stream="UA-1", secret="x"), Settings(endpoint="http://far.example"),
        Settings(endpoint="https://u:p@x.example"), Settings(topics=("kim@home.example",)),
        Settings(endpoint="https://x.example?api_secret=1"),
    ):  # fmt: skip
        with pytest.raises(BadConfig):
            desk.change(lambda tx, wrong=wrong: measuring.keep(tx, desk.brand, wrong))


def test_the_page_keeps_the_secret_to_itself_and_sends_a_test(tmp_path: Path) -> None:
    with served(tmp_path) as web, Analytics(web.story.clock) as simulator:
        admin, here = web.signed_in("ada", "admin"), f"/desk/settings/analytics/{web.story.brand}"
        form = {"on": "1", "stream": simulator.stream, "secret": simulator.secret, "endpoint": simulator.url}
        assert admin.post(here, data=form).status_code == 303
        page = admin.get("/desk/settings/analytics").text
        assert simulator.secret not in page
        assert simulator.stream in page
        assert "was found right" in admin.post(here + "/trial").text
        assert simulator.events == []  # the checking address counts nothing
        assert admin.post(here, data=form | {"secret": "another"}).status_code == 303
        assert "api_secret does not fit" in admin.post(here + "/trial").text
        assert admin.post("/desk/settings/analytics/999/trial").status_code == 404


def test_the_session_stands_beside_the_browser(desk: StoryDesk) -> None:
    desk.chatter("kim").says("Hello").looks_at("/", ago=5, client=KIM, session="55")
    with desk.record.reading() as conn:
        assert conn.execute(select(journeys.c.client, journeys.c.session)).all() == [(KIM, "55")]
