"""What a visitor's browser tells of the website: cleaned, kept only of those who wrote, shown to agents."""

from datetime import UTC, datetime, timedelta

import pytest

from harness.desk import StoryDesk
from parley.core import events as e
from parley.core.visits import MOST, Step, Told, clean, steps
from parley.log import record as log
from parley.services import people, visits
from parley.services.inbox import SYSTEM, Viewer
from parley.web import present

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("page", "kept"),
    [
        ("/returns", "/returns"),
        ("https://shop.example/returns?mail=kim@home.example#top", "/returns"),
        ("/orders/BF-10432/label", "/orders/…/label"),
        ("/account/kim%40home.example", "/account/…"),
        ("/products/BF-101", "/products/BF-101"),
        ("/reset/0a8f1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d", "/reset/…"),
        ("http://[broken", "/"),
        ("", "/"),
        ("/a" * 200, "/a" * 60),
    ],
)
def test_an_address_keeps_nothing_that_names_a_person(page: str, kept: str) -> None:
    assert clean(page) == kept


def test_steps_are_in_order_and_no_more_than_may_be() -> None:
    told = [Told(name="page", page="/b", ago=60), Told(name="page", page="/a", ago=120), Told(name="Kim Lee", page="/")]
    told += [Told(name="page", page="/future", ago=-900), Told(name="page", page="/old", ago=90_000)]
    assert steps(told, NOW) == (
        Step("page", "/a", NOW - timedelta(seconds=120)),
        Step("page", "/b", NOW - timedelta(seconds=60)),
        Step("page", "/future", NOW),
    )
    assert len(steps([Told(name="page", page="/")] * 100, NOW)) == MOST


def test_of_a_visitor_who_said_nothing_nothing_is_kept(desk: StoryDesk) -> None:
    desk.chatter("kim").looks_at("/returns")
    assert desk.record.ask(log.read, 0, 100, (e.PagesSeen,)) == []


def test_a_visit_told_twice_is_there_once_and_follows_the_person(desk: StoryDesk) -> None:
    kim = desk.chatter("kim").says("Where is my parcel?")
    kim.looks_at("/returns", "/orders/BF-10432", ago=120, client_id="visit-1")
    kim.looks_at("/returns", "/orders/BF-10432", ago=120, client_id="visit-1")
    kim.looks_at("/bag", name="added_to_bag")
    person = desk.conversations()[0].person
    mine = [i.id for i in desk.record.ask(people.identities_of, person)]
    seen = desk.record.ask(visits.of, mine)
    assert [(one.name, one.page) for one in seen] == [
        ("added_to_bag", "/bag"), ("page", "/orders/…"), ("page", "/returns"),
    ]  # fmt: skip


def test_the_agent_sees_which_page_they_came_from(desk: StoryDesk) -> None:
    kim = desk.chatter("kim").says("Can I send these back?")
    desk.clock.advance(minutes=1)
    kim.looks_at("/returns", ago=180)
    kim.looks_at("/size-guide")
    talk = desk.conversations()[0]
    lens = lambda conn: present.Lens(conn, desk.desk.channels, desk.clock.now)  # noqa: E731
    pane = desk.record.ask(lambda conn: present.person_pane(lens(conn), talk.person, SYSTEM, talk.id))
    assert [(line.text, line.before) for line in pane.pages] == [
        ("/size-guide", ""), ("/returns", "2 min before writing"),
    ]  # fmt: skip


def test_who_does_not_serve_the_brand_sees_no_page(desk: StoryDesk) -> None:
    kim = desk.chatter("kim").says("Can I send these back?")
    kim.looks_at("/returns")
    talk = desk.conversations()[0]

    def pages(brand: int) -> list[str]:
        who = Viewer(agent=1, role="lead", brands=(brand,))
        lens = lambda conn: present.Lens(conn, desk.desk.channels, desk.clock.now)  # noqa: E731
        pane = desk.record.ask(lambda conn: present.person_pane(lens(conn), talk.person, who, talk.id))
        return [line.text for line in pane.pages]

    assert pages(talk.brand) == ["/returns"]
    assert pages(talk.brand + 1) == []
