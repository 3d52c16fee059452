"""The live stream: told once, told to those who may see it, and nothing missed when a page comes back."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from harness.web import SignedIn, WebDesk, served
from parley.core import events as e
from parley.log import record as log
from parley.services import access, routing, setup
from parley.web import hub, views
from parley.web.hub import Happening


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDesk]:
    with served(tmp_path_factory.mktemp("live")) as web:
        web.story.change(lambda tx: setup.add_brand(tx, "Elsewhere"))
        web.room.hub.stay_seconds = 0.4
        yield web


class Page:
    """An open page: what its live stream told, gathered by a thread until it is closed."""

    def __init__(self, who: SignedIn, after: int | None = None, headers: dict[str, str] | None = None) -> None:
        self.told: list[dict[str, Any]] = []
        self.ids: list[int] = []
        self.ended = threading.Event()
        self._opened = threading.Event()
        self._response: httpx.Response | None = None
        self._who, self._after, self._headers = who, after, headers or {}
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        assert self._opened.wait(10), "the stream did not open"

    def _listen(self) -> None:
        place = "" if self._after is None else f"?after={self._after}"
        cookies = self._who.http.cookies
        try:
            with (
                httpx.Client(base_url=self._who.web.url, cookies=cookies, timeout=60) as http,
                http.stream("GET", f"/desk/live{place}", headers=self._headers) as self._response,
            ):
                for line in self._response.iter_lines():
                    self._opened.set()
                    if line.startswith("id: "):
                        self.ids.append(int(line[4:]))
                    if line.startswith("data: "):
                        self.told.append(json.loads(line[6:]))
        except httpx.HTTPError:
            pass
        self.ended.set()

    def sees(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 60) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := [change for change in self.told if wanted(change)]:
                return found[0]
            time.sleep(0.01)
        raise AssertionError(f"not told; told was {self.told}")

    def is_told(self, seq: int) -> None:
        self.sees(lambda change: change.get("seq") == seq)

    def hears_of(self, conversation: int) -> dict[str, Any]:
        return self.sees(lambda change: change.get("conversation") == conversation)

    def close(self) -> None:
        network = self._response.extensions["network_stream"] if self._response else None
        if network is not None:
            network.get_extra_info("socket").shutdown(2)
        self._thread.join(10)


@pytest.fixture
def pages() -> Iterator[Callable[..., Page]]:
    """Opens pages and closes them afterwards."""
    opened: list[Page] = []

    def open_page(*args: Any, **more: Any) -> Page:
        opened.append(Page(*args, **more))
        return opened[-1]

    yield open_page
    for page in opened:
        page.close()


def says(web: WebDesk, name: str, text: str) -> int:
    """A visitor says something; returns the conversation once it stands in the inbox."""
    before = web.story.head()
    web.story.visitor(name).says(text, settle=False)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for recorded in web.story.record.ask(log.read, before, 100):
            if isinstance(recorded.event, e.MessageReceived):
                return recorded.subject_id
        time.sleep(0.01)
    raise AssertionError("the message did not arrive")


def test_a_message_reaches_an_open_page(web: WebDesk, pages: Callable[..., Page]) -> None:
    page = pages(web.signed_in("ana"))
    number = says(web, "kim", "Hello")
    assert page.hears_of(number)["seq"] <= web.story.head()


def test_another_brands_agent_is_told_nothing(web: WebDesk, pages: Callable[..., Page]) -> None:
    """Neither what was said, nor that something happened, nor who looks at it, nor on coming back."""
    ours, theirs = pages(web.signed_in("ana")), pages(web.signed_in("ben", brands=(2,)))
    before = web.story.head()
    number = says(web, "lee", "A secret of Larkspur")
    ours.hears_of(number)
    web.signed_in("ana").post(f"/desk/conversations/{number}/presence", data={"doing": "writing"})
    ours.sees(lambda change: change.get("kind") == "presence" and bool(change["viewers"]))
    back = pages(web.signed_in("ben", brands=(2,)), after=before)
    time.sleep(0.3)
    assert theirs.told == []
    assert back.told == []


def test_a_page_that_comes_back_misses_nothing(web: WebDesk, pages: Callable[..., Page]) -> None:
    before = web.story.head()
    numbers = {says(web, name, "While you were away") for name in ("max", "moe", "mia")}
    page = pages(web.signed_in("ana"), after=before)
    for number in numbers:
        page.hears_of(number)


def test_the_browsers_own_place_wins_over_the_addresss(web: WebDesk, pages: Callable[..., Page]) -> None:
    says(web, "ned", "Before")
    place = web.story.head()
    new = says(web, "nia", "After")
    page = pages(web.signed_in("ana"), after=0, headers={"last-event-id": str(place)})
    page.hears_of(new)
    assert all(change["seq"] > place for change in page.told if "seq" in change)


def test_ids_rise_and_resuming_at_any_of_them_misses_nothing(web: WebDesk, pages: Callable[..., Page]) -> None:
    before = web.story.head()
    for text in ("one", "two", "three"):
        for name in ("ola", "pia"):
            says(web, name, text)
    page = pages(web.signed_in("ana"), after=before)
    page.is_told(last_of_a_conversation(web))
    assert page.ids == sorted(page.ids)
    for place in page.ids[::3]:
        later = {r.seq for r in web.story.record.ask(log.read, place, 1000) if r.stream.startswith("conversation/")}
        again = pages(web.signed_in("ana"), after=place)
        if later:
            again.is_told(max(later))


def last_of_a_conversation(web: WebDesk) -> int:
    recorded = web.story.record.ask(log.read, 0, 100_000)
    return max(r.seq for r in recorded if r.stream.startswith("conversation/"))


def test_a_page_that_missed_too_much_loads_itself_anew(web: WebDesk, pages: Callable[..., Page]) -> None:
    says(web, "quin", "Hello")
    web.room.hub.missed_at_most = 1
    try:
        page = pages(web.signed_in("ana"), after=0)
        page.sees(lambda change: change == {"kind": "reset"})
    finally:
        web.room.hub.missed_at_most = 1000


def test_a_place_beyond_the_log_loads_anew(web: WebDesk, pages: Callable[..., Page]) -> None:
    """The log was restored from a backup: what the page has seen is not there any more."""
    page = pages(web.signed_in("ana"), after=web.story.head() + 1000)
    page.sees(lambda change: change == {"kind": "reset"})


def test_one_rendering_serves_all_pages_of_a_scope(web: WebDesk, pages: Callable[..., Page]) -> None:
    asked: list[tuple[int, Any]] = []
    before = web.room.hub.render

    def counting(conn: Connection, happening: Happening, scope: hub.Scope) -> views.Change:
        asked.append((happening.seq, scope))
        return before(conn, happening, scope)

    web.room.hub.render = counting
    try:
        everywhere = [pages(web.signed_in(name)) for name in ("ana", "una", "ute")]
        here = [pages(web.signed_in(name, brands=(1,))) for name in ("bea", "bob")]
        number = says(web, "rob", "Hello all")
        for page in (*everywhere, *here):
            page.hears_of(number)
    finally:
        web.room.hub.render = before
    assert len(asked) == len(set(asked)), "a scope was rendered twice"
    assert {scope for _, scope in asked} >= {None, (1,)}


def test_colleagues_see_who_is_here_and_who_writes(web: WebDesk, pages: Callable[..., Page]) -> None:
    number = says(web, "sam", "Hello")
    page, bob = pages(web.signed_in("ana")), web.signed_in("bob", brands=(1,))
    pages(bob)
    assert bob.post(f"/desk/conversations/{number}/presence", data={"doing": "writing"}).status_code == 204
    told = page.sees(lambda change: change.get("kind") == "presence" and change["conversation"] == number)
    assert [(viewer["face"]["name"], viewer["doing"]) for viewer in told["viewers"]] == [("Bob", "writing")]
    bob.post(f"/desk/conversations/{number}/presence", data={"doing": "away"})
    page.sees(lambda change: change.get("conversation") == number and change.get("viewers") == [])


def test_a_page_opened_later_knows_who_is_here(web: WebDesk, pages: Callable[..., Page]) -> None:
    number = says(web, "sue", "Hello")
    bob = web.signed_in("bob", brands=(1,))
    pages(bob)
    bob.post(f"/desk/conversations/{number}/presence", data={"doing": "viewing"})
    page = pages(web.signed_in("ana"))
    page.sees(lambda change: change.get("conversation") == number and change["viewers"][0]["face"]["name"] == "Bob")


def test_an_agent_is_there_while_a_page_is_open(web: WebDesk) -> None:
    cleo = web.signed_in("cleo")
    page = Page(cleo)
    wait_for(lambda: presence(web, cleo) == "online")
    page.close()
    wait_for(lambda: presence(web, cleo) == "offline")


def test_coming_back_in_time_is_not_leaving(web: WebDesk) -> None:
    dora = web.signed_in("dora")
    page = Page(dora)
    wait_for(lambda: presence(web, dora) == "online")
    page.close()
    page = Page(dora)
    time.sleep(0.8)
    assert presence(web, dora) == "online"
    page.close()


def test_who_went_away_on_purpose_stays_away(web: WebDesk) -> None:
    edda = web.signed_in("edda")
    page = Page(edda)
    wait_for(lambda: presence(web, edda) == "online")
    assert edda.ask("PUT", "/desk/presence", data={"presence": "away"}).status_code == 204
    page.close()
    time.sleep(0.8)
    assert presence(web, edda) == "away"


def presence(web: WebDesk, who: SignedIn) -> str:
    return web.story.record.ask(routing.presence_of, who.agent)


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def test_signing_out_ends_the_stream(web: WebDesk) -> None:
    finn = web.signed_in("finn")
    page = Page(finn)
    assert finn.ask("DELETE", "/desk/session").status_code == 204
    assert page.ended.wait(5), "the stream went on after signing out"


def test_a_session_ended_elsewhere_ends_the_stream(web: WebDesk) -> None:
    """Another process ended it; this one notices within its memory's seconds."""
    web.room.door.remembered_seconds = 0.1
    gina = web.signed_in("gina")
    page = Page(gina)
    web.story.change(lambda tx: access.end_all_sessions(tx, gina.agent))
    time.sleep(0.2)
    number = says(web, "tom", "Secret")
    assert page.ended.wait(5)
    assert number not in [change.get("conversation") for change in page.told]


def test_the_feed_of_the_api_waits_for_news(web: WebDesk) -> None:
    http = web.with_token("ana")
    head = web.story.head()
    caught = http.get("/api/v1/events", params={"after": max(head - 1, 0)}).json()
    assert caught["cursor"] >= head, "followers may have said more meanwhile"
    head = caught["cursor"]
    answers: list[dict[str, Any]] = []
    waiting = threading.Thread(
        target=lambda: answers.append(http.get("/api/v1/events", params={"after": head, "wait": 20}).json())
    )
    started = time.monotonic()
    waiting.start()
    time.sleep(0.2)
    says(web, "uma", "Ring")
    waiting.join(60)
    assert answers[0]["events"]
    assert time.monotonic() - started < 19
