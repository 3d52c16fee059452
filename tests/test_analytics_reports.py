"""Days taken in by GA4's Data API: signed for, page by page, counted as the file's days are, and refusals in words."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.desk import StoryDesk
from parley.analytics_reports import Asked
from parley.core.errors import BadConfig
from parley.core.stats import share
from parley.demo.simulators.server import Said, as_json
from parley.importing import import_reports
from parley.services import traffic
from parley.services.inbox import SYSTEM
from simulators.analytics import Analytics


@pytest.fixture
def analytics(desk: StoryDesk) -> Iterator[Analytics]:
    with Analytics(desk.clock) as simulator:
        yield simulator


def key_file(folder: Path, analytics: Analytics, *, known: bool = True) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    if known or not analytics.public_key:
        analytics.public_key = key.public_key().public_bytes(serialization.Encoding.PEM, form)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "key.json"
    account = {
        "client_email": "desk@project.example",
        "private_key": pem.decode(),
        "token_uri": analytics.url + "/token",
    }
    file.write_text(json.dumps(account))
    return file


def seen(analytics: Analytics, user: str, page: str, campaign: str = "(not set)") -> None:
    analytics.seen.append((user, {"date": "20260302", "pagePath": page, "sessionCampaignName": campaign}))


def test_pages_and_campaigns_by_the_data_api(desk: StoryDesk, analytics: Analytics, tmp_path: Path) -> None:
    desk.chatter("kim").says("Can I send these back?").looks_at("/returns", ago=60)
    for n in range(20):
        seen(analytics, f"u{n}", "/returns")
        seen(analytics, f"u{n}", f"/orders/10432{n}", "autumn")
    seen(analytics, "u1", "/returns", "kim@home.example")
    asked = Asked(property="1234", endpoint=analytics.url, rows=3)
    for _ in range(2):  # days that come again are replaced
        taken = import_reports(desk.desk, asked, key_file(tmp_path, analytics), "shop")
    assert (taken.days, taken.views, taken.matched) == (1, 41, 1)
    found = desk.record.ask(traffic.found, SYSTEM, 28, desk.clock.now)
    assert (found.visitors, found.contacts) == (20, 1)
    lines = {one.name: (one.visitors, one.contacts) for one in found.pages}
    assert lines["/returns"] == (20, 1)
    assert not any("10432" in name for name in lines)
    assert [one.name for one in found.campaigns] == ["autumn"]
    assert found.pages[0].rate == share(1, 20)


def test_refusals_are_said_plainly_and_change_nothing(desk: StoryDesk, analytics: Analytics, tmp_path: Path) -> None:
    seen(analytics, "u1", "/returns")
    key = key_file(tmp_path, analytics)
    asked = Asked(property="1234", endpoint=analytics.url)
    token = as_json({"access_token": "ya29.token"})
    for script, words in (
        ([token, as_json({"error": {"status": "RESOURCE_EXHAUSTED"}}, 429)], "quota .* is used up"),
        ([token, Said(503)], "answered 503"),
        ([token, Said(200, b"<html>")], "no report"),
        ([token, Said(hang_up=True)], "no answer"),
        ([as_json({"access_token": "old"})], "does not accept"),
    ):
        analytics.scripted.extend(script)
        with pytest.raises(BadConfig, match=words) as error:
            import_reports(desk.desk, asked, key, "shop")
        assert "Nothing was taken in" in str(error.value)
    with pytest.raises(BadConfig, match="may not read property 99"):
        import_reports(desk.desk, Asked(property="99", endpoint=analytics.url), key, "shop")
    with pytest.raises(BadConfig, match="No access was given"):
        import_reports(desk.desk, asked, key_file(tmp_path, analytics, known=False), "shop")
    (tmp_path / "key.json").write_text("{}")
    with pytest.raises(BadConfig, match="key file cannot be read"):
        import_reports(desk.desk, asked, tmp_path / "key.json", "shop")
    assert desk.record.ask(traffic.found, SYSTEM, 28, desk.clock.now).days == 0
