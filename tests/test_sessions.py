"""Signing in, staying in, getting out; and who may see what, asked in both ways it is decided."""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from harness.desk import StoryDesk
from harness.web import PASSWORD, WebDesk, served, serving
from parley.core.conversation import State
from parley.services import access, inbox, setup
from parley.services.inbox import Viewer, can_see, visible_to
from parley.web.security import local_path
from parley.web.session import setup_code


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDesk]:
    with served(tmp_path_factory.mktemp("sessions")) as web:
        web.story.change(
            lambda tx: setup.add_agent(tx, "Ana", "ana@larkspur.test", "agent", password=access.hash_password(PASSWORD))
        )
        yield web


def sign_in(
    http: httpx.Client, mail: str = "ana@larkspur.test", password: str = PASSWORD, **more: str
) -> httpx.Response:
    return http.post("/login", data={"mail": mail, "password": password, **more})


@pytest.fixture(autouse=True)
def nobody_tried_before(web: WebDesk) -> None:
    web.story.change(lambda tx: tx.conn.execute(access.attempts.delete()))


# ── the password ────────────────────────────────────────────────────────────────────────────


def test_signing_in_leads_to_where_one_wanted_to_go(web: WebDesk) -> None:
    with web.browser() as http:
        wanted = http.get("/desk/inbox/mine?after=1-2", headers={"accept": "text/html"})
        assert wanted.headers["location"] == "/login?next=/desk/inbox/mine%3Fafter%3D1-2"
        page = http.get(wanted.headers["location"])
        assert 'value="/desk/inbox/mine?after=1-2"' in page.text
        answer = sign_in(http, next="/desk/inbox/mine")
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/inbox/mine")
        assert http.get("/desk/choices").status_code == 200


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(web: WebDesk) -> None:
    with web.browser() as http:
        cookie = sign_in(http).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "wanted", ["https://elsewhere.test/", "//elsewhere.test", "/\\elsewhere.test", "javascript:alert(1)", "", "/\tx"]
)
def test_signing_in_leads_nowhere_else(wanted: str) -> None:
    assert local_path(wanted) == "/desk"


def test_a_wrong_password_and_an_unknown_address_sound_alike(web: WebDesk) -> None:
    with web.browser() as http:
        wrong = sign_in(http, password="not the password")
        unknown = sign_in(http, mail="nobody@larkspur.test")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text == unknown.text.replace("nobody@larkspur.test", "ana@larkspur.test")


def test_guessing_is_stopped_and_the_right_password_does_not_help_then(web: WebDesk) -> None:
    with web.browser() as http:
        tried_before(web, "login:ana@larkspur.test", 8)
        tries = [sign_in(http, password=f"guess {n}").status_code for n in range(3)]
        assert tries == [401, 401, 429]
        stopped = sign_in(http)
    assert stopped.status_code == 429
    assert "retry-after" in stopped.headers


def test_many_addresses_from_one_place_are_stopped_too(web: WebDesk) -> None:
    with web.browser() as http:
        tried_before(web, "login-from:127.0.0.1", 29)
        tries = [sign_in(http, mail=f"a{n}@larkspur.test").status_code for n in range(2)]
    assert tries == [401, 429]


def test_a_signed_in_page_of_another_site_cannot_sign_somebody_in(web: WebDesk) -> None:
    with web.browser(headers={"origin": "https://elsewhere.test"}) as http:
        assert sign_in(http).status_code == 403


def tried_before(web: WebDesk, key: str, times: int) -> None:
    """So many tries, without the second that each real one takes."""
    web.story.change(lambda tx: [access.allowed(tx, key, 1000) for _ in range(times)])


# ── the link ────────────────────────────────────────────────────────────────────────────────


def test_a_sign_in_link_works_once(web: WebDesk) -> None:
    ticket = web.story.change(lambda tx: access.login_link(tx, 1))
    with web.browser() as http:
        assert http.get(f"/login/{ticket}").headers["location"] == "/desk"
        assert http.get("/desk/choices").status_code == 200
    with web.browser() as other:
        assert other.get(f"/login/{ticket}").status_code == 404
        assert other.get("/desk/choices").status_code == 303


def test_a_sign_in_link_grows_old(web: WebDesk) -> None:
    ticket = web.story.change(lambda tx: access.login_link(tx, 1))
    web.story.clock.advance(minutes=61)
    with web.browser() as http:
        assert http.get(f"/login/{ticket}").status_code == 404


# ── the end ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("method", "path"), [("POST", "/logout"), ("DELETE", "/desk/session")])
def test_signing_out_ends_the_session_on_the_server(method: str, path: str, web: WebDesk) -> None:
    ana = web.signed_in("una")
    assert ana.get("/desk/choices").status_code == 200
    assert "Max-Age=0" in ana.ask(method, path).headers["set-cookie"]
    with web.browser(headers={"cookie": f"parley={ana.secret}"}) as kept:
        assert kept.get("/desk/choices").status_code == 303


def test_a_session_grows_old(web: WebDesk) -> None:
    ana = web.signed_in("una")
    web.story.clock.advance(days=access.SESSION_DAYS, minutes=1)
    assert ana.get("/desk/choices").status_code == 303


def test_a_new_password_signs_out_everywhere_else(web: WebDesk) -> None:
    here, there = web.signed_in("vera"), web.signed_in("vera")
    assert there.get("/desk/choices").status_code == 200
    changed = here.post("/desk/settings/you", data={"theme": "auto", "password": "a new long password"})
    assert changed.status_code == 303
    here.http.cookies.clear()
    here.http.cookies.set("parley", changed.headers["set-cookie"].split("=", 1)[1].split(";")[0])
    assert here.get("/desk/choices").status_code == 200
    assert there.get("/desk/choices").status_code == 303


