"""What people want from us: STOP and START, links, notes of agents, quiet hours; all looked at in delivery."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from harness.desk import StoryDesk
from harness.waiting import eventually
from harness.web import served
from parley.channels.webchat import raw
from parley.core import consent as rules
from parley.core import events as e
from parley.core import zones as zones_of_numbers
from parley.core.channel import Address
from parley.core.consent import QuietHours, allowed, meant, wish
from parley.core.errors import Refused
from parley.log.record import Tx
from parley.services import consent, outgoing, people, replies, setup, zones


def identity_of(desk: StoryDesk) -> people.Identity:
    return desk.record.ask(people.identities_of, desk.conversations()[0].person)[0]


def standing(desk: StoryDesk) -> dict[str, bool]:
    return {one.purpose: one.given for one in desk.record.ask(consent.of, [identity_of(desk).id])}


def tells(desk: StoryDesk, text: str, purpose: str) -> None:
    """The desk says something that was not asked for."""
    state = desk.conversations()[0]
    desk.change(lambda tx: replies.automatic_reply(tx, state, text, "notices", purpose=purpose))
    desk.settle()


def failures(desk: StoryDesk) -> list[str]:
    return [r.event.reason for r in desk.events(e.SendFailed) if isinstance(r.event, e.SendFailed)]


# ── a word ──────────────────────────────────────────────────────────────────────────────────


def test_stop_ends_everything_and_is_confirmed_once(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Is it on its way?")
    desk.visitor("kim").says(" stop! ")
    assert standing(desk) == dict.fromkeys(rules.PURPOSES, False)
    assert [m.text for m in desk.outbox] == [
        "You will get no more messages from Larkspur here. Write START if you want them again."
    ]
    tells(desk, "Your parcel is late.", "notice")
    desk.agent("ana").replies("It is on its way.")
    assert len(desk.outbox) == 1
    assert len(failures(desk)) == 2
    assert all("asked for no more messages here on 2 March 2026" in reason for reason in failures(desk))


def test_who_writes_again_is_answered_and_asked_nothing(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello").says("STOP").says("Well, where is my order?")
    assert standing(desk) == {"replies": True, "surveys": False, "notices": False, "offers": False}
    desk.agent("ana").replies("It comes tomorrow.")
    assert desk.outbox[-1].text == "It comes tomorrow."
    desk.agent("ana").closes()
    desk.later(minutes=31)
    (dropped,) = [r.event for r in desk.events(e.SurveyDropped)]
    assert isinstance(dropped, e.SurveyDropped)
    assert dropped.reason == "not wanted"


def test_start_takes_it_back_but_is_no_yes_to_offers(desk: StoryDesk) -> None:
    desk.visitor("kim").says("STOP").says("start")
    assert standing(desk) == {"replies": True, "surveys": True, "notices": True, "offers": False}
    tells(desk, "Your parcel is late.", "notice")
    assert desk.outbox[-1].text == "Your parcel is late."
    tells(desk, "Ten per cent off!", "bulk")
    assert desk.outbox[-1].text == "Your parcel is late."


def test_a_lone_stop_is_no_work_and_the_word_in_a_sentence_is_no_wish(desk: StoryDesk) -> None:
    desk.visitor("kim").says("STOP")
    assert desk.conversation.status == "closed"
    assert len(desk.outbox) == 1, "it is confirmed all the same"
    desk.visitor("lee").says("Please stop sending me two of everything.")
    assert sorted(s.status for s in desk.view("all")) == ["closed", "open"]


def test_somebody_elses_stop_ends_nothing_for_others(desk: StoryDesk) -> None:
    desk.visitor("lee").says("Hello?")
    desk.visitor("kim").says("STOP")
    number = next(s.id for s in desk.conversations() if s.status == "open")
    desk.agent("ana").replies("Hello, Lee!", conversation=number)
    assert desk.outbox[-1].text == "Hello, Lee!"


@given(some.text(max_size=60))
def test_a_wish_stands_alone(text: str) -> None:
    if wish(text) is not None:
        assert len(text.split()) <= 3
        assert wish(f"please {text} now") is None


@given(some.lists(some.tuples(some.sampled_from((*rules.PURPOSES, rules.ALL)), some.booleans())))
def test_the_last_word_on_a_purpose_counts(said: list[tuple[str, bool]]) -> None:
    wishes: dict[str, bool] = {}
    for purpose, yes in said:
        wishes |= dict.fromkeys(meant(purpose, yes), yes)
    stops = [n for n, (purpose, yes) in enumerate(said) if not yes and purpose in ("offers", "all")]
    yeses = [n for n, (purpose, yes) in enumerate(said) if yes and purpose == "offers"]
    assert allowed("bulk", wishes) == bool(yeses and (not stops or max(yeses) > max(stops)))
    assert allowed("consent", wishes), "the confirmation always goes"


# ── by hand, by link, by another program ────────────────────────────────────────────────────


def test_an_agent_notes_what_was_said_on_the_phone(tmp_path: Path) -> None:
    with served(tmp_path) as web:
        web.story.visitor("kim").says("Hello", settle=False)
        eventually(lambda: bool(web.story.conversations()))
        who = identity_of(web.story)
        ana = web.signed_in("ana")
        page = f"/desk/people/{who.person}"
        sent = {"identity": str(who.id), "purpose": "offers", "wants": "yes", "evidence": ""}
        assert ana.post(f"{page}/consents", data=sent).status_code == 422
        assert (
            ana.post(f"{page}/consents", data=sent | {"evidence": "Said so on the phone, 2 March."}).status_code == 303
        )
        shown = ana.get(page).text
        assert "wants offers" in shown
        assert "Said so on the phone, 2 March." in shown
        foreign = sent | {"identity": "999"}
        assert ana.post(f"{page}/consents", data=foreign).status_code == 422


def test_the_link_in_a_survey_ends_surveys(tmp_path: Path) -> None:
    with served(tmp_path) as web:
        web.story.visitor("kim").says("Hello", settle=False)
        eventually(lambda: bool(web.story.conversations()))
        who = identity_of(web.story)
        path = f"/leave/{outgoing.leaving_token(web.room.key, who.id, 'surveys')}"
        anybody = web.browser()
        assert "No more surveys?" in anybody.get(path).text
        assert standing(web.story) == {}, "looking at a link ends nothing"
        assert anybody.post(path, data={"List-Unsubscribe": "One-Click"}).status_code in (200, 201)
        assert standing(web.story) == {"surveys": False}
        assert anybody.get(path[:-1]).status_code == 404


def test_a_yes_to_offers_needs_something_that_shows_it(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello")
    who = identity_of(desk)
    with pytest.raises(Refused, match="what shows"):
        desk.change(lambda tx: consent.change(tx, who, "offers", True, "agent/1", how="an agent"))
    with pytest.raises(Refused, match="no purpose"):
        desk.change(lambda tx: consent.change(tx, who, "everything", False, "agent/1", how="an agent"))


def test_the_reply_box_says_why_it_cannot_reach_them(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello").says("STOP")
    state, boxes = desk.conversation, list(desk.desk.inboxes().values())
    ways = desk.record.ask(lambda conn: replies.ways(conn, state, boxes, desk.desk.channels))
    assert next(w for w in ways if w.identity).why_not == "They asked for no more messages there."


# ── quiet hours ─────────────────────────────────────────────────────────────────────────────


def test_nothing_that_was_not_asked_for_rings_at_night(desk: StoryDesk) -> None:
    night = QuietHours(start=time(8), end=time(10), zone="UTC", on=True)
    desk.change(lambda tx: consent.set_quiet_hours(tx, desk.brand, night))
    desk.visitor("kim").says("Hello")
    desk.agent("ana").replies("Good morning!")
    assert desk.outbox[-1].text == "Good morning!", "answers always go"
    tells(desk, "Your parcel is late.", "notice")
    assert len(desk.outbox) == 1
    desk.later(minutes=55)
    assert len(desk.outbox) == 1
    desk.later(minutes=10)
    assert desk.outbox[-1].text == "Your parcel is late."


def by_night(desk: StoryDesk) -> None:
    """Quiet from nine in the evening to eight in the morning, by the clock of Berlin where theirs is not known."""
    hours = QuietHours(start=time(21), end=time(8), zone="Europe/Berlin", on=True)
    desk.change(lambda tx: consent.set_quiet_hours(tx, desk.brand, hours))


def zone_of(desk: StoryDesk) -> tuple[str, str] | None:
    known = desk.record.ask(people.identities_of, desk.conversation.person)
    found = desk.record.ask(zones.of, known)
    return (found.name, found.how) if found else None


def test_quiet_hours_go_by_the_customers_own_clock(desk: StoryDesk) -> None:
    by_night(desk)
    desk.visitor("kim").says("Hello")
    desk.agent("ana").replies("Good morning!")
    desk.change(lambda tx: zones.note(tx, desk.conversation.person, "Asia/Tokyo", "agent/1"))
    assert zone_of(desk) == ("Asia/Tokyo", "noted")
    desk.later(hours=(20 - desk.clock().hour) % 24)  # eight in the evening in London, five in the morning in Tokyo
    before = len(desk.outbox)
    tells(desk, "Your parcel is late.", "notice")
    assert len(desk.outbox) == before
    desk.later(hours=2)
    assert len(desk.outbox) == before
    desk.later(hours=2)
    assert desk.outbox[-1].text == "Your parcel is late."
    desk.rebuilds()


def test_what_is_noted_goes_before_the_number_and_that_before_the_browser(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello")
    person = desk.conversation.person
    (one,) = desk.record.ask(people.identities_of, person)
    for zone in ("Mars/Base", "../etc/passwd", "America/Lima", "America/Lima"):
        desk.change(lambda tx, zone=zone: zones.notice(tx, one, zone))
    assert zone_of(desk) == ("America/Lima", "browser")
    assert len(desk.events(e.ZoneNoticed)) == 1, "what is known already is no news"

    def joined(tx: Tx) -> None:
        (phone,) = people.meet(tx, [Address(kind="phone", value="+4915112345678")], "intake").values()
        people.merge(tx, person, phone.person, "told", "agent/1")

    desk.change(joined)
    assert zone_of(desk) == ("Europe/Berlin", "phone")
    desk.change(lambda tx: zones.note(tx, person, "Asia/Tokyo", "agent/1"))
    assert zone_of(desk) == ("Asia/Tokyo", "noted")
    desk.change(lambda tx: zones.note(tx, person, "", "agent/1"))
    assert zone_of(desk) == ("Europe/Berlin", "phone")
    with pytest.raises(Refused, match="time zone"):
        desk.change(lambda tx: zones.note(tx, person, "Moon/Base", "agent/1"))
    desk.rebuilds()


def test_the_chat_tells_the_clock_of_the_browser(desk: StoryDesk) -> None:
    said = raw.Said(visitor="v" * 32, client_id="client-0001", text="Hello?", zone="America/Lima")
    desk.desk.intake.take(desk.chat_inbox, raw.provider_id(said), raw.encode(said)).result(30)
    desk.settle()
    assert zone_of(desk) == ("America/Lima", "browser")


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("+353209130001", "Europe/Dublin"), ("353209130001", "Europe/Dublin"), ("+4915112345678", "Europe/Berlin"),
        ("+81312345678", "Asia/Tokyo"), ("+14155550100", ""), ("+34612345678", ""), ("+61412345678", ""),
        ("+5511912345678", ""), ("+79161234567", ""), ("LARKSPUR", ""), ("", ""), ("12", ""),
    ],
)  # fmt: skip
def test_a_number_tells_the_clock_where_its_country_has_one(number: str, zone: str) -> None:
    assert zones_of_numbers.of_phone(number) == zone


def test_every_country_of_one_clock_has_a_real_one() -> None:
    assert [zone for zone in zones_of_numbers.ONE.values() if not zones_of_numbers.known(zone)] == []


def test_the_clock_and_the_quiet_hour_stand_beside_the_person(tmp_path: Path) -> None:
    with served(tmp_path) as web:
        by_night(web.story)
        web.story.visitor("kim").says("Hello", settle=False)
        eventually(lambda: bool(web.story.conversations()))
        ana, person = web.signed_in("ana"), web.story.conversation.person
        assert ana.post(f"/desk/people/{person}/zone", data={"zone": "Nowhere"}).status_code == 422
        local = web.story.clock()
        far = next(z for z in ("Asia/Tokyo", "America/Los_Angeles", "Europe/London") if quiet(local, z))
        assert ana.post(f"/desk/people/{person}/zone", data={"zone": far}).status_code == 303
        page = ana.get(f"/desk/people/{person}").text
        assert f'data-zone="{far}"' in page
        assert "noted by hand" in page
        assert "quiet until 08:00" in page


def quiet(moment: datetime, zone: str) -> bool:
    return QuietHours(start=time(21), end=time(8), on=True).until(moment, zone) is not None


def test_a_zone_that_is_none_is_refused(desk: StoryDesk) -> None:
    with pytest.raises(Refused, match="time zone"):
        desk.change(lambda tx: consent.set_quiet_hours(tx, desk.brand, QuietHours(zone="Moon/Base", on=True)))


HOURS = some.times().map(lambda t: t.replace(microsecond=0, second=0))
MOMENTS = some.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=some.just(UTC))


@given(MOMENTS, HOURS, HOURS, some.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")))
def test_quiet_hours_end_and_the_end_is_not_quiet(moment: datetime, start: time, end: time, zone: str) -> None:
    hours = QuietHours(start=start, end=end, zone=zone, on=True)
    until = hours.until(moment)
    if until is not None:
        assert moment < until <= moment + timedelta(hours=26)
        assert hours.until(until) is None or start == end


def test_quiet_hours_follow_the_clock_on_the_wall() -> None:
    hours = QuietHours(start=time(21), end=time(8), zone="Europe/Berlin", on=True)
    assert hours.until(datetime(2026, 7, 1, 19, 30, tzinfo=UTC)) == datetime(2026, 7, 2, 6, 0, tzinfo=UTC)
    assert hours.until(datetime(2026, 1, 1, 19, 30, tzinfo=UTC)) is None
    assert hours.until(datetime(2026, 3, 28, 22, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 6, 0, tzinfo=UTC)
    assert hours.until(datetime(2026, 1, 1, 23, 30, tzinfo=UTC)) == datetime(2026, 1, 2, 7, 0, tzinfo=UTC)


def test_a_brand_keeps_hours_of_its_own(tmp_path: Path) -> None:
    with served(tmp_path) as web:
        eve = web.signed_in("eve", "admin")
        sent = {"on": "1", "start": "20:30", "end": "07:00", "zone": "Europe/Berlin"}
        assert eve.post("/desk/settings/quiet/1", data=sent).status_code == 303
        assert "Quiet from 20:30 to 07:00, Europe/Berlin" in eve.get("/desk/settings/quiet").text
        assert eve.post("/desk/settings/quiet/1", data=sent | {"zone": "Nowhere"}).status_code == 422
        assert eve.post("/desk/settings/quiet/9", data=sent).status_code == 404
        other = web.story.change(lambda tx: setup.add_brand(tx, "Other"))
        assert not web.story.record.ask(consent.quiet_hours, other).on
