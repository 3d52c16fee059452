"""What a website's analytics are told of its visitors' conversations: when, of whom, and never who it was."""

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from harness.desk import StoryDesk
from harness.web import served
from parley.core import events as e
from parley.core import measurement
from parley.core.analytics import session_id
from parley.core.errors import BadConfig
from parley.core.measurement import Told
from parley.services import measuring
from parley.services.journeys import journeys
from parley.services.measuring import Settings
from simulators.analytics import Analytics
from simulators.server import Said

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


def test_nothing_that_names_anybody_is_in_a_hundred_thousand_payloads(desk: StoryDesk) -> None:
    """Topics, channels, measures and cookies full of secrets, some of them even listed as topics."""
    chance, now = random.Random(7), desk.clock.now
    allowed = frozenset({"returns", *(one.lower() for one in SECRETS if one not in ("Kim Lee", "kim lee"))})
    words = ("", " ", "returns", "about ", "-", "ünïcode")
    wholes: list[bytes] = []
    for n in range(100_000):
        said = chance.choice(SECRETS)
        mixed = chance.choice((said, chance.choice(words) + said, said + chance.choice(words), said.upper()))
        one = Told(
            name=chance.choice((measurement.STARTED, measurement.RESOLVED, measurement.RATED)), brand=n % 9,
            at=now - timedelta(minutes=chance.randint(0, 4000)), channel=chance.choice(("webchat", mixed)),
            topic=chance.choice(("returns", mixed)), session=chance.choice(("1712345678", mixed)), measure=mixed,
            score=chance.choice((None, 5, 4111111111111111, -3)), first_response_minutes=chance.choice((None, 3)),
        )  # fmt: skip
        body = measurement.payload(KIM, [measurement.event(one, allowed)])
        assert measurement.faults(body, now) == []
        wholes.append(json.dumps(body, ensure_ascii=False).replace(KIM, "").encode().lower())
    everything = b"\n".join(wholes)
    for secret in SECRETS:
        for form in (secret, secret.replace(" ", ""), secret.replace(" ", "_")):
            if form not in ("01632960961", "5500005555555559"):  # digits alone: session ids may be any digits
                assert form.lower().encode() not in everything, form
    assert b'"topic": "returns"' in everything


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
    good = measurement.event(Told(name=measurement.STARTED, at=now, brand=1, channel="webchat"), ())
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