def test_a_token_opens_the_api_until_it_is_revoked(web: WebDesk) -> None:
    with web.with_token("wim") as http:
        assert http.get("/api/v1/agents").status_code == 200
        assert http.get("/desk/choices").status_code == 303
        (token,) = web.story.record.ask(access.tokens_of, web.story.agent("wim").number)
        web.story.change(lambda tx: access.revoke_token(tx, token.id))
        web.room.door.forget(web.story.agent("wim").number)
        assert http.get("/api/v1/agents").status_code == 401


def test_a_role_taken_away_is_gone_at_once(web: WebDesk) -> None:
    lead, admin = web.signed_in("xena", "lead"), web.signed_in("ada", "admin")
    assert lead.get("/api/v1/deliveries").status_code == 200
    form = {"role": "agent", "capacity": "1", "active": "on"}
    assert admin.post(f"/desk/settings/agents/{lead.agent}", data=form).status_code == 303
    assert lead.get("/api/v1/deliveries").status_code == 403


# ── behind a proxy, over TLS, from elsewhere ────────────────────────────────────────────────


def scope(client: str, forwarded: str = "") -> Any:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return {"type": "http", "client": (client, 1), "headers": headers}


def test_only_trusted_proxies_are_believed(web: WebDesk) -> None:
    from parley.web.security import Doorkeeper

    door = Doorkeeper(web.story.record, secure=True, proxies=("10.0.0.1", "10.0.0.2"))
    assert door.address(scope("203.0.113.5", "198.51.100.1")) == "203.0.113.5"
    assert door.address(scope("10.0.0.1", "198.51.100.1")) == "198.51.100.1"
    assert door.address(scope("10.0.0.1", "127.0.0.1, 198.51.100.1, 10.0.0.2")) == "198.51.100.1"
    assert door.cookie == "__Host-parley"
    assert "Secure" in door.cookie_header("x")


def test_a_new_desk_is_set_up_once(tmp_path: Path) -> None:
    with serving(StoryDesk(tmp_path)) as web, web.browser() as http:
        assert http.get("/").headers["location"] == "/setup"
        form = {"brand": "Fernhill", "name": "Ada", "mail": "ada@fernhill.test", "password": "short"}
        refused = http.post("/setup", data=form)
        assert refused.status_code == 422
        assert 'value="Fernhill"' in refused.text
        done = http.post("/setup", data=form | {"password": PASSWORD})
        assert (done.status_code, done.headers["location"]) == (303, "/desk")
        assert http.get("/desk/choices").status_code == 200
        assert "Add the first inbox" not in http.get("/desk/inbox/waiting").text
        web.story.record.do(lambda tx: tx.conn.execute(delete(setup.inboxes)))
        assert 'href="/desk/settings/inboxes">Add the first inbox' in http.get("/desk/inbox/waiting").text
        again = http.post("/setup", data=form | {"password": PASSWORD, "mail": "eve@fernhill.test"})
        assert again.status_code == 422
        assert len(web.story.record.ask(setup.all_agents)) == 1


def test_from_another_machine_the_first_page_asks_for_the_consoles_code(tmp_path: Path) -> None:
    with serving(StoryDesk(tmp_path)) as web:
        web.room.door.proxies = frozenset({"127.0.0.1"})
        form = {"brand": "Fernhill", "name": "Eve", "mail": "eve@fernhill.test", "password": PASSWORD}
        with web.browser(headers={"x-forwarded-for": "203.0.113.5"}) as http:
            assert 'name="code"' in http.get("/setup").text
            assert http.post("/setup", data=form).status_code == 422
            assert http.post("/setup", data=form | {"code": setup_code(web.room.key)}).status_code == 303


@pytest.mark.parametrize("headers", [{"x-forwarded-for": "203.0.113.5"}, {"host": "desk.fernhill.test"}])
def test_a_proxy_on_this_machine_does_not_open_a_new_desk_to_everybody(tmp_path: Path, headers: dict[str, str]) -> None:
    with serving(StoryDesk(tmp_path)) as web, web.browser(headers=headers) as http:
        form = {"brand": "Fernhill", "name": "Eve", "mail": "eve@fernhill.test", "password": PASSWORD}
        refused = http.post("/setup", data=form)
        assert refused.status_code == 422
        assert "the code that `parley serve` printed" in html.unescape(refused.text)


# ── who may see what ────────────────────────────────────────────────────────────────────────

VIEWERS = st.builds(
    Viewer,
    agent=st.none() | st.integers(1, 3),
    role=st.sampled_from(["admin", "lead", "agent", "read-only", "system", "anonymous", "", "made up"]),
    brands=st.none() | st.lists(st.integers(1, 4), max_size=3).map(tuple),
    person=st.none() | st.integers(1, 4),
)


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StoryDesk, list[State]]]:
    """Conversations of three people with two brands."""
    story = StoryDesk(tmp_path_factory.mktemp("talks"))

    def second(tx: Any) -> int:
        brand = setup.add_brand(tx, "Elsewhere")
        return setup.add_inbox(tx, brand, "console", "Second console", "console-2")

    other = story.change(second)
    story.desk.setup_changed()
    for name in ("kim", "lee", "max"):
        story.visitor(name).says("Here")
        story.visitor(name, other).says("There")
    yield story, story.conversations()
    story.close()


@settings(max_examples=300, deadline=None)
@given(who=VIEWERS)
def test_the_question_and_the_check_agree(who: Viewer, talks: tuple[StoryDesk, list[State]]) -> None:
    story, everything = talks
    with story.record.reading() as conn:
        asked = set(conn.execute(select(inbox.conversations.c.id).where(visible_to(who))).scalars())
    assert asked == {state.id for state in everything if can_see(who, state)}
    assert len(everything) == 6
