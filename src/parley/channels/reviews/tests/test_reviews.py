"""Reviews are looked up back to the last one seen, shown with stars, and answered within each platform's limit."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.desk import StoryDesk
from parley.channels.reviews import PLATFORMS, channel
from parley.channels.reviews.polling import look
from parley.core import events as e
from parley.core.channel import Door, Inbox
from parley.core.errors import Busy, Refused, SendFailed
from parley.demo.simulators.reviews import ReviewService
from parley.demo.simulators.server import as_json
from parley.services import setup
from parley.services.listening import Notebook

NOW = datetime.now(UTC).replace(microsecond=0)
LIMITS = {"google": 4096, "play": 350, "appstore": 5970, "trustpilot": 4096}


def private_key() -> str:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Looker:
    """An inbox for the reviews of one platform, which looks when it is told to."""

    def __init__(self, desk: StoryDesk, platform: str, service: ReviewService) -> None:
        self.desk, self.service, self.platform = desk, service, PLATFORMS[platform]
        chosen = {
            "platform": platform, "place": "accounts/1/locations/2" if platform == "google" else "shop",
            "client_id": platform,
            "client_secret": "s", "refresh_token": service.url, "key_id": "K1", "issuer": "I1", "api": service.url,
            "secret_key": private_key() if platform == "appstore" else "", "token_url": f"{service.url}/token",
        }  # fmt: skip
        name = channel.manifest.name
        self.number: int = desk.change(lambda tx: setup.add_inbox(tx, desk.brand, name, "Stars", platform, chosen))
        desk.desk.setup_changed()

    @property
    def inbox(self) -> Inbox:
        return self.desk.inbox(self.number)

    def looks(self, take: Any = None) -> int:
        door = Door(
            inboxes=[self.inbox],
            take=take or self.desk.desk.intake.take_async,
            memory=Notebook(self.desk.record, channel.manifest.name),
            say=lambda number, sentence: None,
            environment={},
        )
        new = asyncio.run(look(self.inbox, door, self.platform))
        self.desk.settle()
        return new


@pytest.fixture(params=sorted(PLATFORMS))
def looker(desk: StoryDesk, request: pytest.FixtureRequest) -> Iterator[Looker]:
    with ReviewService(request.param) as service:
        yield Looker(desk, request.param, service)  # type: ignore[arg-type]


@pytest.fixture
def google(desk: StoryDesk) -> Iterator[Looker]:
    with ReviewService("google") as service:
        yield Looker(desk, "google", service)  # type: ignore[arg-type]


def test_what_came_since_the_last_look_is_caught_up_over_several_pages(looker: Looker) -> None:
    for n in range(5):
        looker.service.writes(f"r{n}", n + 1, f"Words {n}", NOW - timedelta(days=5 - n))
    assert looker.looks() == 5
    assert looker.looks() == 0
    assert len(looker.desk.events(e.MessageReceived)) == 5
    assert len(looker.desk.conversations()) == 5
    for n in range(5, 8):
        looker.service.writes(f"r{n}", 5, f"Words {n}", NOW - timedelta(minutes=8 - n))
    before = looker.service.looks
    assert looker.looks() == 3
    if looker.platform.name != "trustpilot":
        assert looker.service.looks - before < 4, "it looked through everything again"


def test_stars_stand_on_the_timeline_and_the_answer_under_the_review(looker: Looker) -> None:
    looker.service.writes("r1", 2, "The tent leaked.", NOW)
    looker.looks()
    assert looker.desk.words() == ["★★☆☆☆\n\nThe tent leaked."]
    looker.desk.agent("ana").replies("We are sorry, a new one is on its way.")
    assert looker.service.answers == {"r1": "We are sorry, a new one is on its way."}
    assert len(looker.desk.events(e.Delivered)) == 1


def test_other_words_and_stars_take_the_place_of_the_first_ones(looker: Looker) -> None:
    looker.service.writes("r1", 2, "The tent leaked.", NOW - timedelta(days=2))
    looker.looks()
    looker.service.writes("r1", 5, "They sent a new one.", NOW, first=NOW - timedelta(days=2))
    assert looker.looks() == 1
    assert looker.desk.words() == ["★★★★★\n\nThey sent a new one."]
    assert len(looker.desk.events(e.MessageEdited)) == 1


def test_an_answer_that_is_too_long_there_is_refused_before_it_is_written(looker: Looker) -> None:
    looker.service.writes("r1", 2, "The tent leaked.", NOW)
    looker.looks()
    limit = LIMITS[looker.platform.name]
    ana, channels = looker.desk.agent("ana"), looker.desk.desk.channels
    with pytest.raises(Refused, match=f"takes {limit} here"):
        ana.replies("x" * (limit + 1), channels=channels)
    ana.replies("x" * limit, channels=channels)
    assert looker.service.answers == {"r1": "x" * limit}


def test_a_look_that_was_cut_short_is_made_again(google: Looker) -> None:
    """The disk is full after the first one: the place has not moved, so the next look finds the rest."""
    for n in range(4):
        google.service.writes(f"r{n}", 3, "Fine", NOW - timedelta(hours=n))
    taken: list[str] = []

    async def take(number: int, name: str, raw: bytes) -> bool:
        if taken:
            raise Busy("The disk is full.")
        taken.append(name)
        return await google.desk.desk.intake.take_async(number, name, raw)

    with pytest.raises(Busy):
        google.looks(take)
    assert google.looks() == 3


def test_trouble_is_told_with_the_time_that_the_platform_wants(google: Looker) -> None:
    google.service.writes("r1", 3, "Fine", NOW)
    google.looks()
    google.service.throttle(1, 77)
    with pytest.raises(SendFailed) as throttled:
        google.looks()
    assert throttled.value.retry_after == 77
    google.service.scripted.append(as_json({"error": {"message": "The location is not yours."}}, 403))
    with pytest.raises(SendFailed, match="not yours"):
        google.looks()


def test_a_review_that_makes_no_sense_is_kept_and_seen(google: Looker) -> None:
    google.service.reviews["odd"] = (NOW, {"starRating": "SEVEN"})
    google.service.writes("r1", 3, "Fine", NOW - timedelta(minutes=1))
    assert google.looks() == 2
    assert len(google.desk.events(e.Quarantined)) == 1
    assert google.looks() == 0


def test_its_check_names_what_is_missing() -> None:
    def told(**chosen: Any) -> str:
        settings = channel.manifest.settings(**chosen)
        return " ".join(channel.check(Inbox(id=1, brand=1, channel="x", name="B", address="b", settings=settings)))

    assert "client id, client secret, refresh token" in told(place="p")
    assert "key id, issuer, secret key" in told(platform="appstore", place="p")
    assert told(platform="trustpilot", place="p", client_id="c", client_secret="s") == ""
