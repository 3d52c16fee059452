"""Exported page views: what is read of them, which conversations they are matched with, and that nobody is named."""

import random
import re
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from harness.desk import StoryDesk
from parley.channels.webchat.protocol import Visited
from parley.core.analytics import View, view
from parley.core.errors import BadConfig
from parley.core.stats import share
from parley.importing import import_analytics
from parley.services import traffic
from parley.services.inbox import SYSTEM, Viewer

KIM, LEE = "1234567890.1712345678", "77.88"


def row(client: str | None, at: datetime, page: str, campaign: str = "", name: str = "page_view") -> bytes:
    """As the BigQuery export writes it."""
    return msgspec.json.encode({
        "event_date": f"{at:%Y%m%d}", "event_timestamp": str(int(at.timestamp() * 1e6)), "event_name": name,
        "user_pseudo_id": client, "user_id": "kim@home.example", "geo": {"city": "Porto"},
        "event_params": [
            {"key": "ga_session_id", "value": {"int_value": "1712345678"}},
            {"key": "page_location", "value": {"string_value": f"https://shop.example{page}"}},
        ],
        "collected_traffic_source": {"manual_campaign_name": campaign} if campaign else None,
    })  # fmt: skip


def test_a_row_of_an_export(desk: StoryDesk) -> None:
    at = desk.clock.now
    assert view(row(KIM, at, "/returns?mail=kim@home.example", "autumn")) == View(
        client=KIM, at=at, page="/returns", campaign="autumn"
    )
    assert view(row(None, at, "/")) is None
    assert view(row(KIM, at, "/", name="purchase")) is None
    with pytest.raises(msgspec.MsgspecError):
        view(b'{"clicks": 3}')


def test_nothing_that_names_a_person_is_read() -> None:
    chance, at = random.Random(5), datetime.fromisoformat("2026-03-02T09:00:00+00:00")
    secret = ("kim.lee@home.example", "kim%40home.example", "BF-104320", "+441632960961", "a" * 64)
    for _ in range(5000):
        page = "/" + "/".join(chance.choices(("orders", "p", "é", "BF-101", *secret), k=chance.randint(1, 5)))
        found = view(row(KIM, at, f"{page}?q={chance.choice(secret)}", chance.choice(("autumn", *secret))))
        assert found is not None
        assert not re.search(r"@|\d{4}|kim|a{41}", found.page + found.campaign)


def told(desk: StoryDesk, name: str, client: str, page: str) -> None:
    desk.chatter(name).says("Can I send these back?").looks_at(page, ago=60, client=client)


def test_pages_and_campaigns_that_led_to_contact(desk: StoryDesk, tmp_path: Path) -> None:
    told(desk, "kim", KIM, "/returns")
    told(desk, "lee", LEE, "/returns")
    desk.visitor("max").says("Hello")
    now = desk.clock.now
    lines = [row(KIM, now - timedelta(minutes=9), "/sale", "autumn"), row(KIM, now - timedelta(minutes=2), "/returns")]
    lines += [row(f"{n}.5", now - timedelta(minutes=n), "/returns") for n in range(1, 19)]
    lines += [row(LEE, now - timedelta(hours=3), "/returns")]  # too long before
    file = tmp_path / "events_20260302.json"
    file.write_bytes(b"\n".join(lines) + b"\n")
    for _ in range(2):  # a day that comes again is replaced
        taken = import_analytics(desk.desk, file, "shop")
    assert (taken.days, taken.views, taken.matched) == (1, 21, 1)
    found = desk.record.ask(traffic.found, SYSTEM, 28, now)
    assert (found.visitors, found.contacts) == (20, 1)
    assert [(one.name, one.visitors, one.contacts) for one in found.pages] == [("/returns", 20, 1), ("/sale", 1, 0)]
    assert found.pages[0].rate == share(1, 20)
    assert [(one.name, one.contacts) for one in found.campaigns] == [("autumn", 1)]
    chat = next(one for one in found.matches if one.channel == "webchat")
    assert (chat.n, chat.matched) == (2, share(1, 2))
    assert desk.record.ask(traffic.found, Viewer(role="lead", brands=(999,)), 28, now).days == 0


def test_a_file_that_is_no_export_changes_nothing(desk: StoryDesk, tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_text('{"clicks": 3}\n')
    with pytest.raises(BadConfig, match="Line 1 is no row of an analytics export"):
        import_analytics(desk.desk, file, "shop")


def test_the_cookie_is_optional_in_a_visit() -> None:
    assert Visited(client_id="12345678", steps=()).ga == ""
