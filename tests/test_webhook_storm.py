"""Webhooks repeated, shuffled and batched become one message each; nothing is acknowledged that is not stored.

The short form of `bin/webhook-storm` (R7), a database that stands still (R8), platforms' own tables of retries over ten
virtual days (R23), and platforms that throttle, fail halfway and fail after the fact (R24).
"""

import json
import random
import time
from typing import Any

import httpx
import pytest

from durability import freeze
from durability.storm import Storm
from harness.desk import StoryDesk
from harness.doors import Door
from harness.waiting import eventually
from harness.web import WebDesk
from parley.channels import installed
from parley.core import events as e
from parley.demo.simulators.meta import MetaService
from parley.demo.simulators.server import Asked, Platform, Said, as_json
from parley.services import setup
from simulators.families import FAMILIES, Cloud, Family, Own, Saying
from simulators.retrying import TABLES, Outage, Retrying, Table


def door_of(web: WebDesk, family: Family, **more: Any) -> Door:
    return Door(web, installed()[family.channel], family.settings | more, path=family.path)


def test_a_storm_of_webhooks_leaves_one_message_each(web: WebDesk) -> None:
    told = Storm(web, seed=7).blow(800)
    assert (told.lost, told.duplicated, told.foreign, told.extra, told.quarantined) == (0, 0, 0, 0, 0)
    assert told.messages == told.events >= 800
    assert told.posted > 2 * told.events
    assert set(told.answers) == {200}


def test_the_comparison_notices_what_is_missing_or_doubled(web: WebDesk) -> None:
    storm = Storm(web, seed=7)
    storm.blow(60)
    number = next(iter(storm.expected))
    storm.expected[number] |= {"never said": Saying(10_000, 10_000)}
    del storm.expected[number][next(iter(storm.expected[number]))]
    storm._count()
    assert (storm.told.lost, storm.told.foreign) == (1, 1)


def test_inboxes_that_were_read_before_a_change_do_not_outlive_it(desk: StoryDesk, monkeypatch: Any) -> None:
    """Somebody reads the inboxes, is slow, and another one is added meanwhile: the storm found it unknown for ever."""
    read, added = desk.desk._read_setup, list[int]()

    def slowly(conn: Any) -> Any:
        found = read(conn)
        if not added:
            added.append(desk.change(lambda tx: setup.add_inbox(tx, desk.brand, "console", "Second", "second")))
            desk.desk.setup_changed()
        return found

    monkeypatch.setattr(desk.desk, "_read_setup", slowly)
    desk.desk.setup_changed()
    desk.desk.inboxes()
    assert added[0] in desk.desk.inboxes()


def test_nothing_is_acknowledged_while_the_database_stands_still(web: WebDesk) -> None:
    told = freeze.every(web, 2)
    assert len(told) == len(FAMILIES)
    assert [one for one in told if not one.well] == []


# ── ten days of retries ─────────────────────────────────────────────────────────────────────


OUTAGES = [pytest.param(table, hours, id=f"{table.name}-{hours}h") for table in TABLES for hours in table.outages]


@pytest.mark.parametrize(("table", "hours"), OUTAGES)
def test_an_outage_loses_only_what_a_platform_gives_up(web: WebDesk, table: Table, hours: float) -> None:
    """The desk is down for a while; what the platform's table outlasts comes in, once."""
    door = door_of(web, table.family)
    sender = Retrying(table, door, Outage(begins=3600.0, ends=3600.0 + hours * 3600))
    events = [Saying(n, n) for n in range(12)]
    gone = sender.run(events, apart=(7200.0 + hours * 3600) / 12)
    kept = {table.family.name(one, door.number) for one in events} - {
        table.family.name(one, door.number) for one in gone
    }
    assert {m.external_id for m in door.received(len(kept))} == kept
    assert len(door.received()) == len(kept)
    assert bool(gone) is (hours * 3600 > table.lasts)


# ── the other way: throttled, failing halfway, failing after the fact ───────────────────────


def test_throttled_answers_wait_and_keep_their_order(web: WebDesk) -> None:
    with MetaService() as graph:
        door = door_of(web, Cloud(), api=graph.url)
        assert isinstance(graph, MetaService)
        _hello(door, Cloud())
        graph.throttle(3, 60)
        ana = web.story.agent("ana")
        for n in range(4):
            ana.replies(f"Answer {n}", settle=False)
        for round in range(1, 4):
            eventually(lambda round=round: len(door.events(e.SendDelayed)) == round)  # type: ignore[misc]
            time.sleep(0.3)
            assert len(graph.sent) == round, "it was tried again before the time that the platform named"
            web.story.clock.advance(seconds=70)
            web.story.record.do(lambda tx: None)
        eventually(lambda: len(door.events(e.Sent)) == 4)
        assert [asked.json["text"]["body"] for asked in graph.sent[3:]] == [f"Answer {n}" for n in range(4)]


class Forgetful(Platform):
    """Takes a message and then says that it failed; a name that it knows is taken once."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: dict[str, str] = {}

    def answer(self, asked: Asked) -> Said:
        known = asked.headers["webhook-id"] in self.taken
        self.taken[asked.headers["webhook-id"]] = asked.json["data"]["text"]
        return as_json({"id": "x"}) if known else Said(500)


def test_a_platform_that_fails_after_the_fact_has_each_answer_once(web: WebDesk) -> None:
    with Forgetful() as system:
        assert isinstance(system, Forgetful)
        door = door_of(web, Own(), url=system.url)
        _hello(door, Own())
        door.answers("Answer 0", e.SendDelayed)
        web.story.clock.advance(minutes=2)
        web.story.record.do(lambda tx: None)
        eventually(lambda: len(door.events(e.Sent)) == 1)
        assert list(system.taken.values()) == ["Answer 0"]
        assert len({asked.headers["webhook-id"] for asked in system.asked}) == 1


def test_a_batch_that_failed_halfway_is_taken_whole_the_second_time(web: WebDesk) -> None:
    """The connection breaks while a batch is stored: it comes again, with more in it."""
    family = Cloud()
    door, chance = door_of(web, family), random.Random(5)
    first = family.body([Saying(n, n) for n in range(30)], chance)
    with pytest.raises(httpx.ReadTimeout), freeze.frozen(web), httpx.Client(timeout=1) as http:
        http.post(door.url, content=first, headers=family.headers(first, door.url, door.now))
    again = family.body([Saying(n, n) for n in range(45)], chance)
    assert door.post(again, family.headers(again, door.url, door.now)) == 200
    assert len(door.received(45)) == 45
    assert json.loads(first)["object"] == "whatsapp_business_account"


def _hello(door: Door, family: Family) -> None:
    body = family.body([Saying(1, 1)], random.Random(1))
    assert door.post(body, family.headers(body, door.url, door.now)) == 200
    door.received(1)
